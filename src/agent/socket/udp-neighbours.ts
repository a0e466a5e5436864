import { isMulticast } from '../../core/base/ip.ts';
import type { Libc } from '../libc.ts';
import type { HostNetwork } from '../netlink/host-network.ts';
import type { Poller } from '../poller.ts';
import type { PacketInput, RsvpTransport, SendOutput } from './transport.ts';
import { packetInUdp, isOnLink } from './udp-packet.ts';
import { openUdpSocket, PORT_FROM_HOSTS, PORT_TO_HOSTS, RSVP_GROUP } from './udp-socket.ts';

/**
 * A node with raw sockets beside hosts that have only UDP (R and Hr of RFC 2205 appendix C). It hears what such hosts send;
 * an interface on which one has spoken, or that was named, needs both forms from then on: what goes out there to somebody
 * on the link goes raw and in UDP, to the port that nodes with raw sockets do not listen on.
 * @throws Error where the port cannot be had.
 */
export function withUdpNeighbours(
  raw: RsvpTransport,
  options: {
    libc: Libc;
    poller: Poller;
    network: HostNetwork;
    /** Interfaces where hosts have only UDP from the start, as where none of them ever sends. */
    named: readonly string[];
    onPacket: (packet: PacketInput) => void;
  },
): RsvpTransport {
  const { network } = options;
  let malformed = 0;
  /** Interfaces on which a host spoke in UDP. */
  const learnt = new Set<string>();
  const socket = openUdpSocket({
    libc: options.libc,
    poller: options.poller,
    port: PORT_FROM_HOSTS,
    onDatagram(datagram) {
      const packet = packetInUdp(network, datagram);
      if (!packet) {
        malformed++;
        return;
      }
      learnt.add(packet.interface);
      options.onPacket(packet);
    },
  });
  const follow = (): void => {
    const names = new Set(network.interfaces().map(({ name }) => name));
    for (const name of learnt) if (!names.has(name)) learnt.delete(name);
    for (const { index } of network.interfaces()) socket.join(RSVP_GROUP, index);
  };
  follow();

  /** null: nobody there needs it. */
  const sendInUdp = ({ interface: name, destination, bytes }: SendOutput): { problem: string | null } | null => {
    if (!learnt.has(name) && !options.named.includes(name)) return null;
    const out = network.interfaces().find((each) => each.name === name);
    if (!out || !(isMulticast(destination) || isOnLink(out, destination))) return null;
    return { problem: socket.send(destination, PORT_TO_HOSTS, bytes, out.index) };
  };

  return {
    kind: raw.kind,
    get dropped() {
      return { malformed: raw.dropped.malformed + malformed, overflow: raw.dropped.overflow + socket.overflow };
    },
    send(message, mark) {
      const problem = raw.send(message, mark);
      return sendInUdp(message)?.problem === null ? null : problem;
    },
    networkChanged: follow,
    async close() {
      socket.close();
      await raw.close();
    },
  };
}
