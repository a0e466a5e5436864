import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Control, EventView } from '../../../src/server/control/api.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import { edgeControl, failing, NOW, reservation, RESERVATION_ID, untilAborted } from '../edge-control.ts';
import { buildApp } from './app.ts';

const event = (id: number): EventView => ({
  id: BigInt(id),
  type: 'reservation.active',
  time: NOW,
  reservationId: RESERVATION_ID,
  data: reservation(),
});

async function listening(watchEvents: Control['watchEvents'], events = {}) {
  const built = buildApp({ control: edgeControl({ watchEvents }), events });
  await built.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = built.app.server.address() as AddressInfo;
  return { ...built, port, url: `http://127.0.0.1:${port}/v1/events` };
}

/** Reads until the text is there. */
async function readUntil(response: Response, wanted: string): Promise<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text;
}

describe('GET /v1/events', () => {
  it('sends id, type and data of every event after Last-Event-ID', async () => {
    const { url } = await listening((after, signal) => untilAborted([event(1), event(2), event(3)], signal, after));
    const response = await fetch(url, { headers: { 'last-event-id': '1', 'x-correlator': 'watch-1' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-correlator')).toBe('watch-1');
    const text = await readUntil(response, 'id: 3');
    expect(text).not.toContain('id: 1\n');
    const data = JSON.parse(/^data: (.*)$/m.exec(text)![1]!) as unknown;
    expect(text).toContain('id: 2\nevent: reservation.active\ndata: {');
    expect(data).toMatchObject({
      id: '2',
      type: 'reservation.active',
      time: '2026-11-22T10:00:00.000Z',
      reservationId: RESERVATION_ID,
      reservation: { id: RESERVATION_ID, state: 'active', signaling: { style: 'fixedFilter' } },
    });
  });

  it('is a 410 when the events are gone', async () => {
    const { url } = await listening(() =>
      failing(new ControlError('EVENTS_PURGED', 'Events up to 500 are gone', { details: { oldest: '501' } })),
    );
    const response = await fetch(url, { headers: { 'last-event-id': '1' } });
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({ code: 'EVENTS_PURGED', oldest: '501' });
  });

  it('tells as an event what breaks an open stream', async () => {
    const { url } = await listening(async function* () {
      yield event(1);
      throw new ControlError('UNAVAILABLE', 'The database does not answer');
    });
    const text = await readUntil(await fetch(url), 'never');
    expect(text).toContain('event: problem\ndata: {');
    expect(text).toContain('"code":"UNAVAILABLE"');
  });

  it('sends comment lines on a quiet stream', async () => {
    const { url } = await listening((_after, signal) => untilAborted([], signal), { heartbeatMs: 5 });
    expect(await readUntil(await fetch(url), ': \n\n: \n\n')).toContain(': open');
  });

  it('ends the source when the reader goes away', async () => {
    let ended: () => void;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const { url } = await listening(async function* (_after, signal) {
      yield event(1);
      yield* untilAborted([], signal);
      ended();
    });
    const reader = new AbortController();
    await fetch(url, { signal: reader.signal });
    reader.abort();
    await end;
  });

  it('cuts off a reader that takes nothing, having asked for no more than fits', async () => {
    let asked = 0;
    let cut: () => void;
    const done = new Promise<void>((resolve) => (cut = resolve));
    const { port, log } = await listening(
      async function* (_after, signal) {
        try {
          while (!signal.aborted) yield event(++asked);
        } finally {
          cut();
        }
      },
      { stallMs: 50 },
    );
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await done;
    socket.destroy();
    // Socket buffers of the kernel take some MiB; a source without end would have been asked for ever.
    expect(asked).toBeLessThan(50_000);
    expect(log.join('')).toContain('too slow');
  });

  it('ends when the server closes', async () => {
    const { app, url } = await listening((_after, signal) => untilAborted([event(1)], signal));
    const response = await fetch(url);
    const closed = readUntil(response, 'never');
    await app.close();
    expect(await closed).toContain('id: 1');
  });
});

it('the server closes even while a reader is stuck', async () => {
  const { app, port } = await listening(async function* (_after, signal) {
    while (!signal.aborted) yield event(1);
  });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'readable');
  await app.close();
  socket.destroy();
});
