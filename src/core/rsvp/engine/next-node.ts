import type { IpAddress } from '../../base/ip.ts';
import type { Psb } from './psb.ts';

/** The node that answers PATH; before it does, the one that routing names, which need not speak RSVP. */
export function nextNode(psb: Psb): IpAddress {
  const [first] = psb.rsbs.size === 1 ? psb.rsbs.values() : [];
  return first?.nextHop ?? psb.route?.gateway ?? psb.flow.destination;
}
