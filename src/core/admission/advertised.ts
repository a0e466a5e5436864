import type { Bytes, Micros } from '../base/units.ts';
import type { NetworkGraph } from '../network/graph.ts';
import type { Link } from '../network/topology.ts';
import type { ErrorTerms } from '../qos/error-terms.ts';
import { pathMtuBytes, pathTerms } from './judge-path.ts';

/** What ADSPEC says of a path where it ends (RFC 2210 3.3). */
export interface AdvertisedTerms {
  readonly minLatencyMicros: Micros;
  readonly pathMtuBytes: Bytes;
  /** Ctot and Dtot (RFC 2212); null where it has no part for guaranteed service. */
  readonly errors: ErrorTerms | null;
}

/**
 * Where the terms that the nodes of a path have advertised are others than those by which it was admitted, in a sentence; null
 * where wire and books agree. A path MTU that is larger than that of the books is none: they also know the far ends of links.
 *
 * @param maxPacketBytes M of the flow.
 */
export function advertisedDeviation(
  links: readonly Link[],
  maxPacketBytes: Bytes,
  advertised: AdvertisedTerms,
  graph: NetworkGraph,
): string | null {
  const { errors, propagationMicros } = pathTerms(links, { maxPacketBytes });
  const mtu = Math.min(...links.map((link) => pathMtuBytes(link, graph)));
  const differences = [
    difference('minimum latency', 'µs', advertised.minLatencyMicros, propagationMicros),
    ...(advertised.errors === null
      ? []
      : [
          difference('C', 'bytes', advertised.errors.rateDependent, errors.rateDependent),
          difference('D', 'µs', advertised.errors.rateIndependent, errors.rateIndependent),
        ]),
    advertised.pathMtuBytes >= mtu ? null : difference('path MTU', 'bytes', advertised.pathMtuBytes, mtu),
  ].filter((each) => each !== null);
  return differences.length === 0 ? null : `ADSPEC and books differ: ${differences.join(', ')}`;
}

/** Of an interface with several links (a shared medium) ADSPEC tells the worst: that is no link's own. */
export function sharesInterface({ id, from }: Link, graph: NetworkGraph): boolean {
  const node = graph.nodeIndex.get(from.node) ?? -1;
  for (let i = graph.outStart[node] ?? 0; i < (graph.outStart[node + 1] ?? 0); i++) {
    const other = graph.links[graph.out[i]!]!;
    if (other.from.interface === from.interface && other.id !== id) return true;
  }
  return false;
}

const difference = (what: string, unit: string, wire: number, books: number): string | null =>
  wire === books ? null : `${what} ${wire} ${unit} instead of ${books}`;
