import { describe, expect, it } from 'vitest';
import { ServerClock } from '../../src/agent/server-clock.ts';
import { EpochMs, MonotonicMs } from '../../src/core/base/units.ts';

const started = 1_000_000;

function clockAt(hostNow = started): { clock: ServerClock; pass: (ms: number) => void } {
  let now = 50;
  const clock = new ServerClock(() => MonotonicMs(now), EpochMs(hostNow));
  return { clock, pass: (ms) => (now += ms) };
}

describe('the server’s clock as an agent knows it', () => {
  it('is the host’s before a server has said anything, and the server’s from then on', () => {
    const { clock, pass } = clockAt(77_000);
    pass(10);
    expect(clock.now()).toBe(77_010);
    clock.heard(EpochMs(started));
    expect(clock.now()).toBe(started);
    pass(5);
    expect(clock.now()).toBe(started + 5);
  });

  it('believes the message that came quickest', () => {
    const { clock, pass } = clockAt();
    // Said at 1,000,000, on its way for 90 ms.
    pass(90);
    clock.heard(EpochMs(started));
    pass(1);
    clock.heard(EpochMs(started + 90));
    expect(clock.now()).toBe(started + 90);
    pass(60);
    clock.heard(EpochMs(started + 100));
    expect(clock.now()).toBe(started + 150);
  });

  it('forgets an estimate that newer ones have not confirmed for two periods', () => {
    const { clock, pass } = clockAt();
    clock.heard(EpochMs(started));
    // This host’s monotonic clock runs 0.1 % fast.
    for (let minute = 1; minute <= 30; minute++) {
      pass(60_060);
      clock.heard(EpochMs(started + minute * 60_000));
    }
    const ahead = clock.now() - (started + 30 * 60_000);
    expect(ahead).toBeGreaterThanOrEqual(0);
    expect(ahead).toBeLessThan(60 * 13);
  });

  it('follows a server whose clock was set back', () => {
    const { clock } = clockAt();
    clock.heard(EpochMs(started));
    clock.heard(EpochMs(started - 3_600_000));
    expect(clock.now()).toBe(started - 3_600_000);
  });
});
