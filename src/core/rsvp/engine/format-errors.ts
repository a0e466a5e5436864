import { ipFamily } from '../../base/ip.ts';
import type { RsvpFilterSpec, RsvpSenderTemplate } from '../wire/filter-spec.ts';
import type { FormatErrMessage } from '../wire/message-views.ts';
import { MESSAGE_TYPE, type RsvpMessage } from '../wire/message.ts';
import type { RsvpObject } from '../wire/objects.ts';
import { codecOf } from '../wire/registry.ts';
import type { RsvpSession } from '../wire/session.ts';
import { STYLE_SE, STYLE_WF } from '../wire/style.ts';
import { POLICY_DATA } from '../wire/unknown.ts';
import type { ArrivedPacket } from './arrived-packet.ts';
import { errorSpecOf, NEIGHBOUR_TTL } from './messages.ts';
import { canBeNeighbour } from './neighbours/table.ts';
import { sendToNeighbour } from './send.ts';
import type { EngineState } from './state.ts';

const CLASS = {
  session: 1,
  scope: 7,
  style: 8,
  flowspec: 9,
  filterSpec: 10,
  senderTemplate: 11,
  senderTspec: 12,
  adspec: 13,
};
const STYLE_BITS = 0x1f;
/** Of one descriptor: what fits a packet of 1,500 bytes with the other objects. */
const MOST_FILTERS = 64;

const classOf = (object: RsvpObject): number =>
  object.kind === 'unknown' ? object.classNumber : codecOf(object).classNumber;

/** A message by classes, whether their C-Types are known or not. */
class Objects {
  readonly #objects: readonly RsvpObject[];
  constructor(objects: readonly RsvpObject[]) {
    this.#objects = objects;
  }
  all(classNumber: number): readonly RsvpObject[] {
    return this.#objects.filter((object) => classOf(object) === classNumber);
  }
  first(classNumber: number): readonly RsvpObject[] {
    return this.all(classNumber).slice(0, 1);
  }
}

/**
 * Errors of format that end systems hear of; only a Path or Resv is answered (RFC 2205 3.10, appendix B), and only one that
 * names its session and sender, whatever their C-Types: all that is known of them goes back as it came.
 */
export function answerFormat(
  state: EngineState,
  message: RsvpMessage,
  packet: ArrivedPacket,
  { errorCode, errorValue }: { readonly errorCode: number; readonly errorValue: number },
): void {
  const hop = message.objects.find((object) => object.kind === 'rsvpHop');
  const out = state.interfaces.get(packet.interface);
  if (hop === undefined || out === undefined || !canBeNeighbour(state, hop.address)) return;
  const session = message.objects.find((object) => object.kind === 'session');
  if (session !== undefined && ipFamily(hop.address) !== ipFamily(session.destination)) return;
  const objects = new Objects(message.objects);
  const error = errorSpecOf(out.address, errorCode, errorValue);
  const answer = (type: FormatErrMessage['type'], about: readonly RsvpObject[] | null): void => {
    if (about === null || objects.first(CLASS.session).length === 0) return;
    const view = { kind: 'formatErr', type, sendTtl: NEIGHBOUR_TTL, objects: about } as const;
    sendToNeighbour(state, view, out, hop.address);
  };
  if (message.type === MESSAGE_TYPE.path) answer('pathErr', pathErr(objects, error, session));
  else if (message.type === MESSAGE_TYPE.resv) {
    const own = { kind: 'rsvpHop', address: out.address, logicalInterfaceHandle: 0 } as const;
    answer('resvErr', resvErr(objects, [own, error], session));
  }
}

/** RFC 2205 3.1.7; null where nothing names the sender. */
function pathErr(objects: Objects, error: RsvpObject, session: RsvpSession | undefined): readonly RsvpObject[] | null {
  const sender = objects.first(CLASS.senderTemplate);
  if (sender.length === 0 || !sender.every((each) => belongs(each, session))) return null;
  const { senderTspec, adspec } = CLASS;
  return [
    ...objects.first(CLASS.session),
    error,
    ...objects.all(POLICY_DATA),
    ...sender,
    ...objects.first(senderTspec),
    ...objects.first(adspec),
  ];
}

/** RFC 2205 3.1.8, with the first flow descriptor; null where nothing names the fault. */
function resvErr(
  objects: Objects,
  own: readonly RsvpObject[],
  session: RsvpSession | undefined,
): readonly RsvpObject[] | null {
  const flowspec = objects.first(CLASS.flowspec);
  const style = objects.first(CLASS.style);
  const filters = filtersOf(objects, style[0]);
  if (flowspec.length === 0 || style.length === 0 || !filters.every((each) => belongs(each, session))) return null;
  if (filters.length === 0 && optionsOf(style[0]) !== STYLE_WF) return null;
  return [
    ...objects.first(CLASS.session),
    ...own,
    ...objects.first(CLASS.scope),
    ...objects.all(POLICY_DATA),
    ...style,
    ...flowspec,
    ...filters,
  ];
}

const optionsOf = (style: RsvpObject | undefined): number | null =>
  style?.kind === 'style' ? style.optionVector & STYLE_BITS : null;

/** Of a style that is not known the flow descriptors are not either: the error names one sender, as FF does. */
function filtersOf(objects: Objects, style: RsvpObject | undefined): readonly RsvpObject[] {
  const bits = optionsOf(style);
  if (bits === STYLE_WF) return [];
  return bits === STYLE_SE ? objects.all(CLASS.filterSpec).slice(0, MOST_FILTERS) : objects.first(CLASS.filterSpec);
}

/**
 * Whether a sender can be one of the session: an address of its family, and a port only where it has one (RFC 2205 3.2).
 * What is not understood goes back as it came.
 */
function belongs(sender: RsvpObject, session: RsvpSession | undefined): boolean {
  if (session === undefined || !isPlain(sender)) return true;
  return (
    ipFamily(sender.source) === ipFamily(session.destination) &&
    (session.destinationPort !== 0 || sender.sourcePort === 0)
  );
}

const isPlain = (object: RsvpObject): object is RsvpSenderTemplate | RsvpFilterSpec =>
  object.kind === 'senderTemplate' || object.kind === 'filterSpec';
