import { decodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { className } from '../../src/core/rsvp/wire/class-names.ts';
import { messageTypeName } from '../../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../../src/core/rsvp/wire/objects.ts';
import type { RsvpAdspec } from '../../src/core/rsvp/wire/adspec.ts';
import type { Carried, EngineEvent, Share } from '../../src/core/rsvp/engine/types.ts';
import type { Happening, Node, Sent } from '../core/rsvp/engine/network.ts';
import { flowspecText, flowText, periodText, protocolText, rateText, tspecText } from './scenario-values.ts';

/** How much of a message a trace shows. */
export interface Detail {
  /** ADSPEC in full; else just its break bit. */
  adspec: boolean;
  /** Flows are shown by these names, where they have one. */
  readonly names: Map<string, string>;
}

/** One line of a trace, without its time; null for what scenarios do not show. */
export function happeningText(happening: Happening, detail: Detail): string | null {
  switch (happening.type) {
    case 'message': {
      const { sent, to, lost } = happening;
      const way = `${sent.node}>${to?.name ?? '?'}`.padEnd(14);
      return `${way} ${messageText(sent, detail)}${lost ? '  (lost)' : ''}`;
    }
    case 'verdict': {
      const { node, install, verdict } = happening;
      const answer =
        verdict === 'install'
          ? 'installed'
          : verdict === 'hold'
            ? 'not answered yet'
            : `refused ${verdict.errorCode}/${verdict.errorValue}`;
      return nodeLine(node, `kernel ${shareText(install)}: ${flowspecText(install.flowspec)} ${answer}`);
    }
    case 'output': {
      const { node, output } = happening;
      if (output.type === 'remove') return nodeLine(node, `kernel ${shareText(output)}: removed`);
      return output.type === 'event' ? nodeLine(node, eventText(output.event, detail)) : null;
    }
  }
}

/** The interface; with shared styles also the style and the senders that share. */
function shareText({ interface: name, style, filters }: Share): string {
  if (style === 'FF') return name;
  const senders = filters.map(({ source, sourcePort }) => ` ${source}:${sourcePort}`);
  return `${name} ${style}${senders.join('')}`;
}

const carriedText = ({ policyData, dclass }: Carried): string =>
  `${policyData ? `, policy data ${policyData.length}` : ''}${dclass ? `, dscp ${dclass.join(' ')}` : ''}`;

const nodeLine = (node: Node, text: string): string => `${node.name.padEnd(14)} * ${text}`;

export const messageName = (sent: Sent): string => {
  const decoded = decodeMessage(sent.send.bytes);
  return decoded.ok ? messageTypeName(decoded.value.message.type) : 'undecodable';
};

function messageText({ send }: Sent, detail: Detail): string {
  const decoded = decodeMessage(send.bytes);
  if (!decoded.ok) return `undecodable: ${decoded.error.detail}`;
  const { type, sendTtl, objects, messages } = decoded.value.message;
  const alert = send.routerAlert ? ' alert' : '';
  const header = `${messageTypeName(type)} ${send.source} > ${send.destination} ttl ${sendTtl}/${send.ttl}${alert}`;
  const parts = (messages ?? []).map(
    ({ message }) => `{${[messageTypeName(message.type), ...objectTexts(message.objects, detail)].join('; ')}}`,
  );
  return [[header, ...objectTexts(objects, detail)].join('; '), ...parts].join(' ');
}

const objectTexts = (objects: readonly RsvpObject[], detail: Detail): string[] =>
  objects.flatMap((object) => objectText(object, detail) ?? []);

function objectText(object: RsvpObject, detail: Detail): string | null {
  switch (object.kind) {
    case 'session': {
      const { protocol, destination, destinationPort, flags } = object;
      return `session ${protocolText(protocol)} ${destination}:${destinationPort}${flags ? ` flags ${flags}` : ''}`;
    }
    case 'rsvpHop':
      return `hop ${object.address}${object.logicalInterfaceHandle ? ` lih ${object.logicalInterfaceHandle}` : ''}`;
    case 'timeValues':
      return `R ${periodText(object.refreshPeriod)}`;
    case 'errorSpec': {
      const flags = [object.flags & 1 ? ' InPlace' : '', object.flags & 2 ? ' NotGuilty' : ''].join('');
      return `error ${object.errorCode}/${object.errorValue} at ${object.errorNode}${flags}`;
    }
    case 'resvConfirm':
      return `confirm to ${object.receiver}`;
    case 'style':
      return `style ${{ 0x0a: 'FF', 0x11: 'WF', 0x12: 'SE' }[object.optionVector] ?? object.optionVector}`;
    case 'senderTemplate':
      return `sender ${object.source}:${'sourcePort' in object ? object.sourcePort : 0}`;
    case 'filterSpec':
      return `filter ${object.source}:${'sourcePort' in object ? object.sourcePort : 0}`;
    case 'senderTspec':
      return `tspec ${tspecText(object.tspec)}`;
    case 'flowspec':
      return flowspecText(object.flowspec);
    case 'adspec':
      return adspecText(object, detail);
    case 'messageId':
      return `id ${object.epoch}/${object.messageId}${object.flags & 1 ? ' ack desired' : ''}`;
    case 'messageIdAck':
      return `ack ${object.epoch}/${object.messageId}`;
    case 'messageIdNack':
      return `nack ${object.epoch}/${object.messageId}`;
    case 'messageIdList':
      return `ids ${object.epoch}/${object.messageIds.join(' ')}`;
    case 'hello':
      return `${object.ack ? 'ack' : 'request'} from ${object.sourceInstance} to ${object.destinationInstance}`;
    case 'integrity':
      return `key ${object.keyId}`;
    case 'challenge':
      return `for key ${object.keyId} cookie ${Buffer.from(object.cookie).toString('hex')}`;
    case 'scope':
      return `scope ${object.sources.join(' ')}`;
    case 'dclass':
      return `dscp ${object.codePoints.join(' ')}`;
    case 'explicitRoute':
      return `route ${object.hops.map((hop) => (hop.hop === 'address' ? `${hop.loose ? '~' : ''}${hop.address}` : hop.hop)).join(' ')}`;
    case 'recordRoute':
      return `recorded ${object.hops.map((hop) => (hop.hop === 'address' ? hop.address : hop.hop)).join(' ')}`;
    case 'unknown':
      return `${className(object.classNumber)}/${object.cType} ${Buffer.from(object.body).toString('hex')}`;
    default:
      return (object as { kind: string }).kind;
  }
}

export function adspecText({ general, guaranteed }: RsvpAdspec, detail: Detail): string | null {
  if (!detail.adspec) return general.breakBit ? 'adspec with break bit' : null;
  const { isHops, pathBandwidth, minPathLatency, pathMtu, breakBit } = general;
  const latency = minPathLatency === 0xffff_ffff ? 'indeterminate' : `${minPathLatency}us`;
  const parts = [`adspec hops ${isHops} bandwidth ${rateText(pathBandwidth)} latency ${latency} mtu ${pathMtu}`];
  if (guaranteed) parts.push(`C ${guaranteed.cTot} D ${guaranteed.dTot}us`);
  if (guaranteed?.breakBit) parts.push('guaranteed-break');
  if (breakBit) parts.push('break');
  return parts.join(' ');
}

function eventText(event: EngineEvent, { names }: Detail): string {
  if (event.type === 'lastKeyExpired') {
    return `lastKeyExpired ${event.keyId} of ${event.neighbour ?? 'everybody'} on ${event.interface}`;
  }
  if (event.type === 'neighbourChanged') return `neighbour ${event.neighbour} on ${event.interface} ${event.change}`;
  const what = `${event.type} ${flowText(event.flow, names)}`;
  switch (event.type) {
    case 'pathUp': {
      const from = event.previousHop === null ? '' : ` from ${event.previousHop}`;
      return `${what}${from}${event.local ? ' ends here' : ''}${event.nonRsvpHop ? ', through a hop without RSVP' : ''}${event.recordedRoute === null ? '' : `, by ${event.recordedRoute.join(' ') || 'none yet'}`}${carriedText(event)}`;
    }
    case 'pathDown':
    case 'resvDown':
      return `${what}: ${event.cause}`;
    case 'resvUp':
      return `${what} on ${event.interface} to ${event.nextHop}: ${event.style === 'FF' ? '' : `${event.style} `}${flowspecText(event.flowspec)}${carriedText(event)}`;
    case 'confirmed':
      return `${what} by ${event.by}`;
    case 'resvError':
    case 'pathError':
      return `${what}: ${event.errorCode}/${event.errorValue} at ${event.errorNode}${event.notGuilty ? ' NotGuilty' : ''}${event.local ? '' : ' (passing by)'}`;
    default:
      return (event as { type: string }).type;
  }
}
