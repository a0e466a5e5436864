import { fdatasync, ftruncateSync, lstatSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { deleteLine, journalText, parseJournal, putLine } from './journal-text.ts';
import { close, replaceFile, setAside, writeAll } from './whole-file.ts';
import { WriteRetry, type WriteRetryOptions } from './write-retry.ts';

const sync = promisify(fdatasync);

/** The file is written anew when it holds this many lines more than twice the live entries. */
const SLACK_LINES = 1_000;

export interface JournalOptions extends WriteRetryOptions {
  /** Whether a value is of the form that its key promises; everything is when absent. */
  readonly isSound?: (key: string, value: unknown) => boolean;
}

/**
 * What an agent must still know after `kill -9`: values by key, as lines that are only ever appended, last one wins.
 * Single writer.
 *
 * A disk that is full, read-only or broken stops nobody: the values are those in memory, the file keeps what it had, and is
 * written whole when it can be. A file that makes no sense is set aside, and what of it does is kept.
 */
export class Journal {
  readonly #file: string;
  readonly #retry: WriteRetry;
  readonly #values: Map<string, unknown>;
  /** Why the file that was found cannot be trusted, in words; null where it could, or there was none. */
  readonly damage: string | null;
  /** null: there is no sound file to append to. */
  #fd: number | null = null;
  #lines = 0;
  #bytes = 0;
  /** Lines with which the file is written anew. */
  #mostLines = 0;
  #pending: string[] = [];
  #flushing: Promise<void> | null = null;
  #closed = false;

  constructor(file: string, options: JournalOptions) {
    this.#file = file;
    this.#retry = new WriteRetry(file, options, () => this.#write());
    const found = read(file);
    this.#values = found?.values ?? new Map<string, unknown>();
    const { isSound = () => true } = options;
    const strange = [...this.#values].filter(([key, value]) => !isSound(key, value));
    for (const [key] of strange) this.#values.delete(key);
    this.damage =
      found?.damage ?? (strange.length > 0 ? `${strange.length} of its entries are of no known form` : null);
    if (this.damage !== null) {
      const kept = setAside(file);
      options.log.error(
        { file, setAsideAs: kept, reason: this.damage, entriesKept: this.#values.size },
        'the journal is damaged: the rest is had from the server and the kernel',
      );
    }
    this.#rewrite();
  }

  /** Whether the file lacks what was put last. */
  get failing(): boolean {
    return this.#retry.failing;
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
    this.#append(() => putLine(key, value));
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#append(() => deleteLine(key));
  }

  /**
   * Resolves when everything put before is on the disk, or the disk has refused it. Calls that come during a write share the
   * next one.
   */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    // Asked for more often than a disk in trouble should be tried, and than a long journal should be written in vain.
    if (this.#retry.failing) return;
    this.#write();
    const fd = this.#fd;
    if (fd === null) return;
    this.#flushing = sync(fd)
      .catch((error: unknown) => this.#broken(error))
      .finally(() => {
        this.#flushing = null;
      });
    await this.#flushing;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#fd === null) this.#write();
    await this.flush();
    this.#closed = true;
    this.#retry.close();
    if (this.#fd !== null) close(this.#fd);
    this.#fd = null;
  }

  #append(line: () => string): void {
    // Without a file the whole is written later, from the values.
    if (this.#fd === null) return;
    // Handed to the kernel in the same turn of the loop: a killed process then loses nothing, only a power cut could.
    if (this.#pending.length === 0) queueMicrotask(() => this.#appendPending());
    this.#pending.push(line());
  }

  /** Appends what waits, or writes the whole where there is nothing to append to. */
  #write(): void {
    if (this.#closed) return;
    if (this.#fd === null) this.#rewrite();
    else this.#appendPending();
  }

  #appendPending(): void {
    if (this.#pending.length === 0 || this.#fd === null) return;
    const lines = this.#pending;
    this.#pending = [];
    const text = lines.join('\n') + '\n';
    try {
      writeAll(this.#fd, text);
    } catch (error) {
      return this.#broken(error);
    }
    this.#lines += lines.length;
    this.#bytes += Buffer.byteLength(text);
    if (this.#lines > Math.max(this.#mostLines, 2 * this.#values.size + SLACK_LINES) && !this.#flushing)
      this.#shorten();
  }

  /** Where there is no room for a second file, the first is good for more. */
  #shorten(): void {
    try {
      this.#replace();
    } catch {
      this.#mostLines = 2 * this.#lines;
    }
  }

  /** The file has become useless for appending: half a line may stand at its end, or a page of it may be lost. */
  #broken(error: unknown): void {
    const fd = this.#fd;
    this.#pending = [];
    this.#fd = null;
    if (fd !== null) {
      try {
        ftruncateSync(fd, this.#bytes);
      } catch {
        // Half a line at the end is left out when it is read.
      }
      close(fd);
    }
    this.#retry.failed(error);
  }

  #rewrite(): void {
    try {
      this.#replace();
    } catch (error) {
      return this.#broken(error);
    }
    this.#retry.succeeded();
  }

  #replace(): void {
    const text = journalText(this.#values);
    const fd = replaceFile(this.#file, text);
    if (this.#fd !== null) close(this.#fd);
    this.#fd = fd;
    this.#pending = [];
    this.#lines = this.#values.size;
    this.#mostLines = 0;
    this.#bytes = Buffer.byteLength(text);
  }
}

/** null: there is none. */
function read(file: string): ReturnType<typeof parseJournal> | null {
  const nothing = (damage: string): ReturnType<typeof parseJournal> => ({ values: new Map<string, unknown>(), damage });
  try {
    // Opening a pipe would wait for its other end.
    if (!lstatSync(file).isFile()) return nothing('it is no file');
    return parseJournal(readFileSync(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : nothing(`it cannot be read: ${message}`);
  }
}
