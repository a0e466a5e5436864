import { readdirSync, readFileSync } from 'node:fs';
import { parseIpv4, rsvpPayload, type IpPacket } from '../../src/core/rsvp/wire/ip-packet.ts';
import type { CapturedFrame } from '../../src/formats/capture.ts';
import { networkPacket } from '../../src/formats/link-layer.ts';
import { readCapture } from '../../src/formats/pcap.ts';

const FOLDER = new URL('../fixtures/pcaps/', import.meta.url);

/** The capture files under test/fixtures/pcaps. */
export const captureFiles = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .sort();

export const captureBytes = (name: string): Uint8Array => readFileSync(new URL(name, FOLDER));

/** All frames of a capture that is not damaged. */
export function framesOf(bytes: Uint8Array): CapturedFrame[] {
  const capture = readCapture(bytes);
  if (!capture.ok) throw new Error(capture.error);
  return [...capture.value].map((item) => {
    if (item.kind === 'fault') throw new Error(`${item.detail} at ${item.offset}`);
    return item;
  });
}

/** The RSVP messages in whole IPv4 packets of a capture. */
export function rsvpMessages(name: string): { packet: IpPacket; bytes: Uint8Array }[] {
  return framesOf(captureBytes(name)).flatMap((frame) => {
    const network = networkPacket(frame.linkType, frame.bytes);
    const packet = network && parseIpv4(network.bytes);
    if (!packet?.ok) return [];
    const bytes = rsvpPayload(packet.value);
    return bytes ? [{ packet: packet.value, bytes }] : [];
  });
}

/** A pcap file, little-endian, of raw IP packets; for what other tools shall read. */
export function rawIpCapture(packets: readonly Uint8Array[]): Uint8Array {
  const records = packets.map((packet) => {
    const header = new DataView(new ArrayBuffer(16));
    header.setUint32(8, packet.length, true);
    header.setUint32(12, packet.length, true);
    return Buffer.concat([new Uint8Array(header.buffer), packet]);
  });
  const file = new DataView(new ArrayBuffer(24));
  file.setUint32(0, 0xa1b2c3d4, true);
  file.setUint16(4, 2, true);
  file.setUint16(6, 4, true);
  file.setUint32(16, 65_535, true);
  file.setUint32(20, 101, true);
  return Buffer.concat([new Uint8Array(file.buffer), ...records]);
}
