import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Millis } from '../../../../../src/core/base/units.ts';
import { encodeIpv4, IPPROTO_RSVP } from '../../../../../src/core/rsvp/wire/ip-packet.ts';
import { messageTypeName } from '../../../../../src/core/rsvp/wire/message.ts';
import { rawIpCapture } from '../../../../support/captures.ts';
import { requires } from '../../../../support/requires.ts';
import { establish, flow, ip, lab, type Sent } from '../network.ts';

/** Everything that neighbours say to each other: keys on one link, Hello on another, a restart that costs the ids. */
function conversation(): Sent[] {
  const world = lab({ refreshReduction: true });
  const plain = { integrity: null, helloInterval: null, refreshReduction: true };
  const key = new TextEncoder().encode('password12345');
  const keys = [{ keyId: 0x0102_0304_0506, algorithm: 'hmac-md5' as const, key, notBefore: null, notAfter: null }];
  const integrity = { keys, window: 1, handshake: true };
  world.hostA.policies.push({ ...plain, interface: 'eth0', address: ip('10.1.0.1'), integrity });
  world.r1.policies.push({ ...plain, interface: 'eth0', address: ip('10.1.0.2'), integrity });
  world.r1.policies.push({ ...plain, interface: 'eth1', address: ip('10.0.12.2'), helloInterval: Millis(5_000) });
  for (const node of world.nodes) node.configure();
  world.network.start();
  establish(world, flow(1));
  establish(world, flow(2));
  world.network.run(60_000);
  world.r2.restart();
  world.network.run(60_000);
  world.hostA.input({ type: 'closeSender', flow: flow(1) });
  world.network.run(1_000);
  return world.network.sent;
}

describe.skipIf(requires('tshark'))('what neighbours say to each other, as tshark reads it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headroom-tshark-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is whole, of the type we meant, and where a checksum is due it is right', () => {
    const sent = conversation();
    const packets = sent.map(({ send: { source, destination, ttl, routerAlert, bytes } }) =>
      encodeIpv4({ source, destination, ttl, routerAlert, protocol: IPPROTO_RSVP, payload: bytes }),
    );
    const file = join(folder, 'neighbours.pcap');
    writeFileSync(file, rawIpCapture(packets));
    const read = (...fields: string[]): string[][] =>
      execFileSync('tshark', ['-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], {
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1 << 27,
      })
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
    const rows = read('rsvp.msg', '_ws.malformed', 'rsvp.flags', 'rsvp.integrity.key_identifier');
    expect(rows).toHaveLength(sent.length);
    const seen = new Set<string>();
    for (const [i, [types, malformed, , keyId]] of rows.entries()) {
      const { send, node } = sent[i]!;
      const [type, ...inner] = types!.split(',').map(Number);
      expect(type).toBe(send.bytes[1]);
      expect(malformed, `frame ${i + 1}`).toBe('');
      seen.add(messageTypeName(type!));
      if (type === 12) expect(inner.length).toBeGreaterThan(1);
      const signed = ['host-a', 'r1'].includes(node) && send.interface === 'eth0' && type !== 25;
      if (signed && type !== 12) expect(keyId).toBe('010203040506');
    }
    expect([...seen].sort()).toEqual(
      [
        'Ack',
        'Bundle',
        'Hello',
        'IntegrityChallenge',
        'IntegrityResponse',
        'Path',
        'PathTear',
        'Resv',
        'ResvConf',
        'Srefresh',
      ].sort(),
    );
    const text = execFileSync('tshark', ['-r', file, '-V', '-O', 'rsvp'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    }).toString();
    expect(text).not.toMatch(/incorrect, should be|Malformed/);
  });

  it('carries the ids and instances that the engines mean', () => {
    const sent = conversation();
    const kinds = ['ack', 'srefresh', 'hello'] as const;
    for (const kind of kinds) {
      const one = sent.find(({ view, send }) => view.kind === kind && send.interface !== 'eth0')!;
      const { source, destination, ttl, bytes } = one.send;
      const file = join(folder, `${kind}.pcap`);
      const packet = encodeIpv4({
        source,
        destination,
        ttl,
        routerAlert: false,
        protocol: IPPROTO_RSVP,
        payload: bytes,
      });
      writeFileSync(file, rawIpCapture([packet]));
      const fields = {
        ack: ['rsvp.message_id_ack.epoch', 'rsvp.message_id_ack.message_id'],
        srefresh: ['rsvp.message_id_list.epoch', 'rsvp.message_id_list.message_id'],
        hello: ['rsvp.hello.source_instance', 'rsvp.hello.destination_instance'],
      }[kind];
      const found = execFileSync('tshark', ['-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
        .toString()
        .trimEnd()
        .split('\t')
        .map((text) => text.split(',').map(Number));
      expect(found, kind).toEqual(meant(one));
    }
  });
});

function meant({ view }: Sent): number[][] {
  switch (view.kind) {
    case 'ack':
      return [view.acks.map(({ epoch }) => epoch), view.acks.map(({ messageId }) => messageId)];
    case 'srefresh': {
      const [list] = view.lists;
      if (list?.kind !== 'messageIdList') throw new Error('no list');
      return [[list.epoch], [...list.messageIds]];
    }
    case 'hello':
      return [[view.hello.sourceInstance], [view.hello.destinationInstance]];
    default:
      throw new Error(view.kind);
  }
}
