import { ipFromBytes, type IpAddress } from '../../core/base/ip.ts';
import { EAGAIN, MSG_DONTWAIT, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';

const SOL_SOCKET = 1;
const SO_MEMINFO = 55;
const IP_PKTINFO = 8;

/** Datagrams taken with one call, and the room for each: the largest IP packet. */
const BATCH = 32;
const PACKET_BYTES = 65_536;
const CONTROL_BYTES = 64;
const SOCKADDR_BYTES = 16;
/** How many bursts are read before other work has its turn. */
const BURSTS = 8;
/** sizeof(struct mmsghdr) on 64-bit Linux: msghdr 56, length 4, padding 4. */
const MMSGHDR_BYTES = 64;

/** What came in on a socket; `bytes` are valid until the next datagram is taken. */
export interface Datagram {
  readonly bytes: Uint8Array;
  /** 0 = not told. */
  readonly interfaceIndex: number;
  readonly source: IpAddress;
  /** In the IP header. */
  readonly destination: IpAddress;
}

/** Calls back for everything that arrives on an IPv4 socket with IP_PKTINFO, in bursts. */
export function watchDatagrams(
  socket: { readonly libc: Libc; readonly poller: Poller; readonly fd: number },
  take: (datagram: Datagram) => void,
): void {
  const { libc, poller, fd } = socket;
  const batch = layOutBatch(libc);
  poller.watch(fd, () => {
    for (let burst = 0; burst < BURSTS; burst++) {
      const count = batch.receive(fd);
      for (let i = 0; i < count; i++) take(batch.datagram(i));
      if (count < BATCH) return;
    }
  });
}

/** Packets that the kernel dropped since its queue was full (SK_MEMINFO_DROPS), modulo 2^32. */
export function socketDrops(libc: Libc, fd: number): number {
  const value = new Uint8Array(9 * 4);
  const length = new Uint8Array(Uint32Array.of(value.length).buffer);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, value, length) < 0) return 0;
  return new DataView(value.buffer).getUint32(8 * 4, true);
}

/** Native memory for recvmmsg: headers that point to a buffer, an address and a control area each, laid out once. */
function layOutBatch(libc: Libc): {
  receive(fd: number): number;
  datagram(i: number): Datagram;
} {
  const iovecs = BATCH * MMSGHDR_BYTES;
  const names = iovecs + BATCH * 16;
  const controls = names + BATCH * SOCKADDR_BYTES;
  const packets = controls + BATCH * CONTROL_BYTES;
  const memory = libc.allocate(packets + BATCH * PACKET_BYTES);
  const view = new DataView(memory.view.buffer, memory.view.byteOffset, memory.view.byteLength);
  const at = (offset: number): bigint => memory.address + BigInt(offset);
  for (let i = 0; i < BATCH; i++) {
    const header = i * MMSGHDR_BYTES;
    view.setBigUint64(iovecs + 16 * i, at(packets + i * PACKET_BYTES), true);
    view.setBigUint64(iovecs + 16 * i + 8, BigInt(PACKET_BYTES), true);
    view.setBigUint64(header, at(names + i * SOCKADDR_BYTES), true);
    view.setBigUint64(header + 16, at(iovecs + 16 * i), true);
    view.setBigUint64(header + 24, 1n, true);
    view.setBigUint64(header + 32, at(controls + i * CONTROL_BYTES), true);
  }
  return {
    receive(fd) {
      // The kernel shortens the lengths to what it wrote.
      for (let i = 0; i < BATCH; i++) {
        view.setUint32(i * MMSGHDR_BYTES + 8, SOCKADDR_BYTES, true);
        view.setBigUint64(i * MMSGHDR_BYTES + 40, BigInt(CONTROL_BYTES), true);
      }
      const count = libc.recvmmsg(fd, memory.address, BATCH, MSG_DONTWAIT);
      if (count < 0 && libc.errno() !== EAGAIN) return 0;
      return Math.max(count, 0);
    },
    datagram(i) {
      const start = packets + i * PACKET_BYTES;
      const name = names + i * SOCKADDR_BYTES;
      // cmsghdr: length 8, level 4, type 4; then in_pktinfo: interface index, local address, address in the header.
      const control = controls + i * CONTROL_BYTES;
      const hasInfo = view.getInt32(control + 12, true) === IP_PKTINFO;
      return {
        bytes: memory.view.subarray(start, start + view.getUint32(i * MMSGHDR_BYTES + 56, true)),
        interfaceIndex: hasInfo ? view.getInt32(control + 16, true) : 0,
        source: ipFromBytes(memory.view.slice(name + 4, name + 8)),
        destination: ipFromBytes(memory.view.slice(control + 24, control + 28)),
      };
    },
  };
}
