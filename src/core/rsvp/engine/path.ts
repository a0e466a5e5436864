import type { ArrivedPacket } from './arrived-packet.ts';
import { ipFamily, isMulticast, type IpAddress } from '../../base/ip.ts';
import { tspecProblem } from '../wire/flowspec-problem.ts';
import type { PathMessage, PathTearMessage } from '../wire/message-views.ts';
import { withBreak } from './adspec.ts';
import { mayChange, packetOf } from './believed.ts';
import { NONE, type PathContents, type PreviousHop, type Psb, type SparePath } from './blocks.ts';
import { BAD_TSPEC, ERROR, sendPathErr } from './errors.ts';
import { pathPacket, rememberPath } from './journal.ts';
import { flowOf } from './messages.ts';
import { countFlow, hasRoomFor } from './neighbours/limits.ts';
import { sayWhole } from './neighbours/sent.ts';
import { unstand } from './neighbours/standing.ts';
import { createPsb, emitPathUp, removePath, sendPath, type PathDownCause } from './path-state.ts';
import { destinationPortConflict, sourcePortConflict } from './ports.ts';
import { askRoute, turn } from './route.ts';
import { ROUTING_PROBLEM, strictNext, takeRouteObjects, type RouteObjects } from './route-objects.ts';
import { findSession, sameHop } from './session.ts';
import { sameContents } from './sharing.ts';
import { dropSpare, keepSpare, spareOn } from './spare-path.ts';
import { drop, type EngineState, type EngineTimer } from './state.ts';
import { lifetime } from './timers.ts';
import { flowKeyText, type FlowKey } from './types.ts';
import { flushUpstream, repeatUpstream } from './upstream.ts';

const UNSPECIFIED = '0.0.0.0';

/**
 * PATH MESSAGE ARRIVES of RFC 2209. A refresh that changes nothing only moves the time-out. Returns the block that says just
 * what the message said; null where none does, or more would have to be looked at to refresh it so.
 */
export function pathArrived(state: EngineState, view: PathMessage, packet: ArrivedPacket): Psb | null {
  const flow = flowOf(view.session, view.senderTemplate);
  const hop: PreviousHop = {
    interface: packet.interface,
    address: view.hop.address,
    logicalInterfaceHandle: view.hop.logicalInterfaceHandle,
  };
  const route = takeRouteObjects(state, view.extensions ?? {}, isMulticast(flow.destination));
  const contents = contentsOf(view, packet, route.ok ? route.value : NO_ROUTE_OBJECTS);
  const psb = state.psbs.get(flowKeyText(flow));
  if (!acceptable(state, flow, hop, contents, psb, packet)) return null;
  if (!route.ok) {
    drop(state, 'routingProblem');
    sendPathErr(state, flow, contents, hop, ROUTING_PROBLEM, route.error);
    return null;
  }
  const { refreshPeriod } = view.timeValues;
  if (psb === undefined) {
    const created = enter(state, flow, { hop, contents, ttl: packet.ttl, refreshPeriod });
    rememberPath(state, created, packetOf(packet));
    return isPlain(created) ? created : null;
  }
  if (!mayForward(psb, packet.interface)) {
    keepSpare(state, psb, { hop, contents, ttl: packet.ttl, refreshPeriod });
    return null;
  }
  const spare = spareOn(psb, packet.interface);
  if (spare !== undefined) dropSpare(state, psb, spare);
  if (psb.session.multicast && psb.hop?.interface !== packet.interface) keepSpare(state, psb, psb);
  // What PATH says changes with it though its contents do not.
  if (psb.ttl !== packet.ttl) sayWhole(state, psb);
  psb.ttl = packet.ttl;
  psb.refreshPeriod = refreshPeriod;
  keepAlive(state, psb);
  update(state, psb, contents, hop, packet);
  return isPlain(psb) ? psb : null;
}

/** Not a group's, whose way depends on where it comes in, and without a prescribed way, which this node's addresses decide. */
const isPlain = ({ session, contents }: Psb): boolean =>
  !session.multicast && contents.explicitRoute === null && contents.recordedRoute === null;

/** The same PATH once more; false where it would not be accepted any more. */
export function refreshPath(state: EngineState, psb: Psb): boolean {
  const { hop, flow } = psb;
  if (hop === null || state.localAddresses.has(flow.source) || state.localAddresses.has(hop.address)) return false;
  keepAlive(state, psb);
  askAgain(state, psb);
  return true;
}

/** Without a way every refresh asks for one. */
function askAgain(state: EngineState, psb: Psb): void {
  if (psb.routed && psb.way === null && psb.queryId === null) askRoute(state, psb);
}

function enter(state: EngineState, flow: FlowKey, path: Omit<SparePath, 'expiry'>): Psb {
  const { ttl, refreshPeriod } = path;
  const contents = state.shared.contents.of(path.contents);
  const hop = state.shared.hops.of(path.hop);
  const created = createPsb(state, flow, contents, hop, ttl, refreshPeriod, EXPIRY);
  keepAlive(state, created);
  askRoute(state, created);
  return created;
}

/**
 * Whether PATH from that interface is the one to pass on. To one host the previous hop may flip, and the last word counts
 * (RFC 2205 3.1.3); a group's comes in by the interface that routing names or, where it names none, came by first.
 */
function mayForward({ session, hop, way }: Psb, name: string): boolean {
  return !session.multicast || hop === null || hop.interface === name || way?.incoming === name;
}

function update(state: EngineState, psb: Psb, contents: PathContents, hop: PreviousHop, packet: ArrivedPacket): void {
  const movedHop = !sameHop(psb.hop, hop);
  if (!movedHop && sameContents(psb.contents, contents)) {
    return askAgain(state, psb);
  }
  unstand(psb);
  if (movedHop) moveFlow(state, psb, hop);
  const otherInterface = psb.hop?.interface !== hop.interface;
  const otherWay = strictNext(psb.contents) !== strictNext(contents);
  psb.hop = state.shared.hops.of(hop);
  psb.contents = state.shared.contents.of(contents);
  rememberPath(state, psb, packetOf(packet));
  if (!psb.routed) return;
  // The branches depend on where the flow comes in: none leads back there.
  if (otherWay) turn(state, psb);
  else if (otherInterface && psb.session.multicast) askRoute(state, psb);
  if (!psb.turning) emitPathUp(state, psb);
  sendPath(state, psb, 'change');
  // RFC 2205 3.6: the new previous hop hears of the reservation at once.
  if (!movedHop) return;
  repeatUpstream(state, psb, null);
  flushUpstream(state);
}

function moveFlow(state: EngineState, psb: Psb, to: PreviousHop): void {
  countFlow(state, psb.hop, -1);
  countFlow(state, to, 1);
}

const EXPIRY: EngineTimer<Psb> = { name: 'path expiry', fire: expire };

function keepAlive(state: EngineState, psb: Psb): void {
  state.timers.set(psb.expiry, state.now + lifetime(psb.refreshPeriod, state.settings.refreshPeriod));
}

/** Downstream nodes are told, since a time-out there would come a whole lifetime later (RFC 2205 3.1.5). */
function expire(state: EngineState, psb: Psb): void {
  const gone = psb.hop !== null && !state.interfaces.has(psb.hop.interface);
  endPath(state, psb, gone ? 'interface' : 'timeout');
}

/** Where a group's PATH comes in by another interface, too, that one is all that is left of the flow. */
function endPath(state: EngineState, psb: Psb, cause: PathDownCause): void {
  const [next, ...others] = psb.spares;
  removePath(state, psb, cause, true);
  if (next === undefined) return;
  const entered = enter(state, psb.flow, next);
  rememberPath(state, entered, pathPacket(state, entered, next.hop));
  for (const each of others) keepSpare(state, entered, each);
}

const NO_ROUTE_OBJECTS: RouteObjects = { explicitRoute: null, recordedRoute: null };

function contentsOf(view: PathMessage, packet: ArrivedPacket, route: RouteObjects): PathContents {
  const nonRsvpHop = packet.ttl !== view.sendTtl;
  return {
    sessionFlags: view.session.flags,
    tspec: view.senderTspec.tspec,
    adspec: view.adspec !== null && nonRsvpHop ? withBreak(view.adspec) : view.adspec,
    forwarded: view.unknown.length === 0 ? NONE : view.unknown,
    nonRsvpHop: nonRsvpHop || (view.adspec?.general.breakBit ?? false),
    explicitRoute: route.explicitRoute,
    recordedRoute: route.recordedRoute,
  };
}

/** Counts, and answers where RFC 2205 has an error for it, what cannot become path state. */
function acceptable(
  state: EngineState,
  flow: FlowKey,
  hop: PreviousHop,
  contents: PathContents,
  psb: Psb | undefined,
  packet: ArrivedPacket,
): boolean {
  const refuse = (reason: string, errorCode?: number, errorValue = 0): false => {
    drop(state, reason);
    if (errorCode !== undefined) sendPathErr(state, flow, contents, hop, errorCode, errorValue);
    return false;
  };
  if (ipFamily(flow.destination) !== 4) return refuse('unsupportedFamily');
  if (state.localAddresses.has(flow.source) || psb?.hop === null) return refuse('pathLoop');
  if (!isNeighbour(state, hop.address)) return refuse('badHop');
  // State that a neighbour with a key has told of moves to no other that nobody vouches for; it ends as it would without.
  if (psb !== undefined && !sameHop(psb.hop, hop) && !mayChange(state, packet, psb.hop.interface, psb.hop.address)) {
    return refuse('notProved');
  }
  if (psb === undefined) {
    if (destinationPortConflict(state, flow)) {
      return refuse('conflictingDestinationPorts', ERROR.conflictingDestinationPorts);
    }
    const session = findSession(state, flow);
    if (session !== undefined && sourcePortConflict(session, flow)) {
      return refuse('conflictingSenderPorts', ERROR.conflictingSenderPorts);
    }
  }
  if (tspecProblem(contents.tspec) !== null) return refuse('badTspec', ERROR.trafficControl, BAD_TSPEC);
  if (psb === undefined && state.psbs.size >= state.settings.maxFlows) return refuse('tooManyFlows');
  if (psb === undefined && !hasRoomFor(state, hop.interface, hop.address)) return refuse('tooManyFlowsOfNeighbour');
  return true;
}

const isNeighbour = (state: EngineState, address: IpAddress): boolean =>
  address !== UNSPECIFIED && !isMulticast(address) && !state.localAddresses.has(address);

/** PTEAR MESSAGE ARRIVES of RFC 2209; it must come from the hop that the path state is from (RFC 2205 3.1.5). */
export function pathTearArrived(state: EngineState, view: PathTearMessage, packet: ArrivedPacket): void {
  const psb = state.psbs.get(flowKeyText(flowOf(view.session, view.senderTemplate)));
  if (psb === undefined) return drop(state, 'noPathState');
  if (psb.hop === null) return drop(state, 'pathLoop');
  const from = ({ hop }: Psb | SparePath) => hop?.address === view.hop.address && hop.interface === packet.interface;
  if (from(psb)) return endPath(state, psb, 'tear');
  const spare = psb.spares.find(from);
  if (spare === undefined) return drop(state, 'tearFromAnotherHop');
  dropSpare(state, psb, spare);
}
