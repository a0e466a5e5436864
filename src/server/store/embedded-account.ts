import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root: the account to run it as instead, or null when this process is not root.
 * An existing cluster keeps its owner; a new one gets `headroom` or `postgres`, and where neither exists `headroom` is made.
 */
export async function databaseAccount(cluster: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(cluster).catch(() => null);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const known = (await lookUp('headroom')) ?? (await lookUp('postgres'));
  if (known !== null) return known;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'headroom']);
  } catch (cause) {
    throw new Error(
      'PostgreSQL does not run as root and no account for it could be made: add a system user "headroom", or set DATABASE_URL',
      { cause },
    );
  }
  const made = await lookUp('headroom');
  if (made === null) throw new Error('the system user "headroom" was made but is not in /etc/passwd');
  return made;
}

async function lookUp(name: string): Promise<Account | null> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) return null;
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
