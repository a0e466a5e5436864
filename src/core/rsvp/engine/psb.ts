import type { IpAddress } from '../../base/ip.ts';
import type { Millis, MonotonicMs } from '../../base/units.ts';
import type { Flowspec, Tspec } from '../../qos/flowspec.ts';
import type { RsvpAdspec } from '../wire/adspec.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import type { ArrivedResv, Rsb, TrafficControl } from './rsb.ts';
import type { Timer } from './timers.ts';
import type { EngineRoute, FlowKey } from './types.ts';

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
}

/** Where PATH came from; null: the sender is this host. */
export interface PreviousHop {
  readonly interface: string;
  readonly address: IpAddress;
  readonly logicalInterfaceHandle: number;
}

/** RESV as it is passed on to the previous hop. */
export interface UpstreamResv {
  flowspec: Flowspec;
  /** Repetitions since the last change. */
  step: number;
  readonly timer: Timer;
}

/** A flowspec that some node upstream refused (BSB of RFC 2209). */
export interface Blockade {
  readonly flowspec: Flowspec;
  readonly until: MonotonicMs;
}

/** Path state of one flow and everything that hangs on it (RFC 2209 1). Unicast: one per session and sender. */
export interface Psb {
  readonly flow: FlowKey;
  readonly key: string;
  contents: PathContents;
  hop: PreviousHop | null;
  /** TTL that PATH arrived with; PATH goes on with one less. */
  ttl: number;
  /** R that the previous hop announced. */
  refreshPeriod: Millis;

  /** The kernel's last answer; null: no route, or none known yet. */
  route: EngineRoute | null;
  /** True once a first answer came: until then a RESV waits. */
  routed: boolean;
  /** The query without an answer. */
  queryId: number | null;
  /** Interface PATH went out of last, and where a PathTear must follow. */
  sentOn: string | null;
  /** Repetitions of PATH since the last change. */
  step: number;

  readonly expiry: Timer;
  readonly refresh: Timer;
  /** Set while a new route settles (W of RFC 2205 3.6): until then everything stays with the old one. */
  settling: { readonly timer: Timer; readonly route: EngineRoute } | null;

  /** By next hop. */
  readonly rsbs: Map<string, Rsb>;
  /** By next hop: RESVs that came before the first route answer. */
  readonly waiting: Map<string, ArrivedResv>;
  trafficControl: TrafficControl | null;
  upstream: UpstreamResv | null;
  blockade: Blockade | null;
  /** The last error that was told: its repetitions, which refreshes provoke, are no news until then. */
  reported: { readonly text: string; readonly until: number } | null;
}
