import type { MonotonicMs } from '../../../core/base/units.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import type { Failure, Reservation } from '../../../core/reservation/reservation.ts';
import { sendersOf } from '../../../core/reservation/senders.ts';
import { isInstalled, type Hop, type Track } from './hop-track.ts';
import { ofSender } from './lost-hops.ts';

/**
 * A node that has heard nothing after this long hears nothing: by then its neighbour has sent the message six times, all of
 * which a network that loses 20 % loses once in 15,000.
 */
export const SILENCE_MS = 10_000;

/** Which message has not arrived where, and since when it is awaited. */
export interface Silence {
  readonly node: NodeName;
  readonly from: NodeName;
  readonly message: 'PATH' | 'RESV';
  readonly sender: number;
  readonly since: MonotonicMs;
}

/**
 * The first node, in the message's direction, that has not heard what its neighbour has sent; null where all have. Nodes whose
 * agents are not there are no silent ones.
 *
 * @param nodes of a sender's path, those alone that have agents, in order from the sender
 * @param heardSince since when the agent has been connected; null: it is not
 */
export function silentHop(
  reservation: Reservation,
  track: Track,
  nodes: (path: readonly NodeName[]) => readonly NodeName[],
  heardSince: (node: NodeName) => MonotonicMs | null,
): Silence | null {
  for (const [sender, { path }] of sendersOf(reservation).entries()) {
    const along = nodes(path.nodes);
    const hopOf = (node: NodeName): Hop | undefined => track.hops.get(node)?.get(sender);
    const silence = (node: NodeName, from: NodeName, message: Silence['message']): Silence | null => {
      const [connected, sent] = [heardSince(node), hopOf(from)?.since ?? null];
      if (connected === null || sent === null) return null;
      return { node, from, message, sender, since: Math.max(connected, sent) as MonotonicMs };
    };
    const deaf = along.findIndex((node) => !hasPath(hopOf(node)));
    if (deaf > 0) return silence(along[deaf]!, along[deaf - 1]!, 'PATH');
    if (deaf === 0) continue;
    // RESV comes the other way, from the receiver's host.
    const missing = along.findLastIndex((node) => !isInstalled(reservation, node, hopOf(node)));
    if (missing >= 0 && missing < along.length - 1) return silence(along[missing]!, along[missing + 1]!, 'RESV');
  }
  return null;
}

/** What a caller is told of it: who hears nothing, from whom, and what lets it through. */
export function silenceFailure(reservation: Reservation, { node, from, message, sender }: Silence): Failure {
  return {
    errorCode: 0,
    errorValue: 0,
    errorNode: node,
    detail:
      `${node} hears no ${message} from ${from}${ofSender(reservation, sender)}, though both agents are there: ` +
      `RSVP (IP protocol 46) does not get through; where a firewall on ${node} is in the way, "nft insert rule FAMILY TABLE ` +
      `CHAIN ip protocol 46 accept" in its input chain lets it in`,
  };
}

const hasPath = (hop: Hop | undefined): boolean =>
  hop !== undefined && (hop.state === 'path' || hop.state === 'installed' || hop.state === 'confirmed');
