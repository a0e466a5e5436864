import type { IpAddress } from '../core/base/ip.ts';
import type { PacketInput } from './socket/transport.ts';

interface Stored {
  readonly interface: string;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  readonly bytes: string;
}

/** A packet that made RSVP state, as the journal keeps it. */
export const packetToJournal = (packet: PacketInput): Stored => ({
  interface: packet.interface,
  source: packet.source,
  destination: packet.destination,
  ttl: packet.ttl,
  bytes: Buffer.from(packet.bytes).toString('base64'),
});

/** null for what is no such entry. */
export function packetFromJournal(value: unknown): PacketInput | null {
  const stored = value as Partial<Stored> | null;
  if (typeof stored?.bytes !== 'string' || typeof stored.interface !== 'string' || typeof stored.ttl !== 'number') {
    return null;
  }
  return {
    type: 'packet',
    interface: stored.interface,
    source: stored.source as IpAddress,
    destination: stored.destination as IpAddress,
    ttl: stored.ttl,
    bytes: new Uint8Array(Buffer.from(stored.bytes, 'base64')),
    remembered: true,
  };
}
