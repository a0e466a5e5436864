import { EpochMs } from '../base/units.ts';
import type { Link, LinkId } from '../network/topology.ts';
import type { Flow, FlowEndpoint, Qos, ReservationStyle, Window } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import type { AdmittedPath, Decision, RefusalReason } from './decision.ts';
import { judgeSenders } from './judge-senders.ts';
import { CURED_BY_A_LOWER_RATE, mostTelling, noPath } from './refusals.ts';
import { heldTogether } from './shares.ts';
import type { World } from './world.ts';

/** What is booked and may change its qos. */
export interface Held {
  readonly id: string;
  readonly flow: Flow;
  readonly style: ReservationStyle;
  readonly qos: Qos;
  readonly window: Window;
  readonly path: AdmittedPath;
  readonly moreSenders: readonly { readonly source: FlowEndpoint; readonly path: AdmittedPath }[];
}

/**
 * Whether a reservation may have another qos on the paths that it has, for the rest of its window. It is not counted against
 * itself, and what it asks no more of than before is not refused: a link that was shrunk or is drained keeps what it carries.
 */
export function decideChange(held: Held, qos: Qos, world: World): Decision {
  const { graph, now } = world;
  const paths = [held.path, ...held.moreSenders.map((sender) => sender.path)];
  const touched = [...new Set(paths.flatMap(({ hops }) => hops.map((hop) => hop.link)))];
  const gone = touched.find((id) => !graph.linkIndex.has(id));
  if (gone !== undefined) {
    const [source, destination] = [held.path.nodes[0]!, held.path.nodes.at(-1)!];
    const detail = `the topology no longer has ${gone}`;
    return { ...noPath([{ reason: 'NO_PATH', source, destination, detail }]), touched };
  }
  const links = paths.map(({ hops }) => hops.map(({ link }): Link => graph.links[graph.linkIndex.get(link)!]!));
  const window = { start: EpochMs(Math.max(held.window.start, now)), end: held.window.end };
  const request = {
    ...{ name: null, labels: {}, flow: held.flow, style: held.style, qos, window },
    moreSources: held.moreSenders.map((sender) => sender.source),
    sourcesListed: held.moreSenders.length > 0,
    constraints: { allowUnpinned: held.path.pinning === 'unpinned' },
  };
  const before = new Map(
    heldTogether(
      held.style,
      paths.map(({ hops }) => hops),
    ).map((hop) => [hop.link, hop.bookedBitsPerSecond]),
  );
  return world.ledger.without(held.id, (): Decision => {
    const judged = judgeSenders(links, request, world);
    const reasons = judged.reasons.filter((reason) => isMore(reason, held.qos, before));
    const [path, ...morePaths] = judged.paths.map((each, i) => ({
      ...each,
      pinning: paths[i]!.pinning,
      explicitRoute: paths[i]!.explicitRoute,
    }));
    if (reasons.length === 0) return { admitted: true, path: path!, morePaths, touched };
    const curable = reasons.every(({ reason }) => CURED_BY_A_LOWER_RATE.includes(reason));
    const offer = curable ? rateAlternative(links, request, world) : null;
    // Where a link was shrunk below what is held on it, staying as it is offers more.
    const worth = offer?.kind === 'rate' && offer.tokenRateBitsPerSecond >= held.qos.tokenRateBitsPerSecond;
    const alternatives = worth ? [offer] : [];
    return { admitted: false, code: mostTelling(reasons), reasons, alternatives, touched };
  });
}

function isMore(reason: RefusalReason, qos: Qos, before: ReadonlyMap<LinkId, number>): boolean {
  if (reason.reason === 'MTU_TOO_SMALL') return reason.requestedBytes > qos.maxPacketBytes;
  if (reason.reason !== 'BANDWIDTH_UNAVAILABLE') return true;
  return reason.requestedBitsPerSecond > (before.get(reason.link) ?? -1);
}
