import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One process a folder. A lock whose owner is dead is taken over; an owner is known by pid and start time, because pids
 * come again. Where start times cannot be read, a process of that pid counts as the owner.
 *
 * A disk that takes no lock (full, read-only, broken) keeps no agent from its work: the folder is then used without.
 * @param unlocked told of it in a sentence.
 * @param startTime of a process, null where it cannot be read.
 * @throws Error naming the pid that holds it.
 */
export function lockFolder(
  folder: string,
  unlocked: (problem: string) => void,
  startTime: (pid: number) => string | null = startTimeFromProc,
): () => void {
  try {
    return lock(folder, startTime);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !DISK_TROUBLE.has(code)) throw error;
    unlocked(`${folder} cannot be locked (${message}): nothing keeps a second agent from using it`);
    return () => undefined;
  }
}

const DISK_TROUBLE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

function lock(folder: string, startTime: (pid: number) => string | null): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'lock');
  const mine = `${process.pid} ${startTime(process.pid) ?? UNKNOWN}`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Made, but not filled: it would name nobody.
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO') rmSync(file, { force: true });
      if (code !== 'EEXIST') throw error;
    }
    let holder: string;
    try {
      holder = readFileSync(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      holder = '';
    }
    const pid = Number(/^\d+/.exec(holder)?.[0] ?? 0);
    const started = holder.split(' ')[1] ?? UNKNOWN;
    if (lives(pid) && pid !== process.pid) {
      const now = startTime(pid);
      if (now === null || started === UNKNOWN || now === started) {
        throw new Error(`${folder} is in use by process ${pid}; if that is no agent, remove ${file}`);
      }
    } else if (pid === process.pid && holder === mine) {
      throw new Error(`${folder} is in use by this process, ${pid}`);
    }
    rmSync(file, { recursive: true, force: true });
  }
  throw new Error(`${folder} cannot be locked`);
}

const UNKNOWN = '-';

/** True for a process of any user. */
function lives(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of /proc/<pid>/stat: clock ticks since boot; null where there is no such process or no /proc. */
function startTimeFromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
