import { readFileSync } from 'node:fs';
import { ENOBUFS, MSG_DONTWAIT, SOCK_NONBLOCK, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';
import { nftNews, queueNews } from './kernel-news.ts';
import { NETLINK_NETFILTER, NETLINK_ROUTE, openNetlink } from './socket.ts';

/** What was changed in the kernel, as far as it may concern us: by whom is for the reader to judge. */
export interface KernelNotice {
  /** Netlink sockets that changed something of ours, with what is known of their process ('' = nothing). */
  readonly ports: ReadonlyMap<number, string>;
  /** Something that is not ours was changed in nftables. */
  readonly elsewhere: boolean;
  /** Notifications were lost: anything may have changed. */
  readonly overrun: boolean;
}

export interface NoticeCounters {
  /** Notifications about anything, datagrams. */
  datagrams: number;
  /** How often the kernel dropped some, since they came faster than they were read. */
  overruns: number;
}

export interface KernelNotices {
  readonly counters: Readonly<NoticeCounters>;
  /** After `close` of the poller. */
  close(): void;
}

/** linux/netfilter/nfnetlink.h, linux/rtnetlink.h: numbers of groups. */
const NFNLGRP_NFTABLES = 7;
const RTNLGRP_TC = 4;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** After a reading the sockets are left alone so long: what a flood costs is bounded by it. */
const REST_MS = 20;
/** Read at one go; the rest after the next rest. */
const MAX_BYTES_AT_ONCE = 512 * 1024;

/**
 * Listens to what changes in nftables and in traffic control of this network namespace, whoever changes it.
 *
 * @throws Error where the kernel gives no such socket.
 */
export function listenToKernel(options: {
  libc: Libc;
  poller: Poller;
  /** As nft writes them. */
  tables: ReadonlySet<string>;
  /** Indices of the interfaces whose queues concern us now. */
  interfaces: () => ReadonlySet<number>;
  noticed: (notice: KernelNotice) => void;
}): KernelNotices {
  const { libc, poller, tables } = options;
  const counters: NoticeCounters = { datagrams: 0, overruns: 0 };
  const buffer = new Uint8Array(64 * 1024);
  const timers = new Set<NodeJS.Timeout>();
  const opened: number[] = [];

  /** @param read returns whether something that is not ours was changed. */
  function listen(
    protocol: number,
    group: number,
    read: (datagram: Uint8Array, ports: Map<number, string>) => boolean,
  ) {
    const fd = openNetlink(libc, 1 << (group - 1), SOCK_NONBLOCK, protocol);
    opened.push(fd);
    const size = new Uint8Array(Uint32Array.of(RECEIVE_BUFFER_BYTES).buffer);
    // Beyond the system's limit only with CAP_NET_ADMIN; where that is refused the limit will do.
    if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) < 0) {
      libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length);
    }
    const readable = (): void => {
      const ports = new Map<number, string>();
      let overrun = false;
      let elsewhere = false;
      for (let bytes = 0; bytes < MAX_BYTES_AT_ONCE;) {
        const length = libc.recv(fd, buffer, buffer.length, MSG_DONTWAIT);
        if (length < 0 && libc.errno() === ENOBUFS) {
          counters.overruns++;
          overrun = true;
          continue;
        }
        if (length <= 0) break;
        counters.datagrams++;
        bytes += length;
        if (read(buffer.subarray(0, length), ports)) elsewhere = true;
      }
      poller.unwatch(fd);
      const timer = setTimeout(() => {
        timers.delete(timer);
        poller.watch(fd, readable);
      }, REST_MS);
      timers.add(timer);
      if (overrun || elsewhere || ports.size > 0) options.noticed({ ports, elsewhere, overrun });
    };
    poller.watch(fd, readable);
  }

  listen(NETLINK_NETFILTER, NFNLGRP_NFTABLES, (datagram, ports) => {
    let elsewhere = false;
    for (const news of nftNews(datagram, tables)) {
      if ('elsewhere' in news) elsewhere = true;
      else if ('table' in news) ports.set(news.port, ports.get(news.port) ?? '');
      else if (ports.has(news.port)) ports.set(news.port, `${printable(news.process)} (process ${news.pid})`);
    }
    return elsewhere;
  });
  listen(NETLINK_ROUTE, RTNLGRP_TC, (datagram, ports) => {
    let ours: ReadonlySet<number> | null = null;
    for (const { port, interfaceIndex } of queueNews(datagram)) {
      ours ??= options.interfaces();
      if (ours.has(interfaceIndex) && !ports.has(port)) ports.set(port, processOf(port));
    }
    return false;
  });
  return {
    counters,
    close() {
      for (const timer of timers) clearTimeout(timer);
      for (const fd of opened) libc.close(fd);
    },
  };
}

/** A process's first netlink socket has its number (netlink(7)); one that has ended already cannot be seen. */
function processOf(port: number): string {
  try {
    return `${printable(readFileSync(`/proc/${port}/comm`, 'utf8').trim())} (process ${port})`;
  } catch {
    return '';
  }
}

/** A process may call itself anything. */
const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, '?');
