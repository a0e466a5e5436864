import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Which Headroom process uses a cluster. A process id alone may belong to a stranger by now, so the time at which the
 * process started (Linux) is kept beside it.
 */
export async function claimCluster(folder: string): Promise<void> {
  const file = join(folder, 'owner');
  const before = (await readFile(file, 'utf8').catch(() => '')).trim();
  const [pid, started] = before.split(' ');
  if (pid !== undefined && Number(pid) !== process.pid && isAlive(Number(pid))) {
    if ((await startTime(Number(pid))) === started) {
      throw new Error(`the embedded database in ${folder} is in use by process ${pid}`);
    }
  }
  await writeFile(file, `${process.pid} ${await startTime(process.pid)}\n`, { mode: 0o600 });
}

/**
 * Ends a postmaster that a crashed predecessor left running on this cluster, in good order, and removes a pid file that
 * names nobody. Other processes are not touched.
 */
export async function endLeftover(cluster: string): Promise<void> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => null);
  const pid = Number(text?.split('\n')[0]);
  if (text === null || !Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  // Where there is no /proc, the pid file of our own folder is all the evidence there is.
  if (command !== null && !command.split('\0').includes(cluster)) return;
  process.kill(pid, 'SIGINT');
  const deadline = performance.now() + 20_000;
  while (isAlive(pid)) {
    if (performance.now() > deadline)
      throw new Error(`the PostgreSQL left over in ${cluster} (process ${pid}) does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clock ticks since boot at which the process started; '-' where that cannot be known. A zombie counts as gone. */
async function startTime(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' ? 'gone' : (fields?.[19] ?? '-');
}
