import { createSocket, type Socket } from 'node:dgram';
import { copyOf } from '../../core/base/bytes.ts';
import type { IpAddress } from '../../core/base/ip.ts';
import { encodeIpv4, parseIpv4 } from '../../core/rsvp/wire/ip-packet.ts';
import type { LabNode } from '../lab-node.ts';
import type { HostNetwork } from '../netlink/host-network.ts';
import type { PacketInput, RsvpTransport, SendOutput } from './transport.ts';

const IPPROTO_RSVP = 46;

/**
 * The loopback lab's wire: every interface is a UDP port on 127.0.0.1, and a datagram between two of them carries the
 * whole IP packet, so that sessions keep their addresses, the sender's address stays the source, and TTL and router alert
 * mean what they mean. Routers pass on what is neither for them nor marked for interception, as IP forwarding does.
 * @throws Error where a port is taken.
 */
export async function openLoopbackTransport(options: {
  node: LabNode;
  network: HostNetwork;
  onPacket: (packet: PacketInput) => void;
}): Promise<RsvpTransport> {
  const { node, network } = options;
  const dropped = { malformed: 0, overflow: 0 };
  const sockets = new Map<string, Socket>();
  const ports = new Map<string, ReadonlyMap<string, number>>(
    node.interfaces.map((one) => [one.name, new Map(one.neighbours.map((n) => [n.address, n.port]))]),
  );

  const transmit = (destination: IpAddress, packet: Uint8Array): string | null => {
    const route = network.lookup(destination);
    if (!route || route.local) return `no route to ${destination}`;
    const port = ports.get(route.interface)?.get(route.gateway ?? destination);
    if (port === undefined) return `no neighbour ${route.gateway ?? destination} on ${route.interface}`;
    sockets.get(route.interface)?.send(packet, port, '127.0.0.1');
    return null;
  };

  for (const one of node.interfaces) {
    const socket = createSocket('udp4');
    socket.on('message', (bytes) => {
      const parsed = parseIpv4(bytes);
      if (!parsed.ok || parsed.value.protocol !== IPPROTO_RSVP) {
        dropped.malformed++;
        return;
      }
      const { source, destination, ttl, payload, routerAlert } = parsed.value;
      if (routerAlert || network.lookup(destination)?.local) {
        options.onPacket({ type: 'packet', interface: one.name, source, destination, ttl, bytes: copyOf(payload) });
      } else if (ttl > 1) {
        transmit(
          destination,
          encodeIpv4({ source, destination, ttl: ttl - 1, protocol: IPPROTO_RSVP, routerAlert, payload }),
        );
      }
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(one.port, '127.0.0.1', () => {
        socket.removeListener('error', reject);
        // A neighbour that is gone answers with ICMP, which is no fault of ours.
        socket.on('error', () => undefined);
        resolve();
      });
    });
    sockets.set(one.name, socket);
  }

  return {
    kind: 'loopback',
    dropped,
    send: (message: SendOutput) =>
      transmit(
        message.destination,
        encodeIpv4({
          source: message.source,
          destination: message.destination,
          ttl: message.ttl,
          protocol: IPPROTO_RSVP,
          routerAlert: message.routerAlert,
          payload: message.bytes,
        }),
      ),
    async close() {
      await Promise.all([...sockets.values()].map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
    },
  };
}
