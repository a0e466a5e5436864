import { describe, expect, it } from 'vitest';
import { hmac } from '../../../../../src/agent/hmac.ts';
import { Bytes, BytesPerSecond, EpochMs, Micros, Millis, MonotonicMs } from '../../../../../src/core/base/units.ts';
import { createEngine } from '../../../../../src/core/rsvp/engine/engine.ts';
import { PLAIN_NEIGHBOURS } from '../../../../../src/core/rsvp/engine/neighbours/settings.ts';
import type { EngineOutput } from '../../../../../src/core/rsvp/engine/types.ts';
import { decodeMessage } from '../../../../../src/core/rsvp/wire/codec.ts';
import { rsvpMessages } from '../../../../support/captures.ts';
import { ip } from '../network.ts';

const [captured] = rsvpMessages('john-rsvp-integrity-hmac-md5.pcap');
const bytes = Uint8Array.from(captured!.bytes);
const now = MonotonicMs(1_000);

/** An engine on the router's link that agreed on a key with everybody there. */
function receiver(secret: string, handshake: boolean) {
  const engine = createEngine(
    {
      refreshPeriod: Millis(30_000),
      seed: 1,
      maxFlows: 10,
      neighbours: {
        ...PLAIN_NEIGHBOURS,
        secret: Uint8Array.of(1),
        policies: [
          {
            interface: 'eth0',
            address: null,
            integrity: {
              keys: [
                {
                  keyId: 1,
                  algorithm: 'hmac-md5',
                  key: new TextEncoder().encode(secret),
                  notBefore: null,
                  notAfter: null,
                },
              ],
              window: 1,
              handshake,
            },
            helloInterval: null,
            refreshReduction: true,
          },
        ],
      },
    },
    hmac,
  );
  const address = ip('192.0.2.1');
  const eth0 = {
    name: 'eth0',
    address,
    addresses: [address],
    mtu: Bytes(1500),
    bandwidth: BytesPerSecond(1e9),
    latency: Micros(1),
    errorC: Bytes(0),
    errorD: Micros(0),
  };
  engine.handle({ type: 'interfaces', interfaces: [eth0] }, now);
  engine.handle({ type: 'clock', wall: EpochMs(1_790_000_000_000) }, now);
  const arrive = (message: Uint8Array): EngineOutput[] =>
    engine.handle(
      {
        type: 'packet',
        interface: 'eth0',
        source: ip('198.51.100.1'),
        destination: ip('198.51.100.2'),
        ttl: message[4]!,
        bytes: message,
      },
      now,
    );
  return { arrive, state: () => engine.snapshot(now) };
}

describe('a Path that a real router signed', () => {
  it('is judged by what it says, and that it came twice is a replay', () => {
    const { arrive, state } = receiver('password12345', false);
    // Its Tspec has b < M, which RFC 2215 3.6 leaves open.
    arrive(bytes);
    expect(state().paths).toMatchObject([{ tspec: { tokenBucket: 32_000, maxPacketSize: 2 ** 31 - 1 } }]);
    expect(state().counters.dropped).toEqual({});
    arrive(bytes);
    expect(state().counters.dropped).toEqual({ replayed: 1 });
  });

  it('is not believed with another key, or with one byte changed', () => {
    const { arrive, state } = receiver('password12346', false);
    arrive(bytes);
    const other = receiver('password12345', false);
    const changed = bytes.slice();
    // Of the refresh period, which 30,000 stands for.
    changed[bytes.findIndex((_, i) => bytes[i] === 0x75 && bytes[i + 1] === 0x30)]! ^= 1;
    other.arrive(changed);
    for (const { paths, counters } of [state(), other.state()]) {
      expect(paths).toEqual([]);
      expect(counters.dropped).toEqual({ wrongDigest: 1 });
    }
  });

  it('offers the handshake in the lowest bit of its flags, and is asked before it is believed', () => {
    const { arrive, state } = receiver('password12345', true);
    const [challenge] = arrive(bytes).filter((output) => output.type === 'send');
    const decoded = decodeMessage(challenge!.bytes);
    expect(decoded).toMatchObject({
      ok: true,
      value: { message: { type: 25, objects: [{ kind: 'challenge', keyId: 1 }] } },
    });
    expect(state().paths).toEqual([]);
    expect(state().counters.dropped).toEqual({ awaitingHandshake: 1 });
  });
});
