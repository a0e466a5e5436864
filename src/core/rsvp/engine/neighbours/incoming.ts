import type { RsvpMessageIdAck, RsvpMessageIdNack } from '../../wire/message-id.ts';
import type { ValidMessage } from '../../wire/message-views.ts';
import { MESSAGE_TYPE, type RsvpMessage } from '../../wire/message.ts';
import { REFRESH_REDUCTION_CAPABLE } from '../../wire/neighbor-messages.ts';
import type { EngineState } from '../state.ts';
import type { Neighbour } from './neighbour.ts';
import { acknowledged, forgetAllSent, idsRefused, notKnown } from './sent.ts';

/** "Unknown object class" (RFC 2205 appendix B), and the class number of MESSAGE_ID, which is the upper half of its value. */
const UNKNOWN_CLASS = 13;
const MESSAGE_ID_CLASS = 23;

/**
 * A message came from the neighbour. Whether it does refresh reduction stands in each (RFC 2961 2): one that stops saying
 * so gets whole messages from the next refresh on. So does one behind a router that does not speak RSVP (RFC 2205 3.8): that
 * router may begin to, and needs to see the messages.
 */
export function heard(state: EngineState, neighbour: Neighbour, message: RsvpMessage, ttl: number): void {
  neighbour.lastHeard = state.now;
  neighbour.received++;
  // Not signed, so anybody could say so in its name.
  if (message.type === MESSAGE_TYPE.integrityChallenge) return;
  const capable = (message.flags & REFRESH_REDUCTION_CAPABLE) !== 0 && ttl === message.sendTtl;
  if (neighbour.capable && !capable) forgetAllSent(state, neighbour);
  neighbour.capable = capable;
}

/** Acknowledgements and their opposite, alone or along with another message. */
export function takeAnswers(
  state: EngineState,
  neighbour: Neighbour,
  answers: readonly (RsvpMessageIdAck | RsvpMessageIdNack)[],
): void {
  for (const { kind, epoch, messageId } of answers) {
    if (kind === 'messageIdAck') acknowledged(state, neighbour, epoch, messageId);
    else notKnown(state, neighbour, epoch, messageId);
  }
}

/** An error that is only about the ids in our own message (RFC 2961 4.8): repaired here, and no news for anybody. */
export function refusesIds(state: EngineState, neighbour: Neighbour, view: ValidMessage): boolean {
  if (view.kind !== 'pathErr' && view.kind !== 'resvErr') return false;
  const { errorCode, errorValue, errorNode } = view.errorSpec;
  if (errorCode !== UNKNOWN_CLASS || errorValue >>> 8 !== MESSAGE_ID_CLASS || errorNode !== neighbour.address) {
    return false;
  }
  idsRefused(state, neighbour);
  return true;
}
