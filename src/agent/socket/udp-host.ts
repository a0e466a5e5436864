import { isMulticast } from '../../core/base/ip.ts';
import type { Libc } from '../libc.ts';
import type { HostNetwork } from '../netlink/host-network.ts';
import type { Poller } from '../poller.ts';
import type { Datagram } from './datagrams.ts';
import type { PacketInput, RsvpTransport } from './transport.ts';
import { packetInUdp } from './udp-packet.ts';
import { openUdpSocket, PORT_FROM_HOSTS, PORT_TO_HOSTS, RSVP_GROUP } from './udp-socket.ts';

/**
 * A host without raw sockets (Hu of RFC 2205 appendix C): everything goes in UDP to its neighbours. What is addressed to an
 * end point goes there where that is on the link, else to the first router, which knows how to go on; what is for a group
 * goes to all RSVP nodes of the link. It hears other such hosts on one port, nodes with raw sockets on the other.
 * @throws Error where a port cannot be had.
 */
export function openUdpHostTransport(options: {
  libc: Libc;
  poller: Poller;
  network: HostNetwork;
  onPacket: (packet: PacketInput) => void;
}): RsvpTransport {
  const { libc, poller, network } = options;
  let malformed = 0;
  const onDatagram = (datagram: Datagram): void => {
    const packet = packetInUdp(network, datagram);
    if (packet) options.onPacket(packet);
    else malformed++;
  };
  const hosts = openUdpSocket({ libc, poller, port: PORT_FROM_HOSTS, onDatagram });
  const routers = openUdpSocket({ libc, poller, port: PORT_TO_HOSTS, onDatagram });
  const follow = (): void => {
    for (const { index } of network.interfaces()) hosts.join(RSVP_GROUP, index);
  };
  follow();
  return {
    kind: 'udp',
    get dropped() {
      return { malformed, overflow: hosts.overflow + routers.overflow };
    },
    send(message, mark) {
      const { destination, bytes } = message;
      if (isMulticast(destination)) {
        const out = network.interfaces().find(({ name }) => name === message.interface);
        return out ? hosts.send(RSVP_GROUP, PORT_FROM_HOSTS, bytes, out.index) : `no interface ${message.interface}`;
      }
      const route = network.lookup(destination, mark);
      if (!route) return `no route to ${destination}`;
      return hosts.send(route.gateway ?? destination, PORT_FROM_HOSTS, bytes, 0);
    },
    networkChanged: follow,
    async close() {
      hosts.close();
      routers.close();
    },
  };
}
