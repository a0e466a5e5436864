import type { IpAddress } from '../base/ip.ts';
import type { BitsPerSecond, Bytes } from '../base/units.ts';

/** Which packets belong to a reservation. `null` ports mean any; a null source means any sender (wildcard filter). */
export interface FlowFilter {
  /** IP protocol number: 6 TCP, 17 UDP. */
  readonly protocol: number;
  readonly source: IpAddress | null;
  readonly sourcePort: number | null;
  readonly destination: IpAddress;
  readonly destinationPort: number | null;
}

/** One reservation on one outgoing interface, in shape mode. Rates count frames (link overhead included). */
export interface ShapedFlow {
  /** The agent's stable key of the installation (one per reservation, direction and interface). */
  readonly key: string;
  /** Minor class number, 16 … 65,519, unique per agent (the classifier map has no interface in its key). */
  readonly classMinor: number;
  readonly interface: string;
  readonly filters: readonly FlowFilter[];
  /** HTB rate = ceil. */
  readonly rateBitsPerSecond: BitsPerSecond;
  /** HTB burst = cburst. */
  readonly burstBytes: Bytes;
  /** TBF peak rate where finite, else null. */
  readonly peakBitsPerSecond: BitsPerSecond | null;
  /** M plus link overhead: lower limit of quantum, a fourth of the shortest queue. */
  readonly maxFrameBytes: Bytes;
}

/** What an outgoing interface must look like; listed even while nothing is reserved, so that its capacity holds. */
export interface ShapedInterface {
  readonly name: string;
  readonly capacityBitsPerSecond: BitsPerSecond;
  /** IP MTU. */
  readonly mtuBytes: Bytes;
  readonly overheadBytes: Bytes;
}

/** One flow whose packets get the mark of a neighbour, forwarded ones and those sent here. */
export interface SteeredFlow {
  /** The agent's stable key of the flow. */
  readonly key: string;
  readonly filter: FlowFilter;
  /** The neighbour's number. */
  readonly neighbour: number;
}

export interface DesiredShaping {
  readonly interfaces: readonly ShapedInterface[];
  readonly flows: readonly ShapedFlow[];
  /** Flows that are kept off their routed way; absent = none. */
  readonly steered?: readonly SteeredFlow[];
}
