import type { IpAddress } from '../../../base/ip.ts';
import { buildMessage } from '../../wire/build.ts';
import { encodeToLookAt } from '../../wire/codec.ts';
import { MESSAGE_ID_ACK_DESIRED, type RsvpMessageId } from '../../wire/message-id.ts';
import type { EngineState, EngineTimer } from '../state.ts';
import type { NextNode, Statement } from '../statement.ts';
import { fingerprint } from './fingerprint.ts';
import { newTimer } from '../timer.ts';
import type { Departure, Neighbour, Sent, StatementKind, Told, Unacknowledged } from './neighbour.ts';
import { depart, encoded, takesIds } from './outgoing.ts';
import { armSummary } from './summary.ts';
import { findNeighbour } from './table.ts';

/** Rf of RFC 2961 6.2: the first wait for an acknowledgement. Each further one is (1 + Δ) times as long, Δ = 1. */
const RETRANSMIT_MS = 500;
/** Rl: how often a message is sent in vain. */
const MAX_TRANSMISSIONS = 3;
/** Messages that one neighbour may owe an acknowledgement for; more are sent without asking for it. */
const MAX_UNACKNOWLEDGED = 65_536;

const isStatement = (about: Statement | NextNode | undefined): about is Statement =>
  about !== undefined && 'subject' in about;

/**
 * Sends a message to a neighbour in the way that the neighbour understands: with an id, repeated until acknowledged, and
 * not at all where it refreshes what the neighbour acknowledged, since a summary will (RFC 2961 4.5, 5.3); or as it is.
 */
export function send(state: EngineState, way: Omit<Departure, 'next'>, about: Statement | NextNode | undefined): void {
  const { view, out, destination, routerAlert } = way;
  const next: IpAddress | null = about?.neighbour ?? (routerAlert ? null : destination);
  const departure: Departure = { ...way, next };
  const neighbour = next === null ? null : (findNeighbour(state, out.name, next) ?? null);
  const statement = isStatement(about) ? about : null;
  const ends = view.kind === 'pathTear' || view.kind === 'resvTear';
  if (statement !== null && ends) retract(state, statement.subject);
  if (neighbour === null || !takesIds(state, neighbour)) {
    if (statement !== null && !ends) retract(state, statement.subject);
    return depart(state, departure, neighbour);
  }
  if (statement !== null && !ends) return makeStatement(state, departure, neighbour, statement);
  if (view.kind === 'resvConf') return depart(state, departure, neighbour);
  departReliably(state, departure, neighbour, null, newMessageId(state));
}

function makeStatement(state: EngineState, departure: Departure, neighbour: Neighbour, statement: Statement): void {
  const { view } = departure;
  const { kind, subject } = statement;
  const before = subject.told;
  // A confirmation is asked for by a whole message each time: one that was answered must not be asked for again.
  const asks = view.kind === 'resv' && view.resvConfirm !== null;
  const bytes = encoded(state, buildMessage(view), encodeToLookAt);
  if (bytes === null) return;
  const print = fingerprint(bytes);
  if (before === null || before.neighbour !== neighbour || before.fingerprint !== print || statement.trigger || asks) {
    retract(state, subject);
    const id = newMessageId(state);
    const sent: Sent = { kind, subject, neighbour, id, fingerprint: print, acknowledged: false, renewals: 0 };
    subject.told = sent;
    return departReliably(state, departure, neighbour, sent, id);
  }
  if (before.acknowledged) return armSummary(state, neighbour);
  // Fast start goes on beside the repetitions, whose gaps are too long for set-up; once they were in vain they begin anew.
  if (neighbour.unacknowledged.has(before.id)) depart(state, departure, neighbour, messageIdOf(state, before.id));
  else departReliably(state, departure, neighbour, before, before.id);
}

/**
 * Whether a refresh of what has not changed needs no message: the neighbour acknowledged just that, and its summaries name
 * it. Asked before the message is built, which costs more than all else of a refresh.
 */
export function isSummarised(state: EngineState, { told }: Told, name: string, address: IpAddress): boolean {
  if (told === null || !told.acknowledged) return false;
  const { neighbour } = told;
  return neighbour.interface === name && neighbour.address === address && takesIds(state, neighbour);
}

/** The state is no longer told: neither repeated nor summarised. */
export function retract(state: EngineState, { told }: Told): void {
  if (told === null) return;
  told.subject.told = null;
  forget(state, told.neighbour, told.id);
}

/** What was said is not all that is to be said: the next refresh says it whole. */
export function sayWhole(state: EngineState, subject: Told): void {
  const { told } = subject;
  if (told === null) return;
  retract(state, subject);
  alone(state, told);
}

const alone = (state: EngineState, { kind, subject }: Sent): void =>
  (kind as unknown as StatementKind<EngineState, Told>).alone(state, subject);

/** Everything that was told to a neighbour must be told whole again: it forgot, or no longer knows ids. */
export function forgetAllSent(state: EngineState, neighbour: Neighbour): void {
  for (const sent of allSent(neighbour)) sayWhole(state, sent.subject);
  // Tears and errors, which state nothing.
  for (const id of [...neighbour.unacknowledged.keys()]) forget(state, neighbour, id);
}

/** Acknowledged or not. */
function allSent(neighbour: Neighbour): readonly Sent[] {
  const waiting = [...neighbour.unacknowledged.values()].flatMap(({ sent }) => sent ?? []);
  return [...new Set([...neighbour.summary.values(), ...waiting])];
}

function forget(state: EngineState, neighbour: Neighbour, id: number): void {
  const waiting = neighbour.unacknowledged.get(id);
  if (waiting !== undefined) state.timers.cancel(waiting.timer);
  neighbour.unacknowledged.delete(id);
  if (neighbour.summary.delete(id)) armSummary(state, neighbour);
}

/** MESSAGE_ID_ACK (RFC 2961 4.6). Those of another epoch, or of what is no longer said, mean nothing. */
export function acknowledged(state: EngineState, neighbour: Neighbour, epoch: number, id: number): void {
  const waiting = neighbour.unacknowledged.get(id);
  if (epoch !== state.neighbours.epoch || waiting === undefined) return;
  state.timers.cancel(waiting.timer);
  neighbour.unacknowledged.delete(id);
  const { sent } = waiting;
  if (sent === null) return;
  sent.acknowledged = true;
  neighbour.summary.set(id, sent);
  armSummary(state, neighbour);
}

/** MESSAGE_ID_NACK: a summary named what the neighbour does not have, so it gets the whole message (RFC 2961 5.4). */
export function notKnown(state: EngineState, neighbour: Neighbour, epoch: number, id: number): void {
  const sent = neighbour.summary.get(id);
  if (epoch !== state.neighbours.epoch || sent === undefined) return;
  neighbour.summary.delete(id);
  sent.acknowledged = false;
  again(state, sent);
}

const again = (state: EngineState, { kind, subject }: Sent): void =>
  (kind as unknown as StatementKind<EngineState, Told>).again(state, subject);

/** An error says that the neighbour knows no ids although it seemed so: it gets everything without (RFC 2961 4.8). */
export function idsRefused(state: EngineState, neighbour: Neighbour): void {
  const statements = allSent(neighbour);
  neighbour.capable = false;
  forgetAllSent(state, neighbour);
  for (const sent of statements) again(state, sent);
}

function departReliably(
  state: EngineState,
  departure: Departure,
  neighbour: Neighbour,
  sent: Sent | null,
  id: number,
): void {
  if (neighbour.unacknowledged.size >= MAX_UNACKNOWLEDGED) return depart(state, departure, neighbour);
  const timer = newTimer(RETRANSMISSION);
  const waiting: Unacknowledged = { neighbour, id, departure, sent, transmissions: 1, timer };
  timer.subject = waiting;
  neighbour.unacknowledged.set(id, waiting);
  state.timers.set(timer, state.now + RETRANSMIT_MS);
  depart(state, departure, neighbour, messageIdOf(state, id));
}

const RETRANSMISSION: EngineTimer<Unacknowledged> = { name: 'retransmission', fire: retransmit };

function retransmit(state: EngineState, waiting: Unacknowledged): void {
  const { neighbour, id, departure, timer } = waiting;
  if (waiting.transmissions >= MAX_TRANSMISSIONS || !state.interfaces.has(neighbour.interface)) {
    neighbour.unacknowledged.delete(id);
    state.counters.dropped('neverAcknowledged');
    return;
  }
  state.timers.set(timer, state.now + RETRANSMIT_MS * 2 ** waiting.transmissions++);
  depart(state, departure, neighbour, messageIdOf(state, id));
}

const messageIdOf = (state: EngineState, id: number): RsvpMessageId => ({
  kind: 'messageId',
  flags: MESSAGE_ID_ACK_DESIRED,
  epoch: state.neighbours.epoch,
  messageId: id,
});

/** Greater than any before, modulo 2^32 (RFC 2961 4.5). */
const newMessageId = ({ neighbours }: EngineState): number => (neighbours.lastId = (neighbours.lastId + 1) >>> 0);
