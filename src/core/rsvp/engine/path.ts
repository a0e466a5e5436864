import { ipFamily, isMulticast, type IpAddress } from '../../base/ip.ts';
import { tspecProblem } from '../wire/flowspec-problem.ts';
import type { PathMessage, PathTearMessage } from '../wire/message-views.ts';
import { sameAdspec, sameBytes, withBreak } from './adspec.ts';
import { BAD_TSPEC, ERROR, sendPathErr } from './errors.ts';
import { rememberPath } from './journal.ts';
import { sameTspec } from './merge.ts';
import { flowOf } from './messages.ts';
import { countFlow, hasRoomFor } from './neighbours/limits.ts';
import { createPsb, emitPathUp, removePath, sendPath } from './path-state.ts';
import type { PathContents, PreviousHop, Psb } from './psb.ts';
import { askRoute } from './route.ts';
import { drop, type EngineState } from './state.ts';
import { lifetime } from './timers.ts';
import { flowKeyText, type EngineInput, type FlowKey } from './types.ts';
import { passUpstream } from './upstream.ts';

type Packet = EngineInput & { readonly type: 'packet' };

const UNSPECIFIED = '0.0.0.0';

/** PATH MESSAGE ARRIVES of RFC 2209, unicast. A refresh that changes nothing only moves the time-out. */
export function pathArrived(state: EngineState, view: PathMessage, packet: Packet): void {
  const flow = flowOf(view.session, view.senderTemplate);
  const hop: PreviousHop = {
    interface: packet.interface,
    address: view.hop.address,
    logicalInterfaceHandle: view.hop.logicalInterfaceHandle,
  };
  const contents = contentsOf(view, packet);
  const key = flowKeyText(flow);
  const psb = state.psbs.get(key);
  if (!acceptable(state, flow, hop, contents, psb)) return;
  const { refreshPeriod } = view.timeValues;
  if (psb === undefined) {
    const created = createPsb(state, flow, contents, hop, packet.ttl, refreshPeriod);
    keepAlive(state, created);
    rememberPath(state, created, packet);
    askRoute(state, created);
    return;
  }
  psb.ttl = packet.ttl;
  psb.refreshPeriod = refreshPeriod;
  keepAlive(state, psb);
  update(state, psb, contents, hop, packet);
}

function update(state: EngineState, psb: Psb, contents: PathContents, hop: PreviousHop, packet: Packet): void {
  const movedHop = !sameHop(psb.hop, hop);
  if (!movedHop && sameContents(psb.contents, contents)) {
    if (psb.routed && psb.route === null && psb.queryId === null) askRoute(state, psb);
    return;
  }
  if (movedHop) {
    countFlow(state, psb.hop, -1);
    countFlow(state, hop, 1);
  }
  psb.hop = hop;
  psb.contents = contents;
  rememberPath(state, psb, packet);
  if (!psb.routed) return;
  emitPathUp(state, psb);
  sendPath(state, psb, 'change');
  // RFC 2205 3.6: the new previous hop hears of the reservation at once.
  if (movedHop) passUpstream(state, psb, null);
}

function keepAlive(state: EngineState, psb: Psb): void {
  state.timers.set(psb.expiry, state.now + lifetime(psb.refreshPeriod, state.settings.refreshPeriod));
}

function contentsOf(view: PathMessage, packet: Packet): PathContents {
  const nonRsvpHop = packet.ttl !== view.sendTtl;
  return {
    sessionFlags: view.session.flags,
    tspec: view.senderTspec.tspec,
    adspec: view.adspec !== null && nonRsvpHop ? withBreak(view.adspec) : view.adspec,
    forwarded: view.unknown,
    nonRsvpHop: nonRsvpHop || (view.adspec?.general.breakBit ?? false),
  };
}

/** Counts, and answers where RFC 2205 has an error for it, what cannot become path state. */
function acceptable(
  state: EngineState,
  flow: FlowKey,
  hop: PreviousHop,
  contents: PathContents,
  psb: Psb | undefined,
): boolean {
  const refuse = (reason: string, errorCode?: number, errorValue = 0): false => {
    drop(state, reason);
    if (errorCode !== undefined) sendPathErr(state, flow, contents, hop, errorCode, errorValue);
    return false;
  };
  if (ipFamily(flow.destination) !== 4) return refuse('unsupportedFamily');
  if (isMulticast(flow.destination)) return refuse('multicastSession');
  if (state.localAddresses.has(flow.source) || psb?.hop === null) return refuse('pathLoop');
  if (!isNeighbour(state, hop.address)) return refuse('badHop');
  if (psb === undefined && state.ports.destinationConflict(flow)) {
    return refuse('conflictingDestinationPorts', ERROR.conflictingDestinationPorts);
  }
  if (psb === undefined && state.ports.sourceConflict(flow)) {
    return refuse('conflictingSenderPorts', ERROR.conflictingSenderPorts);
  }
  if (tspecProblem(contents.tspec) !== null) return refuse('badTspec', ERROR.trafficControl, BAD_TSPEC);
  if (psb === undefined && state.psbs.size >= state.settings.maxFlows) return refuse('tooManyFlows');
  if (psb === undefined && !hasRoomFor(state, hop.interface, hop.address)) return refuse('tooManyFlowsOfNeighbour');
  return true;
}

const isNeighbour = (state: EngineState, address: IpAddress): boolean =>
  address !== UNSPECIFIED && !isMulticast(address) && !state.localAddresses.has(address);

const sameHop = (a: PreviousHop | null, b: PreviousHop): boolean =>
  a !== null &&
  a.address === b.address &&
  a.interface === b.interface &&
  a.logicalInterfaceHandle === b.logicalInterfaceHandle;

function sameContents(a: PathContents, b: PathContents): boolean {
  return (
    a.sessionFlags === b.sessionFlags &&
    a.nonRsvpHop === b.nonRsvpHop &&
    sameTspec(a.tspec, b.tspec) &&
    sameAdspec(a.adspec, b.adspec) &&
    a.forwarded.length === b.forwarded.length &&
    a.forwarded.every((object, i) => {
      const other = b.forwarded[i]!;
      return (
        object.classNumber === other.classNumber && object.cType === other.cType && sameBytes(object.body, other.body)
      );
    })
  );
}

/** PTEAR MESSAGE ARRIVES of RFC 2209; it must come from the hop that the path state is from (RFC 2205 3.1.5). */
export function pathTearArrived(state: EngineState, view: PathTearMessage, packet: Packet): void {
  const psb = state.psbs.get(flowKeyText(flowOf(view.session, view.senderTemplate)));
  if (psb === undefined) return drop(state, 'noPathState');
  if (psb.hop === null) return drop(state, 'pathLoop');
  if (psb.hop.address !== view.hop.address || psb.hop.interface !== packet.interface) {
    return drop(state, 'tearFromAnotherHop');
  }
  removePath(state, psb, 'tear', true);
}
