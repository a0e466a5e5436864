import { ipFamily, type IpAddress } from '../../base/ip.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RsvpAdspec } from './adspec.ts';
import { className } from './class-names.ts';
import { rawObject } from './codec.ts';
import type { RsvpErrorSpec } from './error-spec.ts';
import { extensionsOf, handlesClass, isExtension, type ExtensionKind, type ExtensionObject } from './extensions.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from './filter-spec.ts';
import { flowDescriptors, onlyDescriptor, tearDescriptors, type FlowObject } from './flow-descriptors.ts';
import { MESSAGE_TYPE, messageTypeName, type RsvpMessage } from './message.ts';
import type { ValidMessage } from './message-views.ts';
import type { RsvpObject } from './objects.ts';
import { codecOf, findCodec } from './registry.ts';
import type { RsvpResvConfirm } from './resv-confirm.ts';
import type { RsvpHop } from './rsvp-hop.ts';
import type { RsvpSenderTspec } from './sender-tspec.ts';
import type { RsvpSession } from './session.ts';
import type { RsvpStyle } from './style.ts';
import type { RsvpTimeValues } from './time-values.ts';
import { POLICY_DATA, unknownObjectAction, type RsvpUnknown } from './unknown.ts';
import { Refused, type ValidationError } from './validation-error.ts';

/** SESSION … RESV_CONFIRM: the classes without which no message is processed; of these C-Types 1 and 2 are. */
const baseClasses: ReadonlySet<number> = new Set([1, 3, 5, 6, 8, 9, 10, 11, 12, 13, 15]);
const FLOWSPEC = 9;
const NOTHING_MORE: ReadonlySet<ExtensionKind> = new Set();

/**
 * Judges the structure of a decoded message by the grammar of its type (RFC 2205 3.1.3 to 3.1.9) and the rules on unknown
 * objects (3.10), ports (3.2) and fields that must not be zero (A.1, A.9). Objects may come in any order but the grammar's own: flow descriptors follow STYLE.
 * Known objects that the type has no use for are ignored. Values are not judged; see `tspecProblem`.
 *
 * `handles` names what the caller does beyond RFC 2205's messages; these objects are in the view's `extensions`. All others
 * are treated by their class number as if they were not known: rejected, ignored or passed on byte for byte.
 */
export function validateMessage(
  message: RsvpMessage,
  handles: ReadonlySet<ExtensionKind> = NOTHING_MORE,
): Result<ValidMessage, ValidationError> {
  try {
    return ok(validate(message, handles));
  } catch (cause) {
    if (cause instanceof Refused) return err(cause.error);
    throw cause;
  }
}

function validate(message: RsvpMessage, handles: ReadonlySet<ExtensionKind>): ValidMessage {
  const { type, sendTtl } = message;
  if (type < MESSAGE_TYPE.path || type > MESSAGE_TYPE.resvConf) {
    throw new Refused({
      reason: 'unknownMessageType',
      detail: `message ${messageTypeName(type)} is not handled`,
      type,
    });
  }
  const parts = collect(message, handles);
  const need = <T>(value: T | null, name: string): T => {
    if (value !== null) return value;
    throw new Refused({ reason: 'missingObject', detail: `${messageTypeName(type)} without ${name}`, className: name });
  };
  const session = need(parts.session, 'SESSION');
  const common = {
    sendTtl,
    session,
    unknown: parts.forwarded,
    ...(parts.handled.length === 0 ? {} : { extensions: extensionsOf(parts.handled, session, message.type) }),
  };
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
  readonly handled: ExtensionObject[];
}

function collect(message: RsvpMessage, handles: ReadonlySet<ExtensionKind>): Parts {
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
    handled: [],
  };
  const once = <T>(before: T | null, value: T, name: string): T => {
    if (before === null) return value;
    const detail = `${messageTypeName(message.type)} with two ${name} objects`;
    throw new Refused({ reason: 'duplicateObject', detail, className: name });
  };
  for (const object of message.objects) {
    if (isBase(object)) place(object, parts, once);
    else if (isExtension(object) && handles.has(object.kind)) parts.handled.push(object);
    else sortOther(object, parts.forwarded, handles);
  }
  return parts;
}

type Once = <T>(before: T | null, value: T, name: string) => T;

/** What the views of RFC 2205 are made of; `place` has a case for each. */
type BaseObject = RsvpObject & { readonly kind: BaseKind };
type BaseKind =
  | 'session'
  | 'rsvpHop'
  | 'timeValues'
  | 'errorSpec'
  | 'resvConfirm'
  | 'style'
  | 'senderTemplate'
  | 'senderTspec'
  | 'adspec'
  | 'flowspec'
  | 'filterSpec';

const baseKinds: ReadonlySet<string> = new Set<BaseKind>([
  'session',
  'rsvpHop',
  'timeValues',
  'errorSpec',
  'resvConfirm',
  'style',
  'senderTemplate',
  'senderTspec',
  'adspec',
  'flowspec',
  'filterSpec',
]);

const isBase = (object: RsvpObject): object is BaseObject => baseKinds.has(object.kind);

function place(object: BaseObject, parts: Parts, once: Once): void {
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

/** Objects that are not handled, raw or decoded: the rules go by number, so that being readable changes nothing. */
function sortOther(
  object: Exclude<RsvpObject, BaseObject>,
  forwarded: RsvpUnknown[],
  handles: ReadonlySet<ExtensionKind>,
): void {
  const { classNumber, cType } = object.kind === 'unknown' ? object : codecOf(object);
  const name = className(classNumber);
  if (classNumber === FLOWSPEC && findCodec(classNumber, cType)) {
    throw new Refused({ reason: 'unsupportedService', detail: `${name} for a service that is not supported` });
  }
  if (baseClasses.has(classNumber)) {
    throw new Refused({ reason: 'unknownCType', detail: `${name} with unknown C-Type ${cType}`, classNumber, cType });
  }
  if (object.kind === 'unknown') judgeRaw(object, handles);
  const action = unknownObjectAction(classNumber);
  if (action === 'reject') {
    throw new Refused({ reason: 'unknownClass', detail: `${name} objects are not supported`, classNumber, cType });
  }
  if (action === 'forward') forwarded.push(object.kind === 'unknown' ? object : rawObject(object));
}

/** POLICY_DATA is opaque to RSVP, damaged or not, and travels on (RFC 2750 3.3). @throws Refused */
function judgeRaw({ classNumber, cType }: RsvpUnknown, handles: ReadonlySet<ExtensionKind>): void {
  if (classNumber === POLICY_DATA || !handlesClass(classNumber, handles)) return;
  const name = className(classNumber);
  if (findCodec(classNumber, cType)) {
    const detail = `${name} whose contents contradict its layout`;
    throw new Refused({ reason: 'malformedObject', detail, classNumber, cType });
  }
  // An unknown C-Type of a class that others pass over or pass on is no reason to reject the message.
  if (unknownObjectAction(classNumber) !== 'reject') return;
  throw new Refused({ reason: 'unknownCType', detail: `${name} with unknown C-Type ${cType}`, classNumber, cType });
}

/** The address of no host, in both families. */
const isUnspecified = (address: IpAddress): boolean => address === '0.0.0.0' || address === '::';

function checkSources(session: RsvpSession, parts: Parts): void {
  if (session.protocol === 0 || isUnspecified(session.destination)) {
    const detail = `SESSION to ${session.destination} of protocol ${session.protocol}: neither may be zero`;
    throw new Refused({ reason: 'badSession', detail });
  }
  const sameFamily = (address: IpAddress, name: string): void => {
    if (ipFamily(address) === ipFamily(session.destination)) return;
    const detail = `${name} has ${address} in a session to ${session.destination}`;
    throw new Refused({ reason: 'mixedFamilies', detail, className: name });
  };
  const source = (value: RsvpFilterSpec | RsvpSenderTemplate, name: string): void => {
    if (isUnspecified(value.source)) {
      throw new Refused({ reason: 'badSender', detail: `${name} has the address ${value.source}`, className: name });
    }
    sameFamily(value.source, name);
    if (session.destinationPort !== 0 || value.sourcePort === 0) return;
    const detail = `${name} has source port ${value.sourcePort} in a session without destination port`;
    throw new Refused({ reason: 'badSourcePort', detail, sourcePort: value.sourcePort });
  };
  if (parts.hop) sameFamily(parts.hop.address, 'RSVP_HOP');
  if (parts.senderTemplate) source(parts.senderTemplate, 'SENDER_TEMPLATE');
  for (const object of parts.flow) if (object.kind === 'filterSpec') source(object, 'FILTER_SPEC');
}
