import { INDETERMINATE_LATENCY, type RsvpAdspec } from '../core/rsvp/wire/adspec.ts';
import { className } from '../core/rsvp/wire/class-names.ts';
import type { RsvpFlowspec } from '../core/rsvp/wire/flowspec.ts';
import type { RsvpObject } from '../core/rsvp/wire/objects.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF } from '../core/rsvp/wire/style.ts';
import type { WireTspec } from '../core/rsvp/wire/tspec.ts';
import { hex } from './json.ts';
import { explicitHopJson, keyIdJson, recordedHopJson } from './rsvp-extension-json.ts';
import type { ReadMessage } from './rsvp-message.ts';

/** What an IP header says of a message. */
export interface LineEnvelope {
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  readonly routerAlert: boolean;
}

/**
 * A message on one line, as scenario files write it: type, addresses, Send_TTL and IP TTL, then each object's essentials.
 * What does not matter in most cases is left out: handle 0, session flags 0, an ADSPEC without break bit.
 */
export function messageLine(envelope: LineEnvelope, message: ReadMessage): string {
  const { source, destination, ttl, routerAlert } = envelope;
  const alert = routerAlert ? ' alert' : '';
  const parts = [
    `${message.type ?? 'unreadable'} ${source} > ${destination} ttl ${message.sendTtl ?? '?'}/${ttl}${alert}`,
    ...objectLines(message),
    ...(message.messages ?? []).map((inner) => `[${[inner.type ?? 'unreadable', ...objectLines(inner)].join('; ')}]`),
  ];
  if (message.error) parts.push(`ERROR ${message.error.reason} at offset ${message.error.offset}`);
  return parts.join('; ');
}

const objectLines = ({ objects, odd }: Pick<ReadMessage, 'objects' | 'odd'>): string[] =>
  objects.flatMap((object) => {
    const error = odd.get(object);
    const line = objectLine(object);
    return error ? [`${line} (ODD ${error.reason} at offset ${error.offset})`] : (line ?? []);
  });

function objectLine(object: RsvpObject): string | null {
  switch (object.kind) {
    case 'session': {
      const { protocol, destination, destinationPort, flags } = object;
      return `session ${protocolText(protocol)} ${destination}:${destinationPort}${flags ? ` flags ${flags}` : ''}`;
    }
    case 'lspSession':
      return `session tunnel ${object.endPoint} id ${object.tunnelId} extended ${object.extendedTunnelId}`;
    case 'rsvpHop':
      return `hop ${object.address}${object.logicalInterfaceHandle ? ` lih ${object.logicalInterfaceHandle}` : ''}`;
    case 'timeValues':
      return `R ${object.refreshPeriod / 1_000}s`;
    case 'errorSpec': {
      const flags = [object.flags & 1 ? ' InPlace' : '', object.flags & 2 ? ' NotGuilty' : ''].join('');
      return `error ${object.errorCode}/${object.errorValue} at ${object.errorNode}${flags}`;
    }
    case 'resvConfirm':
      return `confirm to ${object.receiver}`;
    case 'style':
      return `style ${styleText(object.optionVector)}`;
    case 'scope':
      return `scope ${object.sources.join(' ')}`;
    case 'senderTemplate':
      return `sender ${object.source}:${object.sourcePort}`;
    case 'filterSpec':
      return `filter ${object.source}:${object.sourcePort}`;
    case 'lspSenderTemplate':
      return `sender ${object.source} lsp ${object.lspId}`;
    case 'lspFilterSpec':
      return `filter ${object.source} lsp ${object.lspId}`;
    case 'senderTspec':
      return `tspec ${tspecText(object.tspec)}`;
    case 'flowspec':
      return flowspecText(object.flowspec);
    case 'adspec':
      return adspecText(object);
    case 'explicitRoute':
      return `route ${object.hops.map((hop) => hopText(explicitHopJson(hop))).join(' ')}`;
    case 'recordRoute':
      return `recorded ${object.hops.map((hop) => hopText(recordedHopJson(hop))).join(' ')}`;
    case 'label':
      return `label ${object.label}`;
    case 'labelRequest':
      return `label for 0x${object.l3Pid.toString(16).padStart(4, '0')}`;
    case 'sessionAttribute':
      return `attribute "${object.name}" priority ${object.setupPriority}/${object.holdingPriority}`;
    case 'hello': {
      const { ack, sourceInstance, destinationInstance } = object;
      return `${ack ? 'ack' : 'request'} from ${hex32(sourceInstance)} to ${hex32(destinationInstance)}`;
    }
    case 'messageId':
      return `id ${hex32(object.epoch)}/${object.messageId}${object.flags & 1 ? ' ack wanted' : ''}`;
    case 'messageIdAck':
      return `ack ${hex32(object.epoch)}/${object.messageId}`;
    case 'messageIdNack':
      return `nack ${hex32(object.epoch)}/${object.messageId}`;
    case 'messageIdList':
      return `ids ${hex32(object.epoch)}/${object.messageIds.join(',')}`;
    case 'integrity':
      return `integrity key ${keyIdJson(object.keyId)} sequence ${object.sequenceNumber}`;
    case 'challenge':
      return `challenge key ${keyIdJson(object.keyId)}`;
    case 'dclass':
      return `dscp ${object.codePoints.join(' ')}`;
    case 'unknown':
      return `${className(object.classNumber)}/${object.cType} ${hex(object.body)}`;
    default:
      return object.kind;
  }
}

export const styleText = (optionVector: number): string =>
  optionVector === STYLE_FF
    ? 'FF'
    : optionVector === STYLE_SE
      ? 'SE'
      : optionVector === STYLE_WF
        ? 'WF'
        : `0x${optionVector.toString(16)}`;

export const protocolText = (protocol: number): string =>
  protocol === 17 ? 'udp' : protocol === 6 ? 'tcp' : `${protocol}`;

/** Rates in bits per second, shortened where that loses nothing; a limit that is none is `none`. */
export const rateText = (bytesPerSecond: number): string =>
  Number.isFinite(bytesPerSecond)
    ? scaled(8 * bytesPerSecond)
    : bytesPerSecond === Infinity
      ? 'none'
      : String(bytesPerSecond);

/** Rate and bucket; the rest only where it is not usual (no peak, m 128, M 1500). */
export function tspecText(tspec: WireTspec): string {
  const parts = [rateText(tspec.tokenRate), `bucket ${scaled(tspec.tokenBucket)}`];
  if (tspec.peakRate !== Infinity) parts.push(`peak ${rateText(tspec.peakRate)}`);
  if (tspec.minPolicedUnit !== 128) parts.push(`m ${tspec.minPolicedUnit}`);
  if (tspec.maxPacketSize !== 1500) parts.push(`M ${tspec.maxPacketSize}`);
  return parts.join(' ');
}

export const flowspecText = (flowspec: RsvpFlowspec['flowspec']): string =>
  flowspec.service === 'controlledLoad'
    ? `CL ${tspecText(flowspec.tspec)}`
    : `G ${tspecText(flowspec.tspec)} R ${rateText(flowspec.rspec.rate)} slack ${flowspec.rspec.slack}us`;

function adspecText({ general }: RsvpAdspec): string {
  const { isHops, pathBandwidth, minPathLatency, pathMtu, breakBit } = general;
  const latency = minPathLatency === INDETERMINATE_LATENCY ? 'indeterminate' : `${minPathLatency}us`;
  return `adspec hops ${isHops} bandwidth ${rateText(pathBandwidth)} latency ${latency} mtu ${pathMtu}${breakBit ? ' BREAK' : ''}`;
}

function hopText(json: unknown): string {
  const { loose, flags: _, ...hop } = json as Record<string, unknown>;
  return `${Object.values(hop).join('/')}${loose === true ? ' (loose)' : ''}`;
}

const hex32 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function scaled(n: number): string {
  for (const [letter, factor] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (n >= factor && n % (factor / 100) === 0) return `${n / factor}${letter}`;
  }
  return String(n);
}
