import { ipToBytes, type IpAddress } from '../../core/base/ip.ts';
import { AF_INET, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';
import { socketDrops, watchDatagrams, type Datagram } from './datagrams.ts';

/** Pu of RFC 2205 appendix C: to it sends a host that has only UDP. */
export const PORT_FROM_HOSTS = 1698;
/** Pu': to it send nodes with raw sockets, so that those do not hear each other twice. */
export const PORT_TO_HOSTS = 1699;
/** G*: all RSVP nodes of the local network. */
export const RSVP_GROUP = '224.0.0.14' as IpAddress;

const IP_PKTINFO = 8;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const EADDRINUSE = 98;

/** A UDP socket on all addresses of this host. */
export interface UdpSocket {
  /** A sentence for people where it was not sent, else null. `interfaceIndex` is where a group is reached. */
  send(destination: IpAddress, port: number, bytes: Uint8Array, interfaceIndex: number): string | null;
  /** Joins a group on an interface; again does no harm. */
  join(group: IpAddress, interfaceIndex: number): void;
  /** What its queue had no room for. */
  readonly overflow: number;
  close(): void;
}

/** @throws Error with a sentence for people where the port cannot be had. */
export function openUdpSocket(options: {
  libc: Libc;
  poller: Poller;
  port: number;
  onDatagram: (datagram: Datagram) => void;
}): UdpSocket {
  const { libc, port } = options;
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new Error(`a UDP socket was refused (errno ${libc.errno()})`);
  const set = (option: number, value: Uint8Array): number => libc.setsockopt(fd, 0, option, value, value.length);
  set(IP_PKTINFO, int32(1));
  set(IP_MULTICAST_LOOP, int32(0));
  if (libc.bind(fd, socketAddress('0.0.0.0' as IpAddress, port), 16) < 0) {
    const errno = libc.errno();
    libc.close(fd);
    const why = errno === EADDRINUSE ? 'another program has it' : `errno ${errno}`;
    throw new Error(`UDP port ${port}, for RSVP in UDP, cannot be had: ${why}`);
  }
  watchDatagrams({ libc, poller: options.poller, fd }, options.onDatagram);
  return {
    send(destination, to, bytes, interfaceIndex) {
      if (interfaceIndex > 0) set(IP_MULTICAST_IF, groupRequest('0.0.0.0' as IpAddress, interfaceIndex));
      if (libc.sendto(fd, bytes, bytes.length, MSG_DONTWAIT, socketAddress(destination, to), 16) >= 0) return null;
      return `sending to ${destination} port ${to} failed with errno ${libc.errno()}`;
    },
    join(group, interfaceIndex) {
      set(IP_ADD_MEMBERSHIP, groupRequest(group, interfaceIndex));
    },
    get overflow() {
      return socketDrops(libc, fd);
    },
    close() {
      libc.close(fd);
    },
  };
}

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** struct sockaddr_in: the family in the host's byte order, the rest as on the wire. */
function socketAddress(address: IpAddress, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(ipToBytes(address), 4);
  return bytes;
}

/** struct ip_mreqn. */
function groupRequest(group: IpAddress, interfaceIndex: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(ipToBytes(group), 0);
  new DataView(bytes.buffer).setInt32(8, interfaceIndex, true);
  return bytes;
}
