import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { Recording } from '../../src/agent/recording.ts';
import { RefusalError, UsageError } from '../../src/cli/errors.ts';
import { replayFile, type ReplayOptions } from '../../src/cli/rsvp-replay.ts';
import { Millis } from '../../src/core/base/units.ts';
import { createEngine } from '../../src/core/rsvp/engine/engine.ts';
import { establish, lab, R } from '../core/rsvp/engine/network.ts';

const folder = mkdtempSync(join(tmpdir(), 'hr-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What r1 of a small network did while a reservation was set up and refreshed. */
const file = join(folder, 'r1.ndjson');
{
  const world = lab();
  const settings = { refreshPeriod: Millis(R), seed: 9, maxFlows: 100 };
  const recording = await Recording.open({ file, maxBytes: 1e7, node: 'r1', settings });
  world.r1.engine = recording.of(createEngine(settings));
  world.r1.setInterfaces();
  establish(world);
  world.network.run(3 * R);
  await recording.close();
}

async function replay(path: string, options: ReplayOptions = {}) {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString();
        done();
      },
    });
  await replayFile(path, options, { stdout: sink('stdout'), stderr: sink('stderr') });
  return texts;
}

const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

async function failure(path: string): Promise<RefusalError | UsageError> {
  try {
    await replay(path);
  } catch (error) {
    if (error instanceof RefusalError || error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('the replay found nothing wrong');
}

describe('headroom rsvp replay', () => {
  test('says how much was played, and that it was the same', async () => {
    const { stdout, stderr } = await replay(file);
    expect(stdout).toMatch(
      /^r1, recorded from 20\d\d-\S+Z by headroom \d+\.\d+\.\d+: \d+ inputs in \d\d\.\d{3} s, every output as it was recorded\n$/,
    );
    expect(stderr).toBe('');
    const result = JSON.parse((await replay(file, { json: true })).stdout) as Record<string, unknown>;
    expect(result).toMatchObject({ node: 'r1', identical: true, end: 'stopped' });
  });

  test('--print shows messages as trees, in and out, and all else in a line', async () => {
    const { stdout } = await replay(file, { print: true });
    expect(stdout).toMatch(/^#1 {2}\+0\.000 {2}interfaces \{"interfaces":\[/);
    expect(stdout).toMatch(/^#\d+ {2}\+\d+\.\d{3} {2}in eth0 {2}Path {2}10\.1\.0\.2 > 10\.2\.0\.2 {2}\(TTL 64, /m);
    expect(stdout).toContain('├─ SESSION [1/1]  destination 10.2.0.2, protocol 17, flags 0, destinationPort 5004');
    expect(stdout).toMatch(/^ {2}out eth1 {2}Path {2}10\.1\.0\.2 > 10\.2\.0\.2 {2}\(TTL 63, router alert, /m);
    expect(stdout).toMatch(/^ {2}install \{"installId":\d+,/m);
    expect(stdout).toMatch(/^ {2}event \{"event":\{"type":"resvUp"/m);
  });

  test('--print --json is an object a step, then the result', async () => {
    const lines = (await replay(file, { print: true, json: true })).stdout.trimEnd().split('\n');
    const values = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(values.slice(0, -1).map(({ n }) => n)).toEqual(values.slice(0, -1).map((_, i) => i + 1));
    expect(values.at(-1)).toMatchObject({ inputs: values.length - 1 });
  });

  test('an altered recording is refused with the line', async () => {
    const lines = readFileSync(file, 'utf8').split('\n');
    const at = lines.findIndex((line) => line.includes('"type":"packet"'));
    const altered = written('altered', lines.with(at, lines[at]!.replace('"ttl":64', '"ttl":63')).join('\n'));
    const error = await failure(altered);
    expect(error).toBeInstanceOf(RefusalError);
    expect(error.message).toBe(`${altered}:${at + 1}: this line, or one before it, is not as it was recorded`);
  });

  test('one that a killed agent was writing is played as far as it goes', async () => {
    const text = readFileSync(file, 'utf8');
    const cut = written('cut', text.slice(0, text.length - 500));
    const { stdout, stderr } = await replay(cut);
    expect(stdout).toContain('every output as it was recorded');
    expect(stderr).toBe(`${cut}: the last line is cut off: the agent was killed, or writes it still\n`);
  });

  test.each([
    ['another file', 'hello\nworld\n', /:1: this is no recording of an RSVP engine$/],
    ['an empty file', '', /: this is no recording of an RSVP engine$/],
  ])('%s is wrong usage', async (name, text, message) => {
    const error = await failure(written(name.replaceAll(' ', '-'), text));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(message);
  });

  test('a file that is not there is wrong usage', async () => {
    expect(await failure(join(folder, 'none'))).toBeInstanceOf(UsageError);
  });

  test('a reader that has seen enough ends it', async () => {
    const stdout = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('closed'), { code: 'EPIPE' }));
      },
    });
    stdout.on('error', () => undefined);
    await replayFile(file, { print: true }, { stdout, stderr: process.stderr });
  });
});
