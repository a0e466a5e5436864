import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IpAddress } from '../../src/core/base/ip.ts';
import type { FlowKey } from '../../src/core/rsvp/engine/types.ts';
import { Retries } from '../../src/agent/retries.ts';

const FLOW: FlowKey = {
  protocol: 17,
  source: '10.1.0.2' as IpAddress,
  sourcePort: 5004,
  destination: '10.2.0.2' as IpAddress,
  destinationPort: 5004,
};

describe('retries of what was refused', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const started = (isWanted = (): boolean => true) => {
    const tries: number[] = [];
    const from = Date.now();
    const retries = new Retries({ again: () => tries.push(Date.now() - from), isWanted });
    retries.failed(FLOW);
    return { retries, tries };
  };

  it('come after 250 ms, and then after twice as long each time up to 30 s', () => {
    const { tries } = started();
    vi.advanceTimersByTime(100_000);
    expect(tries).toEqual([250, 750, 1_750, 3_750, 7_750, 15_750, 31_750, 61_750, 91_750]);
  });

  it('are one, however often the same is refused', () => {
    const { retries, tries } = started();
    for (let i = 0; i < 5; i++) retries.failed(FLOW);
    vi.advanceTimersByTime(300);
    expect(tries).toEqual([250]);
  });

  it('end when the flow stands, and the next failure is a first one', () => {
    const { retries, tries } = started();
    vi.advanceTimersByTime(1_000);
    retries.over(FLOW);
    vi.advanceTimersByTime(60_000);
    expect(tries).toEqual([250, 750]);
    retries.failed(FLOW);
    vi.advanceTimersByTime(250);
    expect(tries).toHaveLength(3);
  });

  it('end when nobody wants the flow any more, and when the agent stops', () => {
    const unwanted = started(() => false);
    vi.advanceTimersByTime(60_000);
    expect(unwanted.tries).toEqual([]);
    const { retries, tries } = started();
    retries.close();
    vi.advanceTimersByTime(60_000);
    expect(tries).toEqual([]);
  });
});
