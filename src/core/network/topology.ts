import type { IpAddress, IpPrefix } from '../base/ip.ts';
import type { BitsPerSecond, Bytes, Micros } from '../base/units.ts';

/** `[a-z0-9][a-z0-9._-]{0,62}`. */
export type NodeName = string;
/** `<node>:<interface>` of the sending end, `#n` added where several links share the interface. */
export type LinkId = string;

/** Whether the node's reservations are signalled and enforced: `required` blocks new work while its agent is silent, `none` books only. */
export type AgentMode = 'required' | 'optional' | 'none';
export type AdminState = 'up' | 'draining' | 'down';

export interface NetworkInterface {
  readonly name: string;
  readonly addresses: readonly IpPrefix[];
  /** IP MTU in bytes. */
  readonly mtuBytes: Bytes;
}

export interface NetworkNode {
  readonly name: NodeName;
  readonly agent: AgentMode;
  readonly adminState: AdminState;
  readonly interfaces: readonly NetworkInterface[];
  readonly labels: Readonly<Record<string, string>>;
}

/** One direction of a cable. */
export interface Link {
  readonly id: LinkId;
  readonly from: { readonly node: NodeName; readonly interface: string };
  readonly to: { readonly node: NodeName; readonly interface: string };
  /** null = unknown: shown, routed over, but nothing can be reserved on it. */
  readonly capacityBitsPerSecond: BitsPerSecond | null;
  /** 0 … 1, default 0.75. */
  readonly reservableShare: number;
  /** Link-layer bytes added to every IP packet: 14 for veth, 38 for Ethernet on the wire, 0 if unknown. */
  readonly overheadBytes: Bytes;
  /** Integer ≥ 1; routing takes the smallest sum. */
  readonly cost: number;
  /** Propagation delay. */
  readonly delayMicros: Micros;
  readonly mtuBytes: Bytes;
  /** RFC 2212 error terms when the operator knows better than the defaults; null = derive. */
  readonly errorCBytes: Bytes | null;
  readonly errorDMicros: Micros | null;
  readonly riskGroups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly adminState: AdminState;
}

/** The stored network. Names and link ids are unique; a link's ends exist. */
export interface Topology {
  readonly nodes: readonly NetworkNode[];
  readonly links: readonly Link[];
}

/** Where a route leads: out of an interface, to a router there, of either IP version, or (null) to what is on the link. */
export interface NextHop {
  readonly interface: string;
  readonly gateway: IpAddress | null;
}

/** A kernel route as an agent reports it; only the main table, connected routes have no gateway. */
export interface Route extends NextHop {
  readonly destination: IpPrefix;
  readonly metric: number;
  /** Further next hops: the kernel chooses one by a hash of its own, which nobody can predict. Absent: there are none. */
  readonly others?: readonly NextHop[];
}

/** Bits per second that may be booked on a link: floor(capacity × share); 0 when the capacity is unknown or the link is not up. */
export const reservableBitsPerSecond = (link: Link): BitsPerSecond =>
  (link.capacityBitsPerSecond === null || link.adminState !== 'up'
    ? 0
    : Math.floor(link.capacityBitsPerSecond * link.reservableShare)) as BitsPerSecond;
