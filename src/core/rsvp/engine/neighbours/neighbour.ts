import type { ArrivedPacket } from '../arrived-packet.ts';
import type { IpAddress } from '../../../base/ip.ts';
import type { MonotonicMs } from '../../../base/units.ts';
import type { RsvpMessageIdAck, RsvpMessageIdNack } from '../../wire/message-id.ts';
import type { DepartingMessage, ValidMessage } from '../../wire/message-views.ts';
import type { Timer } from '../timer.ts';
import type { EngineInterface } from '../types.ts';
import type { SeenSequences } from './sequence.ts';
import type { NeighbourPolicy, NeighbourSettings } from './settings.ts';
import { fullBucket, type TokenBucket, type TokenRate } from './token-bucket.ts';

/** Answers to messages that make no sense: a burst, then so many a second. */
export const ANSWERS: TokenRate = { burst: 50, perSecond: 10 };
/** All errors, with those that are only passed on. */
export const ERRORS: TokenRate = { burst: 20_000, perSecond: 2_000 };

/** A message on its way to be sent, before ids, acknowledgements and digest are put in. */
export interface Departure {
  readonly view: DepartingMessage;
  readonly out: EngineInterface;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Towards an end point, to be seen by every node on the way. */
  readonly routerAlert: boolean;
  /** The next RSVP node, which verifies it; null: not known. */
  readonly next: IpAddress | null;
}

/** State that a neighbour is told of with a message id (RFC 2961 4.2). Of a group's path, which many hear, none is. */
export interface Told {
  /** What was said last; null: nothing that an id stands for. */
  told: Sent | null;
}

/** How state of one kind is told, once for all of that kind: `C` is the engine's state, `S` the block. */
export interface StatementKind<C, S extends Told> {
  /** Sends the state whole, as a refresh: the neighbour turned out not to have it (RFC 2961 5.4). */
  readonly again: (context: C, subject: S) => void;
  /**
   * A summary is about to name what was told. What has changed since, or must be said whole for another reason, is sent
   * now, and then it is told anew. `thorough`: it is compared in full (RFC 2961 5.5).
   */
  readonly renew: (context: C, subject: S, thorough: boolean) => void;
  /** No summary names it any more: it is refreshed by messages of its own from here on. */
  readonly alone: (context: C, subject: S) => void;
}

/** What was told to a neighbour. */
export interface Sent {
  readonly kind: StatementKind<never, never>;
  readonly subject: Told;
  readonly neighbour: Neighbour;
  readonly id: number;
  /** Of the message without its id: what differs is news, whatever the caller says (RFC 2961 5.5). */
  readonly fingerprint: number;
  /** The neighbour has it: summary refreshes do from here on. */
  acknowledged: boolean;
  /** Summaries that named it. */
  renewals: number;
}

/** A message that the neighbour has not acknowledged (RFC 2961 6). */
export interface Unacknowledged {
  readonly neighbour: Neighbour;
  readonly id: number;
  readonly departure: Departure;
  /** What it states; null for a tear or an error. */
  readonly sent: Sent | null;
  /** Times it was sent. */
  transmissions: number;
  readonly timer: Timer;
}

/** State that a neighbour's message made: the message's id stands for it in summaries (RFC 2961 5.3). */
export interface Stands {
  /** Whose id; null: none stands for it. */
  standing: Neighbour | null;
  standingId: number;
}

/** A message with an id that arrived and is not just what one block holds: a summary that lists the id stands for it. */
export interface Received {
  readonly id: number;
  readonly view: ValidMessage;
  readonly packet: ArrivedPacket;
  /** The state that it is about, see `keysOf`. */
  readonly keys: readonly string[];
  /** Not refreshed until then, the state it made is gone. */
  until: number;
}

/** A question whether a neighbour lives, by which its sequence numbers are learnt (RFC 2747 4.3). */
export interface Challenge {
  readonly neighbour: Neighbour;
  readonly keyId: number;
  readonly cookie: Uint8Array;
  readonly startedAt: MonotonicMs;
  /** Times it was sent. */
  sent: number;
  readonly timer: Timer;
}

/** What Hello messages tell (RFC 3209 5.3). */
export interface HelloState {
  /** Src_Instance of our Hellos to this neighbour. */
  ownInstance: number;
  /** Src_Instance of its Hellos; 0: none came, or it was lost since. */
  theirInstance: number;
  /** The same before it was lost. */
  lastInstance: number;
  state: 'unknown' | 'up' | 'lost';
  /** When it asked last. */
  requestedAt: MonotonicMs | null;
  /** Hellos in a row that were for another instance of this node. */
  wrong: number;
  /** When it was last found to be another, lost, or back. */
  changedAt: MonotonicMs | null;
  /** null: it is not asked, only answered. */
  request: Timer | null;
  death: Timer | null;
}

/** Everything that is known of another RSVP node on a link. */
export interface Neighbour {
  readonly interface: string;
  readonly address: IpAddress;
  policy: NeighbourPolicy | null;
  lastHeard: MonotonicMs | null;
  /** Its last message said that it does refresh reduction (RFC 2961 2), and came past no router that does not speak RSVP. */
  capable: boolean;
  /** Path state that came from it. */
  flows: number;
  received: number;
  /** Messages from it that were dropped, by reason. */
  readonly dropped: Map<string, number>;
  readonly answers: TokenBucket;
  readonly errors: TokenBucket;

  /** By id: what it acknowledged, in the order in which that happened. */
  readonly summary: Map<number, Sent>;
  /** By id. */
  readonly unacknowledged: Map<number, Unacknowledged>;
  /** One for all state that was told to it. */
  summaryTimer: Timer | null;
  /** The rest of a long summary that is sent piece by piece. */
  summaryRest: Iterator<Sent> | null;

  /** Epoch of its message ids; null until one came. */
  epoch: number | null;
  /** By id. */
  readonly standing: Map<number, Stands>;
  /** By id, those for which no block stands; the one that was refreshed longest ago first. */
  readonly arrived: Map<number, Received>;
  /** By `keysOf`: the id among these that stands for the state now. */
  readonly latest: Map<string, number>;
  /** Ids of tears and errors that arrived lately: repetitions are acknowledged, not processed. */
  readonly recent: Set<number>;
  /** Waiting to go along with a message, or alone after a short time. */
  readonly acks: (RsvpMessageIdAck | RsvpMessageIdNack)[];
  ackTimer: Timer | null;

  /** By key id: the sequence numbers that came last. */
  readonly seen: Map<number, SeenSequences>;
  /** By key id. */
  readonly challenges: Map<number, Challenge>;

  /** null: it sent none, and none are sent to it. */
  hello: HelloState | null;
}

export function createNeighbour(name: string, address: IpAddress, policy: NeighbourPolicy | null): Neighbour {
  return {
    interface: name,
    address,
    policy,
    lastHeard: null,
    capable: false,
    flows: 0,
    received: 0,
    dropped: new Map(),
    answers: fullBucket(ANSWERS),
    errors: fullBucket(ERRORS),
    summary: new Map(),
    unacknowledged: new Map(),
    summaryTimer: null,
    summaryRest: null,
    epoch: null,
    standing: new Map(),
    arrived: new Map(),
    latest: new Map(),
    recent: new Set(),
    acks: [],
    ackTimer: null,
    seen: new Map(),
    challenges: new Map(),
    hello: null,
  };
}

/** A message to a neighbour that left in the input being handled. */
export interface Leaving {
  /** Its place among the outputs. */
  readonly index: number;
  /** null: it goes by itself, and nothing may overtake it. */
  readonly bytes: Uint8Array | null;
}

/** All neighbours, and what is common to them. */
export interface Neighbours {
  readonly byKey: Map<string, Neighbour>;
  /** 24 bits. */
  readonly epoch: number;
  /** The last message id that was used, whoever it went to. */
  lastId: number;
  /** The neighbour whose message is being handled. */
  current: Neighbour | null;
  /** What may go out in one Bundle at the end of the input. */
  readonly leaving: Map<Neighbour, Leaving[]>;
  /** What is agreed, by interface and address, `*` for all others. */
  readonly policies: ReadonlyMap<string, NeighbourPolicy>;
  /** Wall clock less monotonic clock; null until it was told. */
  wallOffset: number | null;
  /** Of the last message that was signed. */
  lastSequence: bigint;
  /** Challenges that were made. */
  cookies: number;
  /** Keys whose end was told (RFC 2747 5.3). */
  readonly expiredKeys: Set<string>;
}

const EPOCH_BITS = 0xff_ffff;

export const createNeighbours = ({ instance, policies }: NeighbourSettings): Neighbours => ({
  byKey: new Map(),
  epoch: instance & EPOCH_BITS || 1,
  lastId: 0,
  current: null,
  leaving: new Map(),
  policies: new Map(policies.map((policy) => [`${policy.interface} ${policy.address ?? '*'}`, policy])),
  wallOffset: null,
  lastSequence: 0n,
  cookies: 0,
  expiredKeys: new Set(),
});
