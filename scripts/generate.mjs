// Makes src/gen from proto/, prisma/ and the OpenAPI document. With --check: makes it in a copy and fails on a difference.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs the program of an installed package. */
function program(name, bin, args, cwd, env = {}) {
  const manifest = require.resolve(`${name}/package.json`);
  const file = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin[bin]);
  execFileSync(process.execPath, [file, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Each step writes parts of src/gen in the tree at `at`, which are removed first. */
const STEPS = [
  {
    parts: ['headroom', 'google'],
    run: (at) => program('@bufbuild/buf', 'buf', ['generate'], join(at, 'proto')),
  },
  {
    parts: ['prisma'],
    // Generation needs no schema engine, but the command line looks for one and would download it: any existing file will do.
    run: (at) =>
      program('prisma', 'prisma', ['generate'], at, {
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        CHECKPOINT_DISABLE: '1',
      }),
  },
  {
    // From the routes, so it is the last: they import what the other steps make.
    parts: ['openapi.json', 'openapi.ts'],
    run: (at) =>
      execFileSync(process.execPath, [join(root, 'scripts/generate-openapi.mjs'), at], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
  },
];

function generate(at) {
  for (const { parts, run } of STEPS) {
    for (const part of parts) rmSync(join(at, 'src/gen', part), { recursive: true, force: true });
    run(at);
  }
}

function files(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

if (!process.argv.includes('--check')) {
  generate(root);
} else {
  const copy = mkdtempSync(join(tmpdir(), 'headroom-generate-'));
  try {
    for (const name of ['proto', 'prisma', 'prisma.config.ts', 'package.json', 'src']) {
      cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    generate(copy);
    const [here, fresh] = [join(root, 'src/gen'), join(copy, 'src/gen')];
    const different = [...new Set([...files(here), ...files(fresh)])].filter(
      (file) =>
        !existsSync(join(here, file)) ||
        !existsSync(join(fresh, file)) ||
        !readFileSync(join(here, file)).equals(readFileSync(join(fresh, file))),
    );
    if (different.length > 0) {
      console.error(`src/gen is not what "npm run generate" makes: ${different.join(', ')}`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
