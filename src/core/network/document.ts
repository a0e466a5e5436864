import { formatPrefix } from '../base/ip.ts';
import type { AdminState, AgentMode, Link, NetworkNode, Topology } from './topology.ts';

/** The public form of a topology in JSON and YAML, as `topologyDocument` writes it: every member present, no cables. */
export interface TopologyDocument {
  readonly nodes: readonly NodeDocument[];
  readonly links: readonly LinkDocument[];
}

export interface NodeDocument {
  readonly name: string;
  readonly agent: AgentMode;
  readonly adminState: AdminState;
  readonly labels: Readonly<Record<string, string>>;
  readonly interfaces: readonly {
    readonly name: string;
    /** `10.1.0.2/24` */
    readonly addresses: readonly string[];
    readonly mtuBytes: number;
  }[];
}

export interface EndDocument {
  readonly node: string;
  readonly interface: string;
}

/** What a link and a cable share; the defaults of absent members stand behind them. */
export interface LinkAttributesDocument {
  /** 1 … 2^53 − 1; null = unknown, nothing can be reserved. Required. */
  readonly capacityBitsPerSecond: number | null;
  /** 0 … 1; 0.75. */
  readonly reservableShare: number;
  /** 0 … 1000; 0. */
  readonly overheadBytes: number;
  /** 1 … 2^32 − 1; 1. */
  readonly cost: number;
  /** 0 … 10^9; 0. */
  readonly delayMicros: number;
  /** 68 … 65535; that of the sending interface. */
  readonly mtuBytes: number;
  /** 0 … 10^9 or null; null. */
  readonly errorCBytes: number | null;
  /** 0 … 10^9 or null; null. */
  readonly errorDMicros: number | null;
  readonly riskGroups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** up. */
  readonly adminState: AdminState;
}

export interface LinkDocument extends LinkAttributesDocument {
  /** `<node>:<interface>` of the sending end, `#n` added where several share it; given out in order when absent. */
  readonly id: string;
  readonly from: EndDocument;
  readonly to: EndDocument;
}

/** What `parseTopology` takes: only what has no default is required, and `cables` stand for two links each. */
export interface TopologyInput {
  readonly nodes: readonly (Pick<NodeDocument, 'name'> &
    Partial<Omit<NodeDocument, 'interfaces'>> & {
      readonly interfaces: readonly (Pick<NodeDocument['interfaces'][number], 'name'> &
        Partial<NodeDocument['interfaces'][number]>)[];
    })[];
  readonly links?: readonly (Pick<LinkDocument, 'from' | 'to' | 'capacityBitsPerSecond'> & Partial<LinkDocument>)[];
  readonly cables?: readonly ({ readonly a: EndDocument; readonly b: EndDocument } & Pick<
    LinkAttributesDocument,
    'capacityBitsPerSecond'
  > &
    Partial<LinkAttributesDocument>)[];
}

export const topologyDocument = (topology: Topology): TopologyDocument => ({
  nodes: topology.nodes.map(nodeDocument),
  links: topology.links.map(linkDocument),
});

export const nodeDocument = (node: NetworkNode): NodeDocument => ({
  name: node.name,
  agent: node.agent,
  adminState: node.adminState,
  labels: { ...node.labels },
  interfaces: node.interfaces.map(({ name, addresses, mtuBytes }) => ({
    name,
    addresses: addresses.map(formatPrefix),
    mtuBytes,
  })),
});

export const linkDocument = (link: Link): LinkDocument => ({
  id: link.id,
  from: { ...link.from },
  to: { ...link.to },
  capacityBitsPerSecond: link.capacityBitsPerSecond,
  reservableShare: link.reservableShare,
  overheadBytes: link.overheadBytes,
  cost: link.cost,
  delayMicros: link.delayMicros,
  mtuBytes: link.mtuBytes,
  errorCBytes: link.errorCBytes,
  errorDMicros: link.errorDMicros,
  riskGroups: [...link.riskGroups],
  labels: { ...link.labels },
  adminState: link.adminState,
});
