import type { IpAddress } from '../../base/ip.ts';
import { NONE, type Branch, type Psb } from './blocks.ts';

/**
 * The node that answers PATH on a branch; before it does, the one that routing names, which need not speak RSVP. A group
 * has no such node: whoever is on the link answers.
 */
export function nextNode({ session, reservations, flow }: Psb, { interface: name, gateway }: Branch): IpAddress {
  const blocks = reservations.length > 0 ? reservations : session.shared;
  const rsbs = blocks.find((tcsb) => tcsb.interface === name)?.rsbs ?? NONE;
  const only = session.multicast || rsbs.length !== 1 ? undefined : rsbs[0];
  return only?.nextHop ?? gateway ?? flow.destination;
}
