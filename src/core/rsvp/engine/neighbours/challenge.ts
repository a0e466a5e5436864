import type { IpAddress } from '../../../base/ip.ts';
import type { ChallengeMessage, ResponseMessage } from '../../wire/neighbor-messages.ts';
import { NEIGHBOUR_TTL } from '../messages.ts';
import { drop, type EngineState, type EngineTimer } from '../state.ts';
import { newTimer } from '../timer.ts';
import { wallClock } from './clock.ts';
import { acceptedKey, signingKey } from './keys.ts';
import { mayAnswer } from './limits.ts';
import type { Challenge, Neighbour } from './neighbour.ts';
import { departToNeighbour } from './outgoing.ts';
import { meetNeighbour, policyOf } from './table.ts';

/** RFC 2747 4.3: "if a response is not received within a given period of time, the challenge is repeated". */
const FIRST_WAIT_MS = 500;
const MAX_CHALLENGES = 5;
/** After so many in vain the next starts no earlier than this after the first. */
const PAUSE_MS = 20_000;
const COOKIE_BYTES = 8;

/** Asks for a message that is signed now: its number is where the neighbour's numbers are (RFC 2747 4.3). */
export function challenge(state: EngineState, neighbour: Neighbour, keyId: number): void {
  const before = neighbour.challenges.get(keyId);
  if (before !== undefined && state.now < before.startedAt + PAUSE_MS) return;
  if (before !== undefined) state.timers.cancel(before.timer);
  const cookie = newCookie(state);
  if (cookie === null) return;
  const timer = newTimer(REPETITION);
  const pending: Challenge = { neighbour, keyId, cookie, startedAt: state.now, sent: 0, timer };
  timer.subject = pending;
  neighbour.challenges.set(keyId, pending);
  sendChallenge(state, pending);
}

const REPETITION: EngineTimer<Challenge> = { name: 'challenge', fire: sendChallenge };

function sendChallenge(state: EngineState, pending: Challenge): void {
  const { neighbour, keyId, cookie, timer } = pending;
  const out = state.interfaces.get(neighbour.interface);
  if (out === undefined || pending.sent >= MAX_CHALLENGES) return;
  state.timers.set(timer, state.now + FIRST_WAIT_MS * 2 ** pending.sent++);
  const view: ChallengeMessage = {
    kind: 'integrityChallenge',
    sendTtl: NEIGHBOUR_TTL,
    flags: 0,
    integrity: null,
    challenge: { kind: 'challenge', keyId, cookie },
  };
  departToNeighbour(state, view, out, neighbour);
}

/** Not to be guessed by who does not know the secret, and never the same twice (RFC 2747 4.3). */
function newCookie(state: EngineState): Uint8Array | null {
  const { digest } = state;
  const { neighbours } = state.settings;
  const now = wallClock(state);
  if (digest === null || neighbours === undefined || now === null) return null;
  const text = `${neighbours.instance} ${now} ${++state.neighbours.cookies}`;
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return digest('hmac-sha256', neighbours.secret, bytes).slice(0, COOKIE_BYTES);
}

/** With whom a key is agreed by name is asked at the start, before the first message is lost for want of a number. */
export function challengeAll(state: EngineState): void {
  const now = wallClock(state);
  for (const { interface: name, address, integrity } of state.settings.neighbours?.policies ?? []) {
    if (now === null || address === null || !integrity?.handshake || !state.interfaces.has(name)) continue;
    const key = signingKey(integrity.keys, now)?.key;
    const neighbour = meetNeighbour(state, name, address);
    if (key && neighbour && !neighbour.seen.has(key.keyId)) challenge(state, neighbour, key.keyId);
  }
}

/** The cookie comes back in a message that is signed with the key it names (RFC 2747 4.2). */
export function challengeArrived(
  state: EngineState,
  neighbour: Neighbour,
  view: ChallengeMessage,
  source: IpAddress,
): void {
  const integrity = policyOf(state, neighbour.interface, source)?.integrity ?? null;
  const now = wallClock(state);
  const out = state.interfaces.get(neighbour.interface);
  if (integrity === null || now === null || out === undefined) return drop(state, 'unexpectedChallenge');
  const key = acceptedKey(integrity.keys, view.challenge.keyId, now);
  if (key === null) return drop(state, 'unknownKey');
  if (!mayAnswer(state, neighbour)) return drop(state, 'tooManyAnswers');
  const common = { sendTtl: NEIGHBOUR_TTL, flags: 0, challenge: view.challenge };
  departToNeighbour(state, { kind: 'integrityResponse', ...common }, out, neighbour, key);
}

/** From here on messages with greater numbers are believed. */
export function responseArrived(state: EngineState, neighbour: Neighbour, view: ResponseMessage): void {
  const { keyId, sequenceNumber } = view.integrity;
  const pending = neighbour.challenges.get(keyId);
  if (pending === undefined || view.challenge.keyId !== keyId || !sameBytes(pending.cookie, view.challenge.cookie)) {
    return drop(state, 'unexpectedResponse');
  }
  state.timers.cancel(pending.timer);
  neighbour.challenges.delete(keyId);
  neighbour.seen.set(keyId, [sequenceNumber]);
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
