import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One process a folder. A lock whose owner is dead is taken over; an owner is known by pid and start time, because pids
 * come again.
 * @throws Error naming the pid that holds it.
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'lock');
  const mine = `${process.pid} ${startTime(process.pid)}`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    let holder = '';
    try {
      holder = readFileSync(file, 'utf8');
    } catch {
      continue;
    }
    const [pid, started] = holder.split(' ');
    if (pid && started && startTime(Number(pid)) === started) {
      throw new Error(`${folder} is in use by process ${pid}`);
    }
    rmSync(file, { force: true });
  }
  throw new Error(`${folder} cannot be locked`);
}

/** Field 22 of /proc/<pid>/stat: clock ticks since boot; '-' where there is no such process or no /proc. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}
