import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../support/state-folder.ts';
import { Journal } from '../../src/agent/journal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hr-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('Journal', () => {
  it('gives back after a restart what was put and not deleted', async () => {
    const file = join(folder, 'a', 'journal');
    const first = new Journal(file, { log: silentLog });
    first.put('assignment/1', { rate: 1 });
    first.put('assignment/2', { rate: 2 });
    first.put('assignment/1', { rate: 3 });
    first.delete('assignment/2');
    await first.close();
    const second = new Journal(file, { log: silentLog });
    expect([...second.entries('assignment/')]).toEqual([['assignment/1', { rate: 3 }]]);
    await second.close();
  });

  it('keeps an unlimited rate unlimited, also when the file is written anew', async () => {
    const file = join(folder, 'journal');
    const tspec = { tokenRate: 1_250_000, peakRate: Infinity, nothing: null };
    const first = new Journal(file, { log: silentLog });
    first.put('assignment/1', { tspec });
    await first.close();
    const second = new Journal(file, { log: silentLog });
    await second.close();
    const third = new Journal(file, { log: silentLog });
    expect(third.get('assignment/1')).toEqual({ tspec });
    await third.close();
  });

  it('leaves out a line that a crash has cut, and keeps writing behind it', async () => {
    const file = join(folder, 'journal');
    const first = new Journal(file, { log: silentLog });
    first.put('a', 1);
    await first.close();
    appendFileSync(file, '["b",{"half":');
    const second = new Journal(file, { log: silentLog });
    expect(second.get('a')).toBe(1);
    expect(second.get('b')).toBeUndefined();
    second.put('c', 2);
    await second.close();
    const third = new Journal(file, { log: silentLog });
    expect(third.get('c')).toBe(2);
    await third.close();
  });

  it('has handed every line to the kernel before the next turn of the loop', async () => {
    const file = join(folder, 'journal');
    const journal = new Journal(file, { log: silentLog });
    journal.put('a', 1);
    await Promise.resolve();
    expect(readFileSync(file, 'utf8')).toContain('["a",1]');
    await journal.close();
  });

  it('stays bounded while the same keys change for ever', async () => {
    const file = join(folder, 'journal');
    const journal = new Journal(file, { log: silentLog });
    for (let i = 0; i < 5_000; i++) {
      journal.put(`k${i % 3}`, i);
      if (i % 100 === 0) await journal.flush();
    }
    await journal.close();
    expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(1_200);
    const again = new Journal(file, { log: silentLog });
    expect(again.get('k1')).toBe(4_999);
    await again.close();
  });

  it('equals a map after any sequence of changes and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ op: fc.constant('put' as const), key: fc.constantFrom('x', 'y', 'z'), value: fc.jsonValue() }),
            fc.record({ op: fc.constant('delete' as const), key: fc.constantFrom('x', 'y', 'z') }),
            fc.record({ op: fc.constant('restart' as const) }),
          ),
          { maxLength: 30 },
        ),
        async (steps) => {
          const file = join(mkdtempSync(join(folder, 'p-')), 'journal');
          const model = new Map<string, unknown>();
          let journal = new Journal(file, { log: silentLog });
          for (const step of steps) {
            if (step.op === 'put') {
              journal.put(step.key, step.value);
              model.set(step.key, JSON.parse(JSON.stringify(step.value)));
            } else if (step.op === 'delete') {
              journal.delete(step.key);
              model.delete(step.key);
            } else {
              await journal.close();
              journal = new Journal(file, { log: silentLog });
            }
          }
          await journal.close();
          journal = new Journal(file, { log: silentLog });
          expect(new Map(journal.entries(''))).toEqual(new Map([...model].sort()));
          await journal.close();
        },
      ),
      { numRuns: 50 },
    );
  });
});
