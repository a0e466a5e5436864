import type { IpAddress } from '../../../base/ip.ts';
import { INTEGRITY_HANDSHAKE, type RsvpIntegrity } from '../../wire/integrity-object.ts';
import { signMessage, unsignedIntegrity } from '../../wire/integrity.ts';
import { drop, emit, type EngineState } from '../state.ts';
import { wallClock } from './clock.ts';
import { signingKey } from './keys.ts';
import { nextSequence } from './sequence.ts';
import type { LivingKey } from './settings.ts';
import { policyOf } from './table.ts';

/** `none`: nothing is agreed with the node. `unable`: something is, and no key or clock is there to do it with. */
export type Signature = { readonly key: LivingKey; readonly object: RsvpIntegrity } | 'none' | 'unable';

/**
 * The INTEGRITY object for one message to a node, its digest still zero; `with` names a key other than the one that is used
 * by now. `to` null: to whoever is on the interface.
 */
export function signatureFor(state: EngineState, name: string, to: IpAddress | null, with_?: LivingKey): Signature {
  const integrity = policyOf(state, name, to)?.integrity ?? null;
  if (integrity === null) return 'none';
  const now = wallClock(state);
  const chosen = with_ ?? (now === null ? null : usedKey(state, name, to, integrity.keys));
  if (now === null || chosen === null || state.digest === null) {
    drop(state, now === null ? 'noClock' : 'noKey');
    return 'unable';
  }
  const sequenceNumber = nextSequence(state.neighbours.lastSequence, now);
  state.neighbours.lastSequence = sequenceNumber;
  const { keyId, algorithm } = chosen;
  // We answer challenges, so we say so (RFC 2747 2.1).
  return { key: chosen, object: unsignedIntegrity(algorithm, { flags: INTEGRITY_HANDSHAKE, keyId, sequenceNumber }) };
}

function usedKey(state: EngineState, name: string, to: IpAddress | null, keys: readonly LivingKey[]): LivingKey | null {
  const used = signingKey(keys, wallClock(state)!);
  if (used === null) return null;
  const { expiredKeys } = state.neighbours;
  const about = `${name} ${to ?? '*'} ${used.key.keyId}`;
  if (!used.expired) expiredKeys.delete(about);
  else if (!expiredKeys.has(about)) {
    expiredKeys.add(about);
    emit(state, { type: 'lastKeyExpired', interface: name, neighbour: to, keyId: used.key.keyId });
  }
  return used.key;
}

/** The bytes with the digest of the key in them. */
export const signed = (state: EngineState, bytes: Uint8Array, key: LivingKey): Uint8Array =>
  signMessage(bytes, key, state.digest!);
