import type { IpAddress } from '../../base/ip.ts';
import type { Millis, MonotonicMs } from '../../base/units.ts';
import type { Flowspec, Tspec } from '../../qos/flowspec.ts';
import type { RsvpAdspec } from '../wire/adspec.ts';
import type { ExplicitHop } from '../wire/explicit-route.ts';
import type { RsvpFlowspec } from '../wire/flowspec.ts';
import type { RecordedHop } from '../wire/record-route.ts';
import type { RsvpStyle } from '../wire/style.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import type { Stands, Told } from './neighbours/neighbour.ts';
import type { TokenBucket } from '../../base/token-bucket.ts';
import type { Timer } from './timer.ts';
import type { Filter, FlowKey, SessionKey, StyleName } from './types.ts';

/*
 * The state blocks of RFC 2209 1 and how they hang together:
 *
 *     Session ──< Psb (a sender) ──< Tcsb (FF: an outgoing interface) ──< Rsb (a next hop)
 *        │          └──> Upstream (a previous hop's RESV) >── Psb
 *        ├──< Tcsb (SE, WF: an outgoing interface) ──< Rsb (a next hop)
 *        └──< LocalReceiver ──< LocalRequest
 *
 * Lists that are usually short are replaced, not changed; NONE stands for every empty one.
 */

/** Stands for every list that has nothing in it. */
export const NONE: readonly never[] = [];

/** What PATH said of a flow; a sender on this host is described alike. */
export interface PathContents {
  /** Flags of SESSION, passed on as they came (E_Police). */
  readonly sessionFlags: number;
  readonly tspec: Tspec;
  /** As received, break bit added where a hop before this one does not speak RSVP. */
  readonly adspec: RsvpAdspec | null;
  /** Objects that are only forwarded (RFC 2205 3.10). */
  readonly forwarded: readonly RsvpUnknown[];
  readonly nonRsvpHop: boolean;
  /** The way that PATH must take from here on (RFC 3209 4.3), never empty; null: routing decides. */
  readonly explicitRoute: readonly ExplicitHop[] | null;
  /** The way that PATH took, the last node first (RFC 3209 4.4); null: it keeps no record. */
  readonly recordedRoute: readonly RecordedHop[] | null;
}

/** Where PATH came from; null: the sender is this host. */
export interface PreviousHop {
  readonly interface: string;
  readonly address: IpAddress;
  readonly logicalInterfaceHandle: number;
}

/** An outgoing interface of a flow. */
export interface Branch {
  readonly interface: string;
  /** null where the destination, or a group's members, are on the link itself. */
  readonly gateway: IpAddress | null;
}

/** Where a flow goes from here (OutInterface_list and IncInterface of RFC 2209 1). */
export interface Way {
  /** Multicast: the interface by which the flow must come in; null: any. */
  readonly incoming: string | null;
  /** At most one where the destination is one host. */
  readonly branches: readonly Branch[];
  /** It ends here; for a group: here, too. */
  readonly local: boolean;
}

/** A flowspec that some node upstream refused (BSB of RFC 2209). */
export interface Blockade {
  readonly flowspec: Flowspec;
  readonly until: MonotonicMs;
}

/**
 * Path state of a multicast flow from another interface than the one that routing names (Local_Only, RFC 2209 1): kept, so
 * that it can take over, and used for nothing else.
 */
export interface SparePath {
  hop: PreviousHop;
  contents: PathContents;
  ttl: number;
  refreshPeriod: Millis;
  readonly expiry: Timer;
}

/** Path state of one flow and what hangs on it (RFC 2209 1): one per session and sender. */
export interface Psb extends Told, Stands {
  readonly session: Session;
  readonly flow: FlowKey;
  readonly key: string;
  contents: PathContents;
  hop: PreviousHop | null;
  /** TTL that PATH arrived with; PATH goes on with one less. */
  ttl: number;
  /** R that the previous hop announced. */
  refreshPeriod: Millis;

  /** The kernel's last answer; null: no route, or none known yet. */
  way: Way | null;
  /** True once a first answer came: until then a RESV waits. */
  routed: boolean;
  /** The query without an answer. */
  queryId: number | null;
  /** Interfaces PATH went out of last, and where a PathTear must follow. */
  sentOn: readonly string[];
  /** Repetitions of PATH since the last change. */
  step: number;
  /** The prescribed way changed: PATH waits for the answer where that leads. */
  turning: boolean;
  /** The logical interface handle that PATH carries on (see previous-hop.ts). */
  handle: number;

  readonly expiry: Timer;
  readonly refresh: Timer;
  /** Set while a new route settles (W of RFC 2205 3.6): until then everything stays with the old one. */
  settling: { readonly timer: Timer; readonly way: Way } | null;
  spares: readonly SparePath[];

  /** FF: one per outgoing interface. */
  reservations: readonly Tcsb[];
  /** The RESV that asks the previous hop for this sender. */
  upstream: Upstream | null;
  /** What the previous hop was asked for last, for this sender alone. */
  asked: Flowspec | null;
  blockade: Blockade | null;
  /** A reservation for it was told of and stands. */
  reserved: boolean;
  /** The last error that was told: its repetitions, which refreshes provoke, are no news until then. */
  reported: { readonly text: string; readonly until: number } | null;
  /** Errors about it that may still be passed on; null: none was yet. */
  passing: TokenBucket | null;
}

/** Why and until when a request is not tried again on this node. */
export interface Refusal {
  readonly flowspec: Flowspec;
  readonly errorCode: number;
  readonly errorValue: number;
  readonly until: MonotonicMs;
}

/** A sender that a shared-explicit reservation names. */
export interface RsbFilter {
  readonly rsb: Rsb;
  readonly psb: Psb;
  readonly expiry: Timer;
  /** Traffic control holds it. */
  accepted: boolean;
}

/** A reservation request of one next hop (RFC 2209 1). */
export interface Rsb extends Stands {
  readonly tcsb: Tcsb;
  readonly nextHop: IpAddress;
  /** Objects that are only forwarded (RFC 2205 3.10). */
  forwarded: readonly RsvpUnknown[];
  /** R that the next hop announced. */
  refreshPeriod: Millis;
  /** What it asked for last. */
  requested: Flowspec;
  /** What of it traffic control holds; null before the first success. */
  accepted: Flowspec | null;
  /** SE: the senders it is for, by flowKeyText; null with the other styles. */
  readonly filters: Map<string, RsbFilter> | null;
  /** STYLE as it came last: it goes back in an error as it was (RFC 2205 3.1.8). */
  styleObject: RsvpStyle;
  /** WF: the senders that it may be passed on to (RFC 2205 3.4); null: no limit. */
  scope: readonly IpAddress[] | null;
  /** Set while `requested` stands refused. */
  refusal: Refusal | null;
  /** The receiver that wants to hear of success, until that is passed on or answered. */
  confirm: IpAddress | null;
  /** The receiver for which a confirmation was asked upstream last: it is behind this next hop. */
  confirmedTo: IpAddress | null;
  readonly expiry: Timer;
}

/** What traffic control holds on an outgoing interface, and the requests that merge into it (TCSB of RFC 2209). */
export interface Tcsb {
  readonly session: Session;
  readonly style: StyleName;
  readonly interface: string;
  /** FF: the sender; null with shared styles, which have one per interface. */
  readonly sender: Psb | null;
  /** One a next hop. */
  rsbs: readonly Rsb[];
  /** The last flowspec that was reported installed. */
  installed: Flowspec | null;
  /** SE: the senders that were reported installed. */
  senders: readonly Psb[];
  /** The install without an answer. */
  pending: { readonly installId: number; readonly flowspec: Flowspec; readonly senders: readonly Psb[] } | null;
  /** An unanswered install was overtaken: what the kernel holds is uncertain until one succeeds. */
  uncertain: boolean;
}

/**
 * One RESV that is sent to a previous hop and refreshed (RESV REFRESH of RFC 2209): for all senders behind it or, with
 * explicit styles, for as many of them as fit a packet.
 */
export interface Upstream extends Told {
  readonly session: Session;
  readonly style: StyleName;
  readonly hop: PreviousHop;
  /** The senders that it asks for. */
  members: readonly Psb[];
  /** SE and WF: what the RESV asked for last. */
  flowspec: Flowspec | null;
  /** WF: the SCOPE that it had. */
  scope: readonly IpAddress[] | null;
  /** The objects that it carried for others. */
  forwarded: readonly RsvpUnknown[];
  /** WF: blockade state is per previous hop (RFC 2205 3.5). */
  blockade: Blockade | null;
  /** What it says changed, or it must be said again. */
  news: boolean;
  /** What it asked for and asks for no more: to be torn. */
  dropped: readonly { readonly psb: Psb; readonly flowspec: Flowspec }[];
  /** The RESV that was sent last asked for a confirmation. */
  asking: boolean;
  /** Receivers that want to hear of success. */
  confirms: readonly IpAddress[];
  /** Repetitions since the last change. */
  step: number;
  readonly timer: Timer;
}

/** One request of a RESV: FF one sender's, SE and WF the whole flow descriptor. */
export interface ArrivedResv {
  readonly session: SessionKey;
  readonly style: StyleName;
  readonly filters: readonly Filter[];
  readonly interface: string;
  readonly nextHop: IpAddress;
  readonly refreshPeriod: Millis;
  readonly flowspec: RsvpFlowspec;
  readonly scope: readonly IpAddress[] | null;
  readonly confirm: IpAddress | null;
  readonly forwarded: readonly RsvpUnknown[];
  /** STYLE as it came: reserved bits and all go back in an error (RFC 2205 3.1.8). */
  readonly styleObject: RsvpStyle;
  /** The message was signed with a key that is agreed with its sender, or comes out of the journal. */
  readonly proved: boolean;
}

/** A RESV that waits for a route or for a sender of this host. */
export interface PendingResv {
  /** What a later one replaces. */
  readonly key: string;
  readonly arrived: ArrivedResv;
  /** Ends the wait for a sender; null where a route is waited for, whose answer ends it. */
  readonly timer: Timer | null;
}

/** One share that a receiver on this host asks for. */
export interface LocalRequest {
  readonly receiver: LocalReceiver;
  /** `flowKeyText` of the senders; null: all (WF). */
  readonly senders: ReadonlySet<string> | null;
  readonly flowspec: Flowspec;
  /** A ResvConf is wanted, of every sender: RESV asks for it until it or an error has come for each. */
  readonly confirm: boolean;
  /** `flowKeyText` of the senders for which one has. */
  readonly answered: Set<string>;
}

/** A receiver on this host. */
export interface LocalReceiver {
  readonly id: string;
  readonly style: StyleName;
  requests: readonly LocalRequest[];
  /** Policy data and code points that go upstream with its requests. */
  readonly forwarded: readonly RsvpUnknown[];
}

/** Everything of one session (RFC 2205 1.1). */
export interface Session {
  readonly key: string;
  readonly id: SessionKey;
  readonly multicast: boolean;
  psbs: Psb[];
  /** FF reservations, which hang on their senders. */
  distinct: number;
  /** SE and WF reservations, one per outgoing interface. */
  shared: readonly Tcsb[];
  /** RESV messages, one or more per previous hop. */
  upstreams: readonly Upstream[];
  receivers: readonly LocalReceiver[];
  /** RESVs that wait for a route or for a sender of this host. */
  pending: readonly PendingResv[];
}
