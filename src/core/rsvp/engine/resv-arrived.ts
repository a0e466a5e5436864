import type { IpAddress } from '../../base/ip.ts';
import type { ResvMessage, ResvTearMessage } from '../wire/message-views.ts';
import { NONE, type ArrivedResv, type Rsb, type Session } from './blocks.ts';
import { styleName } from './messages.ts';
import { requestArrived, tearPending } from './pending-resv.ts';
import { followUpstream } from './resv.ts';
import { findSession, flowOfSession, releaseSession, sessionStyle } from './session.ts';
import { drop, type EngineState } from './state.ts';
import { removeFilter, removeRsb } from './traffic-control.ts';
import { flowKeyText, type EngineInput, type Filter, type StyleName } from './types.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/**
 * The interface that RESV or ResvTear is about: the one whose address it was sent to, since PATH carried that as the previous
 * hop (RFC 2205 3.1.3). It may come in by another one, where nodes without RSVP lie between and routes back differ.
 */
function requestedOn(state: EngineState, packet: Packet): string {
  const arrival = state.interfaces.get(packet.interface);
  if (arrival?.addresses.includes(packet.destination)) return packet.interface;
  for (const each of state.interfaces.values()) if (each.addresses.includes(packet.destination)) return each.name;
  return packet.interface;
}

const plain = ({ source, sourcePort }: Filter): Filter => ({ source, sourcePort });

/**
 * RESV MESSAGE ARRIVES of RFC 2209: with fixed filters every flow descriptor is a request of its own. Returns the block that
 * says just what it said, where that is one.
 */
export function resvArrived(state: EngineState, view: ResvMessage, packet: Packet): Rsb | null {
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
        interface: requestedOn(state, packet),
        nextHop: view.hop.address,
        refreshPeriod: view.timeValues.refreshPeriod,
        flowspec,
        scope: style === 'WF' ? (view.extensions?.scope?.sources ?? null) : null,
        confirm: view.resvConfirm?.receiver ?? null,
        forwarded: view.unknown.length === 0 ? NONE : view.unknown,
      };
      made.push(requestArrived(state, arrived));
    }
  }
  return style === 'FF' && made.length === 1 ? made[0]! : null;
}

/** RTEAR MESSAGE ARRIVES of RFC 2209. A SCOPE in it is ignored (RFC 2205 3.1.6). */
export function resvTearArrived(state: EngineState, view: ResvTearMessage, packet: Packet): void {
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
  packet: Packet,
): void {
  const name = requestedOn(state, packet);
  const waited = tearPending(state, session, { style, filters, interface: name, nextHop } as never);
  const rsb = sessionStyle(session) === style ? find(state, session, style, filters, nextHop, name) : undefined;
  if (rsb === undefined) return waited ? undefined : drop(state, 'noReservationState');
  if (style === 'SE') for (const psb of named(state, session, filters)) removeFilter(state, rsb, psb, 'tear');
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
  const [sender] = named(state, session, filters);
  const blocks = style === 'FF' ? (sender?.reservations ?? NONE) : session.shared;
  return blocks.find((tcsb) => tcsb.interface === name)?.rsbs.find((rsb) => rsb.nextHop === nextHop);
}

const named = (state: EngineState, session: Session, filters: readonly Filter[]) =>
  filters.flatMap((filter) => {
    const psb = state.psbs.get(flowKeyText(flowOfSession(session.id, filter)));
    return psb === undefined ? [] : [psb];
  });
