import { byFamily } from './address-field.ts';
import { filterSpecV4, filterSpecV6, type RsvpFilterSpec } from './filter-spec.ts';
import { integrity, type RsvpIntegrity } from './integrity-object.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';
import { readObject, writeObject } from './object-frame.ts';
import { readPolicyElement, writePolicyElement, type PolicyElement } from './policy-element.ts';
import { hopV4, hopV6, type RsvpHop } from './rsvp-hop.ts';
import { scopeV4, scopeV6, type RsvpScope } from './scope.ts';
import { timeValues, type RsvpTimeValues } from './time-values.ts';
import type { RsvpUnknown } from './unknown.ts';

/** Objects whose meaning within POLICY_DATA RFC 2750 3.2 gives; any other stays raw. */
export type PolicyOption = RsvpFilterSpec | RsvpScope | RsvpHop | RsvpIntegrity | RsvpTimeValues | RsvpUnknown;

/** POLICY_DATA, class 14, C-Type 1 (RFC 2750 3.1). */
export interface RsvpPolicyData {
  readonly kind: 'policyData';
  /** What the elements are about: senders, the policy nodes between which they travel, their own refresh period and digest. */
  readonly options: readonly PolicyOption[];
  readonly elements: readonly PolicyElement[];
}

const optionCodecs = new Map<number, ObjectCodec<Exclude<PolicyOption, RsvpUnknown>>>(
  [filterSpecV4, filterSpecV6, scopeV4, scopeV6, hopV4, hopV6, integrity, timeValues].map((codec) => [
    (codec.classNumber << 8) | codec.cType,
    codec as ObjectCodec<Exclude<PolicyOption, RsvpUnknown>>,
  ]),
);
const findOption = (classNumber: number, cType: number) => optionCodecs.get((classNumber << 8) | cType);

function optionCodec(option: Exclude<PolicyOption, RsvpUnknown>): ObjectCodec<Exclude<PolicyOption, RsvpUnknown>> {
  switch (option.kind) {
    case 'filterSpec':
      return byFamily(option.source, filterSpecV4, filterSpecV6);
    case 'scope':
      if (option.sources.length === 0) throw new RangeError('a SCOPE without entries');
      return byFamily(option.sources[0]!, scopeV4, scopeV6);
    case 'rsvpHop':
      return byFamily(option.address, hopV4, hopV6);
    case 'integrity':
      return integrity;
    case 'timeValues':
      return timeValues;
  }
}

/**
 *     +-------------+-------------+-------------+-------------+
 *     |  Data Offset              | 0 (reserved)              |
 *     +---------------------------+-------------+-------------+
 *     // Option List (objects, header included)              //
 *     // Policy Element List                                 //
 *
 * Data Offset is where the elements begin, counted from the object's header.
 */
export const policyData: ObjectCodec<RsvpPolicyData> = {
  classNumber: 14,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader) => {
    const dataOffset = reader.u16();
    reader.reserved(2);
    const optionBytes = dataOffset - 8;
    if (optionBytes < 0 || dataOffset % 4 !== 0 || optionBytes > reader.remaining) {
      throw new BadObjectError(`Data Offset is ${dataOffset} in an object of ${reader.remaining + 8} bytes`);
    }
    const options: PolicyOption[] = [];
    const end = reader.narrow(optionBytes);
    while (reader.remaining > 0) options.push(readObject(reader, findOption));
    reader.widen(end);
    const elements: PolicyElement[] = [];
    while (reader.remaining > 0) elements.push(readPolicyElement(reader));
    return { kind: 'policyData', options, elements };
  },
  encode: (writer, value) => {
    const start = writer.length;
    writer.reserved(4);
    for (const option of value.options) writeObject(writer, option, optionCodec);
    writer.patchU16(start, writer.length - start + 4);
    for (const element of value.elements) writePolicyElement(writer, element);
  },
};
