import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Journal } from '../../src/agent/journal.ts';
import { isSoundEntry } from '../../src/agent/journal-entries.ts';
import { requires } from '../support/requires.ts';
import { loggedLines, silentLog, SmallDisk } from '../support/state-folder.ts';

describe('a damaged journal', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hr-damage-'));
    file = join(folder, 'journal');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const written = async (values: Record<string, unknown>): Promise<void> => {
    const journal = new Journal(file, { log: silentLog });
    for (const [key, value] of Object.entries(values)) journal.put(key, value);
    await journal.close();
    await new Journal(file, { log: silentLog }).close();
  };
  const opened = (): { journal: Journal; lines: readonly Record<string, unknown>[] } => {
    const { log, lines } = loggedLines();
    const journal = new Journal(file, { log, isSound: isSoundEntry });
    onTestFinished(() => journal.close());
    return { journal, lines };
  };

  it.each([
    [
      'garbage',
      () => writeFileSync(file, Buffer.from(Array.from({ length: 9_000 }, (_, i) => (i * 37) & 0xff))),
      /make no sense/,
    ],
    ['nothing at all', () => writeFileSync(file, ''), /empty/],
    [
      'another version',
      () => writeFileSync(file, '{"journal":"headroom agent","version":99,"lines":0}\n'),
      /version is 99/,
    ],
    ['a folder in its place', () => mkdirSync(file), /no file/],
    ['a pipe in its place', () => execFileSync('mkfifo', [file]), /no file/],
    ['values of another form', () => writeFileSync(file, '["assignment/a",null]\n'), /no known form/],
    ['a cut in its first line', () => writeFileSync(file, '{"journal":"headr'), /cut/],
  ])('with %s is set aside, told in one line, and a sound one is begun', async (_, damage, reason) => {
    damage();
    const { journal, lines } = opened();
    expect(journal.damage).toMatch(reason);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'error', file, setAsideAs: `${file}.damaged-1`, reason: journal.damage });
    expect([...journal.entries('')]).toEqual([]);
    journal.put('a', 1);
    await journal.close();
    const { journal: next, lines: nothing } = opened();
    expect([next.damage, next.get('a'), nothing.length]).toEqual([null, 1, 0]);
  });

  it('that is cut behind a whole line is noticed all the same, and what is left is kept', async () => {
    await written({ a: 1, b: 2, c: 3 });
    const lines = readFileSync(file, 'utf8').split('\n');
    truncateSync(file, Buffer.byteLength(lines.slice(0, 3).join('\n') + '\n'));
    const { journal } = opened();
    expect(journal.damage).toBe('it is cut: 2 of 3 lines are there');
    expect([...journal.entries('')]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('with a digit turned in one line loses that line and no other', async () => {
    await written({ a: 1_000, b: 2_000 });
    writeFileSync(file, readFileSync(file, 'utf8').replace('2000', '2001'));
    const { journal } = opened();
    expect([journal.get('a'), journal.get('b')]).toEqual([1_000, undefined]);
  });

  it('again and again leaves three files behind, and no more', () => {
    for (let i = 0; i < 6; i++) {
      writeFileSync(file, `garbage ${i}\n`);
      opened();
    }
    expect(readdirSync(folder).sort()).toEqual([
      'journal',
      'journal.damaged-1',
      'journal.damaged-2',
      'journal.damaged-3',
    ]);
    expect(readFileSync(`${file}.damaged-1`, 'utf8')).toBe('garbage 5\n');
  });

  it('of the version before is read, and is no damage', async () => {
    writeFileSync(file, '["a",1]\n["b",2]\n["b"]\n["c",{"ha');
    const { journal, lines } = opened();
    expect([journal.damage, journal.get('a'), journal.get('b'), lines.length]).toEqual([null, 1, undefined, 0]);
  });

  it('with any bytes changed, cut or put in never gives a value that was not put', async () => {
    const values = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`class/${i}`, i + 16]));
    await written(values);
    const sound = readFileSync(file);
    const change = fc.record({
      at: fc.nat(sound.length - 1),
      cut: fc.nat(40),
      bytes: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bytes = sound;
        for (const { at, cut, bytes: fresh } of changes) {
          bytes = Buffer.concat([bytes.subarray(0, at), fresh, bytes.subarray(at + cut)]);
        }
        writeFileSync(file, bytes);
        const journal = new Journal(file, { log: silentLog, isSound: isSoundEntry });
        for (const [key, value] of journal.entries('')) expect(value).toBe(values[key]);
        void journal.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe.skipIf(requires('root'))('a journal on a disk that takes nothing', () => {
  let disk: SmallDisk;
  let file: string;
  beforeEach(() => {
    disk = new SmallDisk(64);
    file = join(disk.folder, 'journal');
  });
  afterEach(() => disk.remove());

  const opened = (firstRetryMs = 5) => {
    const { log, lines } = loggedLines();
    const told = new EventEmitter();
    const journal = new Journal(file, {
      ...{ log, firstRetryMs, longestRetryMs: 4 * firstRetryMs },
      onProblem: (problem) => told.emit(problem === null ? 'over' : 'problem', problem),
    });
    return { journal, lines, told };
  };
  const reread = async (): Promise<Record<string, unknown>> => {
    const journal = new Journal(file, { log: silentLog });
    const values = Object.fromEntries(journal.entries(''));
    expect(journal.damage).toBeNull();
    await journal.close();
    return values;
  };

  it('keeps what it had, goes on in memory, says so once, and is whole again when there is room', async () => {
    const { journal, lines, told } = opened();
    journal.put('a', 1);
    await journal.flush();
    disk.fill();
    const copy = readFileSync(file, 'utf8');
    const failing = once(told, 'problem');
    for (let i = 0; i < 3_000; i++) journal.put(`b${i}`, 'x'.repeat(10));
    await journal.flush();
    const [problem] = (await failing) as [string];
    expect(problem).toMatch(/cannot be written \(ENOSPC/);
    expect(journal.failing).toBe(true);
    expect(journal.get('b2999')).toBe('x'.repeat(10));
    const kept = readFileSync(file, 'utf8');
    expect([kept.startsWith(copy), existsSync(`${file}.new`)]).toEqual([true, false]);
    journal.delete('a');
    for (let i = 0; i < 2_990; i++) journal.delete(`b${i}`);
    const over = once(told, 'over');
    disk.free();
    await over;
    await journal.close();
    expect(Object.keys(await reread())).toHaveLength(10);
    expect(lines.map(({ level }) => level)).toEqual(['error', 'info']);
  });

  it('is not tried between two retries, however often it is asked to be on the disk', async () => {
    const { journal, lines } = opened(600_000);
    disk.fill();
    for (let i = 0; i < 50; i++) {
      journal.put(`a${i}`, 'x'.repeat(1_000));
      await journal.flush();
    }
    disk.free();
    await journal.flush();
    expect(journal.failing).toBe(true);
    await journal.close();
    expect(lines.map(({ level, failures }) => [level, failures])).toEqual([
      ['error', 1],
      ['info', 1],
    ]);
    expect(Object.keys(await reread())).toHaveLength(50);
  });

  it('starts with what the file has', async () => {
    const first = opened();
    first.journal.put('a', 1);
    await first.journal.close();
    disk.fill();
    const { journal, told } = opened();
    expect([journal.get('a'), journal.failing]).toEqual([1, true]);
    const over = once(told, 'over');
    journal.put('b', 2);
    disk.free();
    await over;
    await journal.close();
    expect(await reread()).toEqual({ a: 1, b: 2 });
  });

  it('starts and stops without a word of its own on one that is read-only', async () => {
    const first = opened();
    first.journal.put('a', 1);
    await first.journal.close();
    disk.readOnly(true);
    const { journal, lines } = opened();
    journal.put('b', 2);
    await journal.flush();
    await journal.close();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ reason: expect.stringMatching(/EROFS/) as string });
    disk.readOnly(false);
    expect(await reread()).toEqual({ a: 1 });
  });

  it('stays good for appending where there is no room to write it anew', async () => {
    const { journal, lines } = opened();
    journal.put('large', 'x'.repeat(20_000));
    await journal.flush();
    for (let i = 0; i < 1_500; i++) {
      journal.put('k', i);
      await journal.flush();
    }
    expect([lines.length, journal.failing]).toEqual([0, false]);
    expect(statSync(file).size).toBeLessThan(64 * 1024);
    await journal.close();
    expect(await reread()).toMatchObject({ k: 1_499 });
  });
});
