import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
/** One for each worker of the test runner: two must not write the same files at once. */
const OUT = join(ROOT, `node_modules/.cache/headroom-kernel-${process.env['VITEST_POOL_ID'] ?? '0'}`);
const SOURCES = ['src/agent/kernel', 'src/core/shaping', 'src/core/base'];

/** Compiles the kernel part alone, when a source is newer, and returns the path of its `kernel.js`: a worker cannot load TypeScript. */
export function builtKernel(): string {
  const entry = join(OUT, 'agent/kernel/kernel.js');
  if (modified(join(OUT, 'done')) > Math.max(...SOURCES.map(newest))) return entry;
  mkdirSync(OUT, { recursive: true });
  writeFileSync(join(OUT, 'package.json'), '{"type":"module"}');
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      rootDir: join(ROOT, 'src'),
      outDir: OUT,
      sourceMap: false,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: [],
    files: ['kernel.ts', 'worker.ts'].map((name) => join(ROOT, 'src/agent/kernel', name)),
  };
  writeFileSync(join(OUT, 'tsconfig.json'), JSON.stringify(settings));
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(OUT, 'tsconfig.json')], { stdio: 'pipe' });
  writeFileSync(join(OUT, 'done'), '');
  return entry;
}

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const newest = (folder: string): number =>
  Math.max(...readdirSync(join(ROOT, folder)).map((name) => modified(join(ROOT, folder, name))));
