import { ipToBytes } from '../../core/base/ip.ts';
import { encodeIpv4, parseIpv4 } from '../../core/rsvp/wire/ip-packet.ts';
import { AF_INET, EAGAIN, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';
import type { PacketInput, RsvpTransport, SendOutput } from './transport.ts';

const IPPROTO_RSVP = 46;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;
const SO_MEMINFO = 55;
const IP_HDRINCL = 3;
const IP_ROUTER_ALERT = 5;
const IP_PKTINFO = 8;
const IP_MULTICAST_LOOP = 34;

/** Messages taken with one call, and the room for each: the largest IP packet. */
const BATCH = 32;
const PACKET_BYTES = 65_536;
const CONTROL_BYTES = 64;
/**
 * The kernel's queue is the only one: messages are handled as they are read. It holds some 20,000 of them (each costs it
 * about 1.3 kB), half of what is written here, which the kernel doubles.
 */
const RECEIVE_QUEUE_BYTES = 16 * 1024 * 1024;
const SEND_QUEUE_BYTES = 4 * 1024 * 1024;
/** How many bursts are read before other work has its turn. */
const BURSTS = 8;
/** sizeof(struct mmsghdr) on 64-bit Linux: msghdr 56, length 4, padding 4. */
const MMSGHDR_BYTES = 64;

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
  // Best effort: without CAP_NET_ADMIN the default buffers serve.
  setOption(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_QUEUE_BYTES);
  setOption(SOL_SOCKET, SO_SNDBUFFORCE, SEND_QUEUE_BYTES);

  let socketMark = 0;
  let malformed = 0;
  const batch = layOutBatch(libc);
  options.poller.watch(fd, () => {
    for (let burst = 0; burst < BURSTS; burst++) {
      const count = batch.receive(fd);
      for (let i = 0; i < count; i++) {
        const name = options.interfaceName(batch.interfaceIndex(i));
        const parsed = parseIpv4(batch.packet(i));
        if (!parsed.ok || name === undefined || parsed.value.protocol !== IPPROTO_RSVP) {
          malformed++;
          continue;
        }
        const { source, destination, ttl, payload } = parsed.value;
        options.onPacket({ type: 'packet', interface: name, source, destination, ttl, bytes: payload.slice() });
      }
      if (count < BATCH) return;
    }
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
      address.set(ipToBytes(message.destination), 4);
      if (libc.sendto(fd, packet, packet.length, MSG_DONTWAIT, address, 16) >= 0) return null;
      return `sending to ${message.destination} failed with errno ${libc.errno()}`;
    },
    async close(): Promise<void> {
      libc.close(fd);
    },
  };
}

/** Packets that the kernel dropped since its queue was full (SK_MEMINFO_DROPS), modulo 2^32. */
function socketDrops(libc: Libc, fd: number): number {
  const value = new Uint8Array(9 * 4);
  const length = new Uint8Array(Uint32Array.of(value.length).buffer);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, value, length) < 0) return 0;
  return new DataView(value.buffer).getUint32(8 * 4, true);
}

/** Native memory for recvmmsg: headers that point to one buffer and one control area each, laid out once. */
function layOutBatch(libc: Libc): {
  receive(fd: number): number;
  packet(i: number): Uint8Array;
  interfaceIndex(i: number): number;
} {
  const iovecs = BATCH * MMSGHDR_BYTES;
  const controls = iovecs + BATCH * 16;
  const packets = controls + BATCH * CONTROL_BYTES;
  const memory = libc.allocate(packets + BATCH * PACKET_BYTES);
  const view = new DataView(memory.view.buffer, memory.view.byteOffset, memory.view.byteLength);
  const at = (offset: number): bigint => memory.address + BigInt(offset);
  for (let i = 0; i < BATCH; i++) {
    const header = i * MMSGHDR_BYTES;
    view.setBigUint64(iovecs + 16 * i, at(packets + i * PACKET_BYTES), true);
    view.setBigUint64(iovecs + 16 * i + 8, BigInt(PACKET_BYTES), true);
    view.setBigUint64(header + 16, at(iovecs + 16 * i), true);
    view.setBigUint64(header + 24, 1n, true);
    view.setBigUint64(header + 32, at(controls + i * CONTROL_BYTES), true);
  }
  return {
    receive(fd) {
      // The kernel shortens the lengths to what it wrote.
      for (let i = 0; i < BATCH; i++) view.setBigUint64(i * MMSGHDR_BYTES + 40, BigInt(CONTROL_BYTES), true);
      const count = libc.recvmmsg(fd, memory.address, BATCH, MSG_DONTWAIT);
      if (count < 0 && libc.errno() !== EAGAIN) return 0;
      return Math.max(count, 0);
    },
    packet(i) {
      const start = packets + i * PACKET_BYTES;
      return memory.view.subarray(start, start + view.getUint32(i * MMSGHDR_BYTES + 56, true));
    },
    interfaceIndex(i) {
      // cmsghdr: length 8, level 4, type 4; then in_pktinfo, whose first field is the interface index.
      const control = controls + i * CONTROL_BYTES;
      return view.getInt32(control + 12, true) === IP_PKTINFO ? view.getInt32(control + 16, true) : 0;
    },
  };
}
