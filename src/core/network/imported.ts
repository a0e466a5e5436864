import type { IpPrefix } from '../base/ip.ts';
import type { Topology } from './topology.ts';

export interface ImportOptions {
  /** Given to links whose file does not tell their speed; without it their capacity stays unknown. */
  readonly defaultCapacityBitsPerSecond?: number;
  /** Where imported nodes get one address each from, in the order of the file. Default 198.18.0.0/15 (RFC 2544). */
  readonly addressPool?: IpPrefix;
}

/** Something that the importer decided, added or left out. */
export interface ImportNote {
  readonly kind:
    | 'renamed'
    | 'addresses'
    | 'defaults'
    | 'externalNode'
    | 'hyperedgeNode'
    | 'parallelLinks'
    | 'selfLoop'
    | 'unknownCapacity'
    | 'defaultCapacity'
    | 'capacityConflict'
    | 'delays'
    | 'unknownDelay'
    | 'direction'
    | 'ignored';
  /** A node, a link or an element of the file; empty for the whole network. */
  readonly where: string;
  /** One sentence. */
  readonly what: string;
}

export interface ImportedTopology {
  readonly topology: Topology;
  readonly report: { readonly notes: readonly ImportNote[] };
}
