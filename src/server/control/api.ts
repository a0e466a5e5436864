import type { EnrolledAgent } from './enrol-agent.ts';
import type { ReservationInput } from '../../core/qos/request-input.ts';
import type { Route, Topology, Link, NetworkNode } from '../../core/network/topology.ts';
import type { CalendarStep } from '../../core/admission/calendar.ts';
import type { WhenInput } from '../../core/qos/parse-when.ts';
import type { ImportFormat } from '../../core/network/import.ts';
import type { BitsPerSecond, EpochMs } from '../../core/base/units.ts';
import type { Reservation, ReservationState } from '../../core/reservation/reservation.ts';

/**
 * What the edges may call. Every call rejects with ControlError for what it refuses.
 * The inputs are the caller's own words with types already checked (unknown fields refused, nothing coerced); ranges,
 * contradictions, addresses and times are judged here, once for all edges.
 */
export interface Control {
  reserve(input: ReservationInput, options: CallOptions & { validateOnly: boolean }): Promise<ReserveOutcome>;
  getReservation(id: string): Promise<Reservation>;
  listReservations(query: ReservationQuery): Promise<{ items: readonly Reservation[]; nextPageToken: string | null }>;
  /** Resolves when the release is durable; again for one that is releasing or ended. `ifMatch` null: whatever it is. */
  releaseReservation(id: string, options: { readonly ifMatch: string | null }): Promise<void>;
  /**
   * Merge patches (RFC 7396) of `qos`, `name` and `labels`, one after the other, on the reservation that `ifMatch` names.
   * Resolves when the change is admitted and durable; it is in force when `change` is null again.
   */
  modifyReservation(
    id: string,
    patches: readonly unknown[],
    options: CallOptions & { readonly ifMatch: string | null },
  ): Promise<ReserveOutcome>;

  getTopology(): Promise<{ topology: Topology; etag: string }>;
  /** `document` is judged by core/network/validate. `ifMatch` is required when a topology is stored. */
  putTopology(
    document: unknown,
    options: { ifMatch: string | null; force: boolean; validateOnly: boolean },
  ): Promise<TopologyOutcome>;
  /** Parses and converts; then as putTopology. */
  importTopology(
    text: string,
    format: ImportFormat,
    options: {
      ifMatch: string | null;
      force: boolean;
      validateOnly: boolean;
      defaultCapacityBitsPerSecond: number | null;
      addressPool: string | null;
    },
  ): Promise<TopologyOutcome>;
  listNodes(): Promise<readonly NodeView[]>;
  getNode(name: string): Promise<NodeView>;
  /** Booked now, at an instant, or the most between two. */
  listLinks(when: WhenInput): Promise<readonly LinkView[]>;
  /** Between two instants with the calendar. */
  getLink(id: string, when: WhenInput): Promise<LinkView>;

  listAgents(): Promise<readonly AgentView[]>;
  getAgent(node: string): Promise<AgentView>;
  /** The agent's own snapshot (engine and kernel), asked over its channel; UNAVAILABLE after 5 s. */
  getAgentRsvp(node: string): Promise<unknown>;
  /**
   * The agent's RSVP messages as they come and go, until the signal aborts; none from before. A watcher that is too slow
   * is told how many were left out. Throws NOT_FOUND, or UNAVAILABLE where the agent is not connected or too many watch it.
   */
  watchAgentRsvp(node: string, signal: AbortSignal): AsyncIterable<TraceItem>;

  /** A one-time token for the node's agent. NOT_FOUND; INCOMPATIBLE_STATE where agents of other hosts are not listened for. */
  enrolAgent(node: string): Promise<EnrolledAgent>;
  /** Revokes the certificates and tokens of the node's agent and ends its stream. Refused like enrolAgent. */
  revokeAgent(node: string): Promise<{ readonly certificates: number }>;

  /** Events after `after` in order, each once, then live until the signal aborts. `after` null = from now on. EVENTS_PURGED when too old. */
  watchEvents(after: bigint | null, signal: AbortSignal): AsyncIterable<EventView>;

  /** The database is away: what is read is what was known before. */
  isStale(): boolean;
  readiness(): Promise<Readiness>;
}

export interface CallOptions {
  /** Idempotency-Key or request_id; null = none. */
  readonly idempotencyKey: string | null;
}

export type { ReservationInput };

export interface ReserveOutcome {
  /** With validateOnly: what it would be; its id is then empty and must not be shown. */
  readonly reservation: Reservation;
  /** An earlier success with the same key. */
  readonly replayed: boolean;
}

export interface ReservationQuery {
  /** 1 … 500. */
  readonly pageSize: number;
  readonly pageToken: string | null;
  readonly states: readonly ReservationState[];
  readonly source: string | null;
  readonly destination: string | null;
  readonly node: string | null;
  readonly link: string | null;
}

export interface TopologyOutcome {
  readonly topology: Topology;
  readonly etag: string;
  readonly changes: {
    readonly nodesAdded: readonly string[];
    readonly nodesChanged: readonly string[];
    readonly nodesRemoved: readonly string[];
    readonly linksAdded: readonly string[];
    readonly linksChanged: readonly string[];
    readonly linksRemoved: readonly string[];
  };
  /** What an importer decided or left out, and what the consistency check found. */
  readonly notes: readonly { readonly kind: string; readonly where: string; readonly what: string }[];
}

export interface NodeView extends NetworkNode {
  readonly agentState: AgentState | null;
}

export interface LinkView extends Link {
  readonly reservableBitsPerSecond: BitsPerSecond;
  /** At the instant that was asked about, or the most between two. */
  readonly bookedBitsPerSecond: BitsPerSecond;
  /** More is booked than is reservable (capacity or share was lowered). */
  readonly overbookedBitsPerSecond: BitsPerSecond;
  /** Between two instants, one step after the other; the rest where the last one ends too early. null: not asked for. */
  readonly calendar: readonly CalendarStep[] | null;
}

export type AgentState = 'connected' | 'silent' | 'never';

export interface AgentView {
  /** The node's name. */
  readonly id: string;
  readonly state: AgentState;
  readonly hostName: string | null;
  readonly bootId: string | null;
  readonly version: string | null;
  readonly lastSeenAt: EpochMs | null;
  readonly interfaces: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly mtuBytes: number;
    readonly speedBitsPerSecond: number | null;
    readonly up: boolean;
    /** Reverse-path filtering in force: 0 none, 1 strict, 2 loose; null = unknown. */
    readonly rpFilter: number | null;
  }[];
  readonly routes: readonly Route[];
  readonly features: {
    readonly enforces: boolean;
    /** It can keep single flows off their routed way. */
    readonly steers: boolean;
    /** Why it cannot; null where it can. */
    readonly steeringProblem: string | null;
    readonly rsvpTransport: string;
    readonly refreshPeriodMs: number;
    readonly notes: readonly string[];
  } | null;
  /** Where the report and the topology differ, a sentence each. */
  readonly mismatches: readonly string[];
  /** Rules of others in the host's kernel that defeat what is promised, or may; the gravest first. */
  readonly findings: readonly AgentFinding[];
  readonly assignments: number;
  readonly memoryBytes: number | null;
}

export interface AgentFinding {
  readonly code: string;
  /** The rule, as its operator knows it. */
  readonly object: string;
  /** Bits of packet marks of ours that it concerns; 0 = none. */
  readonly markBits: number;
  readonly severity: 'error' | 'warning';
  readonly detail: string;
  /** What to do about it. */
  readonly mend: string;
}

/** One RSVP message that an agent received or sent. */
export interface TracedMessage {
  /** Microseconds since 1970, by the agent's clock. */
  readonly timeMicros: bigint;
  readonly direction: 'in' | 'out';
  readonly interface: string;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  /** Of sent messages; false for received ones, which do not tell. */
  readonly routerAlert: boolean;
  /** The message without IP header. */
  readonly bytes: Uint8Array;
  /** Why a received message, or a part of it, changed nothing. */
  readonly dropped: readonly string[];
  /** Why it was not sent; null when it was. */
  readonly problem: string | null;
}

export type TraceItem =
  | ({ readonly type: 'message' } & TracedMessage)
  /** So many messages came or went here that nobody will see. */
  | { readonly type: 'leftOut'; readonly count: number }
  /** The agent's stream ended, or began anew. */
  | { readonly type: 'agent'; readonly connected: boolean };

export interface EventView {
  readonly id: bigint;
  /** `reservation.created`, `reservation.active`, `reservation.releasing`, `reservation.ended`, … */
  readonly type: string;
  readonly time: EpochMs;
  readonly reservationId: string | null;
  /** The reservation as it was after the event, or other data by type. */
  readonly data: unknown;
}

export interface Readiness {
  readonly ready: boolean;
  readonly database: 'ok' | 'unreachable';
  readonly migrations: 'ok' | 'pending';
  /** fsync or synchronous_commit off: acknowledged is then not durable. */
  readonly warnings: readonly string[];
}
