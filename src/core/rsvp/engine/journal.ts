import type { ArrivedResv, PreviousHop, Psb, Rsb } from './blocks.ts';
import { buildPath, buildResv, NEIGHBOUR_TTL, type ResvContents } from './messages.ts';
import { encode } from './send.ts';
import { filterOfFlow, flowOfSession } from './session.ts';
import type { EngineState } from './state.ts';
import { flowKeyText, sessionKeyText, type EngineInput } from './types.ts';

/*
 * Journal keys, sorted as text: paths come before reservations, so that played in that order every RESV finds its path
 * state.
 */

type Packet = EngineInput & { readonly type: 'packet' };

const pathKey = (flowKey: string): string => `path ${flowKey}`;

/** The PATH that made or changed the state, as it came. */
export function rememberPath(state: EngineState, psb: Psb, input: Packet): void {
  state.out.push({ type: 'remember', key: pathKey(psb.key), input: { ...input, remembered: true } });
}

/** The PATH that such state would have come from. */
export function pathPacket(state: EngineState, psb: Psb, hop: PreviousHop): Packet {
  const { flow, contents, refreshPeriod, ttl } = psb;
  // A hop that does not speak RSVP shows by the TTL.
  const sendTtl = contents.nonRsvpHop ? Math.min(255, ttl + 1) : ttl;
  const path = buildPath(
    flow,
    contents,
    contents.adspec,
    hop.address,
    refreshPeriod,
    sendTtl,
    hop.logicalInterfaceHandle,
  );
  const bytes = encode(state, path) ?? new Uint8Array(0);
  const { source, destination } = flow;
  return { type: 'packet', interface: hop.interface, source, destination, ttl, bytes };
}

export function forgetPath(state: EngineState, psb: Psb): void {
  if (psb.hop !== null) state.out.push({ type: 'forget', key: pathKey(psb.key) });
}

/** FF: one entry a sender; shared styles: one a session. */
const resvKey = ({
  session,
  style,
  filters,
  nextHop,
}: Pick<ArrivedResv, 'session' | 'style' | 'filters' | 'nextHop'>) =>
  style === 'FF' && filters[0]
    ? `resv ${flowKeyText(flowOfSession(session, filters[0]))} via ${nextHop}`
    : `resv ${sessionKeyText(session)} ${style} via ${nextHop}`;

const contentsOf = ({ tcsb, accepted, filters, scope }: Rsb): ResvContents => {
  const senders =
    tcsb.sender === null ? [...(filters?.values() ?? [])].filter((f) => f.accepted) : [{ psb: tcsb.sender }];
  const descriptor = { flowspec: accepted!, filters: senders.map(({ psb }) => filterOfFlow(psb.flow)) };
  return { session: tcsb.session.id, style: tcsb.style, scope, descriptors: [descriptor] };
};

const keyOf = (rsb: Rsb): string => {
  const { tcsb, nextHop } = rsb;
  const filters = tcsb.sender === null ? [] : [filterOfFlow(tcsb.sender.flow)];
  return resvKey({ session: tcsb.session.id, style: tcsb.style, filters, nextHop });
};

/**
 * A RESV that asks for just this reservation. The one that came may have had more descriptors, whose state may go
 * earlier, and a flowspec that was refused; neither may come back.
 */
export function rememberResv(state: EngineState, rsb: Rsb): void {
  const { tcsb, nextHop, forwarded, refreshPeriod } = rsb;
  const destination = state.interfaces.get(tcsb.interface)?.address;
  if (rsb.accepted === null || destination === undefined) return;
  const parts = { confirm: null, forwarded, refreshPeriod, address: nextHop, handle: 0 };
  const bytes = encode(state, buildResv(contentsOf(rsb), parts));
  if (bytes === null) return;
  const input: Packet = {
    type: 'packet',
    interface: tcsb.interface,
    source: nextHop,
    destination,
    ttl: NEIGHBOUR_TTL,
    bytes,
    remembered: true,
  };
  state.out.push({ type: 'remember', key: keyOf(rsb), input });
}

export function forgetResv(state: EngineState, rsb: Rsb): void {
  state.out.push({ type: 'forget', key: keyOf(rsb) });
}

/** A RESV that waited in vain may be from the journal of an earlier run, whose kernel state then is nobody's. */
export function abandonResv(state: EngineState, arrived: ArrivedResv): void {
  const { session, style, filters, interface: name } = arrived;
  state.out.push({ type: 'forget', key: resvKey(arrived) });
  state.out.push({ type: 'remove', session, style, filters: style === 'WF' ? [] : filters, interface: name });
}
