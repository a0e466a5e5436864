import type { IpAddress } from '../../base/ip.ts';

/** What a message says of state, for neighbours that are told of it by a summary instead of again in full (RFC 2961 5). */
export interface Statement {
  /** Of the state, not of its contents: the same as long as it lives, and no other state's. */
  readonly key: string;
  /** True for news, which goes whole and at once; false for a refresh of what was said before (RFC 2205 3.7). */
  readonly trigger: boolean;
  /** The next node that speaks RSVP, as far as it is known. */
  readonly neighbour: IpAddress;
  /** Sends the state again as a refresh, when the neighbour turns out not to have it (RFC 2961 5.4). */
  readonly again: () => void;
}

/** Where a message goes that makes no state: by which key it is signed. */
export type NextNode = Pick<Statement, 'neighbour'>;
