// Compiles src/ to dist/. Run by `prepare`, so that `npm ci` leaves a runnable tree.
import { execFileSync } from 'node:child_process';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const fresh = `dist.${process.pid}`;
const old = `${fresh}.old`;
try {
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json', '--outDir', fresh], { stdio: 'inherit' });
  chmodSync(`${fresh}/bin/headroom.js`, 0o755);
  // Swapped in one step: what runs from dist/ never sees it half made.
  try {
    renameSync('dist', old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(fresh, 'dist');
} finally {
  for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
}
