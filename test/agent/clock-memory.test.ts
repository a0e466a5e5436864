import { describe, expect, it } from 'vitest';
import { ClockMemory, machineClock } from '../../src/agent/clock-memory.ts';
import { EpochMs } from '../../src/core/base/units.ts';

describe('the server’s time over restarts of an agent', () => {
  const values = new Map<string, unknown>();
  let writes = 0;
  const journal = {
    get: (key: string) => values.get(key),
    put: (key: string, value: unknown) => void (values.set(key, value), writes++),
  };
  let now = 5_000;
  const memory = (boot: string | null) => new ClockMemory(journal, { boot, now: () => now });

  it('goes on with the machine’s own clock, and is forgotten with its next start', () => {
    expect(memory('a').recall()).toBeNull();
    memory('a').keep(EpochMs(1_000_000));
    now += 3_000;
    expect(memory('a').recall()).toBe(1_003_000);
    expect(memory('b').recall()).toBeNull();
  });

  it('is written only when it has changed', () => {
    const before = writes;
    memory('a').keep(EpochMs(1_003_400));
    expect(writes).toBe(before);
    memory('a').keep(EpochMs(4_603_000));
    expect([writes, memory('a').recall()]).toEqual([before + 1, 4_603_000]);
  });

  it('is not kept where no run of the machine has a name', () => {
    values.clear();
    memory(null).keep(EpochMs(1));
    expect([values.size, memory(null).recall()]).toEqual([0, null]);
  });

  it('is measured by a clock that all processes of a machine share', () => {
    const [one, other] = [machineClock(), machineClock()];
    expect(one.boot).toBe(other.boot);
    expect(other.now()).toBeGreaterThanOrEqual(one.now() - 1);
  });
});
