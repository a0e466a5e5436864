import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Files that were set aside and are kept: `NAME.damaged-1` is the youngest. */
const KEPT = 3;

/**
 * Replaces a file as a whole: after a crash or a failure it has its former content, or the new one.
 *
 * @returns a descriptor of the new file, open for appending: the caller closes it.
 * @throws Error where it cannot be written; what was begun is taken away, since a full disk needs the room.
 */
export function replaceFile(file: string, text: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const fd = openSync(fresh, 'a', 0o600);
  try {
    writeAll(fd, text);
    fsyncSync(fd);
    renameSync(fresh, file);
    syncFolder(dirname(file));
    return fd;
  } catch (error) {
    close(fd);
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** Closes without a word: some disks say only now that they did not take what was written, which syncing has told before. */
export function close(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The descriptor is gone all the same.
  }
}

export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

/**
 * Gives a file that makes no sense another name, for people to look at; the oldest of several goes.
 *
 * @returns the new name, or null where that failed too.
 */
export function setAside(file: string): string | null {
  const name = (n: number): string => `${file}.damaged-${n}`;
  try {
    rmSync(name(KEPT), { recursive: true, force: true });
    for (let n = KEPT - 1; n >= 1; n--) renameIfThere(name(n), name(n + 1));
    renameSync(file, name(1));
    return name(1);
  } catch {
    return null;
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The new name of a file is on the disk only with its folder; some file systems cannot sync one, and need not. */
function syncFolder(folder: string): void {
  let fd: number;
  try {
    fd = openSync(join(folder), 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch {
    // EINVAL: no such call for folders here.
  } finally {
    close(fd);
  }
}
