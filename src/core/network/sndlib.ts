/** A network of the SNDlib collection as its files tell it, in the file's own unit; not checked against itself. */
export interface SndlibNetwork {
  /** As META tells it: `MBITPERSEC`; null where the file names none. */
  readonly unit: string | null;
  readonly nodes: readonly SndlibNode[];
  readonly links: readonly SndlibLink[];
  readonly demands: readonly SndlibDemand[];
}

export interface SndlibNode {
  readonly id: string;
  /** Degrees; undefined where the file has none, or pixels of some picture. */
  readonly longitude: number | undefined;
  readonly latitude: number | undefined;
}

/** Undirected: SNDlib's links carry both directions. */
export interface SndlibLink {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** What is there; 0 = nothing yet. */
  readonly preInstalledCapacity: number;
  /** What could be installed, module by module. */
  readonly moduleCapacities: readonly number[];
}

export interface SndlibDemand {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** Capacity units for each routing unit. */
  readonly routingUnit: number;
  readonly value: number;
}

/** Bits per second of a unit that META may name; undefined for one that is not known. */
export function sndlibUnit(unit: string): number | undefined {
  const found = /^([KMGT]?)(BIT|BYTE)S?(?:PERSEC|\/S|PS)$/i.exec(unit.replace(/\s/g, ''));
  if (!found) return undefined;
  const scale = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }[found[1]!.toUpperCase()]!;
  return scale * (found[2]!.toUpperCase() === 'BYTE' ? 8 : 1);
}
