import { BitsPerSecond, Bytes } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { Flow } from '../core/qos/request.ts';
import type { FlowFilter, ShapedFlow } from '../core/shaping/desired.ts';
import { PROTOCOL_NUMBER } from './flow-key.ts';

/** The packets of a booked flow, as the kernel tells them apart. */
export const filterOf = (flow: Flow): FlowFilter => ({
  protocol: PROTOCOL_NUMBER[flow.protocol],
  source: flow.source.address,
  sourcePort: flow.source.port,
  destination: flow.destination.address,
  destinationPort: flow.destination.port,
});

/**
 * What the kernel has to do for an assignment on its outgoing interface. The rate is what the books hold; bucket and peak
 * count IP packets in the Tspec and frames in the kernel, so both grow by the link's overhead on packets of the minimum
 * policed unit.
 */
export function shapedFlow(a: Assignment, outgoing: string, classMinor: number, overheadBytes: Bytes): ShapedFlow {
  const { tspec, flow } = a;
  const frames = (tspec.minPolicedUnit + overheadBytes) / tspec.minPolicedUnit;
  return {
    key: a.reservationId,
    classMinor,
    interface: outgoing,
    filters: [filterOf(flow)],
    rateBitsPerSecond: a.bookedBitsPerSecond,
    burstBytes: Bytes(Math.ceil(tspec.tokenBucket * frames)),
    peakBitsPerSecond: Number.isFinite(tspec.peakRate) ? BitsPerSecond(Math.ceil(tspec.peakRate * 8 * frames)) : null,
    maxFrameBytes: Bytes(tspec.maxPacketSize + overheadBytes),
  };
}
