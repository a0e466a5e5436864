import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom } from './headroom.ts';

const NODES = ['host-a', 'r1', 'r2', 'r3', 'host-b'];
const COUNT = 20;
const LIMIT_MS = 5_000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('20 % of all RSVP packets are lost', () => {
  // As agents run by themselves: what makes up for losses is the fast start of RFC 2205 3.7, not a short refresh period.
  const headroom = new Headroom('kernel', {}, { refreshPeriodMs: 30_000 });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  /** On arrival at every node: intercepted messages never reach the forward hook. */
  const lose = async (expression: string): Promise<void> => {
    for (const node of NODES) {
      await headroom.exec(node, 'nft', 'add table ip losing');
      await headroom.exec(node, 'nft', 'add chain ip losing pre { type filter hook prerouting priority -300; }');
      await headroom.exec(node, 'nft', `add rule ip losing pre meta l4proto 46 ${expression} counter drop`);
    }
  };
  const lost = async (): Promise<number> => {
    let packets = 0;
    for (const node of NODES) {
      const text = await headroom.exec(node, 'nft', 'list table ip losing');
      packets += Number(/counter packets (\d+)/.exec(text)![1]);
      await headroom.exec(node, 'nft', 'delete table ip losing');
    }
    return packets;
  };

  /** From the booking to `active` by the server's own times, milliseconds, one after another. */
  const setUps = async (firstPort: number): Promise<number[]> => {
    const times: number[] = [];
    for (let port = firstPort; port < firstPort + COUNT; port++) {
      const { status, body } = await headroom.book(port, 1_000_000);
      expect(status).toBe(201);
      const events = await headroom.eventsOf(body.id as string, ({ type }) => type === 'reservation.active');
      times.push(Date.parse(events.at(-1)!.time) - Date.parse(body.createdAt as string));
      await headroom.call('DELETE', `/v1/reservations/${body.id}`);
    }
    console.log(`set-up with loss, ms: ${[...times].sort((a, b) => a - b).join(' ')}`);
    return times;
  };

  /**
   * Six messages, each lost with 0.2: of 20,000 simulated set-ups (as in `core/rsvp/engine/loss.test.ts`) 36 took longer
   * between neighbours that had not spoken yet, 1 between those that had. One of twenty is chance; two are not in 10,000 runs.
   */
  const hardlyOneTooLate = (times: readonly number[]): void => {
    expect(times.filter((ms) => ms >= LIMIT_MS).length).toBeLessThanOrEqual(1);
    expect(times.toSorted((a, b) => a - b)[COUNT / 2]).toBeLessThan(LIMIT_MS / 5);
  };

  it('every fifth: each of 20 reservations becomes active, and hardly one takes longer than 5 s', async () => {
    await lose('numgen inc mod 5 == 4');
    const times = await setUps(6100);
    expect(await lost()).toBeGreaterThan(COUNT);
    hardlyOneTooLate(times);
  }, 300_000);

  it('at random: each of 20 reservations becomes active, and hardly one takes longer than 5 s', async () => {
    await lose('numgen random mod 100 < 20');
    const times = await setUps(6200);
    expect(await lost()).toBeGreaterThan(COUNT);
    hardlyOneTooLate(times);
  }, 300_000);
});
