import type { IpAddress } from '../../base/ip.ts';
import type { RsvpErrorSpec } from '../wire/error-spec.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from '../wire/filter-spec.ts';
import type {
  DepartingMessage,
  PathErrMessage,
  PathMessage,
  PathTearMessage,
  ResvConfMessage,
  ResvErrMessage,
  ResvMessage,
  ResvTearMessage,
} from '../wire/message-views.ts';
import type { RsvpAdspec } from '../wire/adspec.ts';
import type { RsvpFlowspec } from '../wire/flowspec.ts';
import type { RsvpSession } from '../wire/session.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF, type RsvpStyle } from '../wire/style.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import type { Millis } from '../../base/units.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import type { PathContents } from './blocks.ts';
import { policyIn } from './unknown-objects.ts';
import type { Filter, FlowKey, SessionKey, StyleName } from './types.ts';

/** TTL of PATH and ResvConf at the host where they start. */
export const FIRST_TTL = 64;
/** TTL of messages that go to a neighbour and no further. */
export const NEIGHBOUR_TTL = 255;
/** Our messages are told apart by the interface's address; handles are for tunnels (RFC 2205 3.3). */
const OWN_HANDLE = 0;

const OPTION_VECTORS: Readonly<Record<StyleName, number>> = { FF: STYLE_FF, SE: STYLE_SE, WF: STYLE_WF };

/** What the value of error 5 says of a style: the low 16 bits of its option vector (RFC 2205 appendix B). */
export const STYLE_VALUE = OPTION_VECTORS;

const plainStyle = (optionVector: number): RsvpStyle => ({ kind: 'style', flags: 0, optionVector });
const STYLE_OBJECTS: Readonly<Record<StyleName, RsvpStyle>> = {
  FF: plainStyle(STYLE_FF),
  SE: plainStyle(STYLE_SE),
  WF: plainStyle(STYLE_WF),
};

export const styleObject = (style: StyleName): RsvpStyle => STYLE_OBJECTS[style];

/** STYLE as it came, to keep: nearly all are alike, and are one object. */
export function keptStyle(style: RsvpStyle): RsvpStyle {
  const plain = STYLE_OBJECTS[styleName(style)];
  return style.flags === 0 && style.optionVector === plain.optionVector ? plain : style;
}

/** The defined bits of the option vector; a node interprets what it knows of it (RFC 2205 A.7). */
export function styleName(style: RsvpStyle): StyleName {
  const bits = style.optionVector & 0x1f;
  return bits === STYLE_FF ? 'FF' : bits === STYLE_SE ? 'SE' : 'WF';
}

export const sessionOf = (session: SessionKey, flags = 0): RsvpSession => ({
  kind: 'session',
  destination: session.destination,
  protocol: session.protocol,
  flags,
  destinationPort: session.destinationPort,
});
const templateOf = (flow: FlowKey): RsvpSenderTemplate => ({
  kind: 'senderTemplate',
  source: flow.source,
  sourcePort: flow.sourcePort,
});
const filterOf = ({ source, sourcePort }: Filter): RsvpFilterSpec => ({ kind: 'filterSpec', source, sourcePort });
export const flowOf = (session: RsvpSession, sender: RsvpSenderTemplate | RsvpFilterSpec): FlowKey => ({
  destination: session.destination,
  protocol: session.protocol,
  destinationPort: session.destinationPort,
  source: sender.source,
  sourcePort: sender.sourcePort,
});
/** The flow whose way the message must take; null for all but Path and PathTear. */
export const pathFlow = (view: DepartingMessage): FlowKey | null =>
  view.kind === 'path' || view.kind === 'pathTear' ? flowOf(view.session, view.senderTemplate) : null;

const hopOf = (address: IpAddress, logicalInterfaceHandle = OWN_HANDLE) =>
  ({ kind: 'rsvpHop', address, logicalInterfaceHandle }) as const;
const descriptorsOf = ({ descriptors }: ResvContents) =>
  descriptors.map(({ flowspec, filters }) => ({
    flowspec: { kind: 'flowspec', flowspec } satisfies RsvpFlowspec,
    filters: filters.map(filterOf),
  }));
const scopeOf = ({ scope }: { readonly scope: readonly IpAddress[] | null }) =>
  scope === null || scope.length === 0 ? {} : { extensions: { scope: { kind: 'scope', sources: scope } as const } };
export const errorSpecOf = (errorNode: IpAddress, errorCode: number, errorValue: number, flags = 0): RsvpErrorSpec => ({
  kind: 'errorSpec',
  errorNode,
  flags,
  errorCode,
  errorValue,
});

export const buildPath = (
  flow: FlowKey,
  contents: PathContents,
  adspec: RsvpAdspec | null,
  address: IpAddress,
  refreshPeriod: Millis,
  sendTtl: number,
  handle = OWN_HANDLE,
): PathMessage => ({
  kind: 'path',
  sendTtl,
  session: sessionOf(flow, contents.sessionFlags),
  unknown: contents.forwarded,
  hop: hopOf(address, handle),
  timeValues: { kind: 'timeValues', refreshPeriod },
  senderTemplate: templateOf(flow),
  senderTspec: { kind: 'senderTspec', tspec: contents.tspec },
  adspec,
});

export const buildPathTear = (
  flow: FlowKey,
  contents: PathContents,
  address: IpAddress,
  sendTtl: number,
): PathTearMessage => ({
  kind: 'pathTear',
  sendTtl,
  session: sessionOf(flow, contents.sessionFlags),
  unknown: contents.forwarded,
  hop: hopOf(address),
  senderTemplate: templateOf(flow),
  senderTspec: { kind: 'senderTspec', tspec: contents.tspec },
  adspec: null,
});

/** What a message about reservations is about. */
export interface ResvContents {
  readonly session: SessionKey;
  readonly style: StyleName;
  /** WF: null for none. */
  readonly scope: readonly IpAddress[] | null;
  /** SE and WF: one; WF's has no filters. */
  readonly descriptors: readonly { readonly flowspec: Flowspec; readonly filters: readonly Filter[] }[];
}

export interface ResvParts {
  readonly confirm: IpAddress | null;
  readonly forwarded: readonly RsvpUnknown[];
  readonly refreshPeriod: Millis;
  /** Of the interface that it leaves by. */
  readonly address: IpAddress;
  /** The one that PATH brought, returned as it came. */
  readonly handle: number;
}

export const buildResv = (contents: ResvContents, parts: ResvParts): ResvMessage => ({
  kind: 'resv',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(contents.session),
  unknown: parts.forwarded,
  ...scopeOf(contents),
  hop: hopOf(parts.address, parts.handle),
  timeValues: { kind: 'timeValues', refreshPeriod: parts.refreshPeriod },
  resvConfirm: parts.confirm && { kind: 'resvConfirm', receiver: parts.confirm },
  style: styleObject(contents.style),
  flowDescriptors: descriptorsOf(contents),
});

export const buildResvTear = (contents: ResvContents, address: IpAddress, handle: number): ResvTearMessage => ({
  kind: 'resvTear',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(contents.session),
  unknown: [],
  ...scopeOf(contents),
  hop: hopOf(address, handle),
  style: styleObject(contents.style),
  flowDescriptors: descriptorsOf(contents),
});

export const buildResvConf = (contents: ResvContents, receiver: IpAddress, address: IpAddress): ResvConfMessage => ({
  kind: 'resvConf',
  sendTtl: FIRST_TTL,
  session: sessionOf(contents.session),
  unknown: [],
  errorSpec: errorSpecOf(address, 0, 0),
  resvConfirm: { kind: 'resvConfirm', receiver },
  style: styleObject(contents.style),
  flowDescriptors: descriptorsOf(contents),
});

/** The sender descriptor and policy of the PATH, as far as they are known (RFC 2205 3.1.7). */
export const buildPathErr = (flow: FlowKey, contents: PathContents | null, error: RsvpErrorSpec): PathErrMessage => ({
  kind: 'pathErr',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(flow, contents?.sessionFlags),
  unknown: policyIn(contents?.forwarded ?? []),
  errorSpec: error,
  senderTemplate: templateOf(flow),
  senderTspec: contents && { kind: 'senderTspec', tspec: contents.tspec },
  adspec: contents?.adspec ?? null,
});

/** What a ResvErr is about: one flow descriptor (RFC 2205 3.1.8). */
export interface ErrorContents {
  readonly session: SessionKey;
  /** As it stood in the RESV. */
  readonly style: RsvpStyle;
  readonly scope: readonly IpAddress[] | null;
  readonly flowspec: RsvpFlowspec;
  readonly filters: readonly Filter[];
  /** POLICY_DATA of the RESV. */
  readonly policy: readonly RsvpUnknown[];
}

export const buildResvErr = (contents: ErrorContents, address: IpAddress, error: RsvpErrorSpec): ResvErrMessage => ({
  kind: 'resvErr',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(contents.session),
  unknown: contents.policy,
  ...scopeOf(contents),
  hop: hopOf(address),
  errorSpec: error,
  style: contents.style,
  flowDescriptor: { flowspec: contents.flowspec, filters: contents.filters.map(filterOf) },
});
