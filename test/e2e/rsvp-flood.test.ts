import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { requires } from '../support/requires.ts';
import { foreignPath, sendAlong } from './foreign-path.ts';
import { Headroom } from './headroom.ts';

const EACH = 5_000;

interface Counters {
  readonly received: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('a flood of RSVP messages', () => {
  const headroom = new Headroom('kernel', {}, { refreshPeriodMs: 30_000 });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const counters = async (): Promise<Counters> => (await headroom.rsvpState('r1')).body.engine.counters as Counters;
  const driver = async (): Promise<{ malformed: number; overflow: number }> =>
    (await headroom.rsvpState('r1')).body.transport.dropped as { malformed: number; overflow: number };

  const grown = (
    after: Readonly<Record<string, number>>,
    from: Readonly<Record<string, number>>,
    key: string,
  ): number => (after[key] ?? 0) - (from[key] ?? 0);

  it('as fast as a host can send them: each of 20,000 is counted, none is lost in our own queue', async () => {
    const messages = Array.from({ length: EACH }, (_, n) => {
      const good = foreignPath(10_000 + n);
      const badChecksum = good.slice();
      badChecksum[2]! ^= 0x55;
      const unknownType = encodeMessage({ type: 99, flags: 0, sendTtl: 64, objects: [] });
      return [good, badChecksum, unknownType, good.subarray(0, 6)];
    }).flat();
    const [before, driverBefore] = [await counters(), await driver()];
    const perSecond = await sendAlong(headroom, messages);
    console.log(`sent ${Math.round(perSecond)} messages a second`);

    await headroom.until(
      'the last is counted',
      30_000,
      async () => grown((await counters()).dropped, before.dropped, 'tooShort') >= EACH,
    );
    const after = await counters();
    expect(await driver()).toEqual(driverBefore);
    expect(grown(after.received, before.received, 'Path')).toBe(EACH);
    for (const reason of ['badChecksum', 'notForThisNode', 'tooShort']) {
      expect([reason, grown(after.dropped, before.dropped, reason)]).toEqual([reason, EACH]);
    }
    expect(
      new Set(Object.keys(after.dropped).filter((reason) => grown(after.dropped, before.dropped, reason) > 0)),
    ).toEqual(new Set(['badChecksum', 'notForThisNode', 'tooShort']));
    const { body } = await headroom.rsvpState('r1');
    expect(body.engine.paths).toHaveLength(EACH);
  }, 90_000);

  it('what the queue has no room for, since the agent stands still, is counted: nothing is lost without a number', async () => {
    const [before, driverBefore] = [await counters(), await driver()];
    const broken = foreignPath(10_000);
    broken[2]! ^= 0x55;
    const count = 60_000;
    const agent = headroom.lab.agent('r1')!;
    agent.kill('SIGSTOP');
    try {
      await sendAlong(
        headroom,
        Array.from({ length: count }, () => broken),
      );
    } finally {
      agent.kill('SIGCONT');
    }
    const sum = async (): Promise<number> =>
      grown((await counters()).dropped, before.dropped, 'badChecksum') +
      (await driver()).overflow -
      driverBefore.overflow;
    await headroom.until('all are counted', 30_000, async () => (await sum()) >= count);
    expect(await sum()).toBe(count);
    expect((await driver()).overflow).toBeGreaterThan(driverBefore.overflow);
  }, 90_000);

  it('a reservation is made after it as ever', async () => {
    const { body } = await headroom.book(5004, 2_000_000);
    await headroom.reaches(body.id as string, 'active', 30_000);
  }, 60_000);
});
