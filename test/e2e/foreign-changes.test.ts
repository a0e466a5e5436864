import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom, type Answer, type ReservationEvent } from './headroom.ts';

const RATE = 2_000_000;
/** What the class of a booking of RATE has: with the link's header on packets of 1,200 bytes. */
const RATE_OF_CLASS = expect.closeTo(RATE * 1.02, -5) as number;
/** From the loss to the repair, by the events' own times. */
const PROMISED_MS = 1_000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('what others change in the kernel of r1', () => {
  const headroom = new Headroom('kernel', { log: 'error' });
  let port = 6000;
  let id = '';
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);
  afterEach(async () => {
    if (id !== '') await headroom.call('DELETE', `/v1/reservations/${id}`);
    if (id !== '') await headroom.reaches(id, 'ended');
    id = '';
  }, 30_000);

  const active = async (): Promise<void> => {
    const booked = await headroom.book(++port, RATE);
    expect([booked.status, booked.body]).toMatchObject([201, {}]);
    id = booked.body.id as string;
    await headroom.reaches(id, 'active');
  };
  const kernel = async (): Promise<Answer['body']> => (await headroom.rsvpState('r1')).body.kernel;
  const rates = async (): Promise<number[]> => (await headroom.classes('r1', 'eth1')).map(({ rate }) => rate);
  /** States since the reservation first was active, each with the reason where there is one. */
  const history = async (last: string): Promise<ReservationEvent[]> => {
    let degraded = false;
    const events = await headroom.eventsOf(id, ({ reservation }) => {
      degraded ||= reservation.state === 'degraded';
      return degraded && reservation.state === last;
    });
    return events.slice(events.findIndex(({ reservation }) => reservation.state === 'active'));
  };
  const states = (events: readonly ReservationEvent[]): string[] =>
    events.map(({ reservation }) => reservation.state).filter((state, i, all) => state !== all[i - 1]);
  const lines = (text: string): readonly string[] =>
    headroom
      .agentLog('r1')
      .split('\n')
      .filter((line) => line.includes(text));
  const expectShortlyDegraded = async (why: RegExp): Promise<void> => {
    const events = await history('active');
    expect(states(events)).toEqual(['active', 'degraded', 'active']);
    const degraded = events.find(({ reservation }) => reservation.state === 'degraded')!;
    expect(degraded.reservation.stateReason).toMatch(why);
    expect(Date.parse(events.at(-1)!.time) - Date.parse(degraded.time)).toBeLessThan(PROMISED_MS);
  };

  it('its whole ruleset flushed: put back at once, told with the process that did it', async () => {
    await active();
    const before = await headroom.exec('r1', 'nft', 'list', 'table', 'inet', 'headroom');
    const since = Date.now();
    await headroom.exec('r1', 'nft', 'flush', 'ruleset');
    await expectShortlyDegraded(/r1 has lost it \(nftables: table inet headroom was gone by nft \(process \d+\)\)/);
    expect(Date.parse((await history('active')).at(-1)!.time) - since).toBeLessThan(PROMISED_MS);
    expect(await headroom.exec('r1', 'nft', 'list', 'table', 'inet', 'headroom')).toBe(before);
    expect(lines('"level":"warn"').filter((line) => line.includes('table inet headroom was gone'))).toHaveLength(1);
  });

  it('a root qdisc deleted: put back at once with its classes', async () => {
    await active();
    const since = Date.now();
    await headroom.exec('r1', 'tc', 'qdisc', 'del', 'dev', 'eth1', 'root');
    await expectShortlyDegraded(/the root qdisc of eth1 was gone/);
    expect(Date.parse((await history('active')).at(-1)!.time) - since).toBeLessThan(PROMISED_MS);
    expect(await rates()).toEqual([RATE_OF_CLASS]);
    expect(lines('the root qdisc of eth1 was gone')).toHaveLength(1);
  });

  it('a class deleted, and one changed', async () => {
    await active();
    const [known] = await headroom.classes('r1', 'eth1');
    const classId = `fff0:${known!.minor.toString(16)}`;
    await headroom.exec('r1', 'tc', 'class', 'change', 'dev', 'eth1', 'classid', classId, 'htb', 'rate', '1mbit');
    await expectShortlyDegraded(/a class of eth1 gone or changed/);
    expect(await rates()).toEqual([RATE_OF_CLASS]);
  });

  it('a root qdisc of somebody else: left alone and told, ours when it goes', async () => {
    await active();
    await headroom.exec('r1', 'tc', 'qdisc', 'replace', 'dev', 'eth1', 'root', 'pfifo');
    const degraded = (await history('degraded')).at(-1)!;
    expect(degraded.reservation.stateReason).toMatch(/interface eth1 has a root qdisc that is not ours: qdisc pfifo/);
    expect(await headroom.exec('r1', 'tc', 'qdisc', 'show', 'dev', 'eth1')).toMatch(/^qdisc pfifo/);
    const { body } = await headroom.call('GET', '/v1/agents/r1');
    expect(body.mismatches).toContainEqual(expect.stringMatching(/^interface eth1 has a root qdisc that is not ours/));

    // A new booking over it is refused with that reason; one that stands survives a restart of its agent.
    const refused = await headroom.book(++port, RATE);
    if (refused.status === 201) {
      const ended = await headroom.reaches(refused.body.id as string, 'ended');
      expect(ended.stateReason).toMatch(/a root qdisc that is not ours/);
    } else expect(JSON.stringify(refused.body)).toMatch(/a root qdisc that is not ours/);
    await headroom.restartAgent('r1');
    expect((await headroom.reaches(id, 'degraded')).stateReason).toMatch(/r1/);

    await headroom.exec('r1', 'tc', 'qdisc', 'del', 'dev', 'eth1', 'root');
    await headroom.reaches(id, 'active');
    expect(await rates()).toEqual([RATE_OF_CLASS]);
    await headroom.until('nothing is amiss on r1', 5_000, async () => {
      const agent = (await headroom.call('GET', '/v1/agents/r1')).body;
      return agent.mismatches.length === 0;
    });
  }, 60_000);

  it('the rule and the route of a pinned flow: put back at once and told', async () => {
    // The routed way by r2 is so full that what follows goes round by r3.
    const filling = (await headroom.book(++port, 70_000_000)).body.id as string;
    await headroom.reaches(filling, 'active');
    const { status, body } = await headroom.book(++port, 3 * RATE);
    expect([status, body]).toMatchObject([201, { paths: [{ pinning: 'pinned' }] }]);
    id = body.id as string;
    await headroom.reaches(id, 'active');
    const rules = (): Promise<string> => headroom.exec('r1', 'ip', 'rule', 'show', 'pref', '21000');
    const routes = (): Promise<string> => headroom.exec('r1', 'ip', 'route', 'show', 'table', 'all', 'proto', '72');
    const before = [await rules(), await routes()];
    await headroom.exec('r1', 'ip', 'rule', 'del', 'pref', '21000');
    await expectShortlyDegraded(
      /r1 has lost it \(the rule or route that keeps flows on their path by 10\.13\.0\.3 was gone/,
    );
    expect([await rules(), await routes()]).toEqual(before);

    const table = /lookup (\d+)/.exec(before[0]!)![1]!;
    await headroom.exec('r1', 'ip', 'route', 'flush', 'table', table);
    let losses = 0;
    await headroom.eventsOf(id, ({ reservation }) => {
      if (reservation.state === 'degraded') losses++;
      return losses === 2;
    });
    await headroom.reaches(id, 'active');
    expect([await rules(), await routes()]).toEqual(before);
    await headroom.call('DELETE', `/v1/reservations/${filling}`);
    await headroom.reaches(filling, 'ended');
  }, 30_000);

  it('a table of their own, a thousand times: nothing is compared', async () => {
    await active();
    const before = await kernel();
    const rules = Array.from({ length: 1000 }, (_, i) => `add rule ip other c ip daddr 192.0.2.${i % 250} counter`);
    const churn = headroom.spawn('r1', 'nft', '-i');
    churn.stdin!.end(['add table ip other', 'add chain ip other c', ...rules, 'delete table ip other'].join('\n'));
    churn.stdout!.resume();
    await once(churn, 'exit');
    await headroom.until('the agent has heard of it', 5_000, async () => {
      return (await kernel()).notices.datagrams >= before.notices.datagrams + 1000;
    });
    const after = await kernel();
    expect(after.watch).toMatchObject({ foreign: before.watch.foreign, comparisons: before.watch.comparisons });
    expect(after.notices.overruns).toBe(before.notices.overruns);
  });

  it('our own bookings: nothing is compared for them', async () => {
    const before = await kernel();
    for (let i = 0; i < 5; i++) {
      await active();
      await headroom.call('DELETE', `/v1/reservations/${id}`);
      await headroom.reaches(id, 'ended');
    }
    id = '';
    const after = await kernel();
    expect(after.watch.own).toBeGreaterThan(before.watch.own);
    expect(after.watch).toMatchObject({ foreign: before.watch.foreign, comparisons: before.watch.comparisons });
  }, 30_000);

  it('our table again and again: put back later and later, told while it is gone', async () => {
    await active();
    const { comparisons } = (await kernel()).watch;
    let fights = true;
    const fight = (async () => {
      while (fights) await headroom.exec('r1', 'nft', 'flush', 'ruleset');
    })();
    await headroom.until('the agent waits', 20_000, async () => (await kernel()).watch.looks > 0);
    const events = await headroom.eventsOf(id, ({ reservation }) =>
      /times within a minute/.test(reservation.stateReason ?? ''),
    );
    expect(events.at(-1)!.reservation).toMatchObject({
      state: 'degraded',
      stateReason: expect.stringMatching(
        /table inet headroom was gone, \d+ times within a minute by nft \(process \d+\); put back/,
      ),
    });
    fights = false;
    await fight;
    expect((await kernel()).watch.comparisons - comparisons).toBeLessThan(20);
    await headroom.reaches(id, 'active', 40_000);
    expect(lines('taken away again and again').length).toBeGreaterThan(0);
  }, 90_000);
});
