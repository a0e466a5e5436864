import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { requires } from '../support/requires.ts';
import { SmallDisk } from '../support/state-folder.ts';
import { lockFolder } from '../../src/agent/process-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hr-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lock = (): string => join(folder, 'lock');
const refused = (problem: string): void => {
  throw new Error(problem);
};
const noProc = (): null => null;
/** Above every pid that Linux gives. */
const NOBODY = 2 ** 22 + 1;

describe('the lock of a state folder', () => {
  it('is held by one until it is let go', () => {
    const unlock = lockFolder(folder, refused);
    expect(() => lockFolder(folder, refused)).toThrow(String(process.pid));
    unlock();
    expect(existsSync(lock())).toBe(false);
    lockFolder(folder, refused)();
  });

  it('passes from a dead process to the next', () => {
    writeFileSync(lock(), `${NOBODY} 12345`);
    lockFolder(folder, refused);
    expect(readFileSync(lock(), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it('passes on when the pid has come again with another start', () => {
    writeFileSync(lock(), `${process.ppid} 1`);
    lockFolder(folder, refused, () => '2')();
    writeFileSync(lock(), `${process.ppid} 2`);
    expect(() => lockFolder(folder, refused, () => '2')).toThrow(`in use by process ${process.ppid}`);
  });

  it('does not need /proc: a living pid holds it, a dead one does not', () => {
    writeFileSync(lock(), `${process.ppid} -`);
    expect(() => lockFolder(folder, refused, noProc)).toThrow(`in use by process ${process.ppid}`);
    writeFileSync(lock(), `${NOBODY} -`);
    lockFolder(folder, refused, noProc);
    expect(() => lockFolder(folder, refused, noProc)).toThrow('in use by this process');
  });

  it.each(['', 'not a number', '-1 5', `${process.pid} 99 of an earlier boot`])(
    'takes over a lock that says %j',
    (text) => {
      writeFileSync(lock(), text);
      lockFolder(folder, refused)();
    },
  );

  it.skipIf(requires('root'))(
    'that is full or read-only is used without one, which is told, and no empty one is left',
    () => {
      const disk = new SmallDisk(16);
      onTestFinished(() => disk.remove());
      const told: string[] = [];
      const lockAnyway = (): void => lockFolder(disk.folder, (problem) => told.push(problem))();
      disk.fill();
      lockAnyway();
      expect(existsSync(join(disk.folder, 'lock'))).toBe(false);
      disk.readOnly(true);
      lockAnyway();
      expect(told).toEqual([expect.stringMatching(/ENOSPC/), expect.stringMatching(/EROFS/)]);
    },
  );
});
