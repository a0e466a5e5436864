import { Type, type TSchema } from 'typebox';
import {
  Choice,
  Closed,
  Labels,
  NullableChoice,
  NullableInteger,
  NullableNumber,
  NullableTime,
  Ref,
  Time,
} from './shared.ts';

const LinkEnd = Closed({ node: Type.String(), interface: Type.String() });
const AdminState = Choice(['up', 'draining', 'down'], { description: 'Default up' });

const interfaceProperties = {
  name: Type.String(),
  addresses: Type.Array(Type.String({ description: 'With prefix length: 10.1.0.2/24' })),
  mtuBytes: Type.Integer({ description: 'Default 1500' }),
};

const nodeProperties = {
  agent: Choice(['required', 'optional', 'none'], {
    description: 'required: no new work while its agent is silent; none: books only. Default none',
  }),
  adminState: AdminState,
  labels: Labels,
};

/** Link attributes with a default; those of a cable go to both of its links. */
const attributes = {
  reservableShare: Type.Number({ description: '0 … 1, default 0.75' }),
  overheadBytes: Type.Integer({
    description:
      'Link-layer bytes added to every packet: 38 for Ethernet on the wire, 14 for veth; default 0 = unknown',
  }),
  cost: Type.Integer({ description: '≥ 1, default 1; routing takes the smallest sum' }),
  delayMicros: Type.Number({ description: 'Propagation, default 0' }),
  mtuBytes: Type.Integer({ description: "Default the sending interface's" }),
  errorCBytes: NullableNumber({ description: 'RFC 2212 C; null = derived' }),
  errorDMicros: NullableNumber({ description: 'RFC 2212 D; null = derived' }),
  riskGroups: Type.Array(Type.String()),
  labels: Labels,
  adminState: AdminState,
};

const capacityBitsPerSecond = NullableInteger({ description: '≥ 1; null = unknown: nothing can be reserved' });
const nodeName = Type.String({ description: '`[a-z0-9][a-z0-9._-]{0,62}`' });
const linkId = Type.String({
  description: '`<node>:<interface>` of the sending end, `#n` added where several share it',
});

const optional = <P extends Record<string, TSchema>>(properties: P) =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)])) as {
    [Name in keyof P]: ReturnType<typeof Type.Optional<P[Name]>>;
  };

/** What PUT takes. The core is its judge and knows the ranges. */
export const TopologyInputSchema = Closed(
  {
    nodes: Type.Array(
      Closed({
        name: nodeName,
        ...optional(nodeProperties),
        interfaces: Type.Array(Closed({ ...optional(interfaceProperties), name: Type.String() })),
      }),
    ),
    links: Type.Optional(
      Type.Array(
        Closed({
          id: Type.Optional(linkId),
          from: LinkEnd,
          to: LinkEnd,
          capacityBitsPerSecond,
          ...optional(attributes),
        }),
      ),
    ),
    cables: Type.Optional(
      Type.Array(Closed({ a: LinkEnd, b: LinkEnd, capacityBitsPerSecond, ...optional(attributes) }), {
        description: 'Each stands for two links, one in either direction',
      }),
    ),
  },
  { $id: 'TopologyInput', description: 'A network; only what has no default is required' },
);

const nodeDocument = {
  name: nodeName,
  ...nodeProperties,
  interfaces: Type.Array(Type.Object(interfaceProperties)),
};
const linkDocument = { id: linkId, from: LinkEnd, to: LinkEnd, capacityBitsPerSecond, ...attributes };

export const TopologySchema = Type.Object(
  { nodes: Type.Array(Type.Object(nodeDocument)), links: Type.Array(Type.Object(linkDocument)) },
  { $id: 'Topology', description: 'The stored network; it can be put back as it is' },
);

export const NodeSchema = Type.Object(
  {
    ...nodeDocument,
    agentState: NullableChoice(['connected', 'silent', 'never'], { description: 'null: the node has no agent' }),
  },
  { $id: 'Node' },
);

export const LinkSchema = Type.Object(
  {
    ...linkDocument,
    reservableBitsPerSecond: Type.Integer({ description: 'capacity × share, 0 when the link is not up' }),
    bookedBitsPerSecond: Type.Integer({ description: 'Now, at `at`, or the most between `from` and `to`' }),
    overbookedBitsPerSecond: Type.Integer({ description: 'More is booked than is reservable by so much' }),
    calendar: Type.Optional(
      Type.Array(
        Type.Object({
          start: Time('First instant of the step'),
          end: NullableTime('First instant after; null = for ever'),
          bookedBitsPerSecond: Type.Integer(),
          availableBitsPerSecond: Type.Integer(),
        }),
        { description: 'Of one link with `from` or `to`: at most 1,000 steps; ask again `from` the end of the last' },
      ),
    ),
  },
  { $id: 'Link', description: 'One direction of a cable' },
);

const Names = Type.Array(Type.String());

export const TopologyOutcomeSchema = Type.Object(
  {
    topology: Ref(TopologySchema),
    etag: Type.String(),
    changes: Type.Object({
      nodesAdded: Names,
      nodesChanged: Names,
      nodesRemoved: Names,
      linksAdded: Names,
      linksChanged: Names,
      linksRemoved: Names,
    }),
    notes: Type.Array(Type.Object({ kind: Type.String(), where: Type.String(), what: Type.String() }), {
      description: 'What an importer decided or left out, and what the consistency check found',
    }),
  },
  { $id: 'TopologyOutcome' },
);
