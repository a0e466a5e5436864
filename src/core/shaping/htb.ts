import { Bytes, BitsPerSecond } from '../base/units.ts';
import { classQuantumBytes } from '../qos/error-terms.ts';
import {
  enforceableBitsPerSecond,
  isShapeable,
  MAX_SHAPED_CAPACITY,
  MIN_SHAPED_CAPACITY,
  setAside,
} from '../qos/set-aside.ts';
import type { ShapedFlow, ShapedInterface } from './desired.ts';

/** Handle of the root qdisc that marks a tree as ours. Outside the range of class minors, so no leaf's handle can equal it. */
export const ROOT_HANDLE = 0xfff0;
export const PARENT_MINOR = 1;
export const BEST_EFFORT_MINOR = 2;
export const RSVP_MINOR = 3;
export const FIRST_FLOW_MINOR = 16;
export const LAST_FLOW_MINOR = 65_519;

/** Bytes of link header that HTB sees in front of the IP packet (Ethernet, veth included). */
const SEEN_HEADER_BYTES = 14;
/** Room for the longest link header in front of a packet: Ethernet with a VLAN tag. */
const LONGEST_HEADER_BYTES = 18;
/**
 * The rate of a segmenting leaf that is to hold nothing back: what no shaped interface exceeds. Only the class then waits for
 * tokens, and HTB passes over a class that waits; a leaf that waits is asked again for every packet of every other class.
 */
export const UNHELD_RATE = MAX_SHAPED_CAPACITY;
/** tc keeps bursts as a time in units of 64 ns in 32 bits; above this it would wrap without a word. */
const MAX_BURST_SECONDS = 250;

const MAX_QUEUE_BYTES = 2 ** 32 - 1;

/** One HTB class. `parent` null means that it hangs at the root qdisc. */
export interface HtbClass {
  readonly minor: number;
  readonly parent: number | null;
  /** 0 is served first. */
  readonly priority: number;
  readonly quantumBytes: Bytes;
  readonly rateBitsPerSecond: BitsPerSecond;
  readonly ceilBitsPerSecond: BitsPerSecond;
  readonly burstBytes: Bytes;
  readonly ceilBurstBytes: Bytes;
  /** Bytes added to each frame that HTB counts, because the books count more than it sees. */
  readonly overheadBytes: number;
}

/** A token bucket for the peak rate of a flow. */
export interface PeakBucket {
  readonly rateBitsPerSecond: BitsPerSecond;
  readonly burstBytes: Bytes;
}

/** A queue that takes super-packets (GSO) apart before it stores them, and holds the peak rate where there is one. */
export interface SegmentingLeaf {
  readonly kind: 'tbf';
  readonly peak: PeakBucket | null;
  /** Anything longer is taken apart into the frames that it stands for, or dropped where it is one frame. */
  readonly largestFrameBytes: Bytes;
  readonly limitBytes: Bytes;
}

/** The queue under a class. `limitBytes` counts frames as the kernel sees them, without the class's overhead. */
export type Leaf = { readonly kind: 'bfifo'; readonly limitBytes: Bytes } | SegmentingLeaf;

export interface ShapedClass {
  readonly class: HtbClass;
  /** Null for the inner class, which has no queue. */
  readonly leaf: Leaf | null;
}

/** The root qdisc. `stabOverheadBytes` is negative where the books count fewer bytes than the frame has. */
export interface RootQdisc {
  readonly defaultMinor: number;
  readonly stabOverheadBytes: number;
}

/** The kernel prints rates in steps of 1 kbit/s at best; rounding up keeps the promise and makes them comparable. */
export const roundRateUp = (rate: number): BitsPerSecond => BitsPerSecond(Math.ceil(rate / 1000) * 1000);
const roundRateDown = (rate: number): number => Math.floor(rate / 1000) * 1000;

const frameBytes = (iface: ShapedInterface): number =>
  iface.mtuBytes + Math.max(SEEN_HEADER_BYTES, iface.overheadBytes);
const bytesIn = (rate: number, milliseconds: number): number => Math.ceil((rate * milliseconds) / 8000);

/** Σ of flow classes that the interface can carry: its capacity less what is set aside, bit/s. */
export const reservable = (iface: ShapedInterface): BitsPerSecond =>
  enforceableBitsPerSecond(iface.capacityBitsPerSecond);

export const rootQdisc = (iface: ShapedInterface): RootQdisc => ({
  defaultMinor: BEST_EFFORT_MINOR,
  stabOverheadBytes: Math.min(0, iface.overheadBytes - SEEN_HEADER_BYTES),
});

/** The three classes that every shaped interface has, given Σ of its flow classes. Σ of the children never exceeds capacity. */
export function baseClasses(iface: ShapedInterface, flowSum: number): readonly ShapedClass[] {
  const capacity = BitsPerSecond(roundRateDown(iface.capacityBitsPerSecond));
  const aside = setAside(iface.capacityBitsPerSecond);
  const bestEffort = BitsPerSecond(capacity - aside.rsvp - flowSum);
  const frame = frameBytes(iface);
  const burst = Bytes(Math.max(2 * frame, bytesIn(capacity, 1)));
  const common = { quantumBytes: quantum(frame), overheadBytes: classOverhead(iface), ceilBitsPerSecond: capacity };
  return [
    {
      class: {
        ...common,
        minor: PARENT_MINOR,
        parent: null,
        priority: 0,
        rateBitsPerSecond: capacity,
        burstBytes: burst,
        ceilBurstBytes: burst,
      },
      leaf: null,
    },
    {
      class: {
        ...common,
        minor: RSVP_MINOR,
        parent: PARENT_MINOR,
        priority: 0,
        rateBitsPerSecond: aside.rsvp,
        burstBytes: Bytes(Math.max(4 * frame, bytesIn(aside.rsvp, 100))),
        ceilBurstBytes: burst,
      },
      leaf: { kind: 'bfifo', limitBytes: Bytes(Math.max(65_536, bytesIn(capacity, 10))) },
    },
    {
      class: {
        ...common,
        minor: BEST_EFFORT_MINOR,
        parent: PARENT_MINOR,
        priority: 7,
        rateBitsPerSecond: bestEffort,
        burstBytes: Bytes(Math.max(2 * frame, bytesIn(bestEffort, 1))),
        ceilBurstBytes: burst,
      },
      leaf: { kind: 'bfifo', limitBytes: Bytes(Math.max(131_072, bytesIn(capacity, 50))) },
    },
  ];
}

/**
 * The class of a reservation in shape mode: rate = ceil = R, bucket b, a queue of at most 100 ms, four frames or b, whatever is
 * most. The stack hands TCP over in super-packets of up to 64 KiB, which are longer than most of these queues: the leaf takes
 * them apart, so that the queue takes as many of their frames as it has room for.
 */
export function flowClass(iface: ShapedInterface, flow: ShapedFlow): ShapedClass {
  const rate = roundRateUp(flow.rateBitsPerSecond);
  const frame = Math.max(flow.maxFrameBytes, 64);
  // Whole microseconds are all that tc passes on of a burst; below a few of them nothing of it would be left.
  const burst = Bytes(Math.max(flow.burstBytes, frame, bytesIn(rate, 0.02)));
  // The queue counts what it sees of a frame, the rate what the books count: 100 ms of the one are less of the other.
  const seen = Math.max(frame - iface.overheadBytes + SEEN_HEADER_BYTES, 64);
  const tenth = Math.floor((bytesIn(rate, 100) * seen) / Math.max(seen, frame));
  // A bucket that comes at once by a faster link than this one waits here; its size is a 32-bit number in the kernel.
  const limitBytes = Bytes(Math.min(Math.max(tenth, 4 * seen, burst), MAX_QUEUE_BYTES));
  const largestFrameBytes = Bytes(Math.max(iface.mtuBytes + LONGEST_HEADER_BYTES, frame));
  const peakRate = roundRateUp(Math.max(flow.peakBitsPerSecond ?? Infinity, rate));
  // A bucket of one frame alone would lose the tokens of every late timer and so hold the flow below its peak.
  const peak: PeakBucket | null =
    peakRate < UNHELD_RATE
      ? { rateBitsPerSecond: peakRate, burstBytes: Bytes(largestFrameBytes + bytesIn(peakRate, 1)) }
      : null;
  return {
    class: {
      minor: flow.classMinor,
      parent: PARENT_MINOR,
      priority: 1,
      quantumBytes: quantum(frame),
      rateBitsPerSecond: rate,
      ceilBitsPerSecond: rate,
      burstBytes: burst,
      ceilBurstBytes: burst,
      overheadBytes: classOverhead(iface),
    },
    leaf: { kind: 'tbf', peak, largestFrameBytes, limitBytes },
  };
}

/** Why an interface cannot be shaped as described, or null. */
export function interfaceProblem(iface: ShapedInterface): string | null {
  if (!/^[A-Za-z0-9_.@-]{1,15}$/.test(iface.name) || iface.name === '.' || iface.name === '..')
    return `interface ${JSON.stringify(iface.name)} is not a usable interface name`;
  const capacity = iface.capacityBitsPerSecond;
  if (!isShapeable(capacity))
    return `capacityBitsPerSecond ${capacity} of ${iface.name} is outside ${MIN_SHAPED_CAPACITY} … ${MAX_SHAPED_CAPACITY}`;
  if (!(Number.isInteger(iface.mtuBytes) && iface.mtuBytes >= 68 && iface.mtuBytes <= 65_536))
    return `mtuBytes ${iface.mtuBytes} of ${iface.name} is outside 68 … 65536`;
  if (!(Number.isInteger(iface.overheadBytes) && iface.overheadBytes >= 0 && iface.overheadBytes <= 256))
    return `overheadBytes ${iface.overheadBytes} of ${iface.name} is outside 0 … 256`;
  return null;
}

/** Why a flow's traffic parameters cannot be put into a class, or null. Capacity is the plan's matter. */
export function flowProblem(flow: ShapedFlow): string | null {
  const minor = flow.classMinor;
  if (!(Number.isInteger(minor) && minor >= FIRST_FLOW_MINOR && minor <= LAST_FLOW_MINOR))
    return `classMinor ${minor} is outside ${FIRST_FLOW_MINOR} … ${LAST_FLOW_MINOR}`;
  const rate = flow.rateBitsPerSecond;
  if (!(Number.isFinite(rate) && rate > 0)) return `rateBitsPerSecond ${rate} is not a positive finite rate`;
  if (!(Number.isFinite(flow.burstBytes) && flow.burstBytes >= 0 && flow.burstBytes < 2 ** 32))
    return `burstBytes ${flow.burstBytes} is outside 0 … 4294967295`;
  if (!(flow.maxFrameBytes > 0 && flow.maxFrameBytes <= 66_000))
    return `maxFrameBytes ${flow.maxFrameBytes} is outside 1 … 66000`;
  if ((Math.max(flow.burstBytes, flow.maxFrameBytes) * 8) / roundRateUp(rate) > MAX_BURST_SECONDS)
    return `burstBytes ${flow.burstBytes} is more than ${MAX_BURST_SECONDS} s at rateBitsPerSecond ${rate}`;
  const peak = flow.peakBitsPerSecond;
  if (peak !== null && !(peak >= rate)) return `peakBitsPerSecond ${peak} is below rateBitsPerSecond ${rate}`;
  return null;
}

const quantum = (frame: number): Bytes => classQuantumBytes(Bytes(frame), Bytes(0));
const classOverhead = (iface: ShapedInterface): number => Math.max(0, iface.overheadBytes - SEEN_HEADER_BYTES);
