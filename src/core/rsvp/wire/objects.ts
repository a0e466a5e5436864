import type { RsvpAdspec } from './adspec.ts';
import type { RsvpErrorSpec } from './error-spec.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from './filter-spec.ts';
import type { RsvpFlowspec } from './flowspec.ts';
import type { RsvpHop } from './rsvp-hop.ts';
import type { RsvpResvConfirm } from './resv-confirm.ts';
import type { RsvpSenderTspec } from './sender-tspec.ts';
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
  | RsvpUnknown;
