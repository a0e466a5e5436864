import type { BitsPerSecond, BytesPerSecond } from '../base/units.ts';
import type { Link, LinkId, NodeName } from '../network/topology.ts';
import type { Qos, ReservationRequest } from '../qos/request.ts';
import { toTspec } from '../qos/wire-rate.ts';
import type { AdmittedPath, RefusalReason } from './decision.ts';
import {
  bandwidthReason,
  delayReason,
  judgePath,
  mtuReason,
  neededRate,
  nodesOf,
  pathAt,
  pathTerms,
  silentAgents,
  unsignalled,
} from './judge-path.ts';
import { heldTogether, isShared } from './shares.ts';
import type { World } from './world.ts';

/** The paths of all senders judged together: nothing in `reasons` = they can be booked as `paths` says. */
export interface SendersJudgement {
  readonly reasons: readonly RefusalReason[];
  readonly paths: readonly AdmittedPath[];
}

/**
 * Every sender needs all of its own path; a link that several of them cross holds one part for all in a shared style, and one
 * for each in fixed-filter style. There is one rate for all: the flowspec of a session is that of its receiver, and has to keep
 * the bound on the slowest path.
 *
 * @param paths of the senders in the request's order, at least one link each.
 */
export function judgeSenders(
  paths: readonly (readonly Link[])[],
  request: ReservationRequest,
  world: World,
): SendersJudgement {
  if (paths.length === 1) {
    const { reasons, path } = judgePath(paths[0]!, request, world);
    return { reasons, paths: [path] };
  }
  const { qos, window, flow, style } = request;
  const sources = [flow.source, ...request.moreSources];
  const needs = paths.map((links) => neededRate(qos, pathTerms(links, qos)));
  const admitted = pathsAt(paths, largest(needs) ?? toTspec(qos).tokenRate, qos);
  const links = linksOf(paths);
  return {
    reasons: [
      ...paths.flatMap((each) => unsignalled(nodesOf(each), request, world)).slice(0, 1),
      ...[...links.values()].flatMap((link) => mtuReason(link, qos, world.graph)),
      ...paths.flatMap((each, i) =>
        needs[i] === null ? [delayReason(qos, pathTerms(each, qos), sources[i]!.address)] : [],
      ),
      ...heldTogether(
        style,
        admitted.map(({ hops }) => hops),
      ).flatMap((hop) => {
        const senders = paths.filter((each) => each.some(({ id }) => id === hop.link)).length;
        const several = !isShared(style) && senders > 1 ? senders : undefined;
        return bandwidthReason(links.get(hop.link)!, hop.bookedBitsPerSecond, window, world, several);
      }),
      ...silentAgents([...new Set<NodeName>(paths.flatMap(nodesOf))], window, world),
    ],
    paths: admitted,
  };
}

/** What all paths together would hold for the request, by link; null where no rate keeps the bound. */
export function neededTogether(
  paths: readonly (readonly Link[])[],
  request: ReservationRequest,
): ReadonlyMap<LinkId, BitsPerSecond> | null {
  const { qos, style } = request;
  const needs = paths.map((links) => neededRate(qos, pathTerms(links, qos)));
  const rate = needs.includes(null) ? null : largest(needs);
  if (rate === null) return null;
  const held = heldTogether(
    style,
    pathsAt(paths, rate, qos).map(({ hops }) => hops),
  );
  return new Map(held.map((hop) => [hop.link, hop.bookedBitsPerSecond]));
}

/** Every link of the paths once. */
export const linksOf = (paths: readonly (readonly Link[])[]): ReadonlyMap<LinkId, Link> =>
  new Map(paths.flat().map((link) => [link.id, link]));

const pathsAt = (paths: readonly (readonly Link[])[], rate: BytesPerSecond, qos: Qos): readonly AdmittedPath[] =>
  paths.map((links) => pathAt(links, rate, pathTerms(links, qos), qos));

const largest = (rates: readonly (BytesPerSecond | null)[]): BytesPerSecond | null =>
  rates.reduce((most, rate) => (rate !== null && (most === null || rate > most) ? rate : most), null);
