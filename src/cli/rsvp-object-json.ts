import { assertNever } from '../core/base/assert-never.ts';
import { INDETERMINATE_LATENCY, type RsvpAdspec } from '../core/rsvp/wire/adspec.ts';
import { className } from '../core/rsvp/wire/class-names.ts';
import type { RsvpFlowspec } from '../core/rsvp/wire/flowspec.ts';
import { MESSAGE_ID_ACK_DESIRED } from '../core/rsvp/wire/message-id.ts';
import type { RsvpObject } from '../core/rsvp/wire/objects.ts';
import { codecOf } from '../core/rsvp/wire/registry.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF } from '../core/rsvp/wire/style.ts';
import type { WireTspec } from '../core/rsvp/wire/tspec.ts';
import { hex, numberJson, type Json } from './json.ts';
import {
  explicitHopJson,
  integrityJson,
  keyIdJson,
  policyElementJson,
  recordedHopJson,
  sessionAttributeJson,
} from './rsvp-extension-json.ts';

/** What every object has, and its own fields. */
export interface ObjectJson {
  readonly class: string;
  readonly classNumber: number;
  readonly cType: number;
  readonly [name: string]: Json;
}

/** An object for `--json`: class name and number, C-Type, then its fields with units in their names. */
export function objectJson(object: RsvpObject): ObjectJson {
  const { classNumber, cType } = object.kind === 'unknown' ? object : codecOf(object);
  return { class: className(classNumber), classNumber, cType, ...fields(object) };
}

function fields(object: RsvpObject): Record<string, Json> {
  switch (object.kind) {
    case 'session': {
      const { destination, protocol, flags, destinationPort } = object;
      return { destination, protocol, flags, destinationPort };
    }
    case 'rsvpHop':
      return { address: object.address, logicalInterfaceHandle: object.logicalInterfaceHandle };
    case 'timeValues':
      return { refreshPeriodMs: object.refreshPeriod };
    case 'errorSpec': {
      const { errorNode, flags, errorCode, errorValue } = object;
      return { errorNode, flags, inPlace: (flags & 1) !== 0, notGuilty: (flags & 2) !== 0, errorCode, errorValue };
    }
    case 'style':
      return { style: styleName(object.optionVector), flags: object.flags, optionVector: object.optionVector };
    case 'flowspec':
      return flowspecJson(object.flowspec);
    case 'filterSpec':
    case 'senderTemplate':
      return { source: object.source, sourcePort: object.sourcePort };
    case 'senderTspec':
      return { tspec: tspecJson(object.tspec) };
    case 'adspec':
      return adspecJson(object);
    case 'resvConfirm':
      return { receiver: object.receiver };
    case 'gpiSession': {
      const { destination, protocol, flags, virtualDestinationPort } = object;
      return { destination, protocol, flags, virtualDestinationPort };
    }
    case 'lspSession':
      return { endPoint: object.endPoint, tunnelId: object.tunnelId, extendedTunnelId: object.extendedTunnelId };
    case 'flowLabelFilterSpec':
    case 'flowLabelSenderTemplate':
      return { source: object.source, flowLabel: object.flowLabel };
    case 'gpiFilterSpec':
    case 'gpiSenderTemplate':
      return { source: object.source, gpi: object.gpi };
    case 'lspFilterSpec':
    case 'lspSenderTemplate':
      return { source: object.source, lspId: object.lspId };
    case 'scope':
      return { sources: object.sources };
    case 'integrity':
      return integrityJson(object);
    case 'challenge':
      return { keyId: keyIdJson(object.keyId), cookie: hex(object.cookie) };
    case 'policyData':
      return { options: object.options.map(objectJson), elements: object.elements.map(policyElementJson) };
    case 'label':
      return { label: object.label };
    case 'labelRequest':
      return { l3Pid: object.l3Pid };
    case 'explicitRoute':
      return { hops: object.hops.map(explicitHopJson) };
    case 'recordRoute':
      return { hops: object.hops.map(recordedHopJson) };
    case 'sessionAttribute':
      return sessionAttributeJson(object);
    case 'hello':
      return {
        type: object.ack ? 'acknowledgement' : 'request',
        sourceInstance: object.sourceInstance,
        destinationInstance: object.destinationInstance,
      };
    case 'restartCap':
      return { restartTimeMs: object.restartTime, recoveryTimeMs: object.recoveryTime };
    case 'capability': {
      const { flags } = object;
      const bit = (mask: number): boolean => (flags & mask) !== 0;
      return { flags, recoveryPathTransmit: bit(4), recoveryPathDesired: bit(2), recoveryPathSrefresh: bit(1) };
    }
    case 'messageId': {
      const { flags, epoch, messageId } = object;
      return { flags, ackDesired: (flags & MESSAGE_ID_ACK_DESIRED) !== 0, epoch, messageId };
    }
    case 'messageIdAck':
    case 'messageIdNack': {
      const { flags, epoch, messageId } = object;
      return { type: object.kind === 'messageIdAck' ? 'ACK' : 'NACK', flags, epoch, messageId };
    }
    case 'messageIdList':
      return { flags: object.flags, epoch: object.epoch, messageIds: object.messageIds };
    case 'messageIdSourceList':
      return { list: 'source', flags: object.flags, epoch: object.epoch, entries: object.entries };
    case 'messageIdMulticastList':
      return { list: 'multicast', flags: object.flags, epoch: object.epoch, entries: object.entries };
    case 'dclass':
      return { codePoints: object.codePoints };
    case 'unknown':
      return { body: hex(object.body) };
    default:
      return assertNever(object);
  }
}

function styleName(optionVector: number): Json {
  if (optionVector === STYLE_WF) return 'WF';
  if (optionVector === STYLE_FF) return 'FF';
  return optionVector === STYLE_SE ? 'SE' : null;
}

const tspecJson = (tspec: WireTspec): Json => ({
  tokenRateBytesPerSecond: numberJson(tspec.tokenRate),
  tokenBucketBytes: numberJson(tspec.tokenBucket),
  peakRateBytesPerSecond: numberJson(tspec.peakRate),
  minPolicedUnitBytes: tspec.minPolicedUnit,
  maxPacketBytes: tspec.maxPacketSize,
});

function flowspecJson(flowspec: RsvpFlowspec['flowspec']): Record<string, Json> {
  const common = { service: flowspec.service, tspec: tspecJson(flowspec.tspec) };
  if (flowspec.service === 'controlledLoad') return common;
  const { rate, slack } = flowspec.rspec;
  return { ...common, rspec: { rateBytesPerSecond: numberJson(rate), slackMicros: slack } };
}

function adspecJson({ general, guaranteed, controlledLoad, others }: RsvpAdspec): Record<string, Json> {
  const json: Record<string, Json> = {
    general: {
      breakBit: general.breakBit,
      isHops: general.isHops,
      pathBandwidthBytesPerSecond: numberJson(general.pathBandwidth),
      minPathLatencyMicros: general.minPathLatency === INDETERMINATE_LATENCY ? null : general.minPathLatency,
      pathMtuBytes: general.pathMtu,
      ...(general.extra ? { extra: hex(general.extra) } : {}),
    },
    guaranteed: null,
    controlledLoad: null,
  };
  if (guaranteed) {
    json['guaranteed'] = {
      breakBit: guaranteed.breakBit,
      cTotBytes: guaranteed.cTot,
      dTotMicros: guaranteed.dTot,
      cSumBytes: guaranteed.cSum,
      dSumMicros: guaranteed.dSum,
      overrides: hex(guaranteed.overrides),
    };
  }
  if (controlledLoad) {
    json['controlledLoad'] = { breakBit: controlledLoad.breakBit, overrides: hex(controlledLoad.overrides) };
  }
  if (others) {
    json['others'] = others.map(({ service, breakBit, data }) => ({ service, breakBit, data: hex(data) }));
  }
  return json;
}
