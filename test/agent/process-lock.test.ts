import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from '../../src/agent/process-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hr-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lock = (): string => join(folder, 'lock');
const noProc = (): null => null;
/** Above every pid that Linux gives. */
const NOBODY = 2 ** 22 + 1;

describe('the lock of a state folder', () => {
  it('is held by one until it is let go', () => {
    const unlock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(String(process.pid));
    unlock();
    expect(existsSync(lock())).toBe(false);
    lockFolder(folder)();
  });

  it('passes from a dead process to the next', () => {
    writeFileSync(lock(), `${NOBODY} 12345`);
    lockFolder(folder);
    expect(readFileSync(lock(), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it('passes on when the pid has come again with another start', () => {
    writeFileSync(lock(), `${process.ppid} 1`);
    lockFolder(folder, () => '2')();
    writeFileSync(lock(), `${process.ppid} 2`);
    expect(() => lockFolder(folder, () => '2')).toThrow(`in use by process ${process.ppid}`);
  });

  it('does not need /proc: a living pid holds it, a dead one does not', () => {
    writeFileSync(lock(), `${process.ppid} -`);
    expect(() => lockFolder(folder, noProc)).toThrow(`in use by process ${process.ppid}`);
    writeFileSync(lock(), `${NOBODY} -`);
    lockFolder(folder, noProc);
    expect(() => lockFolder(folder, noProc)).toThrow('in use by this process');
  });

  it.each(['', 'not a number', '-1 5', `${process.pid} 99 of an earlier boot`])(
    'takes over a lock that says %j',
    (text) => {
      writeFileSync(lock(), text);
      lockFolder(folder)();
    },
  );
});
