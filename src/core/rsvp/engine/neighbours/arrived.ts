import type { ArrivedPacket } from '../arrived-packet.ts';
import type { ValidMessage } from '../../wire/message-views.ts';
import { MESSAGE_ID_ACK_DESIRED, type RsvpMessageId } from '../../wire/message-id.ts';
import { isMulticast } from '../../../base/ip.ts';
import { messageArrived } from '../message-arrived.ts';
import { refreshState } from '../refresh-state.ts';
import { drop, type EngineState } from '../state.ts';
import { lifetime } from '../timers.ts';
import { answerId } from './acks.ts';
import { keysOf, supersede } from './latest.ts';
import type { Neighbour, Received, Stands } from './neighbour.ts';
import { blockOf, stand, standingId, unstand } from './standing.ts';

/** Repetitions of tears and errors that are recognised. */
const MAX_RECENT = 1_024;
/** Of those that were not refreshed longest, so many are looked at whenever one is added. */
const LOOK_AT = 4;

/**
 * What the ids say of a message that arrived (RFC 2961 4.5): what is to be processed, or null. Ids of another epoch mean that
 * the neighbour started anew, and nothing that it said before can be summarised any more. An id that stands for the state
 * already says that nothing changed: then what it came with first counts, whatever the repetition has become on its way.
 */
export function idArrived(
  state: EngineState,
  neighbour: Neighbour,
  view: ValidMessage,
  packet: ArrivedPacket,
  messageId: RsvpMessageId | undefined,
): ValidMessage | null {
  const block = blockOf(state, view, packet);
  // State changed by a message without an id is not what an id stood for.
  if (messageId === undefined) return changed(neighbour, view, block);
  const { messageId: id } = messageId;
  if (neighbour.epoch !== messageId.epoch) forgetAllArrived(neighbour, messageId.epoch);
  const stood = standingIds(state, neighbour, view, block);
  if (stood.length > 0 && stood.every((each) => isOlder(id, each))) {
    drop(state, 'outOfOrder');
    return null;
  }
  acknowledge(state, neighbour, messageId, packet);
  if (view.kind === 'path' || view.kind === 'resv') {
    if (stood.length === 0 || stood.some((each) => each !== id)) return view;
    const known = neighbour.arrived.get(id);
    if (known !== undefined) return refreshed(state, neighbour, known, view);
    const asks = view.kind === 'resv' && view.resvConfirm !== null;
    return !asks && block !== undefined && refreshState(state, block) ? null : view;
  }
  return isRepeated(neighbour, id) ? null : changed(neighbour, view, block);
}

/** After a message with an id was processed: what the id stands for, the block that it made or else the message. */
export function idProcessed(
  state: EngineState,
  neighbour: Neighbour,
  view: ValidMessage,
  packet: ArrivedPacket,
  { messageId: id }: RsvpMessageId,
  made: Stands | null,
): void {
  if (view.kind !== 'path' && view.kind !== 'resv') return;
  const known = neighbour.arrived.get(id);
  if (known !== undefined && String(known.keys) === String(keysOf(view)) && stillStands(neighbour, known)) return;
  // An id that was used before stands for the later state.
  if (known !== undefined) forget(neighbour, id, known);
  changed(neighbour, view, made === null ? blockOf(state, view, packet) : undefined);
  if (made !== null) return stand(neighbour, made, id);
  const before = neighbour.standing.get(id);
  if (before !== undefined) unstand(before);
  remember(state, neighbour, view, packet, id);
}

const stillStands = ({ latest }: Neighbour, { id, keys }: Received): boolean =>
  keys.every((key) => latest.get(key) === id);

/** The ids that stand for the states that a message is about; undefined for one that none stands for. */
function standingIds(
  state: EngineState,
  neighbour: Neighbour,
  view: ValidMessage,
  block: Stands | undefined,
): (number | undefined)[] {
  const id = standingId(neighbour, block);
  if (id !== undefined) return [id];
  return neighbour.latest.size === 0 ? [] : keysOf(view).map((key) => latestId(state, neighbour, key));
}

/** Whatever stood for the state no longer does. */
function changed(neighbour: Neighbour, view: ValidMessage, block: Stands | undefined): ValidMessage {
  if (block?.standing === neighbour) unstand(block);
  if (neighbour.latest.size > 0) for (const key of keysOf(view)) supersede(neighbour, key);
  return view;
}

/** The first message once more; a confirmation may be asked for by any of them. */
function refreshed(state: EngineState, neighbour: Neighbour, known: Received, view: ValidMessage): ValidMessage {
  renew(state, neighbour, known);
  if (view.kind !== 'resv' || view.resvConfirm === null || known.view.kind !== 'resv') return known.view;
  return { ...known.view, resvConfirm: view.resvConfirm };
}

/** The id of a message that was remembered for a state which is still there; with what is gone nothing is compared. */
function latestId(state: EngineState, neighbour: Neighbour, key: string): number | undefined {
  const id = neighbour.latest.get(key);
  const received = id === undefined ? undefined : neighbour.arrived.get(id);
  return received !== undefined && received.until > state.now ? id : undefined;
}

/** Less, modulo 2^32 (RFC 2961 4.5). */
const isOlder = (id: number, than: number | undefined): boolean => than !== undefined && ((id - than) | 0) < 0;

function acknowledge(state: EngineState, neighbour: Neighbour, id: RsvpMessageId, packet: ArrivedPacket): void {
  if ((id.flags & MESSAGE_ID_ACK_DESIRED) === 0) return;
  const { epoch, messageId } = id;
  answerId(state, neighbour, { kind: 'messageIdAck', epoch, messageId }, isMulticast(packet.destination));
}

function isRepeated({ recent }: Neighbour, id: number): boolean {
  if (recent.has(id)) return true;
  if (recent.size >= MAX_RECENT) for (const oldest of recent) if (recent.delete(oldest)) break;
  recent.add(id);
  return false;
}

function remember(
  state: EngineState,
  neighbour: Neighbour,
  view: ValidMessage & { readonly kind: 'path' | 'resv' },
  packet: ArrivedPacket,
  id: number,
): void {
  const keys = keysOf(view);
  for (const key of keys) if (!isOlder(id, latestId(state, neighbour, key))) supersede(neighbour, key, id);
  forgetOld(state, neighbour);
  // Asked for once by the message itself, and not by every summary that stands for it.
  const lasting = view.kind === 'resv' && view.resvConfirm !== null ? { ...view, resvConfirm: null } : view;
  const until = state.now + lifetime(view.timeValues.refreshPeriod, state.settings.refreshPeriod);
  neighbour.arrived.set(id, { id, view: lasting, packet, keys, until });
}

/** A path and a reservation for each flow that the engine may hold; beyond, what was refreshed longest ago goes. */
function forgetOld(state: EngineState, neighbour: Neighbour): void {
  let looked = 0;
  for (const [id, received] of neighbour.arrived) {
    const full = neighbour.arrived.size >= 2 * state.settings.maxFlows;
    if (!full && (received.until > state.now || looked++ >= LOOK_AT)) return;
    forget(neighbour, id, received);
  }
}

function forget(neighbour: Neighbour, id: number, received: Received): void {
  neighbour.arrived.delete(id);
  for (const key of received.keys) if (neighbour.latest.get(key) === id) neighbour.latest.delete(key);
}

/**
 * Refreshes what an id of a summary stands for (RFC 2961 5.3). False for what is not known, or was given up, or is not what
 * it was: the neighbour is to say it whole (5.4).
 */
export function refreshedBy(state: EngineState, neighbour: Neighbour, epoch: number, id: number): boolean {
  if (neighbour.epoch !== epoch) return false;
  const block = neighbour.standing.get(id);
  if (block !== undefined) {
    if (refreshState(state, block)) return true;
    unstand(block);
    return false;
  }
  const received = neighbour.arrived.get(id);
  if (received === undefined) return false;
  if (received.until <= state.now) {
    forget(neighbour, id, received);
    return false;
  }
  renew(state, neighbour, received);
  messageArrived(state, received.view, received.packet);
  return true;
}

/** To the end of those that are looked through for old ones. */
function renew(state: EngineState, neighbour: Neighbour, received: Received): void {
  neighbour.arrived.delete(received.id);
  neighbour.arrived.set(received.id, received);
  const { view } = received;
  const refreshPeriod = 'timeValues' in view ? view.timeValues.refreshPeriod : state.settings.refreshPeriod;
  received.until = state.now + lifetime(refreshPeriod, state.settings.refreshPeriod);
}

/** The neighbour counts anew. */
export function forgetAllArrived(neighbour: Neighbour, epoch: number | null): void {
  neighbour.epoch = epoch;
  for (const block of [...neighbour.standing.values()]) unstand(block);
  neighbour.arrived.clear();
  neighbour.latest.clear();
  neighbour.recent.clear();
}
