import type { IpAddress } from '../../base/ip.ts';
import type { RsvpErrorSpec } from '../wire/error-spec.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from '../wire/filter-spec.ts';
import type {
  PathErrMessage,
  PathMessage,
  PathTearMessage,
  ResvConfMessage,
  ResvErrMessage,
  ResvMessage,
  ResvTearMessage,
  ValidMessage,
} from '../wire/message-views.ts';
import type { RsvpAdspec } from '../wire/adspec.ts';
import type { RsvpFlowspec } from '../wire/flowspec.ts';
import type { RsvpSession } from '../wire/session.ts';
import { STYLE_FF, type RsvpStyle } from '../wire/style.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import type { Millis } from '../../base/units.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import type { PathContents } from './psb.ts';
import type { FlowKey } from './types.ts';

/** TTL of PATH and ResvConf at the host where they start. */
export const FIRST_TTL = 64;
/** TTL of messages that go to a neighbour and no further. */
export const NEIGHBOUR_TTL = 255;
/** Our messages are told apart by the interface's address; handles are for tunnels (RFC 2205 3.3). */
const OWN_HANDLE = 0;

export const fixedFilter: RsvpStyle = { kind: 'style', flags: 0, optionVector: STYLE_FF };

export const sessionOf = (flow: FlowKey, flags = 0): RsvpSession => ({
  kind: 'session',
  destination: flow.destination,
  protocol: flow.protocol,
  flags,
  destinationPort: flow.destinationPort,
});
const templateOf = (flow: FlowKey): RsvpSenderTemplate => ({
  kind: 'senderTemplate',
  source: flow.source,
  sourcePort: flow.sourcePort,
});
const filterOf = (flow: FlowKey): RsvpFilterSpec => ({
  kind: 'filterSpec',
  source: flow.source,
  sourcePort: flow.sourcePort,
});
export const flowOf = (session: RsvpSession, sender: RsvpSenderTemplate | RsvpFilterSpec): FlowKey => ({
  destination: session.destination,
  protocol: session.protocol,
  destinationPort: session.destinationPort,
  source: sender.source,
  sourcePort: sender.sourcePort,
});
/** The flow whose way the message must take; null for all but Path and PathTear. */
export const pathFlow = (view: ValidMessage): FlowKey | null =>
  view.kind === 'path' || view.kind === 'pathTear' ? flowOf(view.session, view.senderTemplate) : null;

const hopOf = (address: IpAddress, logicalInterfaceHandle = OWN_HANDLE) =>
  ({ kind: 'rsvpHop', address, logicalInterfaceHandle }) as const;
const descriptorOf = (flow: FlowKey, flowspec: Flowspec) => ({
  flowspec: { kind: 'flowspec', flowspec } satisfies RsvpFlowspec,
  filters: [filterOf(flow)],
});
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
): PathMessage => ({
  kind: 'path',
  sendTtl,
  session: sessionOf(flow, contents.sessionFlags),
  unknown: contents.forwarded,
  hop: hopOf(address),
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

export interface ResvParts {
  readonly flowspec: Flowspec;
  readonly confirm: IpAddress | null;
  readonly forwarded: readonly RsvpUnknown[];
  readonly refreshPeriod: Millis;
}

/** `handle` is the one that PATH brought, returned as it came. */
export const buildResv = (flow: FlowKey, parts: ResvParts, address: IpAddress, handle: number): ResvMessage => ({
  kind: 'resv',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(flow),
  unknown: parts.forwarded,
  hop: hopOf(address, handle),
  timeValues: { kind: 'timeValues', refreshPeriod: parts.refreshPeriod },
  resvConfirm: parts.confirm && { kind: 'resvConfirm', receiver: parts.confirm },
  style: fixedFilter,
  flowDescriptors: [descriptorOf(flow, parts.flowspec)],
});

export const buildResvTear = (
  flow: FlowKey,
  flowspec: Flowspec,
  address: IpAddress,
  handle: number,
): ResvTearMessage => ({
  kind: 'resvTear',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(flow),
  unknown: [],
  hop: hopOf(address, handle),
  style: fixedFilter,
  flowDescriptors: [descriptorOf(flow, flowspec)],
});

export const buildResvConf = (
  flow: FlowKey,
  flowspec: Flowspec,
  receiver: IpAddress,
  address: IpAddress,
): ResvConfMessage => ({
  kind: 'resvConf',
  sendTtl: FIRST_TTL,
  session: sessionOf(flow),
  unknown: [],
  errorSpec: errorSpecOf(address, 0, 0),
  resvConfirm: { kind: 'resvConfirm', receiver },
  style: fixedFilter,
  flowDescriptors: [descriptorOf(flow, flowspec)],
});

export const buildPathErr = (flow: FlowKey, contents: PathContents | null, error: RsvpErrorSpec): PathErrMessage => ({
  kind: 'pathErr',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(flow, contents?.sessionFlags),
  unknown: [],
  errorSpec: error,
  senderTemplate: templateOf(flow),
  senderTspec: contents && { kind: 'senderTspec', tspec: contents.tspec },
  adspec: null,
});

export const buildResvErr = (
  flow: FlowKey,
  flowspec: RsvpFlowspec,
  address: IpAddress,
  error: RsvpErrorSpec,
  style = fixedFilter,
): ResvErrMessage => ({
  kind: 'resvErr',
  sendTtl: NEIGHBOUR_TTL,
  session: sessionOf(flow),
  unknown: [],
  hop: hopOf(address),
  errorSpec: error,
  style,
  flowDescriptor: { flowspec, filters: [filterOf(flow)] },
});
