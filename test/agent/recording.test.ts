import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Recording, textDigest } from '../../src/agent/recording.ts';
import { Millis, MonotonicMs } from '../../src/core/base/units.ts';
import { createEngine } from '../../src/core/rsvp/engine/engine.ts';
import type { RsvpEngine } from '../../src/core/rsvp/engine/types.ts';
import { Replay } from '../../src/core/rsvp/recording/replay.ts';

const settings = { refreshPeriod: Millis(30_000), seed: 3, maxFlows: 100 };
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hr-recording-'));
  file = join(folder, 'r1.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (more: { maxBytes?: number; maxWaitingBytes?: number } = {}): Promise<Recording> =>
  Recording.open({ file, maxBytes: 1_000_000, node: 'r1', settings, ...more });

function play(path: string): Replay {
  const replay = new Replay({ createEngine, digest: textDigest });
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) replay.line(line);
  return replay;
}

/** Inputs that the engine has no use for. */
function feed(engine: RsvpEngine, count: number): void {
  for (let n = 0; n < count; n++) engine.handle({ type: 'installed', installId: n }, MonotonicMs(n));
}

describe('a recording in a file', () => {
  it('holds everything once it is closed, can be played, and is for nobody else', async () => {
    const recording = await open();
    feed(recording.of(createEngine(settings)), 500);
    expect(recording.state()).toMatchObject({ file, inputs: 500, ended: null });
    await recording.close();
    const replay = play(file);
    expect([replay.inputs, replay.end]).toEqual([500, 'stopped']);
    expect(replay.header).toMatchObject({ node: 'r1', settings });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(recording.state().bytes).toBe(statSync(file).size);
  });

  it('ends where it is full, still whole, and the engine goes on', async () => {
    const recording = await open({ maxBytes: 10_000 });
    const engine = recording.of(createEngine(settings));
    feed(engine, 1_000);
    expect(recording.state().ended).toBe('full');
    await recording.close();
    const { size } = statSync(file);
    expect(size).toBeGreaterThan(9_000);
    expect(size).toBeLessThan(11_000);
    const replay = play(file);
    expect(replay.end).toBe('full');
    expect(replay.inputs).toBe(recording.state().inputs);
    expect(engine.snapshot(MonotonicMs(1_000)).paths).toEqual([]);
  });

  it('ends when the disk does not keep up, instead of filling the memory', async () => {
    const recording = await open({ maxWaitingBytes: 5_000 });
    // In one turn of the loop nothing reaches the disk.
    feed(recording.of(createEngine(settings)), 1_000);
    expect(recording.state().ended).toBe('the disk is too slow');
    await recording.close();
    expect(play(file).end).toBe('the disk is too slow');
  });

  it('keeps the last three of earlier starts', async () => {
    for (let start = 1; start <= 6; start++) {
      const recording = await open();
      feed(recording.of(createEngine(settings)), start);
      await recording.close();
    }
    expect([file, `${file}.1`, `${file}.2`, `${file}.3`].map((path) => play(path).inputs)).toEqual([6, 5, 4, 3]);
    expect(existsSync(`${file}.4`)).toBe(false);
  });

  it('that cannot be made is an error at the start', async () => {
    file = join(folder, 'no-such-folder', 'r1.ndjson');
    await expect(open()).rejects.toThrow(/ENOENT/);
  });
});
