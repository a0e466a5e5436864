import { describe, expect, it, vi } from 'vitest';
import { MessageTrace } from '../../src/agent/message-trace.ts';
import type { PacketInput } from '../../src/agent/socket/transport.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import type { AgentMessage, RsvpTraceReport } from '../../src/gen/headroom/v1/agent_channel_pb.ts';

const packet = (ttl: number, size = 8): PacketInput => ({
  type: 'packet',
  interface: 'eth0',
  source: '10.1.0.2' as IpAddress,
  destination: '10.2.0.2' as IpAddress,
  ttl,
  bytes: new Uint8Array(size),
});

function tracing() {
  const reports: RsvpTraceReport[] = [];
  const channel = {
    congested: false,
    send(message: AgentMessage['message']): boolean {
      if (message.case === 'rsvpTrace') reports.push(message.value);
      return true;
    },
  };
  return { reports, channel, trace: new MessageTrace(() => channel) };
}

describe('messages on their way to a watcher', () => {
  it('are gathered, keep their order and their times, and tell why they were dropped or not sent', () => {
    vi.useFakeTimers();
    const { reports, trace } = tracing();
    trace.received(packet(1), ['badChecksum']);
    trace.sent({ ...packet(2), type: 'send', routerAlert: true } as never, 'no route to 10.2.0.2');
    expect(reports).toEqual([]);
    vi.runAllTimers();
    expect(reports).toHaveLength(1);
    const [first, second] = reports[0]!.messages;
    expect(first).toMatchObject({ sent: false, ttl: 1, dropped: ['badChecksum'], problem: '' });
    expect(second).toMatchObject({ sent: true, ttl: 2, routerAlert: true, problem: 'no route to 10.2.0.2' });
    expect(second!.timeMicros).toBeGreaterThanOrEqual(first!.timeMicros);
    expect(reports[0]!.leftOut).toBe(0n);
    vi.useRealTimers();
  });

  it('wait while the channel is full, are bounded, and the rest is counted', () => {
    vi.useFakeTimers();
    const { reports, channel, trace } = tracing();
    channel.congested = true;
    for (let n = 0; n < 5_000; n++) trace.received(packet(n % 256), []);
    vi.advanceTimersByTime(1_000);
    expect(reports).toEqual([]);
    channel.congested = false;
    vi.advanceTimersByTime(1_000);
    expect(reports.map(({ messages, leftOut }) => [messages.length, leftOut])).toEqual([[2_000, 3_000n]]);
    trace.received(packet(9), []);
    vi.runAllTimers();
    expect(reports[1]).toMatchObject({ leftOut: 0n, messages: [{ ttl: 9 }] });
    vi.useRealTimers();
  });

  it('are bounded in bytes, too', () => {
    vi.useFakeTimers();
    const { reports, trace } = tracing();
    for (let n = 0; n < 100; n++) trace.received(packet(1, 60_000), []);
    vi.runAllTimers();
    expect(reports[0]!.messages.length).toBeLessThan(40);
    expect(reports[0]!.messages.length + Number(reports[0]!.leftOut)).toBe(100);
    vi.useRealTimers();
  });

  it('leave no timer behind', () => {
    vi.useFakeTimers();
    const { trace } = tracing();
    trace.received(packet(1), []);
    trace.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
