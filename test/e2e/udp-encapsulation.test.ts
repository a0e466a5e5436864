import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageTypeName } from '../../src/core/rsvp/wire/message.ts';
import { IPPROTO_RSVP, parseIpv4 } from '../../src/core/rsvp/wire/ip-packet.ts';
import { networkPacket } from '../../src/formats/link-layer.ts';
import { framesOf } from '../support/captures.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, PROGRAM, wrote } from './headroom.ts';

/** `raw`, or the UDP port that it was sent to. */
interface Seen {
  readonly source: string;
  readonly destination: string;
  readonly how: string;
  readonly type: string;
}

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'tcpdump', 'setpriv'))(
  'hosts without raw sockets (RFC 2205 appendix C)',
  () => {
    // host-b is told; it only receives, so that its router must be told, too. host-a finds out by itself, as does r1.
    const headroom = new Headroom(
      'kernel',
      {},
      {
        options: (node) =>
          node === 'host-b' ? ['--rsvp-transport', 'udp'] : node === 'r2' ? ['--rsvp-udp-interface', 'eth0'] : [],
      },
    );
    let hostA: ChildProcess;
    beforeAll(async () => {
      await headroom.start();
      await headroom.killAgent('host-a');
      hostA = headroom.spawn(
        ...['host-a', 'setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw'],
        ...[
          process.execPath,
          PROGRAM,
          'agent',
          '--node',
          'host-a',
          '--server',
          `unix:${join(headroom.folder, 'agent.sock')}`,
        ],
        ...['--state-dir', join(headroom.folder, 'unprivileged'), '--refresh-period-ms', '1000'],
      );
      hostA.stdout!.resume();
      hostA.stderr!.resume();
      await headroom.until('the agent without raw sockets is there', 20_000, async () => {
        const { body } = await headroom.call('GET', '/v1/agents/host-a');
        return body.state === 'connected' && body.features.rsvpTransport === 'udp';
      });
    }, 90_000);
    afterAll(async () => {
      if (hostA.exitCode === null) {
        const ended = once(hostA, 'exit');
        hostA.kill('SIGTERM');
        await ended;
      }
      await headroom.stop();
    }, 30_000);

    const capture = async (node: string, device: string): Promise<() => Promise<Seen[]>> => {
      const file = join(headroom.folder, `${node}-${device}.pcap`);
      const tcpdump = headroom.spawn(
        ...[node, 'tcpdump', '-Z', 'root', '-n', '-U', '--immediate-mode', '-i', device, '-w', file],
        'ip proto 46 or udp port 1698 or udp port 1699',
      );
      await wrote(tcpdump, /listening on/);
      return async () => {
        const ended = output(tcpdump);
        tcpdump.kill('SIGINT');
        await ended;
        return framesOf(readFileSync(file)).flatMap((frame): Seen[] => {
          const network = networkPacket(frame.linkType, frame.bytes);
          const packet = network && parseIpv4(network.bytes);
          if (!packet?.ok) return [];
          const { source, destination, protocol, payload } = packet.value;
          const raw = protocol === IPPROTO_RSVP;
          const how = raw ? 'raw' : String((payload[2]! << 8) | payload[3]!);
          return [{ source, destination, how, type: messageTypeName(payload[raw ? 1 : 9]!) }];
        });
      };
    };
    const has = (seen: readonly Seen[], source: string, destination: string, how: string, type: string): boolean =>
      seen.some((s) => s.source === source && s.destination === destination && s.how === how && s.type === type);

    it('say why they encapsulate', async () => {
      const { features } = (await headroom.call('GET', '/v1/agents/host-a')).body;
      expect(features.notes.join()).toContain('RSVP is encapsulated in UDP (RFC 2205 appendix C): a raw socket');
      expect((await headroom.call('GET', '/v1/agents/host-b')).body.features.rsvpTransport).toBe('udp');
      expect((await headroom.call('GET', '/v1/agents/r1')).body.features.rsvpTransport).toBe('raw');
    });

    it('reserve end to end: sender and receiver in UDP, the routers between them raw', async () => {
      const stops = [await capture('r1', 'eth0'), await capture('r2', 'eth0'), await capture('r1', 'eth1')];
      const { body } = await headroom.book(5004, 5_000_000);
      const id = body.id as string;
      await headroom.reaches(id, 'active');
      await headroom.until('ResvConf has arrived', 10_000, async () => {
        return (await headroom.call('GET', `/v1/reservations/${id}`)).body.signaling.confirmedAt !== null;
      });
      expect((await headroom.call('GET', `/v1/reservations/${id}`)).body.paths[0]).toMatchObject({ nonRsvpHop: false });
      await headroom.call('DELETE', `/v1/reservations/${id}`);
      await headroom.reaches(id, 'ended');
      const [left, right, middle] = await Promise.all(stops.map((stop) => stop()));

      // Hu sends Path to its first router, Ra, port Pu, and is answered at Pu' (figure 13).
      expect(has(left!, '10.1.0.2', '10.1.0.1', '1698', 'Path')).toBe(true);
      expect(has(left!, '10.1.0.1', '10.1.0.2', '1699', 'Resv')).toBe(true);
      expect(has(left!, '10.1.0.2', '10.1.0.1', '1698', 'ResvConf')).toBe(true);
      expect(has(left!, '10.1.0.2', '10.1.0.1', '1698', 'PathTear')).toBe(true);
      expect(left!.filter(({ source, how }) => source === '10.1.0.2' && how === 'raw')).toEqual([]);
      // R sends raw and, where it is needed, UDP(D, Pu').
      expect(has(right!, '10.1.0.2', '10.2.0.2', 'raw', 'Path')).toBe(true);
      expect(has(right!, '10.2.0.1', '10.2.0.2', '1699', 'Path')).toBe(true);
      expect(has(right!, '10.2.0.2', '10.2.0.1', '1698', 'Resv')).toBe(true);
      expect(has(right!, '10.2.0.1', '10.2.0.2', '1699', 'ResvConf')).toBe(true);
      // Between the routers nothing is encapsulated.
      expect(new Set(middle!.map(({ how }) => how))).toEqual(new Set(['raw']));
      for (const node of ['host-a', 'r1', 'r2', 'host-b']) {
        await headroom.until(`${node} is empty`, 10_000, async () => {
          const { engine } = (await headroom.rsvpState(node)).body;
          return engine.paths.length === 0 && engine.reservations.length === 0;
        });
      }
    }, 60_000);

    it('receive from the other side: their router has learnt that they need UDP', async () => {
      const { body } = await headroom.call('POST', '/v1/reservations', {
        flow: {
          protocol: 'udp',
          source: { address: '10.2.0.2', port: 5010 },
          destination: { address: '10.1.0.2', port: 5010 },
        },
        qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: 2_000_000 },
      });
      await headroom.reaches(body.id as string, 'active');
      expect((await headroom.classes('r1', 'eth0')).length).toBe(1);
    }, 30_000);

    it('what comes in UDP from elsewhere than the link is not listened to', async () => {
      const before = (await headroom.rsvpState('r1')).body.transport.dropped.malformed as number;
      // From host-b, two routers away, to the address of r1 towards host-a.
      await headroom.exec(
        'host-b',
        'bash',
        '-c',
        'printf "\\x10\\x01\\x00\\x00\\x40\\x00\\x00\\x08" > /dev/udp/10.1.0.1/1698',
      );
      await headroom.until('it is counted', 10_000, async () => {
        return ((await headroom.rsvpState('r1')).body.transport.dropped.malformed as number) === before + 1;
      });
    }, 30_000);

    it('a router that is told to do so refuses: it could not catch PATH in transit', async () => {
      const agent = headroom.spawn(
        ...['r3', process.execPath, PROGRAM, 'agent', '--node', 'r3', '--rsvp-transport', 'udp'],
        ...['--state-dir', join(headroom.folder, 'refused'), '--server', `unix:${join(headroom.folder, 'agent.sock')}`],
      );
      let stderr = '';
      agent.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      await output(agent);
      expect(agent.exitCode).toBe(1);
      expect(stderr).toContain('a router cannot speak RSVP in UDP alone');
    }, 30_000);
  },
);
