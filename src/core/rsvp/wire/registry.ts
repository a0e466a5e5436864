import { assertNever } from '../../base/assert-never.ts';
import { byFamily } from './address-field.ts';
import { adspec } from './adspec.ts';
import { challenge } from './challenge.ts';
import { dclass } from './dclass.ts';
import { errorSpecV4, errorSpecV6 } from './error-spec.ts';
import { explicitRoute } from './explicit-route.ts';
import {
  flowLabelFilterSpec,
  flowLabelSenderTemplate,
  gpiFilterSpecV4,
  gpiFilterSpecV6,
  gpiSenderTemplateV4,
  gpiSenderTemplateV6,
  lspFilterSpecV4,
  lspFilterSpecV6,
  lspSenderTemplateV4,
  lspSenderTemplateV6,
} from './filter-spec-variants.ts';
import { filterSpecV4, filterSpecV6, senderTemplateV4, senderTemplateV6 } from './filter-spec.ts';
import { flowspec } from './flowspec.ts';
import { capability, helloAck, helloRequest, restartCap } from './hello.ts';
import { integrity } from './integrity-object.ts';
import { label, labelRequest } from './label.ts';
import {
  messageIdList,
  messageIdMulticastListV4,
  messageIdMulticastListV6,
  messageIdSourceListV4,
  messageIdSourceListV6,
} from './message-id-list.ts';
import { messageId, messageIdAck, messageIdNack } from './message-id.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { RsvpObject } from './objects.ts';
import { policyData } from './policy-data.ts';
import { recordRoute } from './record-route.ts';
import { resvConfirmV4, resvConfirmV6 } from './resv-confirm.ts';
import { hopV4, hopV6 } from './rsvp-hop.ts';
import { scopeV4, scopeV6 } from './scope.ts';
import { senderTspec } from './sender-tspec.ts';
import { sessionAttribute, sessionAttributeWithAffinities } from './session-attribute.ts';
import { gpiSessionV4, gpiSessionV6, lspSessionV4, lspSessionV6 } from './session-variants.ts';
import { sessionV4, sessionV6 } from './session.ts';
import { style } from './style.ts';
import { timeValues } from './time-values.ts';
import type { RsvpUnknown } from './unknown.ts';

/** Every object that is decoded. */
export type KnownObject = Exclude<RsvpObject, RsvpUnknown>;

/** All codecs. */
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
  challenge,
  dclass,
  explicitRoute,
  integrity,
  policyData,
  recordRoute,
  scopeV4,
  scopeV6,
  sessionAttribute,
  sessionAttributeWithAffinities,
  capability,
  helloAck,
  helloRequest,
  restartCap,
  flowLabelFilterSpec,
  flowLabelSenderTemplate,
  gpiFilterSpecV4,
  gpiFilterSpecV6,
  gpiSenderTemplateV4,
  gpiSenderTemplateV6,
  lspFilterSpecV4,
  lspFilterSpecV6,
  lspSenderTemplateV4,
  lspSenderTemplateV6,
  label,
  labelRequest,
  messageId,
  messageIdAck,
  messageIdNack,
  messageIdList,
  messageIdMulticastListV4,
  messageIdMulticastListV6,
  messageIdSourceListV4,
  messageIdSourceListV6,
  gpiSessionV4,
  gpiSessionV6,
  lspSessionV4,
  lspSessionV6,
];

const byClassAndType = new Map(objectCodecs.map((codec) => [(codec.classNumber << 8) | codec.cType, codec]));

/** The codec of a (Class-Num, C-Type) pair. The two together are one 16-bit number (RFC 2205 3.1.2). */
export const findCodec = (classNumber: number, cType: number): ObjectCodec<KnownObject> | undefined =>
  byClassAndType.get((classNumber << 8) | cType);

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
    case 'integrity':
      return integrity;
    case 'messageId':
      return messageId;
    case 'messageIdAck':
      return messageIdAck;
    case 'messageIdNack':
      return messageIdNack;
    case 'messageIdList':
      return messageIdList;
    case 'messageIdSourceList':
      return byFamily(
        firstOf(object.entries, 'MESSAGE_ID SRC_LIST').source,
        messageIdSourceListV4,
        messageIdSourceListV6,
      );
    case 'messageIdMulticastList':
      return byFamily(
        firstOf(object.entries, 'MESSAGE_ID MCAST_LIST').source,
        messageIdMulticastListV4,
        messageIdMulticastListV6,
      );
    case 'scope':
      return byFamily(firstOf(object.sources, 'SCOPE'), scopeV4, scopeV6);
    case 'policyData':
      return policyData;
    case 'explicitRoute':
      return explicitRoute;
    case 'recordRoute':
      return recordRoute;
    case 'dclass':
      return dclass;
    case 'hello':
      return object.ack ? helloAck : helloRequest;
    case 'restartCap':
      return restartCap;
    case 'capability':
      return capability;
    case 'challenge':
      return challenge;
    case 'gpiSession':
      return byFamily(object.destination, gpiSessionV4, gpiSessionV6);
    case 'lspSession':
      return byFamily(object.endPoint, lspSessionV4, lspSessionV6);
    case 'flowLabelFilterSpec':
      return flowLabelFilterSpec;
    case 'flowLabelSenderTemplate':
      return flowLabelSenderTemplate;
    case 'gpiFilterSpec':
      return byFamily(object.source, gpiFilterSpecV4, gpiFilterSpecV6);
    case 'gpiSenderTemplate':
      return byFamily(object.source, gpiSenderTemplateV4, gpiSenderTemplateV6);
    case 'lspFilterSpec':
      return byFamily(object.source, lspFilterSpecV4, lspFilterSpecV6);
    case 'lspSenderTemplate':
      return byFamily(object.source, lspSenderTemplateV4, lspSenderTemplateV6);
    case 'label':
      return label;
    case 'labelRequest':
      return labelRequest;
    case 'sessionAttribute':
      return object.affinities === null ? sessionAttribute : sessionAttributeWithAffinities;
    default:
      return assertNever(object);
  }
}

/** @throws RangeError for an empty list, which has no place on the wire. */
function firstOf<T>(list: readonly T[], name: string): T {
  const [first] = list;
  if (first === undefined) throw new RangeError(`a ${name} without entries`);
  return first;
}
