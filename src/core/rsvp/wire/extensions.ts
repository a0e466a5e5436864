import { ipFamily } from '../../base/ip.ts';
import type { RsvpDclass } from './dclass.ts';
import type { RsvpExplicitRoute } from './explicit-route.ts';
import type { RsvpIntegrity } from './integrity-object.ts';
import { messageTypeName } from './message.ts';
import type { RsvpMessageId, RsvpMessageIdAck, RsvpMessageIdNack } from './message-id.ts';
import type { RsvpObject } from './objects.ts';
import type { RsvpPolicyData } from './policy-data.ts';
import type { RsvpRecordRoute } from './record-route.ts';
import type { RsvpScope } from './scope.ts';
import type { RsvpSession } from './session.ts';
import { Refused } from './validation-error.ts';

/** What a Path, Resv, their errors and tears may carry beyond RFC 2205's own; only of the kinds the caller handles. */
export interface Extensions {
  readonly integrity?: RsvpIntegrity;
  readonly acks?: readonly (RsvpMessageIdAck | RsvpMessageIdNack)[];
  readonly messageId?: RsvpMessageId;
  readonly scope?: RsvpScope;
  readonly explicitRoute?: RsvpExplicitRoute;
  readonly recordRoute?: RsvpRecordRoute;
  readonly policyData?: readonly RsvpPolicyData[];
  readonly dclass?: RsvpDclass;
}

/** Kinds of objects that a caller can say it handles. */
export type ExtensionKind =
  | 'integrity'
  | 'messageIdAck'
  | 'messageIdNack'
  | 'messageId'
  | 'scope'
  | 'explicitRoute'
  | 'recordRoute'
  | 'policyData'
  | 'dclass';

export type ExtensionObject = RsvpObject & { readonly kind: ExtensionKind };

const classNumbers: Readonly<Record<ExtensionKind, number>> = {
  integrity: 4,
  scope: 7,
  policyData: 14,
  explicitRoute: 20,
  recordRoute: 21,
  messageId: 23,
  messageIdAck: 24,
  messageIdNack: 24,
  dclass: 225,
};

export const isExtension = (object: RsvpObject): object is ExtensionObject => object.kind in classNumbers;

/** Whether one of the kinds is of the class. */
export function handlesClass(classNumber: number, handles: ReadonlySet<ExtensionKind>): boolean {
  for (const kind of handles) if (classNumbers[kind] === classNumber) return true;
  return false;
}

/** @throws Refused where one is there twice that may be there once, or SCOPE has another address family than the session. */
export function extensionsOf(objects: readonly ExtensionObject[], session: RsvpSession, type: number): Extensions {
  const found: { -readonly [K in keyof Extensions]: Extensions[K] } = {};
  const acks: (RsvpMessageIdAck | RsvpMessageIdNack)[] = [];
  const policyData: RsvpPolicyData[] = [];
  const once = (before: ExtensionObject | undefined, className: string): void => {
    if (before === undefined) return;
    const detail = `${messageTypeName(type)} with two ${className} objects`;
    throw new Refused({ reason: 'duplicateObject', detail, className });
  };
  for (const object of objects) {
    switch (object.kind) {
      case 'integrity':
        once(found.integrity, 'INTEGRITY');
        found.integrity = object;
        break;
      case 'messageIdAck':
      case 'messageIdNack':
        acks.push(object);
        break;
      case 'messageId':
        once(found.messageId, 'MESSAGE_ID');
        found.messageId = object;
        break;
      case 'scope':
        once(found.scope, 'SCOPE');
        found.scope = object;
        break;
      case 'policyData':
        policyData.push(object);
        break;
      case 'dclass':
        once(found.dclass, 'DCLASS');
        found.dclass = object;
        break;
      // "If multiple objects are encountered, only the first is meaningful" (RFC 3209 4.3, 4.4).
      case 'explicitRoute':
        found.explicitRoute ??= object;
        break;
      case 'recordRoute':
        found.recordRoute ??= object;
    }
  }
  const stranger = found.scope?.sources.find((source) => ipFamily(source) !== ipFamily(session.destination));
  if (stranger !== undefined) {
    const detail = `SCOPE has ${stranger} in a session to ${session.destination}`;
    throw new Refused({ reason: 'mixedFamilies', detail, className: 'SCOPE' });
  }
  if (acks.length > 0) found.acks = acks;
  if (policyData.length > 0) found.policyData = policyData;
  return found;
}

/** Those that RFC 2961 4.1 puts right behind the header: INTEGRITY, acknowledgements, MESSAGE_ID. */
export const leading = ({ integrity, acks, messageId }: Extensions): RsvpObject[] => [
  ...(integrity ? [integrity] : []),
  ...(acks ?? []),
  ...(messageId ? [messageId] : []),
];
