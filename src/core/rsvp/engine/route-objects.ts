import { prefixContains, type IpAddress } from '../../base/ip.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ExplicitHop } from '../wire/explicit-route.ts';
import type { Extensions } from '../wire/extensions.ts';
import type { RecordedHop } from '../wire/record-route.ts';
import type { Branch, PathContents, Psb } from './blocks.ts';
import type { EngineState } from './state.ts';

/** Error 24, routing problem, and its values (RFC 3209 4.5). */
export const ROUTING_PROBLEM = 24;
export const ROUTING = {
  badExplicitRoute: 1,
  badStrictNode: 2,
  badLooseNode: 3,
  badInitialSubobject: 4,
  recordedLoop: 7,
} as const;

/** PATH starts with a TTL of 64: a longer record is none of a way that it can have gone. */
const MAX_RECORDED = 64;

/** A node by one of its addresses, as our own senders prescribe the way. */
export const strictHop = (address: IpAddress): ExplicitHop => ({
  hop: 'address',
  loose: false,
  address,
  prefixLength: 32,
});

/** What PATH says of its way, with this node's own sub-objects taken off. */
export type RouteObjects = Pick<PathContents, 'explicitRoute' | 'recordedRoute'>;

/** Judges and shortens the route objects of a PATH; an error is the value of error 24 (RFC 3209 4.3.4, 4.4.4). */
export function takeRouteObjects(
  state: EngineState,
  { explicitRoute, recordRoute }: Extensions,
  multicast: boolean,
): Result<RouteObjects, number> {
  const recordedRoute = recordRoute === undefined || multicast ? null : recordRoute.hops;
  const isOwn = (hop: RecordedHop) => hop.hop === 'address' && state.localAddresses.has(hop.address);
  if (recordedRoute?.some(isOwn)) return err(ROUTING.recordedLoop);
  if (explicitRoute === undefined) return ok({ explicitRoute: null, recordedRoute });
  // Only a way to one host can be prescribed (RFC 3209 4.3).
  if (multicast) return err(ROUTING.badExplicitRoute);
  const rest = afterThisNode(state, explicitRoute.hops);
  return rest.ok ? ok({ explicitRoute: rest.value, recordedRoute }) : rest;
}

/** The way from here on; null: it ends here, and routing decides from here on. */
function afterThisNode(
  state: EngineState,
  hops: readonly ExplicitHop[],
): Result<readonly ExplicitHop[] | null, number> {
  const [first] = hops;
  if (first === undefined || first.hop !== 'address') return err(ROUTING.badExplicitRoute);
  if (!isHere(state, first)) return err(ROUTING.badInitialSubobject);
  const next = hops.findIndex((hop) => !isHere(state, hop));
  if (next < 0) return ok(null);
  // A sub-object of another kind cannot be followed; behind the next one it is passed on (RFC 3209 4.3.6).
  if (hops[next]!.hop !== 'address') return err(ROUTING.badExplicitRoute);
  return ok(hops.slice(next));
}

const isHere = (state: EngineState, hop: ExplicitHop): boolean =>
  hop.hop === 'address' && [...state.localAddresses].some((address) => contains(hop, address));

const contains = (hop: ExplicitHop, address: IpAddress): boolean =>
  hop.hop === 'address' && prefixContains({ address: hop.address, length: hop.prefixLength }, address);

/** The node that PATH must go to next, where the way names just one. */
export function strictNext({ explicitRoute }: PathContents): IpAddress | null {
  const next = explicitRoute?.[0];
  return next?.hop === 'address' && !next.loose && next.prefixLength === 32 ? next.address : null;
}

/** Whether a next hop that routing gives is one that the way allows; from a loose node on any is. */
export function mayGoTo({ explicitRoute }: PathContents, nextHop: IpAddress): boolean {
  const next = explicitRoute?.[0];
  return next === undefined || (next.hop === 'address' && next.loose) || contains(next, nextHop);
}

/** The value of error 24 where there is no way to the next node; null: none is prescribed. */
export function unreachable({ explicitRoute }: PathContents): number | null {
  const next = explicitRoute?.[0];
  if (next === undefined) return null;
  return next.loose ? ROUTING.badLooseNode : ROUTING.badStrictNode;
}

/** The route objects for one branch: the next node must find itself first, and this one is on record (RFC 3209 4.3.4, 4.4.3). */
export function routeObjectsFor({ contents, flow }: Psb, branch: Branch, out: IpAddress): Extensions {
  const { explicitRoute, recordedRoute } = contents;
  const hops = explicitRoute && fromNextNode(explicitRoute, branch.gateway ?? flow.destination);
  const record: RecordedHop = { hop: 'address', address: out, prefixLength: 32, flags: 0 };
  const recorded = recordedRoute && recordedRoute.length < MAX_RECORDED ? [record, ...recordedRoute] : null;
  return {
    ...(hops === null ? {} : { explicitRoute: { kind: 'explicitRoute', hops } as const }),
    ...(recorded === null ? {} : { recordRoute: { kind: 'recordRoute', hops: recorded } as const }),
  };
}

const fromNextNode = (hops: readonly ExplicitHop[], next: IpAddress): readonly ExplicitHop[] =>
  contains(hops[0]!, next) ? hops : [strictHop(next), ...hops];

/** The addresses on record, the sender's host first. */
export const recordedAddresses = ({ recordedRoute }: PathContents): readonly IpAddress[] | null =>
  recordedRoute && recordedRoute.flatMap((hop) => (hop.hop === 'address' ? [hop.address] : [])).reverse();

export const sameRouteObjects = (a: RouteObjects, b: RouteObjects): boolean =>
  sameHops(a.explicitRoute, b.explicitRoute) && sameHops(a.recordedRoute, b.recordedRoute);

type Hops = readonly (ExplicitHop | RecordedHop)[] | null;

function sameHops(a: Hops, b: Hops): boolean {
  if (a === null || b === null || a === b) return a === b;
  return a.length === b.length && a.every((hop, i) => sameHop(hop, b[i]!));
}

/** Sub-objects are flat: numbers, texts and bytes. */
const sameHop = (a: ExplicitHop | RecordedHop, b: ExplicitHop | RecordedHop): boolean =>
  String(Object.values(a)) === String(Object.values(b));
