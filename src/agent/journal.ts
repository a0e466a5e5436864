import {
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);

/** The file is written anew when it holds this many lines more than twice the live entries. */
const SLACK_LINES = 1_000;

/**
 * What an agent must still know after `kill -9`: values by key, as lines of JSON that are only ever appended, last one
 * wins. A line that was cut by a crash is left out. Single writer.
 */
export class Journal {
  readonly #file: string;
  readonly #values = new Map<string, unknown>();
  #fd: number;
  #lines = 0;
  #pending: string[] = [];
  #flushing: Promise<void> | null = null;

  /** @throws Error where the file cannot be read or written. */
  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    if (existsSync(file)) this.#load(readFileSync(file, 'utf8'));
    this.#fd = this.#rewrite();
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  /** Entries whose key starts with `prefix`, sorted by key. */
  *entries(prefix: string): Iterable<[string, unknown]> {
    for (const key of [...this.#values.keys()].filter((k) => k.startsWith(prefix)).sort()) {
      yield [key, this.#values.get(key)];
    }
  }

  put(key: string, value: unknown): void {
    this.#values.set(key, value);
    this.#append(encode([key, value]));
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#append(JSON.stringify([key]));
  }

  /** Resolves when everything put before is on the disk. Calls that come during a write share the next one. */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    this.#write();
    this.#flushing = sync(this.#fd).finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
    closeSync(this.#fd);
  }

  #append(line: string): void {
    // Handed to the kernel in the same turn of the loop: a killed process then loses nothing, only a power cut could.
    if (this.#pending.length === 0) queueMicrotask(() => this.#write());
    this.#pending.push(line);
  }

  #write(): void {
    if (this.#pending.length === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    this.#lines += lines.length;
    writeAll(this.#fd, lines.join('\n') + '\n');
    if (this.#lines > 2 * this.#values.size + SLACK_LINES && !this.#flushing) {
      closeSync(this.#fd);
      this.#fd = this.#rewrite();
    }
  }

  #load(text: string): void {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      let entry: unknown;
      try {
        entry = decode(line);
      } catch {
        continue;
      }
      if (!Array.isArray(entry) || typeof entry[0] !== 'string') continue;
      if (entry.length === 2) this.#values.set(entry[0], entry[1]);
      else this.#values.delete(entry[0]);
    }
  }

  #rewrite(): number {
    const fresh = `${this.#file}.new`;
    rmSync(fresh, { force: true });
    const fd = openSync(fresh, 'a', 0o600);
    let text = '';
    for (const entry of this.#values) text += encode(entry) + '\n';
    writeAll(fd, text);
    fsyncSync(fd);
    renameSync(fresh, this.#file);
    this.#lines = this.#values.size;
    return fd;
  }
}

/** JSON has no infinity, and an unlimited peak rate is one: as null it would come back as a rate that RSVP refuses. */
const INFINITY = { $number: 'Infinity' };

const encode = (entry: readonly unknown[]): string =>
  JSON.stringify(entry, (_, value: unknown) => (value === Infinity ? INFINITY : value));

const decode = (line: string): unknown =>
  JSON.parse(line, (_, value: unknown) =>
    (value as Partial<typeof INFINITY> | null)?.$number === INFINITY.$number ? Infinity : value,
  );

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
