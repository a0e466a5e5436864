import { linkDocument, nodeDocument } from '../../core/network/document.ts';
import type { Link, LinkId, NetworkNode, Topology } from '../../core/network/topology.ts';
import { isLive } from '../../core/reservation/life-cycle.ts';
import { linksOf } from '../../core/reservation/senders.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { TopologyOutcome } from './api.ts';
import { ControlError } from './errors.ts';
import type { MemoryBooks } from './memory-books.ts';

/** What replacing the stored topology means. */
export interface TopologyPlan {
  readonly topology: Topology;
  readonly etag: string;
  readonly changes: TopologyOutcome['changes'];
  /** Live ones that use a link that goes: they end. */
  readonly ending: readonly Reservation[];
}

export const topologyEtag = (version: bigint): string => `"t${version}"`;

/**
 * @throws ControlError ETAG_REQUIRED, CONCURRENT_UPDATE, or INCOMPATIBLE_STATE when links with live bookings would go and
 * that was not forced.
 */
export function planTopology(
  books: MemoryBooks,
  next: Topology,
  options: { readonly ifMatch: string | null; readonly force: boolean },
): TopologyPlan {
  const { topology, version } = books.topology();
  const etag = topologyEtag(version);
  if (version > 0n && options.ifMatch === null) {
    throw new ControlError('ETAG_REQUIRED', 'a topology is stored: If-Match must name the one that is to be replaced');
  }
  if (options.ifMatch !== null && options.ifMatch !== '*' && options.ifMatch !== etag) {
    throw new ControlError('CONCURRENT_UPDATE', `If-Match is ${options.ifMatch}, the stored topology is ${etag}`);
  }
  const nodes = compare(topology.nodes, next.nodes, (node) => node.name, sameNode);
  const links = compare(topology.links, next.links, (link) => link.id, sameLink);
  const kept = new Map(next.links.map((link) => [link.id, link]));
  const before = new Map(topology.links.map((link) => [link.id, link]));
  // A link whose ends are others is another link under the same name.
  const gone = (id: LinkId): boolean => !kept.has(id) || (before.has(id) && !sameEnds(before.get(id)!, kept.get(id)!));
  const ending = [...books.live()].filter((each) => isLive(each) && linksOf(each).some(gone));
  if (ending.length > 0 && !options.force) {
    const used = [...new Set(ending.flatMap((each) => linksOf(each).filter(gone)))].sort();
    throw new ControlError(
      'INCOMPATIBLE_STATE',
      `${ending.length} live reservations use links that would go: ${used.slice(0, 20).join(', ')}; force=true ends them`,
      { details: { links: used.slice(0, 100), reservations: ending.slice(0, 100).map((each) => each.id) } },
    );
  }
  return {
    topology: next,
    etag: topologyEtag(version + 1n),
    changes: {
      nodesAdded: nodes.added,
      nodesChanged: nodes.changed,
      nodesRemoved: nodes.removed,
      linksAdded: links.added,
      linksChanged: links.changed,
      linksRemoved: links.removed,
    },
    ending,
  };
}

function compare<T>(
  before: readonly T[],
  after: readonly T[],
  idOf: (each: T) => string,
  same: (a: T, b: T) => boolean,
) {
  const old = new Map(before.map((each) => [idOf(each), each]));
  const now = new Set(after.map(idOf));
  return {
    added: after.map(idOf).filter((id) => !old.has(id)),
    changed: after.filter((each) => old.has(idOf(each)) && !same(old.get(idOf(each))!, each)).map(idOf),
    removed: before.map(idOf).filter((id) => !now.has(id)),
  };
}

const sameNode = (a: NetworkNode, b: NetworkNode): boolean => canonical(nodeDocument(a)) === canonical(nodeDocument(b));
const sameLink = (a: Link, b: Link): boolean => canonical(linkDocument(a)) === canonical(linkDocument(b));
const sameEnds = (a: Link, b: Link): boolean =>
  a.from.node === b.from.node &&
  a.from.interface === b.from.interface &&
  a.to.node === b.to.node &&
  a.to.interface === b.to.interface;

/** Labels are a set of pairs: their order, which storing them does not keep, is no difference. */
const canonical = (document: { readonly labels: Readonly<Record<string, string>> }): string =>
  JSON.stringify({ ...document, labels: Object.entries(document.labels).sort(([a], [b]) => (a < b ? -1 : 1)) });
