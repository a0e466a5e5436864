import { ipFamily, type IpAddress } from '../base/ip.ts';
import type { TopologyInput } from './document.ts';
import { type Coordinates, FIBRE_MICROS_PER_KM, greatCircleMicros } from './great-circle.ts';
import type { Note } from './imported.ts';

type InputLink = NonNullable<TopologyInput['links']>[number];
type LinkAttributes = Pick<InputLink, 'capacityBitsPerSecond' | 'cost' | 'delayMicros' | 'labels'>;

/** A node of somebody else's network while it is imported. */
export interface ImportNode {
  readonly name: string;
  readonly place: Coordinates | undefined;
  readonly address: IpAddress;
  /** Names of the interfaces made for its links. */
  readonly interfaces: string[];
}

export interface ImportEdge {
  /** For the report: the edge's number or name in the file and the names of its ends. */
  readonly where: string;
  readonly source: ImportNode;
  readonly target: ImportNode;
  readonly directed: boolean;
}

/**
 * Every edge becomes a cable with an interface of its own at both ends, `e0`, `e1` …; directed edges become one link, and
 * opposite ones share their interfaces.
 */
export function makeLinks<E extends ImportEdge>(
  edges: readonly E[],
  attributesOf: (edge: E) => LinkAttributes,
  note: Note,
): readonly InputLink[] {
  /** Interfaces of directed edges whose opposite has not come yet, by ends. */
  const halves = new Map<string, { readonly source: string; readonly target: string }[]>();
  const between = new Map<string, { count: number; first: ImportEdge }>();
  const newInterface = (node: ImportNode): string => {
    const name = `e${node.interfaces.length}`;
    node.interfaces.push(name);
    return name;
  };
  let computed = 0;
  const links = edges.flatMap((edge): InputLink[] => {
    const { source, target } = edge;
    const opposite = edge.directed ? halves.get(`${target.name} ${source.name}`)?.shift() : undefined;
    const out = opposite?.target ?? newInterface(source);
    const into = opposite?.source ?? newInterface(target);
    if (edge.directed && !opposite) {
      const ends = `${source.name} ${target.name}`;
      halves.set(ends, [...(halves.get(ends) ?? []), { source: out, target: into }]);
    }
    if (!opposite) {
      const ends = [source.name, target.name].sort().join(' ');
      const pair = between.get(ends) ?? { count: 0, first: edge };
      pair.count++;
      between.set(ends, pair);
    }
    if (source.place && target.place) computed++;
    const attributes = attributesOf(edge);
    const forward = {
      from: { node: source.name, interface: out },
      to: { node: target.name, interface: into },
      ...attributes,
    };
    return edge.directed ? [forward] : [forward, { ...forward, from: forward.to, to: forward.from }];
  });
  for (const { count, first } of between.values()) {
    const ends = `${first.source.name} – ${first.target.name}`;
    if (count > 1)
      note(
        'parallelLinks',
        ends,
        `${count} parallel links join ${first.source.name} and ${first.target.name}; all are kept.`,
      );
  }
  if (computed > 0) {
    note(
      'delays',
      '',
      `The delay of ${computed} edges is the great-circle distance of their ends × ${FIBRE_MICROS_PER_KM} µs/km.`,
    );
  }
  return links;
}

/** What light needs between the ends of an edge; 0, with a note, where one of them is nowhere. */
export function edgeDelayMicros({ where, source, target }: ImportEdge, note: Note): number {
  if (source.place && target.place) return greatCircleMicros(source.place, target.place);
  const lacking = [source, target].filter((node) => !node.place).map((node) => node.name);
  note(
    'unknownDelay',
    where,
    `The delay is set to 0: ${lacking.join(' and ')} ${lacking.length > 1 ? 'have' : 'has'} no usable coordinates.`,
  );
  return 0;
}

/** A node without an agent, with its one address on `lo`, so that it can be booked. */
export const nodeInput = (
  { name, address, interfaces }: ImportNode,
  labels: Readonly<Record<string, string>>,
): TopologyInput['nodes'][number] => ({
  name,
  agent: 'none',
  labels,
  interfaces: [
    { name: 'lo', addresses: [`${address}/${ipFamily(address) === 4 ? 32 : 128}`] },
    ...interfaces.map((each) => ({ name: each, addresses: [] })),
  ],
});
