import { BitsPerSecond, Bytes } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { Flow, FlowEndpoint } from '../core/qos/request.ts';
import type { FlowFilter, ShapedFlow } from '../core/shaping/desired.ts';
import { PROTOCOL_NUMBER } from './flow-key.ts';
import { classesOf, type ShareClass } from './share-classes.ts';

/** The packets of a booked flow, as the kernel tells them apart. `source` null: of all senders. */
export const filterOf = (flow: Flow, source: FlowEndpoint | null = flow.source): FlowFilter => ({
  protocol: PROTOCOL_NUMBER[flow.protocol],
  source: source?.address ?? null,
  sourcePort: source?.port ?? null,
  destination: flow.destination.address,
  destinationPort: flow.destination.port,
});

/**
 * What the kernel has to do for a class of an assignment on its outgoing interface. The rate is what the books hold, in equal
 * parts where there are several classes; bucket and peak count IP packets in the Tspec and frames in the kernel, so both grow
 * by the link's overhead on packets of the minimum policed unit.
 */
export function shapedFlow(
  a: Assignment,
  { key, sources }: ShareClass,
  outgoing: string,
  classMinor: number,
  overheadBytes: Bytes,
): ShapedFlow {
  const { tspec, flow } = a;
  const frames = (tspec.minPolicedUnit + overheadBytes) / tspec.minPolicedUnit;
  return {
    key,
    classMinor,
    interface: outgoing,
    filters: a.style === 'wildcardFilter' ? [filterOf(flow, null)] : sources.map((source) => filterOf(flow, source)),
    rateBitsPerSecond: BitsPerSecond(Math.ceil(a.bookedBitsPerSecond / classesOf(a).length)),
    burstBytes: Bytes(Math.ceil(tspec.tokenBucket * frames)),
    peakBitsPerSecond: Number.isFinite(tspec.peakRate) ? BitsPerSecond(Math.ceil(tspec.peakRate * 8 * frames)) : null,
    maxFrameBytes: Bytes(tspec.maxPacketSize + overheadBytes),
  };
}
