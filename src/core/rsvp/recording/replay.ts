import { MonotonicMs } from '../../base/units.ts';
import type { EngineInput, EngineOutput, EngineSettings, RsvpEngine } from '../engine/types.ts';
import { fromJson, plainText } from './plain-text.ts';
import { RECORDING_VERSION, type RecordingSource, type TextDigest } from './recorder.ts';

/**
 * `form`: it is no recording that this version can read. `altered`: a line is not as it was written, or not where it was.
 * `differs`: the recording is whole, and this engine gives other outputs than the one that was recorded.
 */
export type ReplayFault = 'form' | 'altered' | 'differs';

export class ReplayError extends Error {
  override readonly name = 'ReplayError';
  readonly fault: ReplayFault;
  /** Counted from 1, the header being line 1. */
  readonly line: number;
  /** Number of the input; null where the line holds none, or cannot be trusted to. */
  readonly input: number | null;
  readonly details: readonly string[];

  constructor(
    fault: ReplayFault,
    line: number,
    input: number | null,
    message: string,
    details: readonly string[] = [],
  ) {
    super(message);
    this.fault = fault;
    this.line = line;
    this.input = input;
    this.details = details;
  }
}

/** One input as it was played, and the outputs, which are those of the recording. */
export interface ReplayStep {
  readonly n: number;
  readonly at: MonotonicMs;
  readonly input: EngineInput;
  readonly outputs: readonly EngineOutput[];
}

export interface ReplayHeader extends RecordingSource {
  readonly settings: EngineSettings;
}

/** Plays a recording into a new engine, line by line, and compares every output with what was recorded. */
export class Replay {
  readonly #createEngine: (settings: EngineSettings) => RsvpEngine;
  readonly #digest: TextDigest;
  #engine: RsvpEngine | null = null;
  #chain = '';
  #line = 0;
  #inputs = 0;
  #end: string | null = null;
  #header: ReplayHeader | null = null;
  #lastAt = MonotonicMs(0);

  constructor(options: { createEngine: (settings: EngineSettings) => RsvpEngine; digest: TextDigest }) {
    this.#createEngine = options.createEngine;
    this.#digest = options.digest;
  }

  get header(): ReplayHeader | null {
    return this.#header;
  }
  get inputs(): number {
    return this.#inputs;
  }
  /** Why the recording ended; null while no end was read, as after a crash. */
  get end(): string | null {
    return this.#end;
  }

  /** The engine's state after the last input; null before the header. */
  snapshot(): ReturnType<RsvpEngine['snapshot']> | null {
    return this.#engine?.snapshot(this.#lastAt) ?? null;
  }

  /**
   * @param text a line without its line break
   * @returns the step; null for header and end
   * @throws ReplayError
   */
  line(text: string): ReplayStep | null {
    this.#line++;
    const value = this.#read(text);
    if (this.#engine === null) {
      this.#begin(value);
      return null;
    }
    if (this.#end !== null) throw this.#error('altered', 'there is more after the end of the recording');
    if (typeof value['end'] === 'string') {
      this.#end = value['end'];
      return null;
    }
    return this.#step(this.#engine, value);
  }

  #read(text: string): Record<string, unknown> {
    const match = /^(\{.*),"chain":"([0-9a-f]+)"\}$/s.exec(text);
    if (match === null) {
      throw this.#line === 1
        ? this.#error('form', 'this is no recording of an RSVP engine')
        : this.#error('altered', 'this is no line of a recording');
    }
    const [, body, chain] = match as unknown as [string, string, string];
    this.#chain = this.#digest(`${this.#chain}\n${body}`);
    if (chain !== this.#chain) throw this.#error('altered', 'this line, or one before it, is not as it was recorded');
    try {
      return JSON.parse(`${body}}`) as Record<string, unknown>;
    } catch {
      throw this.#error('form', 'the line is not JSON');
    }
  }

  #begin(value: Record<string, unknown>): void {
    const version = value['headroomRsvpRecording'];
    if (version !== RECORDING_VERSION) {
      throw this.#error(
        'form',
        `the recording has the form ${String(version)}, and this program reads ${RECORDING_VERSION}`,
      );
    }
    const settings = this.#data(value['settings']) as EngineSettings;
    this.#header = {
      node: String(value['node']),
      program: String(value['program']),
      startedAt: String(value['startedAt']),
      settings,
    };
    this.#engine = this.#createEngine(settings);
  }

  #step(engine: RsvpEngine, value: Record<string, unknown>): ReplayStep {
    const n = ++this.#inputs;
    const at = value['at'];
    if (value['n'] !== n || typeof at !== 'number' || !Array.isArray(value['outputs'])) {
      throw this.#error('form', 'the line holds no input');
    }
    this.#lastAt = MonotonicMs(at);
    const input = this.#data(value['input']) as EngineInput;
    const outputs = engine.handle(input, this.#lastAt);
    this.#compare(n, input, value['outputs'], outputs);
    return { n, at: this.#lastAt, input, outputs };
  }

  #compare(n: number, input: EngineInput, recorded: readonly unknown[], played: readonly EngineOutput[]): void {
    const length = Math.max(recorded.length, played.length);
    for (let i = 0; i < length; i++) {
      const then = i < recorded.length ? JSON.stringify(recorded[i]) : 'none';
      const now = i < played.length ? plainText(played[i]) : 'none';
      if (then === now) continue;
      const message = `input ${n} (${input.type}) gives another output ${i + 1} than was recorded`;
      throw new ReplayError('differs', this.#line, n, message, [`recorded: ${then}`, `replayed: ${now}`]);
    }
  }

  #data(json: unknown): unknown {
    try {
      return fromJson(json);
    } catch (error) {
      throw this.#error('form', (error as Error).message);
    }
  }

  #error(fault: ReplayFault, message: string): ReplayError {
    return new ReplayError(fault, this.#line, this.#engine === null ? null : this.#inputs + 1, message);
  }
}
