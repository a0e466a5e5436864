import { isMulticast, type IpAddress } from '../../base/ip.ts';
import type { ArrivedPacket } from './arrived-packet.ts';
import { NONE, type Psb } from './blocks.ts';
import { policyOf } from './neighbours/table.ts';
import type { EngineState } from './state.ts';
import type { EngineInput } from './types.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/**
 * The interface that a message to this node is about: the one whose address it was sent to, since PATH carried that as the
 * previous hop (RFC 2205 3.1.3). It may come in by another one, where nodes without RSVP lie between and routes back differ.
 */
export function interfaceMeant(state: EngineState, { interface: name, destination }: Packet): string {
  if (!state.localAddresses.has(destination)) return name;
  const arrival = state.interfaces.get(name);
  if (arrival?.addresses.includes(destination)) return name;
  for (const each of state.interfaces.values()) if (each.addresses.includes(destination)) return each.name;
  return name;
}

/** As the driver gave it, for the journal. */
export const packetOf = ({ type, interface: name, source, destination, ttl, bytes }: Packet): Packet => ({
  type,
  interface: name,
  source,
  destination,
  ttl,
  bytes,
});

/**
 * Whether a message may change state of a neighbour: with whom a key is agreed, nobody's that was not signed may (RFC 2747 1),
 * whatever interface it came by and whoever it says to be.
 */
export const mayChange = (
  state: EngineState,
  { proved }: Pick<ArrivedPacket, 'proved'>,
  name: string,
  address: IpAddress | null,
): boolean => proved || !policyOf(state, name, address)?.integrity;

/** The node that routing names for a flow on an interface; null: it does not leave there, or to a group. */
export function routedHop({ way, session, flow }: Psb, name: string): IpAddress | null {
  const branch = way?.branches.find((each) => each.interface === name);
  if (branch === undefined || session.multicast) return null;
  return branch.gateway ?? flow.destination;
}

/**
 * Whether the next hop that a tear or an error names can have sent it: one that routing names is on the link itself, so
 * nothing of it comes in by another interface.
 */
export const cameTheWay = (psb: Psb, { interface: name, arrivedBy }: ArrivedPacket, hop: IpAddress): boolean =>
  arrivedBy === name || routedHop(psb, name) !== hop;

/** Whether an address is a next hop of the flow on an interface: routing names it, or a reservation is from it. */
export function isNextHop(psb: Psb, name: string, address: IpAddress): boolean {
  const branch = psb.way?.branches.find((each) => each.interface === name);
  if (branch === undefined) return false;
  // Whoever is on the link may be the next hop of a group's flow.
  if (psb.session.multicast && !isMulticast(address)) return true;
  if (routedHop(psb, name) === address) return true;
  const blocks = psb.reservations.length > 0 ? psb.reservations : psb.session.shared;
  const rsbs = blocks.find((tcsb) => tcsb.interface === name)?.rsbs ?? NONE;
  return rsbs.some(({ nextHop }) => nextHop === address);
}
