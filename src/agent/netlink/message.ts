/** Netlink framing (netlink(7), rtnetlink(7)): host byte order, little-endian on every machine that Node runs on. */

export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_GETROUTE = 26;
export const RTM_DELROUTE = 25;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;
export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_NEWTCLASS = 40;
export const RTM_DELTCLASS = 41;
export const RTM_GETTCLASS = 42;
export const RTM_NEWNETCONF = 80;
export const RTM_GETNETCONF = 82;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_ECHO = 8;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_DUMP = 0x300;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The socket that asked for it; in a notification the one that caused it; 0 = the kernel itself. */
  readonly port: number;
  readonly body: Uint8Array;
}

const align = (n: number): number => (n + 3) & ~3;
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function encodeNetlink(type: number, flags: number, sequence: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(16 + body.length);
  const view = viewOf(message);
  view.setUint32(0, message.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  message.set(body, 16);
  return message;
}

export function encodeAttribute(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(4 + data.length));
  viewOf(bytes).setUint16(0, 4 + data.length, true);
  viewOf(bytes).setUint16(2, type, true);
  bytes.set(data, 4);
  return bytes;
}

export const encodeU32 = (type: number, value: number): Uint8Array =>
  encodeAttribute(type, new Uint8Array(Uint32Array.of(value).buffer));

/** Splits a datagram; a length that makes no sense ends the list. */
export function decodeNetlink(datagram: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = viewOf(datagram);
  for (let at = 0; at + 16 <= datagram.length;) {
    const length = view.getUint32(at, true);
    if (length < 16 || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      body: datagram.subarray(at + 16, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** By type; of repeated attributes the last. The two high bits of a type are flags. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const attributes = new Map<number, Uint8Array>();
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    attributes.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

export const u32Of = (data: Uint8Array | undefined): number | null =>
  data && data.length >= 4 ? viewOf(data).getUint32(0, true) : null;

export const textOf = (data: Uint8Array | undefined): string | null =>
  data ? new TextDecoder().decode(data).replace(/\0.*$/s, '') : null;
