import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient, ProblemError } from '../../../src/client/client.ts';
import type { Control, TraceItem } from '../../../src/server/control/api.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import { edgeControl } from '../edge-control.ts';
import { buildApp } from './app.ts';

const MESSAGE: TraceItem = {
  type: 'message',
  timeMicros: 1_764_064_800_123_456n,
  direction: 'in',
  interface: 'eth0',
  source: '10.1.0.2',
  destination: '10.2.0.2',
  ttl: 63,
  routerAlert: false,
  bytes: Uint8Array.of(0x10, 1, 0xef, 0x9f, 63, 0, 0, 8),
  dropped: ['missingObject'],
  problem: null,
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function listening(watchAgentRsvp: Control['watchAgentRsvp']) {
  const built = buildApp({ control: edgeControl({ watchAgentRsvp }) });
  await built.app.listen({ port: 0, host: '127.0.0.1' });
  cleanups.push(async () => built.app.close());
  return `http://127.0.0.1:${(built.app.server.address() as AddressInfo).port}`;
}

describe('GET /v1/agents/{id}/rsvp/trace', () => {
  it('sends messages, gaps and the coming and going of the agent as server-sent events', async () => {
    const asked: string[] = [];
    const url = await listening(async function* (node) {
      asked.push(node);
      yield MESSAGE;
      yield { type: 'leftOut', count: 3 };
      yield { type: 'agent', connected: false };
    });
    const response = await fetch(`${url}/v1/agents/r1/rsvp/trace`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const text = await response.text();
    expect(asked).toEqual(['r1']);
    const blocks = text.split('\n\n').filter((block) => block.includes('event: '));
    expect(blocks.map((block) => block.split('\n')[0])).toEqual(['event: message', 'event: leftOut', 'event: agent']);
    expect(blocks.map((block) => JSON.parse(block.split('\ndata: ')[1]!) as unknown)).toEqual([
      {
        time: '2025-11-25T10:00:00.123456Z',
        direction: 'in',
        interface: 'eth0',
        source: '10.1.0.2',
        destination: '10.2.0.2',
        ttl: 63,
        routerAlert: false,
        messageType: 'Path',
        bytes: 'EAHvnz8AAAg=',
        dropped: ['missingObject'],
        problem: null,
      },
      { count: 3 },
      { connected: false },
    ]);
  });

  it('is a problem with its status where it is refused', async () => {
    const url = await listening(() => {
      throw new ControlError('UNAVAILABLE', 'the agent of r1 is not connected');
    });
    const response = await fetch(`${url}/v1/agents/r1/rsvp/trace`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'UNAVAILABLE', detail: 'the agent of r1 is not connected' });
    const watching = createClient({ baseUrl: url }).watchAgentRsvp('r1');
    await expect(watching.next()).rejects.toThrow(ProblemError);
  });

  it('stops watching when the caller goes', async () => {
    let ended = (): void => undefined;
    const gone = new Promise<void>((resolve) => (ended = resolve));
    const url = await listening(async function* (_node, signal) {
      yield MESSAGE;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      ended();
    });
    const stop = new AbortController();
    const watching = createClient({ baseUrl: url }).watchAgentRsvp('r1', { signal: stop.signal });
    expect((await watching.next()).value).toMatchObject({ type: 'message', messageType: 'Path' });
    stop.abort();
    await gone;
  });
});
