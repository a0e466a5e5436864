import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Headroom } from './headroom.ts';

describe('the loopback lab', () => {
  const headroom = new Headroom('loopback');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  it('a reservation becomes active through PATH and RESV between the agents, and says that nothing is enforced', async () => {
    const { status, body } = await headroom.book(5004, 10_000_000);
    expect([status, body]).toMatchObject([201, { state: 'establishing' }]);
    const reservation = await headroom.reaches(body.id as string, 'active');
    expect(reservation.paths[0].enforcement).toBe('none');
    const { engine, transport } = (await headroom.rsvpState('r2')).body;
    expect(transport.kind).toBe('loopback');
    expect(engine.counters.received).toMatchObject({ Path: expect.any(Number), Resv: expect.any(Number) });
    await headroom.until('ResvConf has come', 5_000, async () => {
      const { body: now } = await headroom.call('GET', `/v1/reservations/${body.id}`);
      return now.signaling.confirmedAt !== null;
    });
    const { body: agent } = await headroom.call('GET', '/v1/agents/r2');
    expect(agent).toMatchObject({ features: { enforces: false, rsvpTransport: 'loopback' }, mismatches: [] });
    expect((await headroom.call('DELETE', `/v1/reservations/${body.id}`)).status).toBe(204);
    expect((await headroom.reaches(body.id as string, 'ended')).endReason).toBe('released');
    const { engine: after } = (await headroom.rsvpState('r2')).body;
    expect([after.paths, after.reservations]).toEqual([[], []]);
  });

  it('a rate that is changed while the reservation is still being set up, again and again, ends up the same everywhere', async () => {
    for (let round = 0; round < 10; round++) {
      const { body } = await headroom.book(5010 + round, 10_000_000);
      const url = `/v1/reservations/${body.id}`;
      let rate = 0;
      for (const factor of [2, 0.5, 3]) {
        rate = 10_000_000 * factor;
        await headroom.until('the change is taken', 10_000, async () => {
          const answer = await headroom.call(
            'PATCH',
            url,
            { qos: { tokenRateBitsPerSecond: rate } },
            { 'if-match': '*' },
          );
          // One at a time.
          if (answer.status !== 200) expect([answer.status, answer.body.code]).toEqual([409, 'INCOMPATIBLE_STATE']);
          return answer.status === 200;
        });
      }
      await headroom.until('the last change has settled', 10_000, async () => {
        const now = (await headroom.call('GET', url)).body;
        expect(now.change?.reasons ?? []).toEqual([]);
        return now.change === null && now.state === 'active';
      });
      for (const node of ['host-a', 'r1', 'r2', 'host-b']) {
        const { paths, reservations, counters } = (await headroom.rsvpState(node)).body.engine;
        expect(paths[0].tspec.tokenRate).toBe(rate / 8);
        if (node !== 'host-b') expect(reservations[0].flowspec.tspec.tokenRate).toBe(rate / 8);
        expect(counters.sent).not.toHaveProperty('ResvErr');
      }
      await headroom.call('DELETE', url);
      await headroom.reaches(body.id as string, 'ended');
    }
  }, 60_000);

  it('refuses guaranteed service that no rate can give, and keeps what it gives within the bound', async () => {
    const qos = { serviceType: 'guaranteed', tokenRateBitsPerSecond: 5_000_000, maxPacketBytes: 1500 };
    const hopeless = await headroom.book(5005, 0, { qos: { ...qos, maxDelayMicros: 1_000 } });
    expect([hopeless.status, hopeless.body.code]).toEqual([409, 'DELAY_BOUND_UNREACHABLE']);
    expect(hopeless.body.reasons[0].smallestMicros).toBeGreaterThan(1_000);
    const { status, body } = await headroom.book(5006, 0, { qos: { ...qos, maxDelayMicros: 40_000 } });
    expect(status, JSON.stringify(body)).toBe(201);
    expect(body.paths[0].delayBoundMicros).toBeLessThanOrEqual(40_000);
    await headroom.reaches(body.id as string, 'active');
    const { engine } = (await headroom.rsvpState('r1')).body;
    expect(engine.reservations[0].flowspec.service).toBe('guaranteed');
    await headroom.call('DELETE', `/v1/reservations/${body.id}`);
    await headroom.reaches(body.id as string, 'ended');
  });

  it('an agent that has gone is needed again within its 30 s of grace, and a dead receiver fails no one else', async () => {
    await headroom.killAgent('r3');
    const { status, body } = await headroom.book(5007, 1_000_000);
    expect(status).toBe(201);
    await headroom.reaches(body.id as string, 'active');
    await headroom.call('DELETE', `/v1/reservations/${body.id}`);
    headroom.lab.startAgent('r3');
    await headroom.agentsConnected();
  });
});
