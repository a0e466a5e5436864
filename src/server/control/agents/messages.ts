import type { BitsPerSecond, Bytes, EpochMs, Micros, Millis } from '../../../core/base/units.ts';
import type { AdvertisedTerms } from '../../../core/admission/advertised.ts';
import type { NodeName, Route } from '../../../core/network/topology.ts';
import type { FlowEndpoint } from '../../../core/qos/request.ts';
import type { Assignment } from '../../../core/reservation/assignment.ts';
import type { Failure } from '../../../core/reservation/reservation.ts';
import type { AgentView } from '../api.ts';
import type { Generation } from '../committer.ts';

/** How far an assignment has come on one node (`headroom.v1.AssignmentState`). */
export type HopState = 'pending' | 'path' | 'installed' | 'confirmed' | 'failed' | 'removed' | 'lost';

export interface HeldAssignment {
  readonly reservationId: string;
  readonly revision: number;
  readonly state: HopState;
}

export type ReportedInterface = AgentView['interfaces'][number];

/** First message of an agent, read; what could not be read is in `problems`, a sentence each. */
export interface AgentHello {
  readonly node: NodeName;
  readonly hostName: string;
  readonly bootId: string;
  readonly processId: number;
  readonly version: string;
  readonly interfaces: readonly ReportedInterface[];
  readonly routes: readonly Route[];
  readonly features: NonNullable<AgentView['features']>;
  /** null = it has never held anything. */
  readonly generation: Generation | null;
  readonly held: readonly HeldAssignment[];
  /** Of the agent's state folder; empty: an agent of a version that had none. */
  readonly instanceId: string;
  readonly problems: readonly string[];
}

/** News about one assignment on one node. */
export interface HopReport extends HeldAssignment {
  /** null on a receiver's host. */
  readonly interface: string | null;
  /** Addresses as the agent saw them; null where it saw none. */
  readonly previousHop: string | null;
  readonly nextHop: string | null;
  /** Some hop before the node does not speak RSVP; null while no PATH is there. */
  readonly nonRsvpHop: boolean | null;
  /** What ADSPEC says of the path at the receiver's host; null where it says nothing, or the terms are about to change. */
  readonly advertised: AdvertisedTerms | null;
  readonly failure: Failure | null;
  /** Since the agent got the assignment, by its own clock. */
  readonly elapsedMs: Millis;
  /** The sender that it is about; null where it is about all that pass the node. */
  readonly source: FlowEndpoint | null;
  /** What RECORD_ROUTE held at the receiver's host: addresses of nodes that PATH passed, in no certain order. */
  readonly recordedRoute: readonly string[];
}

/** What the topology says of one interface's outgoing links. */
export interface InterfaceConfig {
  readonly name: string;
  /** null = unknown. */
  readonly capacityBitsPerSecond: BitsPerSecond | null;
  readonly overheadBytes: Bytes;
  readonly mtuBytes: Bytes;
  readonly delayMicros: Micros;
  readonly errorCBytes: Bytes | null;
  readonly errorDMicros: Micros | null;
}

export interface AssignmentsUpdate {
  /** null: more parts of the same update follow. */
  readonly generation: Generation | null;
  readonly full: boolean;
  readonly keep: readonly HeldAssignment[];
  readonly upserts: readonly Assignment[];
  readonly removals: readonly string[];
  /** Empty: as before. */
  readonly interfaces: readonly InterfaceConfig[];
  /** When it was written, by the clock of the books. */
  readonly serverTime: EpochMs;
}

/**
 * UNKNOWN_NODE: the topology has no such node; NOT_THIS_NODE: the certificate is for another; NODE_TAKEN: another agent is
 * connected for it; REPLACED: the same agent has connected again; REVOKED: its certificate was revoked or has expired;
 * SLOW: too much was waiting.
 */
export type RefusalCode =
  | 'UNKNOWN_NODE'
  | 'NOT_THIS_NODE'
  | 'NODE_TAKEN'
  | 'REPLACED'
  | 'REVOKED'
  | 'SLOW'
  | 'MALFORMED'
  | 'SHUTTING_DOWN'
  | 'INTERNAL';

/** What the server tells an agent. */
export type ToAgent =
  | {
      readonly type: 'welcome';
      readonly interfaces: readonly InterfaceConfig[];
      readonly heartbeatIntervalMs: Millis;
      readonly serverTime: EpochMs;
      /** What an agent with a certificate is to trust, in PEM; empty for others. */
      readonly authoritiesPem: string;
      /** Of IPv4: only routes that concern them are reported. */
      readonly subnets: readonly string[];
    }
  | ({ readonly type: 'assignments' } & AssignmentsUpdate)
  | { readonly type: 'rsvpStateQuery'; readonly queryId: bigint }
  | { readonly type: 'rsvpTraceSwitch'; readonly on: boolean }
  /** Something that whoever looks after the agent should know. */
  | { readonly type: 'notice'; readonly code: 'RIVAL'; readonly detail: string }
  | { readonly type: 'refusal'; readonly code: RefusalCode; readonly detail: string };

/** Who is at the other end of a stream: proved by a certificate, or somebody on this machine who could open the socket. */
export type AgentPeer =
  | {
      readonly kind: 'certificate';
      readonly node: NodeName;
      /** SHA-256 of the certificate, hexadecimal. */
      readonly certificateFingerprint: string;
      /** SHA-256 of its public key, hexadecimal: stays through renewals. */
      readonly keyFingerprint: string;
    }
  | { readonly kind: 'local' };

/** The server's end of one agent's stream. */
export interface AgentStream {
  /** `taken` is called when the transport has taken the message: later, where the peer reads slowly. */
  send(message: ToAgent, taken?: () => void): void;
  /** After what was sent before. */
  end(): void;
}
