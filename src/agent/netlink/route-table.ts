import { AddressRanges, ipv4Number } from '../../core/base/address-ranges.ts';
import { ipToBytes, type IpAddress, type IpPrefix } from '../../core/base/ip.ts';
import type { Route } from '../../core/network/topology.ts';
import { AF_INET, type Libc } from '../libc.ts';
import { RTM_GETROUTE, type NetlinkMessage } from './message.ts';
import { mainRouteOf, routeTarget } from './route-message.ts';
import { NetlinkSocket } from './socket.ts';

/** Of a table that is read while the agent works: so long at a time, then whatever else waits. */
const SLICE_MS = 4;
/** The table is read at most this part of the time, however often it changes. */
const DUTY = 0.1;
/** As long as no server has said what concerns it. */
const MAX_UNFILTERED = 10_000;
/** Of changes that come together so many are looked at one by one where somebody has asked for other destinations. */
const MAX_COMPARED = 100;

/**
 * The routes of the main table that concern the topology: that cover one of its addresses or lie in one of its subnets. All
 * others, and there may be hundreds of thousands, are passed over.
 */
export class RouteTable {
  readonly #socket: NetlinkSocket;
  readonly #names: () => ReadonlyMap<number, string>;
  readonly #changed: () => void;
  #ranges: AddressRanges | null = null;
  #routes: readonly Route[] = [];
  #text = '';
  /** Destinations elsewhere that somebody has asked for. */
  readonly #outside = new Set<number>();
  #reading = false;
  #again = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** @throws Error where the kernel gives no socket. */
  constructor(options: {
    libc: Libc;
    concern: readonly IpPrefix[];
    /** Links by their index. */
    names: () => ReadonlyMap<number, string>;
    /** What was read is another one. */
    changed: () => void;
  }) {
    this.#socket = new NetlinkSocket(options.libc);
    this.#names = options.names;
    this.#changed = options.changed;
    this.#setRanges(options.concern);
  }

  routes(): readonly Route[] {
    return this.#routes;
  }

  /** Reads all of it before it returns. */
  readNow(): void {
    const found: Route[] = [];
    for (const messages of this.#dump()) this.#take(messages, found);
    this.#set(found);
  }

  /** Prefixes of IPv4; none: everything concerns. */
  concern(prefixes: readonly IpPrefix[]): void {
    this.#setRanges(prefixes);
    this.#outside.clear();
    this.refresh();
  }

  /** Somebody asks the kernel for a destination: routes to it matter from now on. */
  asked(destination: IpAddress): void {
    if (this.#ranges === null || this.#ranges.has(destination)) return;
    this.#outside.add(ipv4Number(ipToBytes(destination)));
  }

  forgetAsked(): void {
    this.#outside.clear();
  }

  /** Whether one of these notifications may change the way to any destination that matters. */
  concerns(messages: readonly NetlinkMessage[]): boolean {
    const many = messages.length > MAX_COMPARED && this.#outside.size > 0;
    return messages.some((message) => {
      const target = routeTarget(message);
      if (target === null) return false;
      if (many || this.#matters(target)) return true;
      const size = 2 ** (32 - target.length);
      for (const each of this.#outside) if (each >= target.address && each < target.address + size) return true;
      return false;
    });
  }

  /** Reads it anew, a slice at a time and not too often; `changed` is told where it is another one. */
  refresh(): void {
    if (this.#reading) this.#again = true;
    else if (!this.#closed) this.#read();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#socket.close();
  }

  #setRanges(prefixes: readonly IpPrefix[]): void {
    this.#ranges = prefixes.length === 0 ? null : new AddressRanges(prefixes);
  }

  #matters({ address, length }: { address: number; length: number }): boolean {
    return this.#ranges === null || this.#ranges.meets(address, length);
  }

  #read(): void {
    this.#reading = true;
    this.#again = false;
    const found: Route[] = [];
    const dump = this.#dump();
    let spent = 0;
    const slice = (): void => {
      if (this.#closed) return;
      const begun = performance.now();
      let next = dump.next();
      while (!next.done) {
        this.#take(next.value, found);
        if (performance.now() - begun >= SLICE_MS) break;
        next = dump.next();
      }
      spent += performance.now() - begun;
      if (!next.done) return void setImmediate(slice);
      this.#set(found);
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#reading = false;
        if (this.#again) this.#read();
      }, spent / DUTY);
    };
    slice();
  }

  #dump(): Generator<readonly NetlinkMessage[]> {
    const inet = new Uint8Array(12);
    inet[0] = AF_INET;
    return this.#socket.dump(RTM_GETROUTE, inet);
  }

  #take(messages: readonly NetlinkMessage[], found: Route[]): void {
    const names = this.#names();
    for (const message of messages) {
      const target = routeTarget(message);
      if (target === null || !this.#matters(target)) continue;
      if (this.#ranges === null && found.length >= MAX_UNFILTERED) continue;
      found.push(...mainRouteOf(message, names));
    }
  }

  #set(found: readonly Route[]): void {
    const text = JSON.stringify(found);
    if (text === this.#text) return;
    this.#text = text;
    this.#routes = found;
    this.#changed();
  }
}
