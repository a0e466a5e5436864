import type { ArrivedPacket } from '../arrived-packet.ts';
import { assertNever } from '../../../base/assert-never.ts';
import type { RsvpMessage } from '../../wire/message.ts';
import { validateNeighborMessage } from '../../wire/neighbor-messages.ts';
import { drop, type EngineState } from '../state.ts';
import { challengeArrived, responseArrived } from './challenge.ts';
import { helloArrived } from './hello.ts';
import { takeAnswers } from './incoming.ts';
import type { Neighbour } from './neighbour.ts';
import { reducesRefreshes } from './outgoing.ts';
import { summaryArrived } from './summary-arrived.ts';

/** A message that is about the neighbours and their messages, not about a session. */
export function neighbourMessageArrived(
  state: EngineState,
  neighbour: Neighbour | null,
  message: RsvpMessage,
  packet: ArrivedPacket,
): void {
  if (neighbour === null) return drop(state, 'badHop');
  const valid = validateNeighborMessage(message);
  if (!valid.ok) return drop(state, valid.error.reason);
  const view = valid.value;
  switch (view.kind) {
    case 'ack':
      if (!reducesRefreshes(state)) return drop(state, 'unknownMessageType');
      return takeAnswers(state, neighbour, view.acks);
    case 'srefresh':
      if (!reducesRefreshes(state)) return drop(state, 'unknownMessageType');
      takeAnswers(state, neighbour, view.acks);
      return summaryArrived(state, neighbour, view, packet);
    case 'integrityChallenge':
      return challengeArrived(state, neighbour, view, packet.source);
    case 'integrityResponse':
      return responseArrived(state, neighbour, view);
    case 'hello':
      return helloArrived(state, neighbour, view);
    case 'bundle':
      return drop(state, 'unknownMessageType');
    default:
      return assertNever(view);
  }
}
