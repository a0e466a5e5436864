import type { IpPrefix } from '../base/ip.ts';
import type { Problems } from './fields.ts';
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

/** Collects notes while a file is imported. */
export type Note = (kind: ImportNote['kind'], where: string, what: string) => void;

export function checkOptions(options: ImportOptions, problems: Problems): void {
  const capacity = options.defaultCapacityBitsPerSecond;
  if (capacity !== undefined && !(Number.isSafeInteger(capacity) && capacity >= 1)) {
    problems.add('defaultCapacityBitsPerSecond', capacity, `must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}`);
  }
}
