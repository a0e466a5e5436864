import type { Sender } from './reservation.ts';

/** The first hop where a sender's packets leave their admitted path, in a sentence; null where wire and books agree. */
export function deviation({ path, actualHops }: Pick<Sender, 'path' | 'actualHops'>): string | null {
  for (const hop of actualHops) {
    const admitted = path.hops.find((each) => each.node === hop.node);
    if (!admitted) return `${hop.node} has passed it on, which is not on its path`;
    if (admitted.link !== hop.link) return `${hop.node} sends over ${hop.link} instead of ${admitted.link}`;
  }
  return null;
}
