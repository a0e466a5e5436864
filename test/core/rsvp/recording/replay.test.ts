import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Millis } from '../../../../src/core/base/units.ts';
import { createEngine } from '../../../../src/core/rsvp/engine/engine.ts';
import type { EngineSettings } from '../../../../src/core/rsvp/engine/types.ts';
import { Recorder, recordedEngine } from '../../../../src/core/rsvp/recording/recorder.ts';
import { Replay, ReplayError } from '../../../../src/core/rsvp/recording/replay.ts';
import { establish, flow, lab, R, type Node } from '../engine/network.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
const settings: EngineSettings = { refreshPeriod: Millis(R), seed: 77, maxFlows: 1_000 };

/** Everything that the node's engine does from here on, as lines. */
function record(node: Node): { lines: string[]; end: () => string[] } {
  const lines: string[] = [];
  const source = { node: node.name, program: 'test', startedAt: '2026-11-25T10:00:00Z' };
  const recorder = new Recorder({ settings, source, digest, line: (line) => lines.push(line) });
  node.engine = recordedEngine(createEngine(settings), (...all) => recorder.input(...all));
  node.setInterfaces();
  return {
    lines,
    end() {
      recorder.end('stopped');
      return lines;
    },
  };
}

function play(lines: readonly string[], engine = createEngine): Replay {
  const replay = new Replay({ createEngine: engine, digest });
  for (const line of lines) replay.line(line);
  return replay;
}

function faultOf(lines: readonly string[], engine = createEngine): ReplayError {
  try {
    play(lines, engine);
  } catch (error) {
    if (error instanceof ReplayError) return error;
    throw error;
  }
  throw new Error('the replay found nothing wrong');
}

/** Minutes with loss, a router that restarts, a tear and a second flow, as r2 saw them. */
function eventfulRun(): { lines: string[]; node: Node } {
  const world = lab({ seed: 5 });
  const recording = record(world.r2);
  for (const link of world.network.links) link.loss = 0.2;
  establish(world);
  establish(world, flow(5006, 5006));
  world.network.run(5 * R);
  world.r1.kill();
  world.network.run(R);
  world.r1.restart();
  world.network.run(5 * R);
  world.hostA.input({ type: 'closeSender', flow: flow() });
  world.network.run(R);
  return { lines: recording.end(), node: world.r2 };
}

describe('a recording of an engine', () => {
  const { lines, node } = eventfulRun();

  it('is played again with the same outputs, byte for byte, to the same state', () => {
    const replay = play(lines);
    expect(replay.inputs).toBe(lines.length - 2);
    expect(replay.inputs).toBeGreaterThan(60);
    expect(replay.end).toBe('stopped');
    expect(replay.header).toEqual({ node: 'r2', program: 'test', startedAt: '2026-11-25T10:00:00Z', settings });
    expect(replay.snapshot()!.counters).toEqual(node.engine.snapshot(node.network.now as never).counters);
  });

  it('keeps a peak rate without limit and the bytes of messages', () => {
    const replay = new Replay({ createEngine, digest });
    const steps = lines.map((line) => replay.line(line)).filter((step) => step !== null);
    expect(steps.some(({ input }) => input.type === 'packet' && input.bytes instanceof Uint8Array)).toBe(true);
    const install = steps.flatMap(({ outputs }) => outputs).find((output) => output.type === 'install');
    expect(install).toMatchObject({ flowspec: { tspec: { peakRate: Infinity } } });
  });

  it('that was cut short is right as far as it goes, and its end is missing', () => {
    const replay = play(lines.slice(0, 20));
    expect([replay.inputs, replay.end]).toEqual([19, null]);
  });

  it('is found out wherever one character was changed', () => {
    for (const [index, line] of lines.entries()) {
      const at = (index * 7919) % line.length;
      const changed = line.slice(0, at) + (line[at] === '1' ? '2' : '1') + line.slice(at + 1);
      const fault = faultOf(lines.with(index, changed));
      expect(fault.fault).toBe(index === 0 && at < 1 ? 'form' : 'altered');
      expect(fault.line).toBe(index + 1);
    }
  });

  it('is found out where a line was taken out, doubled, or exchanged', () => {
    expect(faultOf(lines.toSpliced(10, 1))).toMatchObject({ fault: 'altered', line: 11 });
    expect(faultOf(lines.toSpliced(10, 0, lines[10]!))).toMatchObject({ fault: 'altered', line: 12 });
    expect(faultOf(lines.with(10, lines[11]!).with(11, lines[10]!))).toMatchObject({ fault: 'altered', line: 11 });
    expect(faultOf([...lines, lines.at(-1)!])).toMatchObject({ fault: 'altered', line: lines.length + 1 });
  });

  it('tells the first output in which another engine differs', () => {
    const other = (given: EngineSettings) => createEngine({ ...given, seed: given.seed + 1 });
    const first = play(lines);
    expect(first.inputs).toBeGreaterThan(0);
    // Only the jitter differs, so a refresh comes at another time: the engine does nothing where a refresh was recorded.
    const fault = faultOf(lines, other);
    expect(fault.fault).toBe('differs');
    expect(fault.message).toMatch(/^input \d+ \(\w+\) gives another output \d+ than was recorded$/);
    expect(fault.details).toHaveLength(2);
    expect(fault.input).toBe(fault.line - 1);
  });

  it('of another form, or no recording at all, is refused in its first line', () => {
    expect(faultOf(['{"a":1}'])).toMatchObject({ fault: 'form', line: 1, input: null });
    const body = '{"headroomRsvpRecording":99';
    const fault = faultOf([`${body},"chain":"${digest(`\n${body}`)}"}`]);
    expect(fault.message).toContain('the recording has the form 99');
  });
});
