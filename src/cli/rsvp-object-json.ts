import { assertNever } from '../core/base/assert-never.ts';
import { INDETERMINATE_LATENCY, type RsvpAdspec } from '../core/rsvp/wire/adspec.ts';
import { className } from '../core/rsvp/wire/class-names.ts';
import type { RsvpFlowspec } from '../core/rsvp/wire/flowspec.ts';
import type { RsvpObject } from '../core/rsvp/wire/objects.ts';
import { codecOf } from '../core/rsvp/wire/registry.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF } from '../core/rsvp/wire/style.ts';
import type { WireTspec } from '../core/rsvp/wire/tspec.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

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

/** JSON has no infinity and no NaN, and both arrive on the wire: they become the strings that JavaScript prints. */
export const numberJson = (value: number): Json => (Number.isFinite(value) ? value : String(value));

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

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
