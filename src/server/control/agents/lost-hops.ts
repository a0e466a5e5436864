import type { NodeName } from '../../../core/network/topology.ts';
import { endpointText } from '../../../core/qos/request.ts';
import type { Reservation } from '../../../core/reservation/reservation.ts';
import { sendersOf } from '../../../core/reservation/senders.ts';
import { isInstalled, type Track } from './hop-track.ts';

/** The first loss along the paths, in a sentence; null where nothing is lost. */
export function firstLoss(reservation: Reservation, track: Track, nodes: readonly NodeName[]): string | null {
  for (const node of nodes) {
    for (const [sender, hop] of track.hops.get(node) ?? []) {
      if (hop.state !== 'lost' && hop.state !== 'removed') continue;
      const why = hop.detail === null || hop.detail === '' ? '' : ` (${hop.detail})`;
      return `${lossAt(reservation, node, sender)}${why}`;
    }
  }
  return null;
}

/**
 * Whether what the reservation is degraded for is known to be over, so that another loss has to be named. Others that are
 * lost beside it are no news: what comes first is most often why the rest follows.
 */
export function toldLossIsOver(reservation: Reservation, track: Track, nodes: readonly NodeName[]): boolean {
  const { stateReason } = reservation;
  if (stateReason === null) return false;
  const isTold = (node: NodeName, sender: number): boolean => {
    const text = lossAt(reservation, node, sender);
    return stateReason === text || stateReason.startsWith(`${text} (`);
  };
  return nodes.some((node) =>
    [...(track.hops.get(node) ?? [])].some(
      ([sender, hop]) => isTold(node, sender) && isInstalled(reservation, node, hop),
    ),
  );
}

/** Which sender it is about, where there are several. */
export const ofSender = (reservation: Reservation, sender: number): string =>
  reservation.moreSenders.length === 0 ? '' : ` for ${endpointText(sendersOf(reservation)[sender]!.source)}`;

const lossAt = (reservation: Reservation, node: NodeName, sender: number): string =>
  `${node} has lost it${ofSender(reservation, sender)}`;
