import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endLeftover } from './embedded-owner.ts';

const FILE = 'database-id';
const ASIDE = 'removed-';

/**
 * Keeps a data folder and a cluster that lies elsewhere together: both hold the same id. A folder that was removed has none, so
 * its database is removed too: it is put aside under a name of its own, the latest one only, in case that was not meant.
 *
 * @param folder what holds the cluster, used by this process
 * @param notice told of a cluster that is put aside
 */
export async function pairCluster(dataDir: string, folder: string, notice: (line: string) => void): Promise<void> {
  const entries = await readdir(dataDir);
  const here = await idIn(dataDir);
  const there = await idIn(folder);
  const hasCluster = (await readdir(folder)).includes('cluster');
  // One of a version that kept no ids belongs to the folder that is in use.
  const isOwn = there === null ? entries.length > 0 : here === there;
  if (hasCluster && !isOwn) await putAside(dataDir, folder, notice);
  if (hasCluster && isOwn && here !== null && there !== null) return;
  const id = randomUUID();
  // The cluster's first: a start that is cut off in between is one with a new folder.
  await writeFile(join(folder, FILE), `${id}\n`, { mode: 0o600 });
  await writeFile(join(dataDir, FILE), `${id}\n`, { mode: 0o600 });
}

async function putAside(dataDir: string, folder: string, notice: (line: string) => void): Promise<void> {
  await endLeftover(join(folder, 'cluster'));
  for (const name of await readdir(folder)) {
    if (name.startsWith(ASIDE)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const aside = join(folder, `${ASIDE}${new Date().toISOString().replaceAll(':', '')}`);
  await rename(join(folder, 'cluster'), aside);
  notice(`the data folder ${dataDir} is a new one: the database of the former one was put aside as ${aside}`);
}

async function idIn(folder: string): Promise<string | null> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => '');
  return text.trim() || null;
}
