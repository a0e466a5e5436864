import { ipToBytes } from '../../core/base/ip.ts';
import { encodeIpv4, parseIpv4 } from '../../core/rsvp/wire/ip-packet.ts';
import { AF_INET, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';
import { socketDrops, watchDatagrams } from './datagrams.ts';
import type { PacketInput, RsvpTransport, SendOutput } from './transport.ts';

const IPPROTO_RSVP = 46;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;
const IP_HDRINCL = 3;
const IP_ROUTER_ALERT = 5;
const IP_PKTINFO = 8;
const IP_MULTICAST_LOOP = 34;
const IP_UNICAST_IF = 50;

/**
 * The kernel's queue is the only one: messages are handled as they are read. It holds some 20,000 of them (each costs it
 * about 1.3 kB), half of what is written here, which the kernel doubles.
 */
const RECEIVE_QUEUE_BYTES = 16 * 1024 * 1024;
const SEND_QUEUE_BYTES = 4 * 1024 * 1024;

/**
 * IP protocol 46 as a router needs it: the router-alert option catches PATH in transit instead of forwarding it, packet
 * information names the incoming interface, and messages go out with the header we write, the sender's address as source
 * (RFC 2205 3.11.3).
 * @throws Error where raw sockets are not allowed.
 */
export function openRawTransport(options: {
  libc: Libc;
  poller: Poller;
  interfaceName: (index: number) => string | undefined;
  interfaceIndex: (name: string) => number | undefined;
  onPacket: (packet: PacketInput) => void;
}): RsvpTransport {
  const { libc } = options;
  const fd = libc.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RSVP);
  if (fd < 0)
    throw new Error(`a raw socket for IP protocol 46 was refused (errno ${libc.errno()}): CAP_NET_RAW is needed`);
  const setOption = (level: number, option: number, value: number): number =>
    libc.setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4);
  for (const [name, option, value] of [
    ['IP_HDRINCL', IP_HDRINCL, 1],
    ['IP_PKTINFO', IP_PKTINFO, 1],
    ['IP_ROUTER_ALERT', IP_ROUTER_ALERT, 1],
    ['IP_MULTICAST_LOOP', IP_MULTICAST_LOOP, 0],
  ] as const) {
    if (setOption(0, option, value) < 0) {
      const errno = libc.errno();
      libc.close(fd);
      throw new Error(`setting ${name} on the RSVP socket failed with errno ${errno}`);
    }
  }
  /** 0: whichever routing gives. In network byte order, other than every option beside it. */
  const setInterface = (index: number): number => {
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, index);
    return libc.setsockopt(fd, 0, IP_UNICAST_IF, value, 4);
  };
  // Best effort: without CAP_NET_ADMIN the default buffers serve.
  setOption(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_QUEUE_BYTES);
  setOption(SOL_SOCKET, SO_SNDBUFFORCE, SEND_QUEUE_BYTES);

  let socketMark = 0;
  let socketInterface = 0;
  let malformed = 0;
  watchDatagrams({ libc, poller: options.poller, fd }, (datagram) => {
    const name = options.interfaceName(datagram.interfaceIndex);
    const parsed = parseIpv4(datagram.bytes);
    if (!parsed.ok || name === undefined || parsed.value.protocol !== IPPROTO_RSVP) {
      malformed++;
      return;
    }
    const { source, destination, ttl, payload } = parsed.value;
    options.onPacket({ type: 'packet', interface: name, source, destination, ttl, bytes: payload.slice() });
  });

  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint16(0, AF_INET, true);
  return {
    kind: 'raw',
    get dropped() {
      return { malformed, overflow: socketDrops(libc, fd) };
    },
    send(message: SendOutput, mark = 0): string | null {
      const packet = encodeIpv4({
        source: message.source,
        destination: message.destination,
        ttl: message.ttl,
        protocol: IPPROTO_RSVP,
        routerAlert: message.routerAlert,
        payload: message.bytes,
      });
      // Sending does not wait, so the socket has the mark of the message that goes out now.
      if (mark !== socketMark) {
        if (setOption(SOL_SOCKET, SO_MARK, mark) < 0) return `setting mark ${mark} failed with errno ${libc.errno()}`;
        socketMark = mark;
      }
      // PATH names itself after the interface that routing gave: by another one, which a link that has just failed leaves as
      // the only way, it would make state where nobody knows of it. Everything else goes to a neighbour however it is reached.
      const index = message.flow === null ? 0 : (options.interfaceIndex(message.interface) ?? 0);
      if (index !== socketInterface) {
        if (setInterface(index) < 0) return `setting interface ${index} failed with errno ${libc.errno()}`;
        socketInterface = index;
      }
      address.set(ipToBytes(message.destination), 4);
      if (libc.sendto(fd, packet, packet.length, MSG_DONTWAIT, address, 16) >= 0) return null;
      return `sending to ${message.destination} failed with errno ${libc.errno()}`;
    },
    async close(): Promise<void> {
      libc.close(fd);
    },
  };
}
