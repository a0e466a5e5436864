import type { Libc } from '../libc.ts';
import type { HostNetwork } from '../netlink/host-network.ts';
import type { Poller } from '../poller.ts';
import { openRawTransport } from './raw.ts';
import type { PacketInput, RsvpTransport } from './transport.ts';
import { openUdpHostTransport } from './udp-host.ts';
import { withUdpNeighbours } from './udp-neighbours.ts';

/** `auto`: raw sockets where they are allowed, else UDP on a host that is no router. */
export type TransportChoice = 'raw' | 'udp' | 'auto';

/** @throws Error with a sentence for people where RSVP cannot be spoken that way here. */
export function openTransport(options: {
  choice: TransportChoice;
  libc: Libc;
  poller: Poller;
  network: HostNetwork;
  /** This host forwards packets of others. */
  forwards: boolean;
  /** Interfaces with hosts that have only UDP. */
  udpInterfaces: readonly string[];
  onPacket: (packet: PacketInput) => void;
}): { readonly transport: RsvpTransport; readonly notes: readonly string[] } {
  const { choice, forwards } = options;
  if (choice === 'udp') {
    if (forwards) throw new Error('a router cannot speak RSVP in UDP alone: it must catch PATH in transit');
    return { transport: openUdpHostTransport(options), notes: [] };
  }
  const { network } = options;
  let raw: RsvpTransport;
  try {
    raw = openRawTransport({
      ...options,
      interfaceName: (index) => network.interfaces().find((one) => one.index === index)?.name,
      interfaceIndex: (name) => network.interfaces().find((one) => one.name === name)?.index,
    });
  } catch (error) {
    if (choice === 'raw' || forwards) throw error;
    return {
      transport: openUdpHostTransport(options),
      notes: [`RSVP is encapsulated in UDP (RFC 2205 appendix C): ${(error as Error).message}`],
    };
  }
  try {
    return { transport: withUdpNeighbours(raw, { ...options, named: options.udpInterfaces }), notes: [] };
  } catch (error) {
    // Hosts with raw sockets are served as ever.
    if (options.udpInterfaces.length > 0) throw error;
    return { transport: raw, notes: [`hosts without raw sockets are not served: ${(error as Error).message}`] };
  }
}
