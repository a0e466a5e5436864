import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { createClient, type HeadroomEvent } from '../../src/client/client.ts';
import { Headroom } from './headroom.ts';

const NODES = ['host-a', 'r1', 'r2', 'host-b'];
const RATE = 10_000_000;

const killAgent = (headroom: Headroom, node: string): Promise<void> =>
  new Promise((done) => {
    const agent = headroom.lab.agent(node)!;
    agent.once('exit', () => done());
    agent.kill('SIGKILL');
  });

const bookings = async (headroom: Headroom): Promise<number[]> =>
  ((await headroom.call('GET', '/v1/links')).body.items as { bookedBitsPerSecond: number }[]).map(
    (link) => link.bookedBitsPerSecond,
  );

/** RESV errors that the agents have received so far, by node. */
async function resvErrors(headroom: Headroom): Promise<Record<string, number>> {
  const entries = NODES.map(async (node): Promise<[string, number]> => {
    const { received } = (await headroom.rsvpState(node)).body.engine.counters;
    return [node, (received.ResvErr as number | undefined) ?? 0];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Every event of the log so far. */
async function eventsUntil(headroom: Headroom, last: (event: HeadroomEvent) => boolean): Promise<HeadroomEvent[]> {
  const events: HeadroomEvent[] = [];
  for await (const event of createClient({ baseUrl: headroom.url }).watchEvents({ after: '0' })) {
    events.push(event);
    if (last(event)) break;
  }
  return events;
}

describe('promises over a lab of agents', () => {
  const headroom = new Headroom('loopback', { log: 'error' });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const empty = (): Promise<void> =>
    headroom.until('no agent holds anything', 20_000, async () => {
      for (const node of [...NODES, 'r3']) {
        const { status, body } = await headroom.rsvpState(node);
        if (status !== 200 || body.engine.paths.length > 0 || body.engine.reservations.length > 0) return false;
        if ((await headroom.call('GET', `/v1/agents/${node}`)).body.assignments !== 0) return false;
      }
      return true;
    });

  it('3: released or expired, also while the server is dead: nothing stays in the books or on an agent', async () => {
    const released: string[] = [];
    for (let port = 7000; port < 7005; port++) released.push((await headroom.book(port, RATE)).body.id as string);
    const end = new Date(Date.now() + 6_000).toISOString();
    const { status, body } = await headroom.book(7005, RATE, { window: { end } });
    expect(status).toBe(201);
    for (const id of [...released, body.id as string]) await headroom.reaches(id, 'active');
    await Promise.all(released.slice(1).map((id) => headroom.call('DELETE', `/v1/reservations/${id}`)));
    await headroom.stopServer('SIGKILL');
    await headroom.until('the window is over', 10_000, async () => Date.now() > Date.parse(end));
    await headroom.startServer();
    await headroom.agentsConnected();
    expect((await headroom.reaches(body.id as string, 'ended')).endReason).toBe('expired');
    await headroom.call('DELETE', `/v1/reservations/${released[0]}`);
    for (const id of released) expect((await headroom.reaches(id, 'ended')).endReason).toBe('released');
    await empty();
    expect(new Set(await bookings(headroom))).toEqual(new Set([0]));
  }, 60_000);

  it('5: an agent that restarts while the server is dead takes up what it held', async () => {
    const id = (await headroom.book(7101, RATE)).body.id as string;
    await headroom.reaches(id, 'active');
    const [before, errorsBefore] = [await bookings(headroom), await resvErrors(headroom)];
    await headroom.stopServer('SIGKILL');
    await killAgent(headroom, 'r1');
    headroom.lab.startAgent('r1');
    await headroom.startServer();
    await headroom.agentsConnected();
    await headroom.reaches(id, 'active');
    const { engine } = (await headroom.rsvpState('r1')).body;
    expect([engine.paths.length, engine.reservations.length]).toEqual([1, 1]);
    // r1 counts anew; what the others were told before its end is of flows that were being torn down.
    expect(await resvErrors(headroom)).toEqual({ ...errorsBefore, r1: 0 });
    expect(await bookings(headroom)).toEqual(before);
    await headroom.call('DELETE', `/v1/reservations/${id}`);
    await headroom.reaches(id, 'ended');
    await empty();
  }, 60_000);

  it('5: server and every agent dead, then the server first: all come back to what was promised', async () => {
    const id = (await headroom.book(7201, RATE)).body.id as string;
    await headroom.reaches(id, 'active');
    const before = await bookings(headroom);
    await headroom.stopServer('SIGKILL');
    await Promise.all([...NODES, 'r3'].map((node) => killAgent(headroom, node)));
    await headroom.startServer();
    expect((await headroom.call('GET', `/v1/reservations/${id}`)).body.endReason).toBeNull();
    for (const node of [...NODES, 'r3']) headroom.lab.startAgent(node);
    await headroom.agentsConnected();
    await headroom.until('every hop has it again', 30_000, async () => {
      const { body } = await headroom.call('GET', `/v1/reservations/${id}`);
      expect(body.endReason, JSON.stringify(body)).toBeNull();
      if (body.state !== 'active') return false;
      for (const node of ['host-a', 'r1', 'r2']) {
        if ((await headroom.rsvpState(node)).body.engine?.reservations.length !== 1) return false;
      }
      return true;
    });
    expect(await bookings(headroom)).toEqual(before);
    await headroom.call('DELETE', `/v1/reservations/${id}`);
    await headroom.reaches(id, 'ended');
    await empty();
  }, 90_000);

  it('4: on the admitted path, actual and admitted hops are the same and no difference is shown', async () => {
    const id = (await headroom.book(7301, RATE)).body.id as string;
    await headroom.until('the way is known', 10_000, async () => {
      const [path] = (await headroom.call('GET', `/v1/reservations/${id}`)).body.paths;
      expect(path.deviation).toBeNull();
      const links = (hops: { link: string }[]): string => hops.map(({ link }) => link).join();
      return links(path.actualHops) === links(path.hops);
    });
    await headroom.call('DELETE', `/v1/reservations/${id}`);
    await headroom.reaches(id, 'ended');
  }, 30_000);
});

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('a route that no longer follows the books', () => {
  const headroom = new Headroom('kernel', { log: 'error' });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  it('4: is an event, and stands on the reservation', async () => {
    const id = (await headroom.book(7401, RATE)).body.id as string;
    await headroom.reaches(id, 'active');
    await headroom.exec('r1', 'ip', 'route', 'add', '10.2.0.0/24', 'via', '10.13.0.3', 'metric', '5');
    const sentence = 'r1 sends over r1:eth2 instead of r1:eth1';
    await headroom.until('the difference stands on the reservation', 20_000, async () => {
      const { body } = await headroom.call('GET', `/v1/reservations/${id}`);
      return body.paths[0].deviation === sentence;
    });
    const events = await eventsUntil(headroom, ({ type }) => type === 'reservation.pathMismatch');
    const { reservation, reservationId } = events.at(-1)!;
    expect(reservationId).toBe(id);
    expect(reservation!.paths[0]!.deviation).toBe(sentence);
    expect(reservation!.paths[0]!.actualHops).toContainEqual({ node: 'r1', interface: 'eth2', link: 'r1:eth2' });
    await headroom.exec('r1', 'ip', 'route', 'del', '10.2.0.0/24', 'via', '10.13.0.3', 'metric', '5');
    await headroom.call('DELETE', `/v1/reservations/${id}`);
    await headroom.reaches(id, 'ended', 60_000);
    for (const [host, device] of [
      ['host-a', 'eth0'],
      ['r1', 'eth1'],
      ['r1', 'eth2'],
      ['r2', 'eth0'],
    ] as const) {
      expect(await headroom.classes(host, device), `${host} ${device}`).toEqual([]);
    }
  }, 120_000);
});
