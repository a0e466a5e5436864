import type { IpAddress } from '../../../base/ip.ts';
import type { EpochMs, Millis } from '../../../base/units.ts';
import type { IntegrityKey } from '../../wire/integrity.ts';

/** A key with its life (RFC 2747 5.1). */
export interface LivingKey extends IntegrityKey {
  /** 48 bits; unique among the keys of one sender. */
  readonly keyId: number;
  /** KeyStartValid; null: since ever. */
  readonly notBefore: EpochMs | null;
  /** KeyEndValid, the first instant at which it is no longer used; null: without end. */
  readonly notAfter: EpochMs | null;
}

/** How messages to and from a neighbour are proved (RFC 2747). */
export interface IntegritySettings {
  /** At least one. Both sides may use any that lives; ours is signed with the one that began to live last. */
  readonly keys: readonly LivingKey[];
  /** How many messages may overtake each other, 1 … 64; 1: sequence numbers must grow (RFC 2747 4.2). */
  readonly window: number;
  /** Ask a neighbour whose sequence numbers are not known yet for proof that it lives (RFC 2747 4.3), where it offers that. */
  readonly handshake: boolean;
}

/** What is agreed with one neighbour, or with all on an interface that have no policy of their own. */
export interface NeighbourPolicy {
  readonly interface: string;
  /** null: everybody else on the interface. */
  readonly address: IpAddress | null;
  /** null: messages are neither signed nor verified. */
  readonly integrity: IntegritySettings | null;
  /** How often Hello asks whether the neighbour still lives (RFC 3209 5); null: it is only answered. */
  readonly helloInterval: Millis | null;
  /** False: refresh reduction is not offered to it and not used with it. */
  readonly refreshReduction: boolean;
}

export interface NeighbourSettings {
  /** Another after each start of the node, 1 … 2^32 − 1: the epoch of message ids (RFC 2961 4.2) and the Hello instance. */
  readonly instance: number;
  /** Offer RFC 2961 to neighbours, and use it with those that offer it. */
  readonly refreshReduction: boolean;
  readonly policies: readonly NeighbourPolicy[];
  /** Known to nobody else; challenges are made from it, so that their cookies cannot be guessed (RFC 2747 4.3). */
  readonly secret: Uint8Array;
  /** Path state that one neighbour may make. The engine's own bound is for all together. */
  readonly maxFlowsEach: number;
  /** Neighbours that are remembered. */
  readonly maxNeighbours: number;
}

/** Plain RFC 2205 with everybody. */
export const PLAIN_NEIGHBOURS: NeighbourSettings = {
  instance: 1,
  refreshReduction: false,
  policies: [],
  secret: new Uint8Array(0),
  maxFlowsEach: Infinity,
  maxNeighbours: 4_096,
};
