import type { FlowEndpoint } from '../core/qos/request.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { Share } from '../core/rsvp/engine/types.ts';

/** What an assignment has, or is to have, one class for in the kernel. */
export interface ShareClass {
  /** The same over restarts; no other assignment has it. */
  readonly key: string;
  /** The senders that it is for, in the assignment's order; with wildcard filter it takes the packets of all others, too. */
  readonly sources: readonly FlowEndpoint[];
}

type Shared = Pick<Assignment, 'reservationId' | 'sources' | 'style'>;

/** One class for each sender with fixed filters, one for all in shared styles. */
export function classesOf({ reservationId, sources, style }: Shared): readonly ShareClass[] {
  if (style !== 'fixedFilter' || sources.length === 1) return [{ key: reservationId, sources }];
  return sources.map((source) => ({ key: `${reservationId} ${textOf(source)}`, sources: [source] }));
}

/** The class that RSVP asks for: with shared explicit for no other senders than those that the share names. */
export function classOfShare(assignment: Shared, { style, filters }: Pick<Share, 'style' | 'filters'>): ShareClass {
  const named = new Set(filters.map(({ source, sourcePort }) => `${source}:${sourcePort}`));
  const isNamed = (source: FlowEndpoint): boolean => style === 'WF' || named.has(textOf(source));
  const classes = classesOf(assignment).map(({ key, sources }) => ({ key, sources: sources.filter(isNamed) }));
  return classes.find(({ sources }) => sources.length > 0)!;
}

/** The reservation that a class is for. */
export const reservationOfClass = (key: string): string => key.split(' ', 1)[0]!;

const textOf = ({ address, port }: FlowEndpoint): string => `${address}:${port ?? 0}`;
