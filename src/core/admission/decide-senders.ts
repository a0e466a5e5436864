import type { ReservationRequest } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import type { Decision } from './decision.ts';
import { judgeSenders, linksOf } from './judge-senders.ts';
import { CURED_BY_A_LOWER_RATE, mostTelling, noPath } from './refusals.ts';
import { routeOf } from './routes.ts';
import type { World } from './world.ts';

/**
 * Admits several senders on the paths that routing takes from each to the one destination: all of them, or says everything that
 * stands in the way of any. Routing goes by destination, so the paths join and never part again, and every node sends the whole
 * session out of one interface; a steered flow would break that.
 *
 * @param request its addresses are on nodes of the topology.
 */
export function decideSenders(request: ReservationRequest, world: World): Decision {
  const { flow, moreSources } = request;
  const routes = [flow.source, ...moreSources].map(({ address }) => routeOf(address, flow.destination.address, world));
  const missing = routes.flatMap((route) => (route.ok ? [] : [route.error]));
  if (missing.length > 0) return noPath(missing);
  const links = routes.flatMap((route) => (route.ok ? [route.value] : []));
  const touched = [...linksOf(links).keys()];
  const { reasons, paths } = judgeSenders(links, request, world);
  const [path, ...morePaths] = paths;
  if (reasons.length === 0) return { admitted: true, path: path!, morePaths, touched };
  const curable = reasons.every(({ reason }) => CURED_BY_A_LOWER_RATE.includes(reason));
  const lower = curable ? rateAlternative(links, request, world) : null;
  return {
    admitted: false,
    code: mostTelling(reasons),
    reasons,
    alternatives: lower === null ? [] : [lower],
    touched,
  };
}
