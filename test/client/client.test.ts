import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createClient, ProblemError, type HeadroomEvent, type ReservationRequest } from '../../src/client/client.ts';
import { readEvents } from '../../src/client/event-reader.ts';
import type { EventView } from '../../src/server/control/api.ts';
import { ControlError } from '../../src/server/control/errors.ts';
import {
  edgeControl,
  goodRequest,
  failing,
  goodTopology,
  NOW,
  reservation,
  RESERVATION_ID,
  untilAborted,
} from '../server/edge-control.ts';
import { buildApp } from '../server/http/app.ts';

async function connected(over: Parameters<typeof edgeControl>[0] = {}, token: string | null = null) {
  const control = edgeControl(over);
  const { app } = buildApp({ control, access: { token, loopbackOnly: token === null } });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const baseUrl = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { control, app, baseUrl, client: createClient({ baseUrl, ...(token === null ? {} : { token }) }) };
}

const problemOf = async (call: Promise<unknown>): Promise<ProblemError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProblemError)) throw new Error(`expected a problem, not ${String(error)}`);
  return error;
};

describe('the client', () => {
  it('books with a key, reads, lists and releases', async () => {
    const { client, control } = await connected();
    const booked = await client.reserve(goodRequest(), { idempotencyKey: 'k1' });
    expect(booked.id).toBe(RESERVATION_ID);
    expect(control.calls[0]!.args[1]).toEqual({ idempotencyKey: 'k1', validateOnly: false });
    expect(await client.reserve(goodRequest(), { validateOnly: true })).not.toHaveProperty('id');
    expect((await client.getReservation(RESERVATION_ID)).state).toBe('active');
    const page = await client.listReservations({ state: ['active', 'held'], pageSize: 2 });
    expect(page.nextPageToken).toBe('next');
    expect(control.calls.at(-1)!.args[0]).toMatchObject({ states: ['active', 'held'], pageSize: 2 });
    const changed = await client.modifyReservation(
      RESERVATION_ID,
      { name: null },
      { ifMatch: '7', idempotencyKey: 'k2' },
    );
    expect(changed).toMatchObject({ name: null, etag: '8' });
    expect(control.calls.at(-1)!.args[2]).toEqual({ ifMatch: '"7"', idempotencyKey: 'k2' });
    await client.releaseReservation(RESERVATION_ID);
  });

  it('reads and writes the topology', async () => {
    const { client, control } = await connected();
    await client.putTopology(goodTopology() as Parameters<typeof client.putTopology>[0]);
    const { topology, etag } = await client.getTopology();
    expect(topology.links).toHaveLength(2);
    await client.putTopology(topology, { ifMatch: etag, force: true });
    expect(control.calls.at(-1)!.args[1]).toEqual({ ifMatch: `"${etag}"`, force: true, validateOnly: false });
    const text = JSON.stringify(goodTopology());
    const outcome = await client.importTopology(text, { format: 'headroom', validateOnly: true }, { ifMatch: etag });
    expect(outcome.changes.nodesAdded).toEqual(['a', 'b']);
    expect(control.calls.at(-1)!.args[0]).toBe(text);
    expect((await client.getLink('a:eth0')).reservableBitsPerSecond).toBe(75_000_000);
    expect(await client.listNodes()).toHaveLength(2);
    expect((await client.getAgent('r1')).routes).toHaveLength(1);
  });

  it('throws what the server refuses with code, reasons and fields', async () => {
    const { client } = await connected({
      getReservation: async () => {
        throw new ControlError('NO_PATH', 'No way', {
          reasons: [{ reason: 'NO_PATH', source: 'a', destination: 'b', detail: 'not connected' }],
        });
      },
    });
    const refused = await problemOf(client.getReservation('x'));
    expect(refused).toMatchObject({ status: 409, code: 'NO_PATH', retryable: false });
    expect(refused.reasons[0]).toMatchObject({ reason: 'NO_PATH', source: 'a' });
    const wrong = await problemOf(client.reserve({ ...goodRequest(), qos: {} } as unknown as ReservationRequest));
    expect(wrong.fields.map((each) => each.field)).toContain('qos.serviceType');
  });

  it('sends its token', async () => {
    const { client, baseUrl } = await connected({}, 'secret');
    expect((await client.version()).version).toBe('0.1.0');
    expect((await problemOf(createClient({ baseUrl }).version())).code).toBe('UNAUTHENTICATED');
  });

  it('says so when no server answers, or another one', async () => {
    const { app, client } = await connected();
    await app.close();
    expect(await problemOf(client.version())).toMatchObject({ status: 0, code: 'UNAVAILABLE', retryable: true });
    const other = createClient({
      baseUrl: 'http://localhost',
      fetch: async () => new Response('<html>', { status: 502 }),
    });
    expect(await problemOf(other.version())).toMatchObject({ status: 502, code: 'INTERNAL' });
  });

  it('is told that the server is not ready', async () => {
    const { client } = await connected({
      readiness: async () => ({ ready: false, database: 'unreachable', migrations: 'ok', warnings: [] }),
    });
    expect(await client.readiness()).toMatchObject({ ready: false, database: 'unreachable' });
  });
});

describe('watching events', () => {
  const event = (id: number): EventView => ({
    id: BigInt(id),
    type: 'reservation.active',
    time: NOW,
    reservationId: RESERVATION_ID,
    data: reservation(),
  });

  it('goes on where it was when the connection is lost', async () => {
    let connections = 0;
    const all = [event(1), event(2), event(3), event(4)];
    const { client } = await connected({
      watchEvents: async function* (after, signal) {
        const rest = all.filter((each) => each.id > (after ?? 0n));
        if (++connections === 1) yield* rest.slice(0, 2);
        else yield* untilAborted(rest, signal);
      },
    });
    const seen: HeadroomEvent[] = [];
    const stop = new AbortController();
    for await (const each of client.watchEvents({ after: '0', signal: stop.signal, maxBackoffMs: 1 })) {
      seen.push(each);
      if (each.id === '4') stop.abort();
    }
    expect(seen.map((each) => each.id)).toEqual(['1', '2', '3', '4']);
    expect(seen[0]!.reservation?.state).toBe('active');
    expect(connections).toBe(2);
  });

  it('throws when the events are gone', async () => {
    const { client } = await connected({
      watchEvents: () => failing(new ControlError('EVENTS_PURGED', 'gone')),
    });
    const problem = await problemOf(client.watchEvents({ after: '1' }).next());
    expect(problem).toMatchObject({ status: 410, code: 'EVENTS_PURGED' });
  });

  it.each([1, 2, 3, 7, 1000])('reads the stream in pieces of %d bytes', async (size) => {
    const text =
      ': hello\r\nid: 1\r\nevent: a\r\ndata: {"x":\r\ndata: "é"}\r\n\r\nid: 2\ndata\n\ndata: z\rid\r\r: end\n\n';
    const bytes = new TextEncoder().encode(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
    const events = [];
    for await (const each of readEvents(body)) events.push(each);
    expect(events).toEqual([
      { id: '1', event: 'a', data: '{"x":\n"é"}' },
      { id: '2', event: 'message', data: '' },
      { id: '', event: 'message', data: 'z' },
    ]);
  });
});
