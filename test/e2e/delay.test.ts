import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queueingDelayMicros } from '../../src/core/qos/delay.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, wrote } from './headroom.ts';

const SCRIPT = resolve(import.meta.dirname, 'measure_delay.py');
/** Bursts as large as the bucket allows, as often as the token rate allows: the worst that the flow may do. */
const RATE = 5_000_000;
const BUCKET = 15_000;
const SIZE = 1_228;
const BURST = Math.floor(BUCKET / SIZE);
const PERIOD_MICROS = Math.ceil((BURST * SIZE * 8e6) / RATE);
const BURSTS = 100;

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'iperf3', 'python3'))('guaranteed service', () => {
  const headroom = new Headroom('kernel');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  /** The flow's worst delay beside a flood, and how many of its packets came. */
  async function measure(port: number): Promise<{ count: number; worstMicros: number }> {
    const floodServer = headroom.spawn('host-b', 'iperf3', '-s', '-1', '-p', '7000', '--forceflush');
    await wrote(floodServer, /listening/i);
    const flood = headroom.spawn(
      'host-a', 'iperf3', '-c', '10.2.0.2', '-p', '7000', '-u', '-b', '200M', '-l', '1200', '-t', '5', '--pacing-timer', '100', '--forceflush', '-i', '0.2',
    ); // prettier-ignore
    const floodEnded = Promise.all([output(flood), output(floodServer)]);
    await wrote(flood, /Mbits\/sec/);
    const receiver = headroom.spawn('host-b', 'python3', SCRIPT, 'receive', String(port));
    const told = output(receiver);
    await wrote(receiver, /ready/);
    const numbers = [BURSTS, SIZE, BURST, PERIOD_MICROS].map(String);
    const flow = ['10.1.0.2', String(port), '10.2.0.2', String(port)];
    await output(headroom.spawn('host-a', 'python3', SCRIPT, 'send', ...flow, ...numbers));
    const result = JSON.parse((await told).replace('ready', '')) as { count: number; worstMicros: number };
    await floodEnded;
    return result;
  }

  it('keeps its bound beside a flood that an unreserved flow suffers from, and the wire says what the books say', async () => {
    const qos = {
      serviceType: 'guaranteed',
      tokenRateBitsPerSecond: RATE,
      tokenBucketBytes: BUCKET,
      maxDelayMicros: 20_000,
    };
    const { status, body } = await headroom.book(5800, 0, { qos });
    expect([status, body]).toMatchObject([201, {}]);
    await headroom.reaches(body.id as string, 'active');
    const bound = body.paths[0].delayBoundMicros as number;
    expect(bound).toBeLessThanOrEqual(20_000);

    const { engine } = (await headroom.rsvpState('host-b')).body;
    const { adspec, tspec } = engine.paths[0];
    const { rate } = (await headroom.rsvpState('r1')).body.engine.reservations[0].flowspec.rspec;
    const terms = { rateDependent: adspec.guaranteed.cTot, rateIndependent: adspec.guaranteed.dTot };
    // Infinity, which JSON does not have, comes as text.
    const queueing = queueingDelayMicros({ ...tspec, peakRate: Number(tspec.peakRate) }, rate as number, terms);
    expect(Math.ceil(queueing + adspec.general.minPathLatency)).toBe(bound);

    const guarded = await measure(5800);
    expect((await headroom.call('DELETE', `/v1/reservations/${body.id}`)).status).toBe(204);
    await headroom.reaches(body.id as string, 'ended');
    expect(guarded.count).toBe(BURSTS * BURST);
    expect(guarded.worstMicros).toBeLessThanOrEqual(bound);
    const unreserved = await measure(5800);
    expect(unreserved.worstMicros).toBeGreaterThan(bound);
  }, 60_000);

  it('tells what ADSPEC says otherwise than the books, as soon as a router advertises it and until it no longer does', async () => {
    const qos = {
      serviceType: 'guaranteed',
      tokenRateBitsPerSecond: RATE,
      tokenBucketBytes: BUCKET,
      maxPacketBytes: 1000,
      maxDelayMicros: 20_000,
    };
    const { status, body } = await headroom.book(5801, 0, { qos });
    expect([status, body]).toMatchObject([201, {}]);
    const id = body.id as string;
    await headroom.reaches(id, 'active');
    const is = (what: string, wanted: string | null): Promise<void> =>
      headroom.until(what, 15_000, async () => {
        const now = (await headroom.call('GET', `/v1/reservations/${id}`)).body;
        return now.signaling.confirmedAt !== null && now.paths[0].adspecDeviation === wanted;
      });
    await is('confirmed, and both agree', null);
    const smaller = 'ADSPEC and books differ: path MTU 1400 bytes instead of 1500';
    await headroom.exec('r1', 'ip', 'link', 'set', 'eth1', 'mtu', '1400');
    await is('the smaller MTU is on the reservation', smaller);
    expect((await headroom.cli('reservation', 'show', id)).stdout).toContain(smaller);
    await headroom.exec('r1', 'ip', 'link', 'set', 'eth1', 'mtu', '1500');
    await is('both agree again', null);
    const events = await headroom.eventsOf(id, ({ type }) => type === 'reservation.adspecObserved');
    expect(events.map(({ type }) => type).filter((type) => type.includes('adspec'))).toEqual([
      'reservation.adspecMismatch',
      'reservation.adspecObserved',
    ]);
    expect(events.at(-1)!.reservation.state).toBe('active');
  }, 60_000);
});
