import {
  decodeAttributes,
  decodeNetlink,
  RTM_DELQDISC,
  RTM_DELTCLASS,
  RTM_NEWQDISC,
  RTM_NEWTCLASS,
  textOf,
} from './message.ts';

/** linux/netfilter/nfnetlink.h, nf_tables.h */
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWGEN = 15;
const NFGENMSG_BYTES = 4;
/** The same number in tables, chains, rules, sets, elements, objects and flowtables. */
const NFTA_TABLE_NAME = 1;
const NFTA_GEN_PROC_PID = 2;
const NFTA_GEN_PROC_NAME = 3;
/** linux/netfilter.h: families as nft writes them in front of a table's name. */
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};
/** linux/rtnetlink.h */
const TCMSG_BYTES = 20;
const TC_TYPES: ReadonlySet<number> = new Set([RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTCLASS, RTM_DELTCLASS]);

/** What a notification says of who changed something: which netlink socket, and what is known of its process. */
export type NftNews =
  /** Something of this table (`inet headroom`) was added, changed or deleted. */
  | { readonly port: number; readonly table: string }
  /** Something of another table was. */
  | { readonly port: number; readonly elsewhere: true }
  /** The end of a transaction, with the process that made it. */
  | { readonly port: number; readonly process: string; readonly pid: number };

/**
 * Reads a datagram of the multicast group NFNLGRP_NFTABLES.
 *
 * @param tables those that are looked for, as nft writes them; of others nothing more is read.
 */
export function nftNews(datagram: Uint8Array, tables: ReadonlySet<string>): NftNews[] {
  return decodeNetlink(datagram).flatMap(({ type, port, body }): NftNews[] => {
    if (type >> 8 !== NFNL_SUBSYS_NFTABLES || body.length < NFGENMSG_BYTES) return [];
    if ((type & 0xff) === NFT_MSG_NEWGEN) {
      const attributes = decodeAttributes(body.subarray(NFGENMSG_BYTES));
      const pid = u32BigEndian(attributes.get(NFTA_GEN_PROC_PID));
      const name = textOf(attributes.get(NFTA_GEN_PROC_NAME));
      return pid === null || name === null ? [] : [{ port, process: name, pid }];
    }
    const table = tableOf(body);
    if (table === null) return [];
    return tables.has(table) ? [{ port, table }] : [{ port, elsewhere: true }];
  });
}

/** The table's name is the first attribute, so that nothing more of a stranger's rule need be read. */
function tableOf(body: Uint8Array): string | null {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < NFGENMSG_BYTES + 4) return null;
  const length = view.getUint16(NFGENMSG_BYTES, true);
  if (view.getUint16(NFGENMSG_BYTES + 2, true) !== NFTA_TABLE_NAME) return null;
  if (length < 4 || NFGENMSG_BYTES + length > body.length) return null;
  const name = textOf(body.subarray(NFGENMSG_BYTES + 4, NFGENMSG_BYTES + length));
  return `${FAMILIES[body[0]!] ?? body[0]} ${name}`;
}

/** A qdisc or class of this interface was added, changed or deleted. */
export interface QueueNews {
  readonly port: number;
  readonly interfaceIndex: number;
}

/** Reads a datagram of the multicast group RTNLGRP_TC. Filters and actions are passed over. */
export function queueNews(datagram: Uint8Array): QueueNews[] {
  return decodeNetlink(datagram).flatMap(({ type, port, body }) => {
    if (!TC_TYPES.has(type) || body.length < TCMSG_BYTES) return [];
    return [{ port, interfaceIndex: new DataView(body.buffer, body.byteOffset).getInt32(4, true) }];
  });
}

/** Numbers in nftables' attributes are in network byte order. */
const u32BigEndian = (data: Uint8Array | undefined): number | null =>
  data && data.length >= 4 ? new DataView(data.buffer, data.byteOffset).getUint32(0) : null;
