import type { IpAddress } from '../../base/ip.ts';
import type { Bytes, BytesPerSecond, Micros, Millis, MonotonicMs } from '../../base/units.ts';
import type { Flowspec, Tspec } from '../../qos/flowspec.ts';
import type { RsvpAdspec } from '../wire/adspec.ts';
import type { NeighbourSettings } from './neighbours/settings.ts';

/** A data flow as SESSION and SENDER_TEMPLATE name it together. */
export interface FlowKey {
  readonly destination: IpAddress;
  /** IP protocol number. */
  readonly protocol: number;
  /** 0 = none. */
  readonly destinationPort: number;
  readonly source: IpAddress;
  /** 0 = any. */
  readonly sourcePort: number;
}

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
  /** RFC 2212 error terms. */
  readonly errorC: Bytes;
  readonly errorD: Micros;
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

/** The kernel's answer for a flow. `local`: the destination is this host. */
export interface EngineRoute {
  readonly interface: string;
  /** null when the destination is on the link itself. */
  readonly gateway: IpAddress | null;
  readonly local: boolean;
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
    }
  /** PathTear goes out, state goes. */
  | { readonly type: 'closeSender'; readonly flow: FlowKey }
  /** This host receives the flow, FF style: RESV answers PATH as soon as there is one; again with another flowspec: a change. */
  | { readonly type: 'openReceiver'; readonly flow: FlowKey; readonly flowspec: Flowspec; readonly confirm: boolean }
  /** ResvTear goes out, state goes. */
  | { readonly type: 'closeReceiver'; readonly flow: FlowKey }
  /** Answers `queryRoute`; null: no route. */
  | { readonly type: 'route'; readonly queryId: number; readonly route: EngineRoute | null }
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
  /** The deadline that `nextDeadline` named has come. */
  | { readonly type: 'timer' };

/** Everything an engine can ask its driver to do. Take all outputs of one input before the next input. */
export type EngineOutput =
  | {
      readonly type: 'send';
      /** Where the engine expects it to leave; the kernel routes it by destination. */
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
  /** Make the flow's share on an outgoing interface what `flowspec` says; answered by `installed` or `refused` with the id. A newer install of the same flow and interface supersedes an unanswered one. */
  | {
      readonly type: 'install';
      readonly installId: number;
      readonly flow: FlowKey;
      readonly interface: string;
      readonly flowspec: Flowspec;
    }
  /** Not answered. */
  | { readonly type: 'remove'; readonly flow: FlowKey; readonly interface: string }
  | { readonly type: 'event'; readonly event: EngineEvent }
  /** Write `input` to the journal under `key` (replacing what was there): playing all remembered inputs into a new engine brings this state back. */
  | { readonly type: 'remember'; readonly key: string; readonly input: EngineInput & { readonly type: 'packet' } }
  | { readonly type: 'forget'; readonly key: string };

/** News for the control plane. Refreshes raise none. */
export type EngineEvent =
  /** Path state appeared or changed on this node, or goes another way. */
  | {
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
    }
  | { readonly type: 'pathDown'; readonly flow: FlowKey; readonly cause: 'tear' | 'timeout' | 'closed' | 'interface' }
  /** A reservation was installed here and passed on upstream (or, on the sender's host, is complete). */
  | {
      readonly type: 'resvUp';
      readonly flow: FlowKey;
      readonly interface: string;
      readonly nextHop: IpAddress;
      readonly flowspec: Flowspec;
    }
  | {
      readonly type: 'resvDown';
      readonly flow: FlowKey;
      readonly cause: 'tear' | 'timeout' | 'closed' | 'refused' | 'interface' | 'pathDown';
    }
  /** ResvConf reached the receiver that asked for it. */
  | { readonly type: 'confirmed'; readonly flow: FlowKey; readonly by: IpAddress }
  /** ResvErr (at a receiver, or passing by) or PathErr (at a sender, or passing by). */
  | {
      readonly type: 'resvError' | 'pathError';
      readonly flow: FlowKey;
      readonly errorNode: IpAddress;
      readonly errorCode: number;
      readonly errorValue: number;
      /** True where this host opened the receiver (resvError) or the sender (pathError). */
      readonly local: boolean;
      /** resvError: the flowspec that was refused, which may be an earlier one than the receiver asks for now. */
      readonly flowspec?: Flowspec;
    };

/** For `rsvp show` and tests. */
export interface EngineSnapshot {
  readonly paths: readonly {
    readonly flow: FlowKey;
    readonly previousHop: IpAddress | null;
    readonly incomingInterface: string | null;
    readonly outgoingInterface: string | null;
    readonly tspec: Tspec;
    readonly adspec: RsvpAdspec | null;
    readonly local: 'sender' | 'receiver' | null;
    readonly expiresInMs: Millis | null;
  }[];
  readonly reservations: readonly {
    readonly flow: FlowKey;
    readonly interface: string;
    readonly nextHop: IpAddress;
    readonly flowspec: Flowspec;
    readonly state: 'installing' | 'installed' | 'refused';
    readonly expiresInMs: Millis;
  }[];
  /** Armed timers by what they are for. */
  readonly timers: readonly { readonly kind: string; readonly count: number; readonly nextInMs: Millis }[];
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
