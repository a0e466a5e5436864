import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScenario } from './scenario-runner.ts';

const FOLDER = join(import.meta.dirname, 'scenarios');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
/** Writes what the engine does as what it should do; the difference is then reviewed. */
const update = Boolean(process.env['UPDATE_SCENARIOS']);

describe('RSVP scenarios', () => {
  it.each(files)('%s', (name) => {
    const path = join(FOLDER, name);
    const text = readFileSync(path, 'utf8');
    const really = runScenario(text);
    if (update && really !== text) writeFileSync(path, really);
    else expect(really).toBe(text);
  });
});
