import { expect } from 'vitest';
import type { BookedHop } from '../../../src/core/admission/decision.ts';
import type { Link, LinkId, Topology } from '../../../src/core/network/topology.ts';
import type { Flow } from '../../../src/core/qos/request.ts';

interface Held {
  readonly hops: readonly BookedHop[];
  readonly start: number;
  readonly end: number | null;
}

/** The books once more, as dumb as can be: a list of bookings, added up for each slot; one slot more stands for all later ones. */
export class SlotBooks {
  readonly #links: ReadonlyMap<LinkId, Link>;
  readonly #slots: number;
  readonly #held = new Map<string, Held>();

  constructor(topology: Topology, slots: number) {
    this.#links = new Map(topology.links.map((link) => [link.id, link]));
    this.#slots = slots;
  }

  ids(): readonly string[] {
    return [...this.#held.keys()];
  }

  add(id: string, hops: readonly BookedHop[], start: number, end: number | null): void {
    this.#held.set(id, { hops, start, end });
  }

  remove(id: string): void {
    this.#held.delete(id);
  }

  reservable(id: LinkId): number {
    const link = this.#links.get(id)!;
    return link.adminState === 'up' ? Math.floor((link.capacityBitsPerSecond ?? 0) * link.reservableShare) : 0;
  }

  free(id: LinkId, start: number, end: number | null): number {
    let most = 0;
    for (let slot = start; slot < (end ?? this.#slots + 1); slot++) most = Math.max(most, this.#booked(id, slot));
    return Math.max(0, this.reservable(id) - most);
  }

  holders(id: LinkId, start: number, end: number | null): readonly string[] {
    const bits = (held: Held): number => held.hops.find((hop) => hop.link === id)?.bookedBitsPerSecond ?? 0;
    return [...this.#held]
      .filter(([, held]) => bits(held) > 0 && held.start < (end ?? Infinity) && start < (held.end ?? Infinity))
      .sort(([x, a], [y, b]) => bits(b) - bits(a) || (x < y ? -1 : 1))
      .map(([key]) => key);
  }

  checkNeverOverbooked(): void {
    for (const id of this.#links.keys()) {
      for (let slot = 0; slot <= this.#slots; slot++) {
        expect(this.#booked(id, slot)).toBeLessThanOrEqual(this.reservable(id));
      }
    }
  }

  #booked(id: LinkId, slot: number): number {
    let sum = 0;
    for (const { hops, start, end } of this.#held.values()) {
      if (start > slot || (end !== null && slot >= end)) continue;
      for (const hop of hops) if (hop.link === id) sum += hop.bookedBitsPerSecond;
    }
    return sum;
  }
}

/**
 * The links from source to destination as hop-by-hop routing takes them: towards the nearest node in the destination's
 * subnet, then straight over it. Found by trying all simple paths. null = none, or both ends on one node.
 */
export function lowestCostWay(topology: Topology, flow: Flow): readonly LinkId[] | null {
  const source = nodeWith(topology, flow.source.address);
  const destination = nodeWith(topology, flow.destination.address);
  if (source === destination) return null;
  const way = towards(topology, source.name, flow.destination.address);
  if (way.best === undefined) return null;
  const end = way.best.at(-1)?.to.node ?? source.name;
  if (end === destination.name) return way.best.map((link) => link.id);
  return way.last.adminState === 'down' ? null : [...way.best.map((link) => link.id), way.last.id];
}

/** The link by which a node itself sends to an address: what happens further on is not its business. */
export function firstLink(topology: Topology, node: string, address: string): Link | null {
  const { best, last } = towards(topology, node, address);
  return best?.[0] ?? (best === undefined || last.adminState === 'down' ? null : last);
}

const nodeWith = (topology: Topology, address: string) =>
  topology.nodes.find((n) => n.interfaces.some((i) => i.addresses.some((a) => a.address === address)))!;

/** The best way to a node in the address's subnet, and the link from there to the node that has it. */
function towards(topology: Topology, from: string, address: string): { best: readonly Link[] | undefined; last: Link } {
  const destination = nodeWith(topology, address);
  const network = address.split('.').slice(0, 3).join('.');
  const last = topology.links.find(
    (link) =>
      link.to.node === destination.name &&
      destination.interfaces.some(
        (i) => i.name === link.to.interface && i.addresses.some((a) => a.address.startsWith(`${network}.`)),
      ),
  )!;
  const ways = simplePaths(topology, from, new Set([last.from.node, destination.name]));
  const best = ways.sort((a, b) => cost(a) - cost(b) || a.length - b.length || compareIds(a, b))[0];
  return { best, last };
}

const cost = (links: readonly Link[]): number => links.reduce((sum, link) => sum + link.cost, 0);

/** At the first node where they part, the smaller id. */
function compareIds(a: readonly Link[], b: readonly Link[]): number {
  const i = a.findIndex((link, n) => link.id !== b[n]?.id);
  return i < 0 ? 0 : a[i]!.id < (b[i]?.id ?? '') ? -1 : 1;
}

/** Every way between two nodes that visits none twice, over links that are not down. */
export function simplePaths(topology: Topology, from: string, targets: ReadonlySet<string>): Link[][] {
  const found: Link[][] = [];
  const walk = (node: string, way: Link[], seen: ReadonlySet<string>): void => {
    if (targets.has(node)) {
      found.push(way);
      return;
    }
    for (const link of topology.links) {
      if (link.from.node !== node || link.adminState === 'down' || seen.has(link.to.node)) continue;
      walk(link.to.node, [...way, link], new Set([...seen, link.to.node]));
    }
  };
  walk(from, [], new Set([from]));
  return found;
}
