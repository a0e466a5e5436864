import type { Reservation } from './reservation.ts';

/** The first hop where the flow leaves its admitted path, in a sentence; null where wire and books agree. */
export function deviation({ path, actualHops }: Pick<Reservation, 'path' | 'actualHops'>): string | null {
  for (const hop of actualHops) {
    const admitted = path.hops.find((each) => each.node === hop.node);
    if (!admitted) return `${hop.node} has passed it on, which is not on its path`;
    if (admitted.link !== hop.link) return `${hop.node} sends over ${hop.link} instead of ${admitted.link}`;
  }
  return null;
}
