import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KernelWatch } from '../../src/agent/kernel-watch.ts';
import type { Comparison } from '../../src/agent/platform.ts';
import { createLoggers } from '../../src/telemetry/logger.ts';

const OWN = 10;
const OTHER = 99;
const GONE: Comparison = { problems: [], disturbances: [{ place: 'eth1', what: 'eth1 was bare', keys: ['a'] }] };
const RIGHT: Comparison = { problems: [], disturbances: [] };

let found: Comparison;
let done: string[];
let watch: KernelWatch;

beforeEach(() => {
  vi.useFakeTimers();
  found = RIGHT;
  done = [];
  watch = new KernelWatch({
    kernel: {
      ports: () => {
        done.push('ports');
        return Promise.resolve([OWN]);
      },
    },
    comparison: {
      run: (by) => {
        done.push(`run${by}`);
        return Promise.resolve(found);
      },
      look: (why) => {
        done.push(`look${why}`);
        return Promise.resolve();
      },
    },
    log: createLoggers({ base: 'silent', bySubsystem: new Map() })('agent'),
    now: () => Date.now(),
  });
});
afterEach(() => {
  watch.close();
  vi.useRealTimers();
});

const noticed = async (port: number, process = ''): Promise<void> => {
  watch.noticed({ ports: new Map([[port, process]]), overrun: false });
  await vi.advanceTimersByTimeAsync(20);
};

it('compares nothing for its own changes, and asks once which sockets are its own', async () => {
  await noticed(OWN);
  await noticed(OWN);
  expect(done).toEqual(['ports']);
  expect(watch.counters).toMatchObject({ own: 2, foreign: 0, comparisons: 0 });
});

it('compares at once for a change of others, and says who made it', async () => {
  found = GONE;
  await noticed(OTHER, 'nft (process 99)');
  expect(done).toEqual(['ports', 'run by nft (process 99)']);
  expect(watch.counters).toMatchObject({ foreign: 1, comparisons: 1, repairs: 1 });
});

it('compares when notifications were lost', async () => {
  watch.noticed({ ports: new Map(), overrun: true });
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toEqual(['run']);
});

it('puts back at once five times; the sixth makes it wait, look, and put back after the wait', async () => {
  found = GONE;
  for (let i = 0; i < 6; i++) await noticed(OTHER);
  expect(done.filter((each) => each.startsWith('run'))).toHaveLength(6);
  done = [];
  for (let i = 0; i < 20; i++) await noticed(OTHER);
  expect(done.filter((each) => each !== 'ports')).toEqual(['look, 6 times within a minute; put back within 1 s']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(done.filter((each) => each.startsWith('run'))).toEqual(['run']);
});

it('compares rarely what others change without hurting it', async () => {
  // Ten minutes of changes at every 20 ms.
  for (let i = 0; i < 30_000; i++) await noticed(OTHER);
  expect(watch.counters.comparisons).toBeLessThan(20 + 600 / 2);
  expect(watch.counters.foreign).toBe(30_000);
});

it('leaves what is taken away again and again as it is, there and only there, until the wait is over', async () => {
  found = GONE;
  for (let i = 0; i < 6; i++) {
    watch.disturbed();
    await vi.advanceTimersByTimeAsync(20);
  }
  expect(done).toEqual(Array.from({ length: 6 }, () => 'run'));
  expect([watch.leaves('eth1'), watch.leaves('eth2')]).toEqual([true, false]);
  found = RIGHT;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.leaves('eth1')).toBe(false);
});
