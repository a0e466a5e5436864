import type { RsvpAdspec } from './adspec.ts';
import type { RsvpChallenge } from './challenge.ts';
import type { RsvpDclass } from './dclass.ts';
import type { RsvpErrorSpec } from './error-spec.ts';
import type { RsvpExplicitRoute } from './explicit-route.ts';
import type {
  RsvpFlowLabelFilterSpec,
  RsvpFlowLabelSenderTemplate,
  RsvpGpiFilterSpec,
  RsvpGpiSenderTemplate,
  RsvpLspFilterSpec,
  RsvpLspSenderTemplate,
} from './filter-spec-variants.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from './filter-spec.ts';
import type { RsvpFlowspec } from './flowspec.ts';
import type { RsvpCapability, RsvpHello, RsvpRestartCap } from './hello.ts';
import type { RsvpIntegrity } from './integrity-object.ts';
import type { RsvpLabel, RsvpLabelRequest } from './label.ts';
import type { RsvpMessageIdList, RsvpMessageIdMulticastList, RsvpMessageIdSourceList } from './message-id-list.ts';
import type { RsvpMessageId, RsvpMessageIdAck, RsvpMessageIdNack } from './message-id.ts';
import type { RsvpPolicyData } from './policy-data.ts';
import type { RsvpRecordRoute } from './record-route.ts';
import type { RsvpResvConfirm } from './resv-confirm.ts';
import type { RsvpHop } from './rsvp-hop.ts';
import type { RsvpScope } from './scope.ts';
import type { RsvpSenderTspec } from './sender-tspec.ts';
import type { RsvpSessionAttribute } from './session-attribute.ts';
import type { RsvpGpiSession, RsvpLspSession } from './session-variants.ts';
import type { RsvpSession } from './session.ts';
import type { RsvpStyle } from './style.ts';
import type { RsvpTimeValues } from './time-values.ts';
import type { RsvpUnknown } from './unknown.ts';

/** Any object that a message can carry; what this build does not know stays raw in `unknown` and is encoded back byte for byte. */
export type RsvpObject =
  | RsvpSession
  | RsvpHop
  | RsvpTimeValues
  | RsvpErrorSpec
  | RsvpStyle
  | RsvpFlowspec
  | RsvpFilterSpec
  | RsvpSenderTemplate
  | RsvpSenderTspec
  | RsvpAdspec
  | RsvpResvConfirm
  | RsvpChallenge
  | RsvpDclass
  | RsvpExplicitRoute
  | RsvpIntegrity
  | RsvpPolicyData
  | RsvpRecordRoute
  | RsvpScope
  | RsvpSessionAttribute
  | RsvpCapability
  | RsvpHello
  | RsvpRestartCap
  | RsvpFlowLabelFilterSpec
  | RsvpFlowLabelSenderTemplate
  | RsvpGpiFilterSpec
  | RsvpGpiSenderTemplate
  | RsvpLspFilterSpec
  | RsvpLspSenderTemplate
  | RsvpLabel
  | RsvpLabelRequest
  | RsvpMessageId
  | RsvpMessageIdAck
  | RsvpMessageIdNack
  | RsvpMessageIdList
  | RsvpMessageIdMulticastList
  | RsvpMessageIdSourceList
  | RsvpGpiSession
  | RsvpLspSession
  | RsvpUnknown;
