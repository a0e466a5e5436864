import { assertNever } from '../../base/assert-never.ts';
import { byFamily } from './address-field.ts';
import { adspec } from './adspec.ts';
import { errorSpecV4, errorSpecV6 } from './error-spec.ts';
import { filterSpecV4, filterSpecV6, senderTemplateV4, senderTemplateV6 } from './filter-spec.ts';
import { flowspec } from './flowspec.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { RsvpObject } from './objects.ts';
import { resvConfirmV4, resvConfirmV6 } from './resv-confirm.ts';
import { hopV4, hopV6 } from './rsvp-hop.ts';
import { senderTspec } from './sender-tspec.ts';
import { sessionV4, sessionV6 } from './session.ts';
import { style } from './style.ts';
import { timeValues } from './time-values.ts';
import type { RsvpUnknown } from './unknown.ts';

/** Every object that is decoded. */
export type KnownObject = Exclude<RsvpObject, RsvpUnknown>;

/** All codecs, in order of class and C-Type. */
export const objectCodecs: readonly ObjectCodec<KnownObject>[] = [
  sessionV4,
  sessionV6,
  hopV4,
  hopV6,
  timeValues,
  errorSpecV4,
  errorSpecV6,
  style,
  flowspec,
  filterSpecV4,
  filterSpecV6,
  senderTemplateV4,
  senderTemplateV6,
  senderTspec,
  adspec,
  resvConfirmV4,
  resvConfirmV6,
];

const byClassAndType = new Map(objectCodecs.map((codec) => [(codec.classNumber << 8) | codec.cType, codec]));
const decodedClasses = new Set(objectCodecs.map((codec) => codec.classNumber));

/** The codec of a (Class-Num, C-Type) pair. The two together are one 16-bit number (RFC 2205 3.1.2). */
export const findCodec = (classNumber: number, cType: number): ObjectCodec<KnownObject> | undefined =>
  byClassAndType.get((classNumber << 8) | cType);

/** Whether some C-Type of the class is decoded: an unknown one is then error 14 and not 13 (RFC 2205 3.10). */
export const isDecodedClass = (classNumber: number): boolean => decodedClasses.has(classNumber);

/** The codec that writes an object; addresses choose between the IPv4 and the IPv6 C-Type. */
export function codecOf(object: KnownObject): ObjectCodec<KnownObject> {
  switch (object.kind) {
    case 'session':
      return byFamily(object.destination, sessionV4, sessionV6);
    case 'rsvpHop':
      return byFamily(object.address, hopV4, hopV6);
    case 'timeValues':
      return timeValues;
    case 'errorSpec':
      return byFamily(object.errorNode, errorSpecV4, errorSpecV6);
    case 'style':
      return style;
    case 'flowspec':
      return flowspec;
    case 'filterSpec':
      return byFamily(object.source, filterSpecV4, filterSpecV6);
    case 'senderTemplate':
      return byFamily(object.source, senderTemplateV4, senderTemplateV6);
    case 'senderTspec':
      return senderTspec;
    case 'adspec':
      return adspec;
    case 'resvConfirm':
      return byFamily(object.receiver, resvConfirmV4, resvConfirmV6);
    default:
      return assertNever(object);
  }
}
