import { assertNever } from '../../base/assert-never.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RsvpChallenge } from './challenge.ts';
import { className } from './class-names.ts';
import type { RsvpCapability, RsvpHello, RsvpRestartCap } from './hello.ts';
import type { RsvpIntegrity } from './integrity-object.ts';
import type { RsvpMessageIdList, RsvpMessageIdMulticastList, RsvpMessageIdSourceList } from './message-id-list.ts';
import type { RsvpMessageId, RsvpMessageIdAck, RsvpMessageIdNack } from './message-id.ts';
import { MESSAGE_TYPE, messageTypeName, type DecodedMessage, type RsvpMessage } from './message.ts';
import type { RsvpObject } from './objects.ts';
import { findCodec } from './registry.ts';
import { unknownObjectAction } from './unknown.ts';
import { Refused, type ValidationError } from './validation-error.ts';

interface Common {
  readonly sendTtl: number;
  /** 4 bits of the common header; 0x01 = the neighbour does refresh reduction (RFC 2961 2). */
  readonly flags: number;
  readonly integrity: RsvpIntegrity | null;
}

export type SrefreshList = RsvpMessageIdList | RsvpMessageIdSourceList | RsvpMessageIdMulticastList;

/** RFC 2961 4.4. */
export interface AckMessage extends Common {
  readonly kind: 'ack';
  /** At least one. */
  readonly acks: readonly (RsvpMessageIdAck | RsvpMessageIdNack)[];
}

/** RFC 2961 5.2. */
export interface SrefreshMessage extends Common {
  readonly kind: 'srefresh';
  readonly acks: readonly (RsvpMessageIdAck | RsvpMessageIdNack)[];
  readonly messageId: RsvpMessageId | null;
  /** At least one; a SRC_LIST only with others of its kind. */
  readonly lists: readonly SrefreshList[];
}

/** RFC 3209 5.1, RFC 5063 4.2. */
export interface HelloMessage extends Common {
  readonly kind: 'hello';
  readonly hello: RsvpHello;
  readonly restartCap: RsvpRestartCap | null;
  readonly capability: RsvpCapability | null;
}

/** RFC 2747 4.3: the receiver of signed messages asks; not signed itself. */
export interface ChallengeMessage extends Common {
  readonly kind: 'integrityChallenge';
  readonly challenge: RsvpChallenge;
}

/** RFC 2747 4.3: signed with the key that the challenge names. */
export interface ResponseMessage extends Common {
  readonly kind: 'integrityResponse';
  readonly integrity: RsvpIntegrity;
  readonly challenge: RsvpChallenge;
}

/** RFC 2961 3; each message in it is judged by itself. */
export interface BundleMessage extends Common {
  readonly kind: 'bundle';
  /** At least one, and no Bundle. */
  readonly messages: readonly DecodedMessage[];
}

/** What neighbours say to each other about their messages and themselves; no session is named. */
export type NeighborMessage =
  AckMessage | SrefreshMessage | HelloMessage | ChallengeMessage | ResponseMessage | BundleMessage;

/** Refresh reduction capable, in the flags of the common header (RFC 2961 2). */
export const REFRESH_REDUCTION_CAPABLE = 0x01;

/** Whether `validateNeighborMessage` and not `validateMessage` is for a type. */
export const isNeighborMessage = (type: number): boolean => neighborTypes.has(type);
const neighborTypes: ReadonlySet<number> = new Set([
  MESSAGE_TYPE.bundle,
  MESSAGE_TYPE.ack,
  MESSAGE_TYPE.srefresh,
  MESSAGE_TYPE.hello,
  MESSAGE_TYPE.integrityChallenge,
  MESSAGE_TYPE.integrityResponse,
]);

/**
 * Judges the structure of a message between neighbours by the grammar of its type. Objects may come in any order; known
 * ones that the type has no use for and unknown classes of the form 1bbbbbbb are ignored.
 */
export function validateNeighborMessage(message: RsvpMessage): Result<NeighborMessage, ValidationError> {
  try {
    return ok(validate(message));
  } catch (cause) {
    if (cause instanceof Refused) return err(cause.error);
    throw cause;
  }
}

function validate(message: RsvpMessage): NeighborMessage {
  const { type, sendTtl, flags } = message;
  const typeName = messageTypeName(type);
  const all = <K extends RsvpObject['kind']>(...kinds: K[]) =>
    message.objects.filter((object): object is RsvpObject & { kind: K } => (kinds as string[]).includes(object.kind));
  const atMostOne = <K extends RsvpObject['kind']>(kind: K, name: string) => {
    const [first = null, second] = all(kind);
    if (second === undefined) return first;
    throw new Refused({ reason: 'duplicateObject', detail: `${typeName} with two ${name} objects`, className: name });
  };
  const missing = (name: string): never => {
    throw new Refused({ reason: 'missingObject', detail: `${typeName} without ${name}`, className: name });
  };
  if (!isNeighborMessage(type)) {
    throw new Refused({ reason: 'unknownMessageType', detail: `message ${typeName} is not between neighbours`, type });
  }
  for (const object of message.objects) refuseUnknown(object);
  const common = { sendTtl, flags, integrity: atMostOne('integrity', 'INTEGRITY') };
  const challenge = () => atMostOne('challenge', 'CHALLENGE') ?? missing('CHALLENGE');
  const acks = all('messageIdAck', 'messageIdNack');
  switch (type) {
    case MESSAGE_TYPE.bundle: {
      const messages = message.messages ?? [];
      return { kind: 'bundle', ...common, messages: messages.length > 0 ? messages : missing('a message') };
    }
    case MESSAGE_TYPE.ack:
      return { kind: 'ack', ...common, acks: acks.length > 0 ? acks : missing('MESSAGE_ID_ACK') };
    case MESSAGE_TYPE.srefresh: {
      const lists = all('messageIdList', 'messageIdSourceList', 'messageIdMulticastList');
      if (lists.length === 0) return missing('MESSAGE_ID_LIST');
      const sources = lists.filter((list) => list.kind === 'messageIdSourceList').length;
      if (sources > 0 && sources < lists.length) {
        const detail = 'Srefresh with MESSAGE_ID SRC_LIST beside other lists';
        throw new Refused({ reason: 'misplacedObject', detail, className: 'MESSAGE_ID_LIST' });
      }
      return { kind: 'srefresh', ...common, acks, messageId: atMostOne('messageId', 'MESSAGE_ID'), lists };
    }
    case MESSAGE_TYPE.hello:
      return {
        kind: 'hello',
        ...common,
        hello: atMostOne('hello', 'HELLO') ?? missing('HELLO'),
        restartCap: atMostOne('restartCap', 'RESTART_CAP'),
        capability: atMostOne('capability', 'CAPABILITY'),
      };
    case MESSAGE_TYPE.integrityChallenge:
      return { kind: 'integrityChallenge', ...common, challenge: challenge() };
    default: {
      const integrity = common.integrity ?? missing('INTEGRITY');
      return { kind: 'integrityResponse', ...common, integrity, challenge: challenge() };
    }
  }
}

/** Damaged objects, and unknown ones whose class number forbids to pass over them (RFC 2205 3.10). @throws Refused */
function refuseUnknown(object: RsvpObject): void {
  if (object.kind !== 'unknown') return;
  const { classNumber, cType } = object;
  if (unknownObjectAction(classNumber) !== 'reject') return;
  const name = className(classNumber);
  if (findCodec(classNumber, cType)) {
    const detail = `${name} whose contents contradict its layout`;
    throw new Refused({ reason: 'malformedObject', detail, classNumber, cType });
  }
  throw new Refused({ reason: 'unknownClass', detail: `${name} objects are not supported`, classNumber, cType });
}

/** Lays the objects out in the order of the grammars: INTEGRITY, acknowledgements, MESSAGE_ID, then what the message is about. */
export function buildNeighborMessage(view: NeighborMessage): RsvpMessage {
  const { sendTtl, flags } = view;
  const message = { type: MESSAGE_TYPE[view.kind], flags, sendTtl };
  if (view.kind === 'bundle') return { ...message, objects: [], messages: view.messages };
  const first = view.integrity === null ? [] : [view.integrity];
  return { ...message, objects: [...first, ...contents(view)] };
}

function contents(view: Exclude<NeighborMessage, BundleMessage>): RsvpObject[] {
  switch (view.kind) {
    case 'ack':
      return [...view.acks];
    case 'srefresh':
      return [...view.acks, ...(view.messageId ? [view.messageId] : []), ...view.lists];
    case 'hello':
      return [view.hello, ...(view.restartCap ? [view.restartCap] : []), ...(view.capability ? [view.capability] : [])];
    case 'integrityChallenge':
    case 'integrityResponse':
      return [view.challenge];
    default:
      return assertNever(view);
  }
}
