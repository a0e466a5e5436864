import type { RsvpAdspec } from './adspec.ts';
import type { RsvpErrorSpec } from './error-spec.ts';
import type { Extensions } from './extensions.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from './filter-spec.ts';
import type { RsvpFlowspec } from './flowspec.ts';
import type { RsvpObject } from './objects.ts';
import type { RsvpResvConfirm } from './resv-confirm.ts';
import type { RsvpHop } from './rsvp-hop.ts';
import type { RsvpSenderTspec } from './sender-tspec.ts';
import type { RsvpSession } from './session.ts';
import type { RsvpStyle } from './style.ts';
import type { RsvpTimeValues } from './time-values.ts';
import type { RsvpUnknown } from './unknown.ts';

/** What every message has. */
interface Common {
  /** IP TTL the message was sent with, 0 … 255. */
  readonly sendTtl: number;
  readonly session: RsvpSession;
  /** Objects to pass on unchanged, raw: classes of the form 11bbbbbb and POLICY_DATA, unless the caller handles them. */
  readonly unknown: readonly RsvpUnknown[];
  /** Objects of the kinds that `validateMessage` was told the caller handles; left out where there is none. */
  readonly extensions?: Extensions;
}

/** A flowspec and the senders it is for. FF: one filter each; SE: one descriptor with all filters; WF: no filter. */
export interface FlowDescriptor {
  readonly flowspec: RsvpFlowspec;
  readonly filters: readonly RsvpFilterSpec[];
}

/** In tears the flowspec means nothing and may be missing (RFC 2205 3.1.6). */
export interface TearDescriptor {
  readonly flowspec: RsvpFlowspec | null;
  readonly filters: readonly RsvpFilterSpec[];
}

/** RFC 2205 3.1.3. */
export interface PathMessage extends Common {
  readonly kind: 'path';
  readonly hop: RsvpHop;
  readonly timeValues: RsvpTimeValues;
  readonly senderTemplate: RsvpSenderTemplate;
  readonly senderTspec: RsvpSenderTspec;
  readonly adspec: RsvpAdspec | null;
}

/** RFC 2205 3.1.4. */
export interface ResvMessage extends Common {
  readonly kind: 'resv';
  readonly hop: RsvpHop;
  readonly timeValues: RsvpTimeValues;
  readonly resvConfirm: RsvpResvConfirm | null;
  readonly style: RsvpStyle;
  /** At least one. */
  readonly flowDescriptors: readonly FlowDescriptor[];
}

/** RFC 2205 3.1.7. */
export interface PathErrMessage extends Common {
  readonly kind: 'pathErr';
  readonly errorSpec: RsvpErrorSpec;
  readonly senderTemplate: RsvpSenderTemplate;
  readonly senderTspec: RsvpSenderTspec | null;
  readonly adspec: RsvpAdspec | null;
}

/** RFC 2205 3.1.8. */
export interface ResvErrMessage extends Common {
  readonly kind: 'resvErr';
  readonly hop: RsvpHop;
  readonly errorSpec: RsvpErrorSpec;
  readonly style: RsvpStyle;
  /** The one at fault. */
  readonly flowDescriptor: FlowDescriptor | null;
}

/** RFC 2205 3.1.5. */
export interface PathTearMessage extends Common {
  readonly kind: 'pathTear';
  readonly hop: RsvpHop;
  readonly senderTemplate: RsvpSenderTemplate;
  readonly senderTspec: RsvpSenderTspec | null;
  readonly adspec: RsvpAdspec | null;
}

/** RFC 2205 3.1.6. */
export interface ResvTearMessage extends Common {
  readonly kind: 'resvTear';
  readonly hop: RsvpHop;
  readonly style: RsvpStyle;
  /** At least one; WF without a flowspec is one with neither flowspec nor filters. */
  readonly flowDescriptors: readonly TearDescriptor[];
}

/** RFC 2205 3.1.9. */
export interface ResvConfMessage extends Common {
  readonly kind: 'resvConf';
  readonly errorSpec: RsvpErrorSpec;
  readonly resvConfirm: RsvpResvConfirm;
  readonly style: RsvpStyle;
  /** At least one. */
  readonly flowDescriptors: readonly FlowDescriptor[];
}

/** A message whose structure is right: the objects its type needs are there, once. */
export type ValidMessage =
  PathMessage | ResvMessage | PathErrMessage | ResvErrMessage | PathTearMessage | ResvTearMessage | ResvConfMessage;

/**
 * An error about a message that was not understood: its objects go back as they came, since what they mean is not known
 * (RFC 2205 3.10). It is only written; whoever gets it reads a PathErr or ResvErr.
 */
export interface FormatErrMessage {
  readonly kind: 'formatErr';
  /** Of the message that it is. */
  readonly type: 'pathErr' | 'resvErr';
  readonly sendTtl: number;
  /** In the order of RFC 2205 3.1.7 or 3.1.8. */
  readonly objects: readonly RsvpObject[];
  readonly extensions?: Extensions;
}

/** What is sent. */
export type DepartingMessage = ValidMessage | FormatErrMessage;
