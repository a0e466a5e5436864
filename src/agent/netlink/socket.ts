import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, type Libc } from '../libc.ts';
import {
  decodeNetlink,
  encodeNetlink,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  type NetlinkMessage,
} from './message.ts';

const BUFFER_BYTES = 256 * 1024;
const EIO = 5;
/** linux/netlink.h */
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

/** @throws Error where the kernel gives no such socket. */
export function openNetlink(libc: Libc, groups: number, flags: number, protocol = NETLINK_ROUTE): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);
  if (fd < 0) throw new Error(`a netlink socket was refused (errno ${libc.errno()})`);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  if (libc.bind(fd, address, 12) < 0) throw new Error(`binding a netlink socket failed (errno ${libc.errno()})`);
  return fd;
}

/** Questions to rtnetlink and changes by it, one after another: the kernel answers before the call returns. */
export class NetlinkSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #sequence = 1;

  /** @throws Error where the kernel gives no such socket. */
  constructor(libc: Libc) {
    this.#libc = libc;
    this.#fd = openNetlink(libc, 0, 0);
  }

  /** All answers to a dump, or the one to another question; empty where the kernel refused. */
  ask(type: number, flags: number, body: Uint8Array): readonly NetlinkMessage[] {
    const answers: NetlinkMessage[] = [];
    this.#exchange(type, flags, body, (message) => {
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) return true;
      answers.push(message);
      return flags !== NLM_F_DUMP;
    });
    return answers;
  }

  /** The answers to a dump as the kernel hands them over; no other question may come before they have ended. */
  *dump(type: number, body: Uint8Array): Generator<readonly NetlinkMessage[]> {
    const mine = this.#sequence++;
    const request = encodeNetlink(type, NLM_F_REQUEST | NLM_F_DUMP, mine, body);
    if (this.#libc.send(this.#fd, request, request.length, 0) < 0) return;
    for (;;) {
      const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      if (length <= 0) return;
      const answers = decodeNetlink(this.#buffer.subarray(0, length)).filter(({ sequence }) => sequence === mine);
      yield answers;
      if (answers.some((each) => each.type === NLMSG_DONE || each.type === NLMSG_ERROR)) return;
    }
  }

  /** From now on the kernel leaves out of dumps what their header excludes, where it can (Linux 4.20 and later). */
  filterDumps(): void {
    const on = new Uint8Array(Uint32Array.of(1).buffer);
    this.#libc.setsockopt(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, on, on.length);
  }

  /** Makes a change. Resolves to 0, or to the errno that the kernel refused it with. */
  change(type: number, flags: number, body: Uint8Array): number {
    let outcome = EIO;
    this.#exchange(type, flags | NLM_F_ACK, body, (message) => {
      if (message.type !== NLMSG_ERROR || message.body.length < 4) return false;
      const { buffer, byteOffset } = message.body;
      outcome = -new DataView(buffer, byteOffset, 4).getInt32(0, true);
      return true;
    });
    return outcome;
  }

  close(): void {
    this.#libc.close(this.#fd);
  }

  /** @param last says of an answer whether it is the last one. */
  #exchange(type: number, flags: number, body: Uint8Array, last: (message: NetlinkMessage) => boolean): void {
    const mine = this.#sequence++;
    const request = encodeNetlink(type, NLM_F_REQUEST | flags, mine, body);
    if (this.#libc.send(this.#fd, request, request.length, 0) < 0) return;
    for (;;) {
      const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      if (length <= 0) return;
      for (const message of decodeNetlink(this.#buffer.slice(0, length))) {
        if (message.sequence === mine && last(message)) return;
      }
    }
  }
}
