import type { EngineInput } from './types.ts';

/**
 * A message whose sender was proved as far as that is agreed. `interface` is the one that it is about, which need not be the
 * one that it came in by.
 */
export type ArrivedPacket = EngineInput & { readonly type: 'packet' } & {
  /** The interface that it came in by. */
  readonly arrivedBy: string;
  /** It was signed with a key that is agreed with its sender (RFC 2747), or comes out of the journal. */
  readonly proved: boolean;
};
