import type { IpAddress } from '../../base/ip.ts';
import type { Bytes, BytesPerSecond, EpochMs, Micros, Millis, MonotonicMs } from '../../base/units.ts';
import type { Flowspec, Tspec } from '../../qos/flowspec.ts';
import type { RsvpAdspec } from '../wire/adspec.ts';
import type { RsvpPolicyData } from '../wire/policy-data.ts';
import type { NeighbourSettings } from './neighbours/settings.ts';

/** What data are sent to, as SESSION names it; a group of hosts where the destination is a multicast address. */
export interface SessionKey {
  readonly destination: IpAddress;
  /** IP protocol number. */
  readonly protocol: number;
  /** 0 = none. */
  readonly destinationPort: number;
}

/** A sender of a session, as SENDER_TEMPLATE and FILTER_SPEC name it. */
export interface Filter {
  readonly source: IpAddress;
  /** 0 = any. */
  readonly sourcePort: number;
}

/** A data flow as SESSION and SENDER_TEMPLATE name it together. */
export interface FlowKey extends SessionKey, Filter {}

/**
 * Reservation styles (RFC 2205 1.3): FF a share for each sender that is named, SE one share for all that are named, WF one
 * share for all senders of the session.
 */
export type StyleName = 'FF' | 'SE' | 'WF';

/** One canonical text per flow, for maps and logs: `udp 10.1.0.2:5004 > 10.2.0.2:5004`-like, but never parsed. */
export const flowKeyText = (f: FlowKey): string =>
  `${f.protocol} ${f.source}:${f.sourcePort} > ${f.destination}:${f.destinationPort}`;

/** What the engine must know of an interface to speak on it and to advertise it (RFC 2215). */
export interface EngineInterface {
  readonly name: string;
  /** The address that PHOP and NHOP carry. */
  readonly address: IpAddress;
  /** All addresses of this host on it; a session to one of them ends here. */
  readonly addresses: readonly IpAddress[];
  readonly mtu: Bytes;
  /** What ADSPEC's path bandwidth is compared with. */
  readonly bandwidth: BytesPerSecond;
  /** Minimum latency of the link behind it. */
  readonly latency: Micros;
  /** RFC 2212 error terms. C is derived from the flow's largest packet and `overhead` where it is null. */
  readonly errorC: Bytes | null;
  readonly errorD: Micros;
  /** Link-layer bytes around a packet; left out: 0. */
  readonly overhead?: Bytes;
}

export interface EngineSettings {
  /** R: how often state is refreshed; carried in TIME_VALUES. */
  readonly refreshPeriod: Millis;
  /** Seed of the refresh jitter. */
  readonly seed: number;
  /** Upper bounds of state; beyond them a message is counted and dropped. */
  readonly maxFlows: number;
  /** What goes on between neighbours beyond RFC 2205, and with whom; left out: nothing. */
  readonly neighbours?: NeighbourSettings;
}

/** The session of a flow as text, for maps. */
export const sessionKeyText = (s: SessionKey): string => `${s.protocol} ${s.destination}:${s.destinationPort}`;

/** The kernel's answer for a flow to one host. `local`: the destination is this host. */
export interface EngineRoute {
  readonly interface: string;
  /** null when the destination is on the link itself. */
  readonly gateway: IpAddress | null;
  readonly local: boolean;
}

/** The answer for a flow to a group: the branches of the distribution tree here (RFC 2205 3.11.3). */
export interface EngineMulticastRoute {
  /** The interface by which packets from this source are to come in; null: any may be it, as on a host that forwards none. */
  readonly incoming: string | null;
  readonly outgoing: readonly string[];
  /** This host is itself a member of the group. */
  readonly local: boolean;
}

/** A request of a receiver on this host, for one share (RFC 2205 3.11.1, RESERVE). */
export interface ReserveDescriptor {
  /** FF: one or more, with a share for each; SE: those that share; WF: none. */
  readonly filters: readonly Filter[];
  readonly flowspec: Flowspec;
}

/** Everything that can happen to an engine, as plain data: a run can be recorded and played again. */
export type EngineInput =
  /** Replaces the set; state on an interface that is gone or down is dropped as RFC 2209 has it for a vanished interface. */
  | { readonly type: 'interfaces'; readonly interfaces: readonly EngineInterface[] }
  /** An RSVP message (no IP header), with what the IP header said. */
  | {
      readonly type: 'packet';
      readonly interface: string;
      readonly source: IpAddress;
      readonly destination: IpAddress;
      readonly ttl: number;
      readonly bytes: Uint8Array;
      /** Out of the journal: it was proved and answered when it came, and is neither again. */
      readonly remembered?: true;
    }
  /** This host sends the flow: PATH starts; again with another Tspec or route: PATH is repeated at once with it. */
  | {
      readonly type: 'openSender';
      readonly flow: FlowKey;
      readonly tspec: Tspec;
      /**
       * The way that PATH must take (RFC 3209 4.3): for every node after this host the address of the interface by which
       * PATH enters it, the destination last. Left out: the way that routing takes.
       */
      readonly explicitRoute?: readonly IpAddress[];
      /** PATH records the way it takes (RFC 3209 4.4). */
      readonly recordRoute?: boolean;
      /** Goes downstream with PATH (RFC 2750). */
      readonly policyData?: readonly RsvpPolicyData[];
    }
  /** PathTear goes out, state goes. */
  | { readonly type: 'closeSender'; readonly flow: FlowKey }
  /** This host receives the flow, FF style: RESV answers PATH as soon as there is one; again with another flowspec: a change. */
  | { readonly type: 'openReceiver'; readonly flow: FlowKey; readonly flowspec: Flowspec; readonly confirm: boolean }
  /** ResvTear goes out, state goes. */
  | { readonly type: 'closeReceiver'; readonly flow: FlowKey }
  /**
   * A receiver on this host asks for its share of a session, in any style; RESV answers PATH as soon as there is one. Again
   * with the same `receiver`: replaces all that it asked for before. A change of style tears the old reservation first.
   */
  | {
      readonly type: 'reserve';
      readonly session: SessionKey;
      /** The application's own name for itself; several can be in one session, in one style. */
      readonly receiver: string;
      readonly style: StyleName;
      /** WF: one without filters. SE: one. FF: any number. */
      readonly descriptors: readonly ReserveDescriptor[];
      readonly confirm: boolean;
      /** Goes upstream with the reservation (RFC 2750). */
      readonly policyData?: readonly RsvpPolicyData[];
      /** Code points that senders are asked to mark packets with (RFC 2996), 0 … 63. */
      readonly dclass?: readonly number[];
    }
  /** Undoes `reserve`. */
  | { readonly type: 'release'; readonly session: SessionKey; readonly receiver: string }
  /** Answers `queryRoute`, for a group with its branches; null: no route. */
  | { readonly type: 'route'; readonly queryId: number; readonly route: EngineRoute | EngineMulticastRoute | null }
  /** The kernel's routes or links changed: routes of all sessions are asked again. */
  | { readonly type: 'routesChanged' }
  /** Answers `install`. */
  | { readonly type: 'installed'; readonly installId: number }
  | {
      readonly type: 'refused';
      readonly installId: number;
      /** For the ERROR_SPEC (RFC 2205 appendix B): 1 admission, 2 policy, 21 traffic control, 22 traffic control system. */
      readonly errorCode: number;
      readonly errorValue: number;
    }
  /**
   * Local admission may answer otherwise than before, since the flow was assigned anew: what stands reserved for it is asked
   * for once more, and refusals are forgotten.
   */
  | { readonly type: 'admissionChanged'; readonly flow: FlowKey }
  /**
   * The flow is tried once more, since what was refused or unreachable may not be any longer: a sender on this host repeats
   * PATH, a receiver RESV, and what local admission has refused is asked for again. What stands stays as it is.
   */
  | { readonly type: 'retry'; readonly flow: FlowKey }
  /** Nobody here wants anything of a flow from elsewhere any more: what is left of its state is torn, both ways. */
  | { readonly type: 'abandon'; readonly flow: FlowKey }
  /** The wall clock, by which keys live and messages are numbered (RFC 2747 3.2). Needed, once and now and then, where keys are. */
  | { readonly type: 'clock'; readonly wall: EpochMs }
  /** The deadline that `nextDeadline` named has come. */
  | { readonly type: 'timer' };

/**
 * What traffic control holds for a session on one outgoing interface. One share is another's successor where session,
 * interface, style and, with FF, the filter are the same.
 */
export interface Share {
  readonly session: SessionKey;
  readonly interface: string;
  readonly style: StyleName;
  /** FF: one. SE: those that share it. WF: none, it is for all packets of the session. */
  readonly filters: readonly Filter[];
}

/** One canonical text per share, for maps and logs; never parsed. */
export const shareKeyText = ({ session, interface: name, style, filters }: Share): string =>
  style === 'FF' && filters[0]
    ? `${flowKeyText({ ...session, ...filters[0] })} on ${name}`
    : `${sessionKeyText(session)} ${style} on ${name}`;

/** Everything an engine can ask its driver to do. Take all outputs of one input before the next input. */
export type EngineOutput =
  | {
      readonly type: 'send';
      /** Where the engine expects it to leave. With a flow it leaves by no other; else the kernel routes it by destination. */
      readonly interface: string;
      readonly source: IpAddress;
      readonly destination: IpAddress;
      /** IP TTL, always equal to Send_TTL inside. */
      readonly ttl: number;
      readonly routerAlert: boolean;
      /** The flow whose way the message must take, for Path and PathTear: where that is pinned, the kernel knows it by a mark. */
      readonly flow: FlowKey | null;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: 'queryRoute';
      readonly queryId: number;
      readonly flow: FlowKey;
      /** The next hop that an explicit route prescribes; null: the kernel's own routing decides. */
      readonly via: IpAddress | null;
    }
  /**
   * Make a share on an outgoing interface what `flowspec` says, for the senders that `filters` names; answered by
   * `installed` or `refused` with the id. A newer install of the same share supersedes an unanswered one.
   */
  | ({ readonly type: 'install'; readonly installId: number; readonly flowspec: Flowspec } & Share)
  /** Not answered. */
  | ({ readonly type: 'remove' } & Share)
  | { readonly type: 'event'; readonly event: EngineEvent }
  /** Write `input` to the journal under `key` (replacing what was there): playing all remembered inputs into a new engine brings this state back. */
  | { readonly type: 'remember'; readonly key: string; readonly input: EngineInput & { readonly type: 'packet' } }
  | { readonly type: 'forget'; readonly key: string };

/** What a message carries through RSVP for others, as far as it is known here. Each left out where there is none. */
export interface Carried {
  /** Whole objects, of all requests that were merged (RFC 2750 4.2). */
  readonly policyData?: readonly RsvpPolicyData[];
  /** Code points that the network asks to mark packets with (RFC 2996), 0 … 63, each once. */
  readonly dclass?: readonly number[];
}

/** News for the control plane. Refreshes raise none. */
export type EngineEvent =
  /** Path state appeared or changed on this node, or goes another way. */
  | ({
      readonly type: 'pathUp';
      readonly flow: FlowKey;
      /** null on the sender's own host. */
      readonly previousHop: IpAddress | null;
      readonly tspec: Tspec;
      readonly adspec: RsvpAdspec | null;
      /** True when this host is the destination. */
      readonly local: boolean;
      /** Some hop before this one does not speak RSVP (Send_TTL differs from the IP TTL, or the break bit came in). */
      readonly nonRsvpHop: boolean;
      /** The way that PATH recorded, the sender's host first; null where it records none. */
      readonly recordedRoute: readonly IpAddress[] | null;
      /** Where PATH leaves this host and goes next; null where it ends or has no way on. */
      readonly outgoing: { readonly interface: string; readonly nextHop: IpAddress } | null;
    } & Carried)
  | { readonly type: 'pathDown'; readonly flow: FlowKey; readonly cause: 'tear' | 'timeout' | 'closed' | 'interface' }
  /** A reservation was installed here and passed on upstream (or, on the sender's host, is complete). */
  | ({
      readonly type: 'resvUp';
      readonly flow: FlowKey;
      readonly interface: string;
      readonly nextHop: IpAddress;
      readonly style: StyleName;
      readonly flowspec: Flowspec;
    } & Carried)
  | {
      readonly type: 'resvDown';
      readonly flow: FlowKey;
      readonly cause: 'tear' | 'timeout' | 'closed' | 'refused' | 'interface' | 'pathDown';
    }
  /** ResvConf reached the receiver that asked for it. */
  | { readonly type: 'confirmed'; readonly flow: FlowKey; readonly by: IpAddress }
  /** What Hello tells of a neighbour (RFC 3209 5): it was reset, is not heard any more, or is heard again. */
  | {
      readonly type: 'neighbourChanged';
      readonly interface: string;
      readonly neighbour: IpAddress;
      readonly change: 'restarted' | 'lost' | 'back';
    }
  /** All keys that are agreed with a neighbour (null: with everybody on the interface) are over; the last goes on (RFC 2747 5.3). */
  | {
      readonly type: 'lastKeyExpired';
      readonly interface: string;
      readonly neighbour: IpAddress | null;
      readonly keyId: number;
    }
  /** ResvErr (at a receiver, or passing by) or PathErr (at a sender, or passing by). */
  | {
      readonly type: 'resvError' | 'pathError';
      readonly flow: FlowKey;
      readonly errorNode: IpAddress;
      readonly errorCode: number;
      readonly errorValue: number;
      /** True where this host opened the receiver (resvError) or the sender (pathError). */
      readonly local: boolean;
      /** An earlier reservation stays where the error was found (RFC 2205 A.5). */
      readonly inPlace?: true;
      /** A larger request than this host's own failed; the own one may stand (RFC 2205 3.11.1). */
      readonly notGuilty?: true;
      /** resvError: the flowspec that was refused, which may be an earlier one than the receiver asks for now. */
      readonly flowspec?: Flowspec;
    };

/** For `rsvp show` and tests. */
export interface EngineSnapshot {
  readonly paths: readonly ({
    readonly flow: FlowKey;
    readonly previousHop: IpAddress | null;
    readonly incomingInterface: string | null;
    /** More than one only where the destination is a group; none where the flow ends here or has no way on. */
    readonly outgoingInterfaces: readonly string[];
    readonly tspec: Tspec;
    readonly adspec: RsvpAdspec | null;
    /** The addresses that PATH must go to from here on; left out where routing decides. */
    readonly explicitRoute?: readonly IpAddress[];
    /** The addresses by which PATH left the nodes before this one, the sender's host first; left out where it keeps no record. */
    readonly recordedRoute?: readonly IpAddress[];
    readonly local: 'sender' | 'receiver' | null;
    readonly expiresInMs: Millis | null;
  } & Carried)[];
  /** A row a sender; rows of a shared style with the same interface and next hop are one reservation. */
  readonly reservations: readonly ({
    readonly flow: FlowKey;
    readonly style: StyleName;
    readonly interface: string;
    readonly nextHop: IpAddress;
    readonly flowspec: Flowspec;
    readonly state: 'installing' | 'installed' | 'refused';
    readonly expiresInMs: Millis;
  } & Carried)[];
  /** Armed timers by what they are for. */
  readonly timers: readonly { readonly kind: string; readonly count: number; readonly nextInMs: Millis }[];
  readonly neighbours: readonly {
    readonly interface: string;
    readonly address: IpAddress;
    /** It does refresh reduction (RFC 2961 2). */
    readonly refreshReduction: boolean;
    /** Of its message ids; null: none came. */
    readonly epoch: number | null;
    /** Path state that came from it. */
    readonly flows: number;
    /** Messages to it that are repeated until it acknowledges them. */
    readonly unacknowledged: number;
    /** States told to it that summaries refresh. */
    readonly summarised: number;
    /** Messages of it that its summaries may stand for. */
    readonly remembered: number;
    /** How long ago a message came from it. */
    readonly lastHeardMs: Millis | null;
    /** null: no Hello goes either way. `instance` 0: none came. */
    readonly hello: { readonly state: 'unknown' | 'up' | 'lost'; readonly instance: number } | null;
    /** null: nothing is signed. `keyId` null: no key has begun yet. `awaited`: keys that it was asked about and has not shown yet. */
    readonly integrity: {
      readonly keyId: number | null;
      readonly expired: boolean;
      readonly awaited: readonly number[];
    } | null;
    /** Messages. */
    readonly received: number;
    /** Of these, by reason. */
    readonly dropped: Readonly<Record<string, number>>;
  }[];
  readonly counters: EngineCounters;
}

export interface EngineCounters {
  /** By message type name. */
  readonly received: Readonly<Record<string, number>>;
  readonly sent: Readonly<Record<string, number>>;
  /** Dropped messages by reason (decode reasons and protocol reasons). */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The sans-IO engine of one node. */
export interface RsvpEngine {
  /** First drops what has expired at `now`, then processes the input. Never throws for any input. */
  handle(input: EngineInput, now: MonotonicMs): EngineOutput[];
  /** When `{ type: 'timer' }` is due; null when nothing is pending. */
  nextDeadline(): MonotonicMs | null;
  snapshot(now: MonotonicMs): EngineSnapshot;
  /** As in the snapshot, at the cost of a few entries. */
  counters(): EngineCounters;
}
