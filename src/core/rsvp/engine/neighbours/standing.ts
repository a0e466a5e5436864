import type { ArrivedPacket } from '../arrived-packet.ts';
import { flowKeyText } from '../types.ts';
import type { ValidMessage } from '../../wire/message-views.ts';
import { STYLE_FF } from '../../wire/style.ts';
import { NONE } from '../blocks.ts';
import { flowOf } from '../messages.ts';
import type { EngineState } from '../state.ts';
import type { Neighbour, Stands } from './neighbour.ts';

const STYLE_BITS = 0x1f;

/*
 * What an id stands for is the state that its message made, and not the message: most state is one flow's, and holds all that
 * the message said. What that does not go for is remembered whole, see `arrived.ts`.
 */

/** The state that a message is about, where one block holds it; undefined: none yet, or several, or no state at all. */
export function blockOf(state: EngineState, view: ValidMessage, packet: ArrivedPacket): Stands | undefined {
  if (view.kind === 'path' || view.kind === 'pathTear') {
    return state.psbs.get(flowKeyText(flowOf(view.session, view.senderTemplate)));
  }
  if (view.kind !== 'resv' && view.kind !== 'resvTear') return undefined;
  const [descriptor, ...more] = view.flowDescriptors;
  const [filter, ...others] = descriptor?.filters ?? NONE;
  const fixed = (view.style.optionVector & STYLE_BITS) === STYLE_FF;
  if (!fixed || filter === undefined || more.length + others.length > 0) return undefined;
  const sender = state.psbs.get(flowKeyText(flowOf(view.session, filter)));
  return sender?.reservations
    .find((tcsb) => tcsb.interface === packet.interface)
    ?.rsbs.find(({ nextHop }) => nextHop === view.hop.address);
}

/** The id that stands for the state of the block as the neighbour said it last; undefined: none does. */
export const standingId = (neighbour: Neighbour, block: Stands | undefined): number | undefined =>
  block?.standing === neighbour ? block.standingId : undefined;

/** From here on the id stands for the state, instead of an earlier one. */
export function stand(neighbour: Neighbour, block: Stands, id: number): void {
  unstand(block);
  // An id that was used before stands for the later state.
  const before = neighbour.standing.get(id);
  if (before !== undefined) unstand(before);
  block.standing = neighbour;
  block.standingId = id;
  neighbour.standing.set(id, block);
}

/** The state is gone, or no longer just what the id said. */
export function unstand(block: Stands): void {
  block.standing?.standing.delete(block.standingId);
  block.standing = null;
}
