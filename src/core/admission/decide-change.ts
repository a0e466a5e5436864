import { EpochMs } from '../base/units.ts';
import type { Flow, Qos, Window } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import { CURED_BY_A_LOWER_RATE, mostTelling } from './decide.ts';
import type { AdmittedPath, Decision, RefusalReason } from './decision.ts';
import { judgePath } from './judge-path.ts';
import type { World } from './world.ts';

/** What is booked and may change its qos. */
export interface Held {
  readonly id: string;
  readonly flow: Flow;
  readonly qos: Qos;
  readonly window: Window;
  readonly path: AdmittedPath;
}

/**
 * Whether a reservation may have another qos on the path that it has, for the rest of its window. It is not counted against
 * itself, and what it asks no more of than before is not refused: a link that was shrunk or is drained keeps what it carries.
 */
export function decideChange(held: Held, qos: Qos, world: World): Decision {
  const { graph, now } = world;
  const touched = held.path.hops.map((hop) => hop.link);
  const links = touched.flatMap((id) => graph.links[graph.linkIndex.get(id) ?? -1] ?? []);
  const gone = touched.find((id) => !graph.linkIndex.has(id));
  if (gone !== undefined) {
    const [source, destination] = [held.path.nodes[0]!, held.path.nodes.at(-1)!];
    const reasons: RefusalReason[] = [
      { reason: 'NO_PATH', source, destination, detail: `the topology no longer has ${gone}` },
    ];
    return { admitted: false, code: 'NO_PATH', reasons, alternatives: [], touched };
  }
  const window = { start: EpochMs(Math.max(held.window.start, now)), end: held.window.end };
  const constraints = { allowUnpinned: held.path.pinning === 'unpinned' };
  const request = { name: null, labels: {}, flow: held.flow, qos, window, constraints };
  return world.ledger.without(held.id, (): Decision => {
    const judged = judgePath(links, request, world);
    const reasons = judged.reasons.filter((reason) => isMore(reason, held));
    const { hops, rate, delayBoundMicros } = judged.path;
    const booked = new Map(hops.map((hop) => [hop.link, hop.bookedBitsPerSecond]));
    const path = {
      ...held.path,
      hops: held.path.hops.map((hop) => ({ ...hop, bookedBitsPerSecond: booked.get(hop.link)! })),
      rate,
      delayBoundMicros,
    };
    if (reasons.length === 0) return { admitted: true, path, touched };
    const curable = reasons.every(({ reason }) => CURED_BY_A_LOWER_RATE.includes(reason));
    const offer = curable ? rateAlternative(links, request, world) : null;
    // Where a link was shrunk below what is held on it, staying as it is offers more.
    const worth = offer?.kind === 'rate' && offer.tokenRateBitsPerSecond >= held.qos.tokenRateBitsPerSecond;
    const alternatives = worth ? [offer] : [];
    return { admitted: false, code: mostTelling(reasons), reasons, alternatives, touched };
  });
}

function isMore(reason: RefusalReason, { qos, path }: Held): boolean {
  if (reason.reason === 'MTU_TOO_SMALL') return reason.requestedBytes > qos.maxPacketBytes;
  if (reason.reason !== 'BANDWIDTH_UNAVAILABLE') return true;
  const hop = path.hops.find(({ link }) => link === reason.link);
  return hop === undefined || reason.requestedBitsPerSecond > hop.bookedBitsPerSecond;
}
