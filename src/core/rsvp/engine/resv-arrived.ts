import type { ArrivedPacket } from './arrived-packet.ts';
import type { IpAddress } from '../../base/ip.ts';
import type { ResvMessage, ResvTearMessage } from '../wire/message-views.ts';
import { cameTheWay } from './believed.ts';
import { NONE, type ArrivedResv, type Rsb, type Session } from './blocks.ts';
import { keptStyle, styleName } from './messages.ts';
import { requestArrived, tearPending } from './pending-resv.ts';
import { followUpstream } from './resv.ts';
import { findSession, flowOfSession, releaseSession, sessionStyle } from './session.ts';
import { drop, type EngineState } from './state.ts';
import { removeFilter, removeRsb } from './traffic-control.ts';
import { flowKeyText, type Filter, type SessionKey, type StyleName } from './types.ts';

const plain = ({ source, sourcePort }: Filter): Filter => ({ source, sourcePort });

/**
 * RESV MESSAGE ARRIVES of RFC 2209: with fixed filters every flow descriptor is a request of its own. Returns the block that
 * says just what it said, where that is one.
 */
export function resvArrived(state: EngineState, view: ResvMessage, packet: ArrivedPacket): Rsb | null {
  if (state.localAddresses.has(view.hop.address)) {
    drop(state, 'ownHop');
    return null;
  }
  const style = styleName(view.style);
  const { destination, protocol, destinationPort } = view.session;
  const made: (Rsb | null)[] = [];
  for (const { flowspec, filters } of view.flowDescriptors) {
    for (const named of style === 'FF' ? filters.map((filter) => [filter]) : [filters]) {
      const arrived: ArrivedResv = {
        session: { destination, protocol, destinationPort },
        style,
        filters: named.map(plain),
        interface: packet.interface,
        nextHop: view.hop.address,
        refreshPeriod: view.timeValues.refreshPeriod,
        flowspec,
        scope: style === 'WF' ? (view.extensions?.scope?.sources ?? null) : null,
        confirm: view.resvConfirm?.receiver ?? null,
        forwarded: view.unknown.length === 0 ? NONE : view.unknown,
        styleObject: keptStyle(view.style),
        proved: packet.proved,
      };
      if (isFromElsewhere(state, arrived, packet)) drop(state, 'resvOnWrongInterface');
      else made.push(requestArrived(state, arrived));
    }
  }
  return style === 'FF' && made.length === 1 ? made[0]! : null;
}

/** Routes back may be other ones; but then the source is the node's own, where it is the one that routing names. */
const isFromElsewhere = (state: EngineState, arrived: ArrivedResv, packet: ArrivedPacket): boolean =>
  packet.arrivedBy !== packet.interface &&
  packet.source !== arrived.nextHop &&
  named(state, arrived.session, arrived.filters).some((psb) => !cameTheWay(psb, packet, arrived.nextHop));

/** RTEAR MESSAGE ARRIVES of RFC 2209. A SCOPE in it is ignored (RFC 2205 3.1.6). */
export function resvTearArrived(state: EngineState, view: ResvTearMessage, packet: ArrivedPacket): void {
  const session = findSession(state, view.session);
  if (session === undefined) return drop(state, 'noReservationState');
  const style = styleName(view.style);
  for (const { filters } of view.flowDescriptors) {
    if (style === 'FF') for (const filter of filters) tear(state, session, style, [filter], view.hop.address, packet);
    else tear(state, session, style, filters, view.hop.address, packet);
  }
  releaseSession(state, session);
}

function tear(
  state: EngineState,
  session: Session,
  style: StyleName,
  filters: readonly Filter[],
  nextHop: IpAddress,
  packet: ArrivedPacket,
): void {
  const name = packet.interface;
  const about = named(state, session.id, filters);
  // Believed from the next hop alone: the name inside is free to use.
  if (packet.source !== nextHop && !packet.proved) return drop(state, 'tearFromAnotherHop');
  if (!about.every((psb) => cameTheWay(psb, packet, nextHop))) return drop(state, 'tearFromAnotherHop');
  const waited = tearPending(state, session, { style, filters, interface: name, nextHop });
  const rsb = sessionStyle(session) === style ? find(state, session, style, filters, nextHop, name) : undefined;
  if (rsb === undefined) return waited ? undefined : drop(state, 'noReservationState');
  if (style === 'SE') for (const psb of about) removeFilter(state, rsb, psb, 'tear');
  else removeRsb(state, rsb, 'tear');
  followUpstream(state, rsb.tcsb);
}

function find(
  state: EngineState,
  session: Session,
  style: StyleName,
  filters: readonly Filter[],
  nextHop: IpAddress,
  name: string,
): Rsb | undefined {
  const [sender] = named(state, session.id, filters);
  const blocks = style === 'FF' ? (sender?.reservations ?? NONE) : session.shared;
  return blocks.find((tcsb) => tcsb.interface === name)?.rsbs.find((rsb) => rsb.nextHop === nextHop);
}

const named = (state: EngineState, session: SessionKey, filters: readonly Filter[]) =>
  filters.flatMap((filter) => {
    const psb = state.psbs.get(flowKeyText(flowOfSession(session, filter)));
    return psb === undefined ? [] : [psb];
  });
