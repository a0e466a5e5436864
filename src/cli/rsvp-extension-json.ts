import { assertNever } from '../core/base/assert-never.ts';
import type { ExplicitHop } from '../core/rsvp/wire/explicit-route.ts';
import { isHandshakeOffered, type RsvpIntegrity } from '../core/rsvp/wire/integrity-object.ts';
import type { RsvpSessionAttribute } from '../core/rsvp/wire/session-attribute.ts';
import type { RecordedHop } from '../core/rsvp/wire/record-route.ts';
import {
  CREDENTIAL,
  POLICY_LOCATOR,
  type AuthAttribute,
  type PolicyElement,
} from '../core/rsvp/wire/policy-element.ts';
import { hex, type Json } from './json.ts';

/** 48 bits as routers print them. */
export const keyIdJson = (keyId: number): string => `0x${keyId.toString(16).padStart(12, '0')}`;

const hex32 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** The sequence number is a string, since it has 64 bits. */
export const integrityJson = (integrity: RsvpIntegrity): Record<string, Json> => ({
  flags: integrity.flags,
  handshake: isHandshakeOffered(integrity),
  keyId: keyIdJson(integrity.keyId),
  sequenceNumber: integrity.sequenceNumber.toString(),
  digest: hex(integrity.digest),
});

export function sessionAttributeJson(attribute: RsvpSessionAttribute): Record<string, Json> {
  const { affinities, setupPriority, holdingPriority, flags, name } = attribute;
  return {
    name,
    setupPriority,
    holdingPriority,
    flags,
    localProtectionDesired: (flags & 1) !== 0,
    labelRecordingDesired: (flags & 2) !== 0,
    seStyleDesired: (flags & 4) !== 0,
    ...(affinities && {
      affinities: {
        excludeAny: hex32(affinities.excludeAny),
        includeAny: hex32(affinities.includeAny),
        includeAll: hex32(affinities.includeAll),
      },
    }),
  };
}

export function explicitHopJson(hop: ExplicitHop): Json {
  const { loose } = hop;
  switch (hop.hop) {
    case 'address':
      return { address: `${hop.address}/${hop.prefixLength}`, loose };
    case 'asNumber':
      return { asNumber: hop.asNumber, loose };
    case 'unnumbered':
      return { routerId: hop.routerId, interfaceId: hop.interfaceId, loose };
    case 'other':
      return { type: hop.type, data: hex(hop.data), loose };
    default:
      return assertNever(hop);
  }
}

export function recordedHopJson(hop: RecordedHop): Json {
  switch (hop.hop) {
    case 'address':
      return { address: `${hop.address}/${hop.prefixLength}`, flags: hop.flags };
    case 'label': {
      const label =
        hop.cType === 1 && hop.contents.length === 4 ? new DataView(hop.contents.buffer).getUint32(0) : null;
      return { ...(label === null ? { contents: hex(hop.contents) } : { label }), cType: hop.cType, flags: hop.flags };
    }
    case 'unnumbered':
      return { routerId: hop.routerId, interfaceId: hop.interfaceId, flags: hop.flags };
    case 'other':
      return { type: hop.type, data: hex(hop.data) };
    default:
      return assertNever(hop);
  }
}

export function policyElementJson(element: PolicyElement): Json {
  switch (element.element) {
    case 'preemptionPriority': {
      const { preemptionPriority, defendingPriority, mergeStrategy, errorCode } = element;
      return { type: 'PREEMPTION_PRI', preemptionPriority, defendingPriority, mergeStrategy, errorCode };
    }
    case 'authUser':
      return { type: 'AUTH_USER', attributes: element.attributes.map(attributeJson) };
    case 'authApp':
      return { type: 'AUTH_APP', attributes: element.attributes.map(attributeJson) };
    case 'other':
      return { type: element.pType, data: hex(element.data) };
    default:
      return assertNever(element);
  }
}

const attributeNames = [null, 'POLICY_LOCATOR', 'CREDENTIAL', 'DIGITAL_SIGNATURE', 'POLICY_ERROR_OBJECT'];
const ASCII = 1;

/** ASCII_DN and ASCII_ID (RFC 3182 3.3.1, 3.3.2) as text, which may come with a zero at its end; the rest in hex. */
function attributeJson({ aType, subType, value }: AuthAttribute): Json {
  const type = attributeNames[aType] ?? aType;
  const printable = value.every((byte, i) => (byte >= 0x20 && byte < 0x7f) || (byte === 0 && i === value.length - 1));
  if (subType === ASCII && (aType === POLICY_LOCATOR || aType === CREDENTIAL) && printable) {
    return { type, subType, text: String.fromCharCode(...value).replace(/\0$/, '') };
  }
  return { type, subType, value: hex(value) };
}
