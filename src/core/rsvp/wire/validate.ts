import { ipFamily, type IpAddress } from '../../base/ip.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RsvpAdspec } from './adspec.ts';
import { className } from './class-names.ts';
import type { RsvpErrorSpec } from './error-spec.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from './filter-spec.ts';
import { flowDescriptors, onlyDescriptor, tearDescriptors, type FlowObject } from './flow-descriptors.ts';
import { MESSAGE_TYPE, messageTypeName, type RsvpMessage } from './message.ts';
import type { ValidMessage } from './message-views.ts';
import { findCodec, isDecodedClass, type KnownObject } from './registry.ts';
import type { RsvpResvConfirm } from './resv-confirm.ts';
import type { RsvpHop } from './rsvp-hop.ts';
import type { RsvpSenderTspec } from './sender-tspec.ts';
import type { RsvpSession } from './session.ts';
import type { RsvpStyle } from './style.ts';
import type { RsvpTimeValues } from './time-values.ts';
import { unknownObjectAction, type RsvpUnknown } from './unknown.ts';
import { Refused, type ValidationError } from './validation-error.ts';

/**
 * Judges the structure of a decoded message by the grammar of its type (RFC 2205 3.1.3 to 3.1.9) and the rules on unknown
 * objects (3.10) and ports (3.2). Objects may come in any order but the grammar's own: flow descriptors follow STYLE.
 * Known objects that the type has no use for are ignored. Values are not judged; see `tspecProblem`.
 */
export function validateMessage(message: RsvpMessage): Result<ValidMessage, ValidationError> {
  try {
    return ok(validate(message));
  } catch (cause) {
    if (cause instanceof Refused) return err(cause.error);
    throw cause;
  }
}

function validate(message: RsvpMessage): ValidMessage {
  const { type, sendTtl } = message;
  if (type < MESSAGE_TYPE.path || type > MESSAGE_TYPE.resvConf) {
    throw new Refused({
      reason: 'unknownMessageType',
      detail: `message ${messageTypeName(type)} is not handled`,
      type,
    });
  }
  const parts = collect(message);
  const need = <T>(value: T | null, name: string): T => {
    if (value !== null) return value;
    throw new Refused({ reason: 'missingObject', detail: `${messageTypeName(type)} without ${name}`, className: name });
  };
  const common = { sendTtl, session: need(parts.session, 'SESSION'), unknown: parts.forwarded };
  const { senderTspec, adspec, resvConfirm } = parts;
  checkSources(common.session, parts);
  const hop = () => need(parts.hop, 'RSVP_HOP');
  const timeValues = () => need(parts.timeValues, 'TIME_VALUES');
  const errorSpec = () => need(parts.errorSpec, 'ERROR_SPEC');
  const senderTemplate = () => need(parts.senderTemplate, 'SENDER_TEMPLATE');
  const style = () => need(parts.style, 'STYLE');
  switch (type) {
    case MESSAGE_TYPE.path:
      return {
        kind: 'path',
        ...common,
        hop: hop(),
        timeValues: timeValues(),
        senderTemplate: senderTemplate(),
        senderTspec: need(senderTspec, 'SENDER_TSPEC'),
        adspec,
      };
    case MESSAGE_TYPE.resv:
      return {
        kind: 'resv',
        ...common,
        hop: hop(),
        timeValues: timeValues(),
        resvConfirm,
        style: style(),
        flowDescriptors: flowDescriptors(style(), parts.flow),
      };
    case MESSAGE_TYPE.pathErr:
      return {
        kind: 'pathErr',
        ...common,
        errorSpec: errorSpec(),
        senderTemplate: senderTemplate(),
        senderTspec,
        adspec,
      };
    case MESSAGE_TYPE.resvErr:
      return {
        kind: 'resvErr',
        ...common,
        hop: hop(),
        errorSpec: errorSpec(),
        style: style(),
        flowDescriptor: parts.flow.length === 0 ? null : onlyDescriptor(style(), parts.flow),
      };
    case MESSAGE_TYPE.pathTear:
      return { kind: 'pathTear', ...common, hop: hop(), senderTemplate: senderTemplate(), senderTspec, adspec };
    case MESSAGE_TYPE.resvTear:
      return {
        kind: 'resvTear',
        ...common,
        hop: hop(),
        style: style(),
        flowDescriptors: tearDescriptors(style(), parts.flow),
      };
    default:
      return {
        kind: 'resvConf',
        ...common,
        errorSpec: errorSpec(),
        resvConfirm: need(resvConfirm, 'RESV_CONFIRM'),
        style: style(),
        flowDescriptors: flowDescriptors(style(), parts.flow),
      };
  }
}

interface Parts {
  session: RsvpSession | null;
  hop: RsvpHop | null;
  timeValues: RsvpTimeValues | null;
  errorSpec: RsvpErrorSpec | null;
  resvConfirm: RsvpResvConfirm | null;
  style: RsvpStyle | null;
  senderTemplate: RsvpSenderTemplate | null;
  senderTspec: RsvpSenderTspec | null;
  adspec: RsvpAdspec | null;
  readonly flow: FlowObject[];
  readonly forwarded: RsvpUnknown[];
}

function collect(message: RsvpMessage): Parts {
  const parts: Parts = {
    session: null,
    hop: null,
    timeValues: null,
    errorSpec: null,
    resvConfirm: null,
    style: null,
    senderTemplate: null,
    senderTspec: null,
    adspec: null,
    flow: [],
    forwarded: [],
  };
  const once = <T>(before: T | null, value: T, name: string): T => {
    if (before === null) return value;
    const detail = `${messageTypeName(message.type)} with two ${name} objects`;
    throw new Refused({ reason: 'duplicateObject', detail, className: name });
  };
  for (const object of message.objects) {
    if (object.kind === 'unknown') sortUnknown(object, parts.forwarded);
    else place(object, parts, once);
  }
  return parts;
}

type Once = <T>(before: T | null, value: T, name: string) => T;

function place(object: KnownObject, parts: Parts, once: Once): void {
  switch (object.kind) {
    case 'session':
      parts.session = once(parts.session, object, 'SESSION');
      break;
    case 'rsvpHop':
      parts.hop = once(parts.hop, object, 'RSVP_HOP');
      break;
    case 'timeValues':
      parts.timeValues = once(parts.timeValues, object, 'TIME_VALUES');
      break;
    case 'errorSpec':
      parts.errorSpec = once(parts.errorSpec, object, 'ERROR_SPEC');
      break;
    case 'resvConfirm':
      parts.resvConfirm = once(parts.resvConfirm, object, 'RESV_CONFIRM');
      break;
    case 'style':
      parts.style = once(parts.style, object, 'STYLE');
      break;
    case 'senderTemplate':
      parts.senderTemplate = once(parts.senderTemplate, object, 'SENDER_TEMPLATE');
      break;
    case 'senderTspec':
      parts.senderTspec = once(parts.senderTspec, object, 'SENDER_TSPEC');
      break;
    case 'adspec':
      parts.adspec = once(parts.adspec, object, 'ADSPEC');
      break;
    case 'flowspec':
    case 'filterSpec':
      // "The STYLE object followed by the flow descriptor list must occur at the end of the message" (RFC 2205 3.1.4).
      if (parts.style === null) {
        const name = object.kind === 'flowspec' ? 'FLOWSPEC' : 'FILTER_SPEC';
        throw new Refused({ reason: 'misplacedObject', detail: `${name} before STYLE`, className: name });
      }
      parts.flow.push(object);
  }
}

function sortUnknown(object: RsvpUnknown, forwarded: RsvpUnknown[]): void {
  const { classNumber, cType } = object;
  const name = className(classNumber);
  if (findCodec(classNumber, cType)) {
    throw new Refused({ reason: 'unsupportedService', detail: `${name} for a service that is not supported` });
  }
  if (isDecodedClass(classNumber)) {
    throw new Refused({ reason: 'unknownCType', detail: `${name} with unknown C-Type ${cType}`, classNumber, cType });
  }
  const action = unknownObjectAction(classNumber);
  if (action === 'reject') {
    throw new Refused({ reason: 'unknownClass', detail: `${name} objects are not supported`, classNumber, cType });
  }
  if (action === 'forward') forwarded.push(object);
}

function checkSources(session: RsvpSession, parts: Parts): void {
  const sameFamily = (address: IpAddress, name: string): void => {
    if (ipFamily(address) === ipFamily(session.destination)) return;
    const detail = `${name} has ${address} in a session to ${session.destination}`;
    throw new Refused({ reason: 'mixedFamilies', detail, className: name });
  };
  const source = (value: RsvpFilterSpec | RsvpSenderTemplate, name: string): void => {
    sameFamily(value.source, name);
    if (session.destinationPort !== 0 || value.sourcePort === 0) return;
    const detail = `${name} has source port ${value.sourcePort} in a session without destination port`;
    throw new Refused({ reason: 'badSourcePort', detail, sourcePort: value.sourcePort });
  };
  if (parts.hop) sameFamily(parts.hop.address, 'RSVP_HOP');
  if (parts.senderTemplate) source(parts.senderTemplate, 'SENDER_TEMPLATE');
  for (const object of parts.flow) if (object.kind === 'filterSpec') source(object, 'FILTER_SPEC');
}
