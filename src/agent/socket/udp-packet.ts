import { prefixContains, type IpAddress } from '../../core/base/ip.ts';
import { decodeMessage } from '../../core/rsvp/wire/codec.ts';
import { MESSAGE_TYPE } from '../../core/rsvp/wire/message.ts';
import type { HostInterface, HostNetwork } from '../netlink/host-network.ts';
import type { Datagram } from './datagrams.ts';
import type { PacketInput } from './transport.ts';

/** In the common header. */
const TYPE_OFFSET = 1;
const SEND_TTL_OFFSET = 4;

/**
 * A message that came in UDP, as if it had come by itself. The TTL of its packet says nothing about the way of the message:
 * Send_TTL stands in for it (RFC 2205 appendix C). null: it came on no interface of ours, or from elsewhere than the
 * network behind it, where UDP encapsulation has no business.
 */
export function packetInUdp(network: HostNetwork, datagram: Datagram): PacketInput | null {
  const { bytes, source, destination } = datagram;
  const incoming = network.interfaces().find(({ index }) => index === datagram.interfaceIndex);
  if (!incoming || !isOnLink(incoming, source)) return null;
  const ttl = bytes[SEND_TTL_OFFSET] ?? 0;
  return {
    type: 'packet',
    interface: incoming.name,
    source,
    destination: endPointOf(bytes) ?? destination,
    ttl,
    bytes: bytes.slice(),
  };
}

/**
 * Whom the message would have been addressed to without UDP, where that is an end point: in UDP it went to the next node,
 * which could then not tell that it is not meant itself. null: it is for a neighbour, or cannot be read.
 */
function endPointOf(bytes: Uint8Array): IpAddress | null {
  const type = bytes[TYPE_OFFSET];
  if (type !== MESSAGE_TYPE.path && type !== MESSAGE_TYPE.pathTear && type !== MESSAGE_TYPE.resvConf) return null;
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) return null;
  for (const object of decoded.value.message.objects) {
    if (object.kind === 'session' && type !== MESSAGE_TYPE.resvConf) return object.destination;
    if (object.kind === 'resvConfirm' && type === MESSAGE_TYPE.resvConf) return object.receiver;
  }
  return null;
}

export const isOnLink = ({ addresses }: HostInterface, address: IpAddress): boolean =>
  addresses.some((prefix) => prefixContains(prefix, address));
