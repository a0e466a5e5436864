import { describe, expect, test } from 'vitest';
import type { TraceItem } from '../../../../src/server/control/api.ts';
import { ControlError } from '../../../../src/server/control/errors.ts';
import type { ScriptedAgent } from '../../../support/scripted-agent.ts';
import { heardOut, openChannel, type Channel } from './channel-fixture.ts';

const switches = (agent: ScriptedAgent): boolean[] =>
  agent.received.flatMap(({ message }) => (message.case === 'rsvpTrace' ? [message.value.on] : []));

const message = (n: number) => ({
  timeMicros: BigInt(1_000 + n),
  sent: n % 2 === 1,
  interface: 'eth1',
  source: '10.1.0.2',
  destination: '10.2.0.2',
  ttl: 63,
  bytes: new Uint8Array([0x10, 1, 0, 0, 63, 0, 0, 8]),
});

function watch(channel: Channel, node = 'r1') {
  const stop = new AbortController();
  const items = channel.registry.watchRsvp(node, stop.signal)[Symbol.asyncIterator]();
  return {
    stop,
    next: async (): Promise<TraceItem | undefined> => (await items.next()).value as TraceItem | undefined,
  };
}

const refusal = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof ControlError) return error.code;
    throw error;
  }
  return 'none';
};

describe('watching the messages of an agent', () => {
  test('turns the agent on with the first watcher and off with the last', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    const first = watch(channel);
    const second = watch(channel);
    first.stop.abort();
    await heardOut(channel, r1);
    expect(switches(r1)).toEqual([true]);
    second.stop.abort();
    await heardOut(channel, r1);
    expect(switches(r1)).toEqual([true, false]);
    expect(await second.next()).toBeUndefined();
    watch(channel);
    await heardOut(channel, r1);
    expect(switches(r1)).toEqual([true, false, true]);
  });

  test('brings each message to each watcher, in order, and what the agent left out behind them', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    const watchers = [watch(channel), watch(channel)];
    r1.say({
      case: 'rsvpTrace',
      value: { messages: [{ ...message(0), dropped: ['badChecksum'] }, message(1)], leftOut: 7n },
    });
    for (const { next } of watchers) {
      expect(await next()).toMatchObject({
        type: 'message',
        timeMicros: 1_000n,
        direction: 'in',
        interface: 'eth1',
        source: '10.1.0.2',
        ttl: 63,
        dropped: ['badChecksum'],
        problem: null,
      });
      expect(await next()).toMatchObject({ type: 'message', timeMicros: 1_001n, direction: 'out', dropped: [] });
      expect(await next()).toEqual({ type: 'leftOut', count: 7 });
    }
  });

  test('goes on when the agent comes back, and says so', async () => {
    const channel = await openChannel();
    const before = await channel.agent('r1');
    const { next } = watch(channel);
    before.close();
    expect(await next()).toEqual({ type: 'agent', connected: false });
    const after = await channel.agent('r1');
    expect(await next()).toEqual({ type: 'agent', connected: true });
    await heardOut(channel, after);
    expect(switches(after)).toEqual([true]);
  });

  test('keeps no more for a slow watcher than a bound, and counts the rest', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    const { next } = watch(channel);
    const messages = Array.from({ length: 1_000 }, (_, n) => message(n));
    for (let i = 0; i < 7; i++) r1.say({ case: 'rsvpTrace', value: { messages, leftOut: 1n } });
    await heardOut(channel, r1);
    let kept = 0;
    let item = await next();
    for (; item?.type === 'message'; item = await next()) kept++;
    expect(item).toMatchObject({ type: 'leftOut' });
    const leftOut = item?.type === 'leftOut' ? item.count : 0;
    // Once one is left out, so is all that comes before the watcher has caught up.
    expect(kept + leftOut).toBe(7 * 1_001);
    expect(kept).toBeLessThanOrEqual(5_000);
    r1.say({ case: 'rsvpTrace', value: { messages: [message(3)] } });
    expect(await next()).toMatchObject({ type: 'message', timeMicros: 1_003n });
  });

  test('is refused for nodes without an agent, agents that are away, and where sixteen watch already', async () => {
    const channel = await openChannel();
    expect(refusal(() => watch(channel, 'nowhere'))).toBe('NOT_FOUND');
    expect(refusal(() => watch(channel))).toBe('UNAVAILABLE');
    await channel.agent('r1');
    const watchers = Array.from({ length: 16 }, () => watch(channel));
    expect(refusal(() => watch(channel))).toBe('UNAVAILABLE');
    watchers[0]!.stop.abort();
    expect(refusal(() => watch(channel))).toBe('none');
  });

  test('ends when the server stops', async () => {
    const channel = await openChannel();
    await channel.agent('r1');
    const { next } = watch(channel);
    channel.registry.close();
    expect(await next()).toBeUndefined();
  });
});
