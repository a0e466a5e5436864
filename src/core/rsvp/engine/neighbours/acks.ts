import { NEIGHBOUR_TTL } from '../messages.ts';
import type { EngineState, EngineTimer } from '../state.ts';
import { newTimer } from '../timer.ts';
import type { Neighbour } from './neighbour.ts';
import { departToNeighbour, takeAcks } from './outgoing.ts';

/** How long an acknowledgement waits for a message to go along with: far less than Rf (RFC 2961 4.6). */
const ACK_DELAY_MS = 20;
/** The same for a message to a group, which many acknowledge at once: somewhere up to it (RFC 2961 4.7). */
const GROUP_ACK_DELAY_MS = 250;
/** A neighbour that asks for more gets no answer to the rest, and asks again. */
const MAX_WAITING = 8_192;
/** Objects in one Ack message, so that it fits in any MTU. */
const ACKS_A_MESSAGE = 100;

/** What is acknowledged, or said not to be known. */
interface Answer {
  readonly kind: 'messageIdAck' | 'messageIdNack';
  readonly epoch: number;
  readonly messageId: number;
}

/** Waits for a message to the neighbour, or for `delay`, whatever comes first. */
export function answerId(state: EngineState, neighbour: Neighbour, answer: Answer, toGroup: boolean): void {
  if (neighbour.acks.length >= MAX_WAITING) return state.counters.dropped('tooManyAcks');
  neighbour.acks.push({ ...answer, flags: 0 });
  neighbour.ackTimer ??= newTimer(FLUSH, neighbour);
  const delay = toGroup ? GROUP_ACK_DELAY_MS * state.random() : ACK_DELAY_MS;
  const at = state.now + delay;
  if (neighbour.ackTimer.at > at) state.timers.set(neighbour.ackTimer, at);
}

const FLUSH: EngineTimer<Neighbour> = { name: 'acknowledgement', fire: flushAcks };

function flushAcks(state: EngineState, neighbour: Neighbour): void {
  const out = state.interfaces.get(neighbour.interface);
  if (out === undefined) return void (neighbour.acks.length = 0);
  while (neighbour.acks.length > 0) {
    const acks = takeAcks(state, neighbour, ACKS_A_MESSAGE);
    departToNeighbour(state, { kind: 'ack', sendTtl: NEIGHBOUR_TTL, flags: 0, integrity: null, acks }, out, neighbour);
  }
}
