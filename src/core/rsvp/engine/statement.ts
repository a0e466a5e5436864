import type { IpAddress } from '../../base/ip.ts';
import type { StatementKind, Told } from './neighbours/neighbour.ts';

/** What a message says of state, for neighbours that are told of it by a summary instead of again in full (RFC 2961 5). */
export interface Statement {
  readonly kind: StatementKind<never, never>;
  readonly subject: Told;
  /** True for news, which goes whole and at once; false for a refresh of what was said before (RFC 2205 3.7). */
  readonly trigger: boolean;
  /** The next node that speaks RSVP, as far as it is known. */
  readonly neighbour: IpAddress;
}

/** Where a message goes that makes no state: by which key it is signed. */
export type NextNode = Pick<Statement, 'neighbour'>;

export const statementOf = <C, S extends Told>(
  kind: StatementKind<C, S>,
  subject: S,
  trigger: boolean,
  neighbour: IpAddress,
): Statement => ({ kind, subject, trigger, neighbour });
