import { describe, expect, test } from 'vitest';
import { stateLines } from '../../src/cli/rsvp-show.ts';
import { MonotonicMs } from '../../src/core/base/units.ts';
import { controlledLoad, establish, flow, lab } from '../core/rsvp/engine/network.ts';

/** As it comes over HTTP. */
const asJson = (value: unknown): never =>
  JSON.parse(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === 'number' && !Number.isFinite(each) ? String(each) : each,
    ),
  ) as never;

const shown = (more: object = {}): string => {
  const world = lab();
  establish(world);
  const engine = world.r1.engine.snapshot(MonotonicMs(world.network.now));
  return stateLines(
    asJson({
      node: 'r1',
      engine: { ...engine, ...more },
      transport: { kind: 'raw', dropped: { malformed: 0, overflow: 2 } },
    }),
  ).join('\n');
};

describe('headroom rsvp show', () => {
  test('has path and reservation blocks, timers, counters by message type, and what carries the messages', () => {
    const text = shown();
    expect(text).toMatch(/^PATH STATE\nFLOW +PREVIOUS HOP +/);
    expect(text).toMatch(
      /^udp 10\.1\.0\.2:5004 to 10\.2\.0\.2:5004 +10\.1\.0\.2 +eth0 +eth1 .* 20M bucket \S+ +1 hops +- +157\.\d s$/m,
    );
    expect(text).toMatch(/^RESERVATION STATE\nFLOW +STYLE +INTERFACE +NEXT HOP +FLOWSPEC +STATE +EXPIRES$/m);
    expect(text).toMatch(/^udp \S+ to \S+ +FF +eth1 +10\.0\.12\.2 +CL 20M bucket \S+ +installed +157\.\d s$/m);
    expect(text).toMatch(/^TIMERS\nKIND +COUNT +NEXT$/m);
    for (const kind of ['path expiry', 'path refresh', 'reservation expiry', 'reservation refresh']) {
      expect(text).toMatch(new RegExp(`^${kind} +1 +\\d+\\.\\d s$`, 'm'));
    }
    expect(text).toMatch(/^MESSAGES\nTYPE +RECEIVED +SENT\nPath +2 +2\nResv +1 +1\nResvConf +1 +1$/m);
    expect(text).toContain('DROPPED: none');
    expect(text).toMatch(/^TRANSPORT\n {2}kind +raw\n {2}dropped +malformed 0, overflow 2$/m);
  });

  test('counts what was dropped by reason, the most frequent first', () => {
    const counters = { received: {}, sent: {}, dropped: { badChecksum: 2, missingObject: 31 } };
    expect(shown({ counters })).toMatch(
      /^MESSAGES: none\n\nDROPPED\nREASON +COUNT\nmissingObject +31\nbadChecksum +2$/m,
    );
  });

  test('shows a part that it has never heard of', () => {
    const text = shown({
      neighbours: [
        { address: '10.0.12.2', interface: 'eth1', helloState: 'up', lastHeardInMs: 1_500, keys: [1, 2] },
        { address: '10.1.0.2', interface: 'eth0', helloState: 'lost', lastHeardInMs: null },
      ],
      limits: { flowsPerNeighbour: 1_000 },
      blockades: [],
    });
    expect(text).toMatch(/^NEIGHBOURS\nADDRESS +INTERFACE +HELLO STATE +LAST HEARD +KEYS$/m);
    expect(text).toMatch(/^10\.0\.12\.2 +eth1 +up +1\.5 s +1 2$/m);
    expect(text).toMatch(/^10\.1\.0\.2 +eth0 +lost +- +-$/m);
    expect(text).toMatch(/^LIMITS\n {2}flows per neighbour +1000$/m);
    expect(text).toContain('BLOCKADES: none');
  });

  test('writes guaranteed service and sessions without a sender', () => {
    const guaranteed = {
      service: 'guaranteed',
      tspec: controlledLoad(125_000).tspec,
      rspec: { rate: 250_000, slack: 10 },
    };
    const { destination, protocol, destinationPort } = flow();
    const text = shown({
      reservations: [
        {
          session: { destination, protocol, destinationPort },
          filters: [{ source: '10.1.0.2', sourcePort: 7 }],
          flowspec: guaranteed,
        },
      ],
    });
    expect(text).toMatch(/^udp 10\.2\.0\.2:5004 +10\.1\.0\.2:7 +G 1M bucket \S+ R 2M slack 10us$/m);
  });
});
