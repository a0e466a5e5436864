import type { LinkId } from '../network/topology.ts';
import type { ReservationRequest } from '../qos/request.ts';
import type { AdmittedPath, Alternative, Pinning, PinningObstacle, RefusalReason } from './decision.ts';
import { findPath } from './find-path.ts';
import { dropsFlow, nextHopsOf, pinningObstacles } from './pinning.ts';
import type { World } from './world.ts';

/** A path that fits and that the flow is not pinned to, with what hinders it. */
export interface Unpinnable {
  readonly admitted: false;
  readonly path: AdmittedPath;
  readonly obstacles: readonly PinningObstacle[];
}

export type AnotherPath = { readonly admitted: true; readonly path: AdmittedPath } | Unpinnable;

/** What a path has to keep to. */
export interface Confines {
  /** The only links that it may take; null = any. */
  readonly links: ReadonlySet<number> | null;
  /** Links that the flow must be pinned to, even where the caller allows unpinned paths. */
  readonly pinnedOnly: (link: number) => boolean;
}

const ANYWHERE: Confines = { links: null, pinnedOnly: () => false };

/**
 * The best path that fits, whatever the routes say: pinned, else unpinned where that is allowed, else what hinders it; null
 * where none fits.
 *
 * @param touched links whose books decided are added.
 */
export function anotherPath(
  request: ReservationRequest,
  world: World,
  touched: Set<LinkId>,
  confines: Confines = ANYWHERE,
): AnotherPath | null {
  const { hosts } = world.graph;
  const [source, destination] = [request.flow.source, request.flow.destination].map(
    ({ address }) => hosts.get(address)!.node,
  );
  const obstaclesOf = (link: number) => pinningObstacles(link, request, world);
  const find = (suits: (link: number) => boolean): AdmittedPath | null => {
    const allowed = (link: number): boolean => (confines.links === null || confines.links.has(link)) && suits(link);
    const path = findPath({ source: source!, destination: destination!, allowed, weighed: touched }, request, world);
    for (const { link } of path?.hops ?? []) touched.add(link);
    return path;
  };
  const taken = (path: AdmittedPath, pinning: Pinning): AnotherPath => {
    const links = path.hops.map((hop) => hop.link);
    return {
      admitted: true,
      path: { ...path, pinning, explicitRoute: nextHopsOf(world.graph, links, request.flow) },
    };
  };
  const pinned = find((link) => obstaclesOf(link).length === 0);
  if (pinned) return taken(pinned, 'pinned');
  const passes = (link: number): boolean => {
    const obstacles = obstaclesOf(link);
    return confines.pinnedOnly(link) ? obstacles.length === 0 : !dropsFlow(obstacles);
  };
  const unpinned = request.constraints.allowUnpinned ? find(passes) : null;
  if (unpinned) return taken(unpinned, 'unpinned');
  const path = find(() => true);
  if (path === null) return null;
  const obstacles = path.hops.flatMap((hop) => obstaclesOf(world.graph.linkIndex.get(hop.link)!));
  return { admitted: false, path, obstacles };
}

export const unpinnable = ({ obstacles }: Pick<Unpinnable, 'obstacles'>): readonly RefusalReason[] =>
  obstacles.map((each) => ({ reason: 'PINNING_UNAVAILABLE', ...each }) as const);

/** What is offered of a path that would have to be pinned. */
export const ifPinned = ({ path, obstacles }: Unpinnable): Alternative => ({
  ...{ kind: 'path', needs: 'PINNING', obstacles, hops: path.hops, delayBoundMicros: path.delayBoundMicros },
});
