import type { MonotonicMs } from '../../base/units.ts';
import type { EngineInput, EngineOutput, EngineSettings, RsvpEngine } from '../engine/types.ts';
import { plainText } from './plain-text.ts';

/** The form of the file; another number is another form. */
export const RECORDING_VERSION = 1;

/** A digest of text as lower-case hexadecimal digits, always as many. */
export type TextDigest = (text: string) => string;

/** What a recording says of where it comes from. */
export interface RecordingSource {
  readonly node: string;
  readonly program: string;
  /** RFC 3339; the instants of inputs are of a monotonic clock and only their differences mean something. */
  readonly startedAt: string;
}

/**
 * A recording is lines of JSON: a header with the engine's settings (seed included), then each input with its instant and
 * the outputs it gave, then an end that says why there is no more. Every line ends with `chain`, a digest over the line
 * and the chain of the line before it, so that a line which was changed, lost or moved is found.
 */
export class Recorder {
  readonly #digest: TextDigest;
  readonly #line: (line: string) => void;
  #chain = '';
  #inputs = 0;

  constructor(options: {
    settings: EngineSettings;
    source: RecordingSource;
    digest: TextDigest;
    /** Takes a line without its line break. */
    line: (line: string) => void;
  }) {
    this.#digest = options.digest;
    this.#line = options.line;
    this.#write({ headroomRsvpRecording: RECORDING_VERSION, ...options.source, settings: options.settings });
  }

  get inputs(): number {
    return this.#inputs;
  }

  input(input: EngineInput, now: MonotonicMs, outputs: readonly EngineOutput[]): void {
    this.#write({ n: ++this.#inputs, at: now, input, outputs });
  }

  /** Nothing may be written after it. */
  end(why: string): void {
    this.#write({ end: why, inputs: this.#inputs });
  }

  #write(value: object): void {
    const body = plainText(value).slice(0, -1);
    this.#chain = this.#digest(`${this.#chain}\n${body}`);
    this.#line(`${body},"chain":"${this.#chain}"}`);
  }
}

/** The same engine, with everything that goes in and comes out written down. */
export function recordedEngine(
  engine: RsvpEngine,
  record: (input: EngineInput, now: MonotonicMs, outputs: readonly EngineOutput[]) => void,
): RsvpEngine {
  return {
    ...engine,
    handle(input, now) {
      const outputs = engine.handle(input, now);
      record(input, now, outputs);
      return outputs;
    },
  };
}
