import { BitsPerSecond, Bytes } from '../../core/base/units.ts';
import { ROOT_HANDLE, type HtbClass } from '../../core/shaping/htb.ts';
import type { Libc } from '../libc.ts';
import {
  decodeAttributes,
  encodeAttribute,
  NLM_F_ACK,
  NLM_F_ECHO,
  RTM_GETLINK,
  RTM_GETTCLASS,
  RTM_NEWLINK,
  RTM_NEWTCLASS,
  textOf,
  type NetlinkMessage,
} from './message.ts';
import { NetlinkSocket } from './socket.ts';

/** linux/if_link.h, linux/rtnetlink.h, linux/pkt_sched.h */
const IFLA_IFNAME = 3;
const LINK_HEADER_BYTES = 16;
const TRAFFIC_HEADER_BYTES = 20;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_HTB_PARMS = 1;
const TCA_HTB_RATE64 = 6;
const TCA_HTB_CEIL64 = 7;
const HTB_PARMS_BYTES = 44;
const TICK_SECONDS = 64e-9;

/**
 * Reads single HTB classes of ours by rtnetlink. tc can only list all classes of an interface and leave out most of them, which
 * beside ten thousand takes a hundred times as long.
 */
export class ClassReader {
  readonly #socket: NetlinkSocket;
  #port: number | null = null;

  /** @throws Error where the kernel gives no netlink socket. */
  constructor(libc: Libc) {
    this.#socket = new NetlinkSocket(libc);
  }

  /** Port of its socket: older kernels tell everybody of a class that is merely asked for, as if it were new. */
  ports(): readonly number[] {
    return this.#port === null ? [] : [this.#port];
  }

  /** Those of these numbers that are there, by number; none where there is no such interface. */
  read(interfaceName: string, minors: readonly number[]): ReadonlyMap<number, HtbClass> {
    const found = new Map<number, HtbClass>();
    const index = this.#indexOf(interfaceName);
    if (index === null) return found;
    for (const minor of minors) {
      const [answer] = this.#socket.ask(RTM_GETTCLASS, NLM_F_ECHO | NLM_F_ACK, trafficHeader(index, minor));
      if (answer === undefined) continue;
      this.#port = answer.port;
      const read = decodeClass(answer);
      if (read?.minor === minor) found.set(minor, read);
    }
    return found;
  }

  close(): void {
    this.#socket.close();
  }

  #indexOf(name: string): number | null {
    const header = new Uint8Array(LINK_HEADER_BYTES);
    const asked = encodeAttribute(IFLA_IFNAME, new TextEncoder().encode(`${name}\0`));
    const [answer] = this.#socket.ask(RTM_GETLINK, 0, Buffer.concat([header, asked]));
    return answer?.type === RTM_NEWLINK ? viewOf(answer.body).getInt32(4, true) : null;
  }
}

/** An HTB class under our root; null for anything else. */
export function decodeClass({ type, body }: Pick<NetlinkMessage, 'type' | 'body'>): HtbClass | null {
  if (type !== RTM_NEWTCLASS || body.length < TRAFFIC_HEADER_BYTES) return null;
  const header = viewOf(body);
  const handle = header.getUint32(8, true);
  const parent = header.getUint32(12, true);
  const attributes = decodeAttributes(body.subarray(TRAFFIC_HEADER_BYTES));
  const options = decodeAttributes(attributes.get(TCA_OPTIONS) ?? new Uint8Array());
  const parms = options.get(TCA_HTB_PARMS);
  const isOurs = handle >>> 16 === ROOT_HANDLE && textOf(attributes.get(TCA_KIND)) === 'htb';
  if (!isOurs || parms === undefined || parms.length < HTB_PARMS_BYTES) return null;
  const view = viewOf(parms);
  // Two struct tc_ratespec, then buffer, cbuffer, quantum, level, prio.
  const rate = u64Of(options.get(TCA_HTB_RATE64)) ?? view.getUint32(8, true);
  const ceil = u64Of(options.get(TCA_HTB_CEIL64)) ?? view.getUint32(20, true);
  const burst = (ticks: number, bytesPerSecond: number): Bytes =>
    Bytes(Math.round(ticks * TICK_SECONDS * bytesPerSecond));
  return {
    minor: handle & 0xffff,
    parent: parent >>> 16 === ROOT_HANDLE ? parent & 0xffff : null,
    priority: view.getUint32(40, true),
    quantumBytes: Bytes(view.getUint32(32, true)),
    rateBitsPerSecond: BitsPerSecond(8 * rate),
    ceilBitsPerSecond: BitsPerSecond(8 * ceil),
    burstBytes: burst(view.getUint32(24, true), rate),
    ceilBurstBytes: burst(view.getUint32(28, true), ceil),
    overheadBytes: view.getUint16(2, true),
  };
}

function trafficHeader(interfaceIndex: number, minor: number): Uint8Array {
  const header = new Uint8Array(TRAFFIC_HEADER_BYTES);
  const view = viewOf(header);
  view.setInt32(4, interfaceIndex, true);
  view.setUint32(8, ROOT_HANDLE * 0x10000 + minor, true);
  return header;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const u64Of = (data: Uint8Array | undefined): number | null =>
  data && data.length >= 8 ? Number(viewOf(data).getBigUint64(0, true)) : null;
