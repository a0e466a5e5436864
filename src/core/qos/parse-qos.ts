import { BitsPerSecond, Bytes, Micros } from '../base/units.ts';
import type { FieldProblems } from './field-problems.ts';
import type { ReservationInput } from './request-input.ts';
import type { Qos } from './request.ts';

/** 1 byte/s: the smallest rate of RFC 2212 and the smallest a kernel class can have. */
const MIN_RATE = 8;
const MAX_RATE = Number.MAX_SAFE_INTEGER;
/** An IPv4 header alone. */
const MIN_PACKET = 20;
const MAX_PACKET = 65_535;
/** 250 gigabytes, the largest bucket of RFC 2212. */
const MAX_BUCKET = 250_000_000_000;
/** Delays are 32-bit microseconds on the wire (RFC 2212). */
const MAX_MICROS = 2 ** 32 - 1;

const DEFAULT_MAX_PACKET = 1500;
const DEFAULT_MIN_POLICED_UNIT = 128;

/** Checks `qos` and fills in what is not given. @returns null where a problem was found. */
export function parseQos(input: ReservationInput['qos'], problems: FieldProblems): Qos | null {
  const serviceType = problems.oneOf('qos.serviceType', input.serviceType, ['guaranteed', 'controlledLoad']);
  const rate = problems.integer('qos.tokenRateBitsPerSecond', input.tokenRateBitsPerSecond, MIN_RATE, MAX_RATE);
  const peak = parsePeak(input, rate, problems);
  const { maxPacket, minPolicedUnit } = parsePackets(input, problems);
  const bucket = parseBucket(input, rate, maxPacket, problems);
  const { maxDelay, slack } = parseDelay(input, problems);
  if (serviceType === null || rate === null || peak === undefined || maxPacket === null) return null;
  if (minPolicedUnit === null || bucket === null || maxDelay === undefined || slack === null) return null;
  return {
    serviceType,
    tokenRateBitsPerSecond: BitsPerSecond(rate),
    tokenBucketBytes: Bytes(bucket),
    peakRateBitsPerSecond: peak === null ? null : BitsPerSecond(peak),
    minPolicedUnitBytes: Bytes(minPolicedUnit),
    maxPacketBytes: Bytes(maxPacket),
    maxDelayMicros: maxDelay === null ? null : Micros(maxDelay),
    slackMicros: Micros(slack),
  };
}

/** null = unlimited, undefined = refused. */
function parsePeak(
  { peakRateBitsPerSecond: value }: ReservationInput['qos'],
  rate: number | null,
  problems: FieldProblems,
): number | null | undefined {
  if (value === undefined || value === null) return null;
  const field = 'qos.peakRateBitsPerSecond';
  const peak = problems.integer(field, value, MIN_RATE, MAX_RATE);
  if (peak === null) return undefined;
  if (rate === null || peak >= rate) return peak;
  problems.outOfRange(field, peak, `must be at least qos.tokenRateBitsPerSecond, which is ${rate}`);
  return undefined;
}

function parsePackets(
  input: ReservationInput['qos'],
  problems: FieldProblems,
): { maxPacket: number | null; minPolicedUnit: number | null } {
  const maxPacket =
    input.maxPacketBytes === undefined
      ? DEFAULT_MAX_PACKET
      : problems.integer('qos.maxPacketBytes', input.maxPacketBytes, MIN_PACKET, MAX_PACKET);
  const field = 'qos.minPolicedUnitBytes';
  if (input.minPolicedUnitBytes === undefined) {
    // A default never contradicts what the caller did say.
    return { maxPacket, minPolicedUnit: Math.min(DEFAULT_MIN_POLICED_UNIT, maxPacket ?? DEFAULT_MAX_PACKET) };
  }
  const minPolicedUnit = problems.integer(field, input.minPolicedUnitBytes, MIN_PACKET, MAX_PACKET);
  if (minPolicedUnit !== null && maxPacket !== null && minPolicedUnit > maxPacket) {
    problems.outOfRange(field, minPolicedUnit, `must be at most qos.maxPacketBytes, which is ${maxPacket}`);
    return { maxPacket, minPolicedUnit: null };
  }
  return { maxPacket, minPolicedUnit };
}

function parseBucket(
  { tokenBucketBytes: value }: ReservationInput['qos'],
  rate: number | null,
  maxPacket: number | null,
  problems: FieldProblems,
): number | null {
  if (value === undefined) {
    const tenMillis = Math.ceil((rate ?? 0) / 800);
    return Math.min(MAX_BUCKET, Math.max(2 * (maxPacket ?? DEFAULT_MAX_PACKET), tenMillis));
  }
  const field = 'qos.tokenBucketBytes';
  const bucket = problems.integer(field, value, 1, MAX_BUCKET);
  if (bucket === null || maxPacket === null || bucket >= maxPacket) return bucket;
  problems.outOfRange(field, bucket, `must be at least qos.maxPacketBytes, which is ${maxPacket}`);
  return null;
}

/** `maxDelay`: null = no bound asked, undefined = refused. */
function parseDelay(
  input: ReservationInput['qos'],
  problems: FieldProblems,
): { maxDelay: number | null | undefined; slack: number | null } {
  const { maxDelayMicros, slackMicros = 0 } = input;
  if (input.serviceType === 'controlledLoad') {
    const only = 'is for guaranteed service only, not for controlledLoad';
    if (maxDelayMicros !== undefined && maxDelayMicros !== null) {
      problems.invalid('qos.maxDelayMicros', maxDelayMicros, only);
    }
    // A zero says nothing, and is what a stored reservation shows.
    if (slackMicros !== 0) problems.invalid('qos.slackMicros', slackMicros, only);
    return { maxDelay: null, slack: 0 };
  }
  const maxDelay =
    maxDelayMicros === undefined || maxDelayMicros === null
      ? null
      : (problems.integer('qos.maxDelayMicros', maxDelayMicros, 1, MAX_MICROS) ?? undefined);
  const slack = problems.integer('qos.slackMicros', slackMicros, 0, MAX_MICROS);
  if (typeof maxDelay === 'number' && slack !== null && slack >= maxDelay) {
    problems.outOfRange('qos.slackMicros', slack, `must be less than qos.maxDelayMicros, which is ${maxDelay}`);
    return { maxDelay, slack: null };
  }
  return { maxDelay, slack };
}
