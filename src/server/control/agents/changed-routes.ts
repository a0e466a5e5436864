import { formatPrefix } from '../../../core/base/ip.ts';
import type { Route } from '../../../core/network/topology.ts';

/** More than an agent has reason to hold: what comes beyond is not kept. */
const MAX_ROUTES = 100_000;

/** What an agent reports by difference, in the order in which it came. */
export function changedRoutes(
  known: readonly Route[],
  added: readonly Route[],
  removed: readonly Route[],
): readonly Route[] {
  const gone = new Set(removed.map(textOf));
  const routes = new Map(known.map((route) => [textOf(route), route]));
  for (const text of gone) routes.delete(text);
  for (const route of added) routes.set(textOf(route), route);
  return [...routes.values()].slice(0, MAX_ROUTES);
}

const textOf = ({ destination, interface: name, gateway, metric, others = [] }: Route): string =>
  [formatPrefix(destination), name, gateway, metric, ...others.flatMap((hop) => [hop.interface, hop.gateway])].join(
    ' ',
  );
