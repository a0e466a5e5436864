import type { RsvpObject } from './objects.ts';

/** Message types (RFC 2205 3.1.1, RFC 2961, RFC 3209, RFC 3097, which corrects RFC 2747); others are kept as numbers. */
export const MESSAGE_TYPE = {
  path: 1,
  resv: 2,
  pathErr: 3,
  resvErr: 4,
  pathTear: 5,
  resvTear: 6,
  resvConf: 7,
  bundle: 12,
  ack: 13,
  srefresh: 15,
  hello: 20,
  integrityChallenge: 25,
  integrityResponse: 26,
} as const;

/** A whole message: common header and objects in wire order. */
export interface RsvpMessage {
  /** One of MESSAGE_TYPE, or a number this build does not know. */
  readonly type: number;
  /** 4 bits of the common header. */
  readonly flags: number;
  /** IP TTL the message was sent with (RFC 2205 3.1.1), 0 … 255. */
  readonly sendTtl: number;
  readonly objects: readonly RsvpObject[];
  /** The reserved byte of the common header, there only where it is not zero. */
  readonly reserved?: number;
  /** What a Bundle carries instead of objects, at least one and no Bundle (RFC 2961 3.2). */
  readonly messages?: readonly DecodedMessage[];
}

export interface DecodedMessage {
  readonly message: RsvpMessage;
  /** `absent`: the field is zero, no checksum was transmitted (RFC 2205 3.1.1). */
  readonly checksum: 'valid' | 'absent';
}

const typeNames: ReadonlyMap<number, string> = new Map([
  [MESSAGE_TYPE.path, 'Path'],
  [MESSAGE_TYPE.resv, 'Resv'],
  [MESSAGE_TYPE.pathErr, 'PathErr'],
  [MESSAGE_TYPE.resvErr, 'ResvErr'],
  [MESSAGE_TYPE.pathTear, 'PathTear'],
  [MESSAGE_TYPE.resvTear, 'ResvTear'],
  [MESSAGE_TYPE.resvConf, 'ResvConf'],
  [MESSAGE_TYPE.bundle, 'Bundle'],
  [MESSAGE_TYPE.ack, 'Ack'],
  [MESSAGE_TYPE.srefresh, 'Srefresh'],
  [MESSAGE_TYPE.hello, 'Hello'],
  [MESSAGE_TYPE.integrityChallenge, 'IntegrityChallenge'],
  [MESSAGE_TYPE.integrityResponse, 'IntegrityResponse'],
]);

/** `Path`, `Resv` … as the RFCs name them, or `type N`. */
export const messageTypeName = (type: number): string => typeNames.get(type) ?? `type ${type}`;
