import type { IpAddress } from '../../../base/ip.ts';
import type { RsvpIntegrity } from '../../wire/integrity-object.ts';
import { isHandshakeOffered } from '../../wire/integrity-object.ts';
import { findIntegrity, verifyMessage } from '../../wire/integrity.ts';
import { MESSAGE_TYPE } from '../../wire/message.ts';
import { drop, type EngineState } from '../state.ts';
import type { EngineInput } from '../types.ts';
import { challenge } from './challenge.ts';
import { wallClock } from './clock.ts';
import { acceptedKey, nextKey } from './keys.ts';
import type { Neighbour } from './neighbour.ts';
import { takeSequence } from './sequence.ts';
import type { IntegritySettings } from './settings.ts';
import { policyOf } from './table.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/** What is agreed with the node that a message came from; `'none'`: nothing, so it needs no proof. */
export type Proof = { readonly integrity: IntegritySettings; readonly object: RsvpIntegrity } | 'none' | 'refused';

/**
 * Whether a message comes from who it says (RFC 2747 4.2, steps 1 to 5). A message that names a hop with which nothing is
 * agreed is judged by its source, too: no name that is free to use opens the way past a key. Nor does another interface: what
 * is agreed where the state is that the message speaks of goes before what is agreed where it came in. Messages out of the
 * journal were proved when they came.
 *
 * @param about the interface whose state the message speaks of.
 */
export function prove(state: EngineState, packet: Packet, about: string, type: number, sender: IpAddress): Proof {
  if (packet.remembered) return 'none';
  const agreedOn = (name: string) =>
    policyOf(state, name, sender)?.integrity ?? policyOf(state, name, packet.source)?.integrity;
  const integrity = agreedOn(about) ?? (about === packet.interface ? null : agreedOn(packet.interface));
  // A challenge is never signed: who sends it may not know where our numbers are (RFC 2747 10).
  if (!integrity || type === MESSAGE_TYPE.integrityChallenge) return 'none';
  const refuse = (reason: string): 'refused' => {
    drop(state, reason);
    return 'refused';
  };
  const now = wallClock(state);
  const { digest } = state;
  if (now === null || digest === null) return refuse('noClock');
  const found = findIntegrity(packet.bytes);
  if (!found.ok) return refuse(found.error.reason);
  const key = acceptedKey(integrity.keys, found.value.keyId, now);
  if (key === null) return refuse('unknownKey');
  const verified = verifyMessage(packet.bytes, key, digest);
  return verified.ok ? { integrity, object: verified.value } : refuse(verified.error.reason);
}

/**
 * Whether a proved message is new (RFC 2747 4.2, step 6). Where no number of the key is known yet, the neighbour is asked to
 * show that it lives before anything of it is believed (4.3): what came may be a replay.
 */
export function isFresh(state: EngineState, neighbour: Neighbour, proof: Exclude<Proof, string>): boolean {
  const { integrity, object } = proof;
  const { keyId, sequenceNumber } = object;
  const seen = neighbour.seen.get(keyId);
  if (seen === undefined) {
    if (integrity.handshake && isHandshakeOffered(object)) {
      challenge(state, neighbour, keyId);
      drop(state, 'awaitingHandshake');
      return false;
    }
    neighbour.seen.set(keyId, [sequenceNumber]);
    return true;
  }
  if (!takeSequence(seen, sequenceNumber, integrity.window)) {
    drop(state, 'replayed');
    return false;
  }
  const next =
    integrity.handshake && isHandshakeOffered(object) ? nextKey(integrity.keys, keyId, wallClock(state)!) : null;
  if (next !== null && !neighbour.seen.has(next.keyId)) challenge(state, neighbour, next.keyId);
  return true;
}
