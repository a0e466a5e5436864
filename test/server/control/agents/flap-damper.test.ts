import { describe, expect, it } from 'vitest';
import { MonotonicMs } from '../../../../src/core/base/units.ts';
import { FLAP_SETTLE_MS, FlapDamper } from '../../../../src/server/control/agents/flap-damper.ts';

const LOST = { type: 'hopLost', detail: 'r1 has lost it' } as const;
const INSTALLED = { type: 'hopsInstalled' } as const;
const OBSERVED = { type: 'pathObserved', sender: 0, actualHops: [] } as const;

describe('FlapDamper', () => {
  it('lets the first loss and the first end of establishing pass at once', () => {
    const damper = new FlapDamper(FLAP_SETTLE_MS);
    damper.unsettled(MonotonicMs(1_000));
    expect(damper.dueAt(LOST, 'active')).toBe(0);
    expect(damper.dueAt(INSTALLED, 'establishing')).toBe(0);
    expect(damper.dueAt(OBSERVED, 'active')).toBe(0);
  });

  it('holds the end of a loss until nothing was lost for half a second', () => {
    const damper = new FlapDamper(FLAP_SETTLE_MS);
    damper.unsettled(MonotonicMs(1_000));
    damper.unsettled(MonotonicMs(1_200));
    expect(damper.dueAt(INSTALLED, 'degraded')).toBe(1_700);
  });

  it('holds further news of the same trouble for half a second', () => {
    const damper = new FlapDamper(FLAP_SETTLE_MS);
    damper.told(LOST, MonotonicMs(1_000));
    expect(damper.dueAt(LOST, 'degraded')).toBe(1_500);
    expect(damper.dueAt(OBSERVED, 'degraded')).toBe(1_500);
    expect(damper.dueAt(LOST, 'active')).toBe(0);
  });
});
