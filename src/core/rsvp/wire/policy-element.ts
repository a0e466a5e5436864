import { copyOf, OverrunError, type ByteReader, type ByteWriter } from '../../base/bytes.ts';
import { BadObjectError } from './object-codec.ts';

/** What a POLICY_DATA object holds; RSVP itself passes it on without a look (RFC 2750 3.3). */
export type PolicyElement =
  | {
      /** RFC 3181 4. */
      readonly element: 'preemptionPriority';
      /** 1 priority of the highest QoS, 2 highest priority, 3 error where QoS differ. */
      readonly mergeStrategy: number;
      /** 0 none, 1 preempted, 2 heterogeneous. */
      readonly errorCode: number;
      /** 0 … 65535, higher is more important; at most the defending priority. */
      readonly preemptionPriority: number;
      readonly defendingPriority: number;
    }
  /** RFC 3182 3.2; `authApp` tells the application as RFC 2872 describes. */
  | { readonly element: 'authUser' | 'authApp'; readonly attributes: readonly AuthAttribute[] }
  /** A type that is not decoded, or one whose contents are not what its type has. */
  | { readonly element: 'other'; readonly pType: number; readonly data: Uint8Array };

/** RFC 3182 3.3. */
export interface AuthAttribute {
  /** 1 policy locator, 2 credential, 3 digital signature, 4 policy error. */
  readonly aType: number;
  /** Of a locator 1 ASCII_DN, 2 UNICODE_DN and their encrypted forms 3 and 4; of a credential 1 ASCII_ID … 5 PGP_CERT. */
  readonly subType: number;
  readonly value: Uint8Array;
}

export const POLICY_LOCATOR = 1;
export const CREDENTIAL = 2;

const P_TYPE_PREEMPTION = 1;
const P_TYPE_AUTH_USER = 2;
const P_TYPE_AUTH_APP = 3;
const PREEMPTION_BYTES = 8;

/**
 *     +-------------+-------------+-------------+-------------+
 *     |  Length                   |   P-Type                  |
 *     +---------------------------+---------------------------+
 *     // Policy information  (Opaque to RSVP)                //
 *
 * @throws BadObjectError for a length that is no whole words or beyond the object.
 */
export function readPolicyElement(reader: ByteReader): PolicyElement {
  const length = reader.u16();
  const pType = reader.u16();
  if (length < 4 || length % 4 !== 0 || length - 4 > reader.remaining) {
    throw new BadObjectError(`policy element of type ${pType} has length ${length}`);
  }
  const end = reader.narrow(length - 4);
  const start = reader.offset;
  const wasInexact = reader.inexact;
  try {
    if (pType === P_TYPE_PREEMPTION && length - 4 === PREEMPTION_BYTES) return readPreemption(reader);
    if (pType === P_TYPE_AUTH_USER || pType === P_TYPE_AUTH_APP) {
      const attributes = readAttributes(reader);
      if (attributes) return { element: pType === P_TYPE_AUTH_USER ? 'authUser' : 'authApp', attributes };
      reader.rewind(start);
      reader.inexact = wasInexact;
    }
    return { element: 'other', pType, data: copyOf(reader.bytes(reader.remaining)) };
  } finally {
    reader.widen(end);
  }
}

/**
 *     | Flags       | M. Strategy | Error Code  | Reserved(0) |
 *     | Preemption Priority       | Defending Priority        |
 */
function readPreemption(reader: ByteReader): PolicyElement {
  reader.reserved(1);
  const mergeStrategy = reader.u8();
  const errorCode = reader.u8();
  reader.reserved(1);
  return {
    element: 'preemptionPriority',
    mergeStrategy,
    errorCode,
    preemptionPriority: reader.u16(),
    defendingPriority: reader.u16(),
  };
}

/** | Length (without padding) | A-Type | SubType | value, padded to whole words; null where that is not so. */
function readAttributes(reader: ByteReader): AuthAttribute[] | null {
  const attributes: AuthAttribute[] = [];
  try {
    while (reader.remaining > 0) {
      const length = reader.u16();
      if (length < 4) return null;
      const aType = reader.u8();
      const subType = reader.u8();
      const value = copyOf(reader.bytes(length - 4));
      reader.reserved(-length & 3);
      attributes.push({ aType, subType, value });
    }
  } catch (cause) {
    if (cause instanceof OverrunError) return null;
    throw cause;
  }
  return attributes;
}

/** @throws RangeError for data of an `other` element that is not whole words. */
export function writePolicyElement(writer: ByteWriter, element: PolicyElement): void {
  const start = writer.length;
  writer.u16(0);
  if (element.element === 'preemptionPriority') {
    writer.u16(P_TYPE_PREEMPTION);
    writer.u8(0);
    writer.u8(element.mergeStrategy);
    writer.u8(element.errorCode);
    writer.u8(0);
    writer.u16(element.preemptionPriority);
    writer.u16(element.defendingPriority);
  } else if (element.element === 'other') {
    if (element.data.length % 4 !== 0) throw new RangeError(`a policy element of ${element.data.length} bytes`);
    writer.u16(element.pType);
    writer.bytes(element.data);
  } else {
    writer.u16(element.element === 'authUser' ? P_TYPE_AUTH_USER : P_TYPE_AUTH_APP);
    for (const { aType, subType, value } of element.attributes) {
      writer.u16(value.length + 4);
      writer.u8(aType);
      writer.u8(subType);
      writer.bytes(value);
      writer.reserved(-value.length & 3);
    }
  }
  writer.patchU16(start, writer.length - start);
}
