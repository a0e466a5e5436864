import { isShared } from '../admission/shares.ts';
import type { LinkId, NodeName } from '../network/topology.ts';
import type { ReservationStyle } from '../qos/request.ts';
import type { Reservation, Sender } from './reservation.ts';

type Seen = Pick<Sender, 'actualHops' | 'nonRsvpHop' | 'adspecDeviation'>;
type Senders = Pick<Reservation, 'flow' | 'path' | 'moreSenders' | keyof Seen>;

/** All senders in their order, the first among them. */
export const sendersOf = ({
  flow,
  path,
  actualHops,
  nonRsvpHop,
  adspecDeviation,
  moreSenders,
}: Senders): readonly Sender[] => [
  { source: flow.source, path, actualHops, nonRsvpHop, adspecDeviation },
  ...moreSenders,
];

/** What of the reservation is another when PATH of one sender, by its index, goes or fares otherwise. */
export function withSender(reservation: Reservation, index: number, news: Partial<Seen>): Partial<Reservation> {
  if (index === 0) return news;
  return { moreSenders: reservation.moreSenders.map((each, i) => (i === index - 1 ? { ...each, ...news } : each)) };
}

/** Indices of the senders whose packets pass the node. */
export const sendersAt = (reservation: Senders, node: NodeName): readonly number[] =>
  sendersOf(reservation).flatMap((sender, i) => (sender.path.nodes.includes(node) ? [i] : []));

type Paths = Pick<Reservation, 'path' | 'moreSenders'>;

/** Every node of its paths, once. */
export const nodesOf = ({ path, moreSenders }: Paths): readonly NodeName[] =>
  moreSenders.length === 0
    ? path.nodes
    : [...new Set([...path.nodes, ...moreSenders.flatMap((sender) => sender.path.nodes)])];

/** Every link of its paths, once. */
export const linksOf = ({ path, moreSenders }: Paths): readonly LinkId[] => [
  ...new Set([path, ...moreSenders.map((sender) => sender.path)].flatMap(({ hops }) => hops.map((hop) => hop.link))),
];

/** Nobody else may have a reservation of the same session at the same time: styles do not mix in one (RFC 2205 3.1.2). */
export const ownsSession = ({
  style,
  moreSenders,
}: {
  readonly style: ReservationStyle;
  readonly moreSenders: readonly unknown[];
}): boolean => isShared(style) || moreSenders.length > 0;
