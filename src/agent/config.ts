import type { TransportChoice } from './socket/open.ts';
import type { RsvpConfig } from './rsvp-config.ts';

/** Everything an agent is told at its start. */
export interface AgentConfig {
  /** The node of the topology that this host is. */
  readonly node: string;
  /** `unix:/path/agent.sock` or `host:port`. */
  readonly server: string;
  /** One-time token for the first connection over TCP; null: the certificate in the state folder is used. */
  readonly enrolToken: string | null;
  /** Journal and lock live here; one agent a folder. */
  readonly stateDir: string;
  /** R of RFC 2205, milliseconds, 100 … 3,600,000. */
  readonly refreshPeriodMs: number;
  /** What is agreed with RSVP neighbours. */
  readonly rsvp: RsvpConfig;
  /** Present in the loopback lab: nothing is enforced, RSVP runs over UDP ports of 127.0.0.1. */
  readonly labNodeFile: string | null;
  /** How RSVP is spoken where this is no loopback lab. */
  readonly transport: TransportChoice;
  /** Interfaces on which hosts speak RSVP in UDP only (RFC 2205 appendix C); others are found out when such a host sends. */
  readonly udpInterfaces: readonly string[];
  /** Take classes, maps and the guard rule away at an orderly stop, as a plain router has none. */
  readonly removeOnExit: boolean;
  /** Bits of marks for flows that are kept off their routed way; null: such as nobody else names are chosen. */
  readonly markMask: number | null;
  /** The routing tables after this number are for these flows, one for each value of the mark. */
  readonly firstTable: number;
  /** Where everything that goes into the RSVP engine and comes out of it is written; null = nowhere. */
  readonly record: { readonly file: string; readonly maxBytes: number } | null;
}
