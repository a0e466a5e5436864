import type { Journal } from '../../src/agent/journal.ts';

/** What an agent remembers, without a disk. */
export class MemoryJournal implements Pick<Journal, 'entries' | 'put' | 'delete'> {
  readonly values = new Map<string, unknown>();

  *entries(prefix: string): Iterable<[string, unknown]> {
    for (const [key, value] of this.values) if (key.startsWith(prefix)) yield [key, value];
  }

  put(key: string, value: unknown): void {
    this.values.set(key, value);
  }

  delete(key: string): void {
    this.values.delete(key);
  }
}
