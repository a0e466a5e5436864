import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Recorder, recordedEngine } from '../core/rsvp/recording/recorder.ts';
import type { EngineInput, EngineOutput, EngineSettings, RsvpEngine } from '../core/rsvp/engine/types.ts';
import type { MonotonicMs } from '../core/base/units.ts';
import { AGENT_VERSION } from './version.ts';

/** Recordings of earlier starts that are kept beside the new one: `FILE.1` is the youngest. */
const KEPT = 3;
/** What may wait for the disk; a recording with a gap is worth nothing, so it ends when there is more. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export const textDigest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** What `rsvp show` says of a recording. */
export interface RecordingState {
  readonly file: string;
  readonly inputs: number;
  readonly bytes: number;
  /** Why nothing is added any more; null while it runs. */
  readonly ended: string | null;
}

/**
 * Writes everything that goes into an engine and comes out of it to a file, from the first input on. Lines wait in memory
 * for the disk, never the engine for them. A recording can only be played from its beginning, so one that reaches its
 * largest size ends there instead of losing its start; each start of the agent begins another file and keeps the last ones.
 */
export class Recording {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #maxBytes: number;
  readonly #maxWaiting: number;
  readonly #recorder: Recorder;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #writing: Promise<void> | null = null;
  #ended: string | null = null;

  /** @throws Error where the file cannot be made. */
  static async open(options: {
    file: string;
    maxBytes: number;
    maxWaitingBytes?: number;
    node: string;
    settings: EngineSettings;
  }): Promise<Recording> {
    rotate(options.file);
    // Settings may hold keys, and messages tell who talks to whom.
    const handle = await open(options.file, 'wx', 0o600);
    return new Recording(options, handle);
  }

  private constructor(options: Parameters<typeof Recording.open>[0], handle: FileHandle) {
    this.#path = options.file;
    this.#handle = handle;
    this.#maxBytes = options.maxBytes;
    this.#maxWaiting = options.maxWaitingBytes ?? MAX_WAITING_BYTES;
    this.#recorder = new Recorder({
      settings: options.settings,
      source: { node: options.node, program: `headroom ${AGENT_VERSION}`, startedAt: new Date().toISOString() },
      digest: textDigest,
      line: (line) => this.#add(`${line}\n`),
    });
  }

  /** The same engine, recorded. */
  of(engine: RsvpEngine): RsvpEngine {
    return recordedEngine(engine, (input, now, outputs) => this.#input(input, now, outputs));
  }

  #input(input: EngineInput, now: MonotonicMs, outputs: readonly EngineOutput[]): void {
    if (this.#ended !== null) return;
    this.#recorder.input(input, now, outputs);
    if (this.#bytes + this.#waitingBytes >= this.#maxBytes) this.#end('full');
    else if (this.#waitingBytes >= this.#maxWaiting) this.#end('the disk is too slow');
  }

  state(): RecordingState {
    const { inputs } = this.#recorder;
    return { file: this.#path, inputs, bytes: this.#bytes + this.#waitingBytes, ended: this.#ended };
  }

  /** Resolves when everything is in the file. */
  async close(): Promise<void> {
    if (this.#ended === null) this.#end('stopped');
    while (this.#writing) await this.#writing;
    await this.#handle.close();
  }

  #end(why: string): void {
    this.#ended = why;
    this.#recorder.end(why);
  }

  #add(line: string): void {
    this.#waiting.push(line);
    this.#waitingBytes += Buffer.byteLength(line);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      // Everything of this turn of the loop goes in one call.
      await Promise.resolve();
      while (this.#waiting.length > 0) {
        const bytes = Buffer.from(this.#waiting.join(''));
        this.#waiting = [];
        await writeAll(this.#handle, bytes);
        this.#waitingBytes -= bytes.length;
        this.#bytes += bytes.length;
      }
    } catch (error) {
      // A full disk ends the recording, not the agent.
      this.#ended = `the file cannot be written: ${(error as Error).message}`;
      this.#waiting = [];
      this.#waitingBytes = 0;
    } finally {
      this.#writing = null;
    }
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
}

function rotate(path: string): void {
  const older = (n: number): string => (n === 0 ? path : `${path}.${n}`);
  rmSync(older(KEPT), { force: true });
  for (let n = KEPT - 1; n >= 0; n--) if (existsSync(older(n))) renameSync(older(n), older(n + 1));
}
