import { Type } from 'typebox';
import { Choice, NullableInteger, NullableString, NullableTime, Time } from './shared.ts';

export const AgentSchema = Type.Object(
  {
    id: Type.String({ description: "The node's name" }),
    state: Choice(['connected', 'silent', 'never']),
    hostName: NullableString(),
    bootId: NullableString(),
    version: NullableString(),
    lastSeenAt: NullableTime('null = never'),
    interfaces: Type.Array(
      Type.Object({
        name: Type.String(),
        addresses: Type.Array(Type.String()),
        mtuBytes: Type.Integer(),
        speedBitsPerSecond: NullableInteger({ description: 'null = unknown, as of virtual devices' }),
        up: Type.Boolean(),
        rpFilter: NullableInteger({
          description:
            'Reverse-path filtering: 0 none, 1 strict (flows that are pinned to enter there are lost), 2 loose; null = unknown',
        }),
      }),
    ),
    routes: Type.Array(
      Type.Object({
        destination: Type.String(),
        interface: Type.String(),
        gateway: NullableString({ description: 'null = directly connected; of either IP version' }),
        metric: Type.Integer(),
        others: Type.Optional(
          Type.Array(Type.Object({ interface: Type.String(), gateway: NullableString() }), {
            description: 'Further next hops of a multipath route, of which the kernel chooses one for each flow',
          }),
        ),
      }),
    ),
    features: Type.Unsafe<null | {
      enforces: boolean;
      steers: boolean;
      steeringProblem: string | null;
      rsvpTransport: string;
      refreshPeriodMs: number;
      notes: readonly string[];
    }>({
      type: ['object', 'null'],
      properties: {
        enforces: { type: 'boolean', description: 'Queues and marks in the kernel' },
        steers: { type: 'boolean', description: 'It can keep single flows off their routed way' },
        steeringProblem: { type: ['string', 'null'], description: 'Why it cannot' },
        rsvpTransport: { type: 'string' },
        refreshPeriodMs: { type: 'integer' },
        notes: { type: 'array', items: { type: 'string' } },
      },
      required: ['enforces', 'steers', 'steeringProblem', 'rsvpTransport', 'refreshPeriodMs', 'notes'],
    }),
    mismatches: Type.Array(Type.String(), { description: 'Where its report and the topology differ' }),
    findings: Type.Array(
      Type.Object({
        code: Type.String({
          description: 'markOverlap, noMarkBits, markOverwritten, addressTranslated, flowtable or notJudged',
        }),
        object: Type.String({ description: 'The rule, as its operator knows it' }),
        markBits: Type.Integer({ description: 'Bits of packet marks of ours that it concerns; 0 = none' }),
        severity: Choice(['error', 'warning']),
        detail: Type.String(),
        mend: Type.String({ description: 'What to do about it' }),
      }),
      { description: "Rules of others in the host's kernel that defeat what is promised (error), or may (warning)" },
    ),
    assignments: Type.Integer({ description: 'Reservations that it has been told to hold' }),
    memoryBytes: NullableInteger(),
  },
  { $id: 'Agent' },
);

export const EnrolledAgentSchema = Type.Object(
  {
    node: Type.String(),
    token: Type.String({ description: 'For `headroom agent`, once, in HEADROOM_ENROL_TOKEN or on standard input' }),
    expiresAt: Time('An hour from now'),
    server: Type.String({ description: 'HOST:PORT where the agent connects' }),
    authorityFingerprint: Type.String({
      description: "SHA-256 of the certificate of the agents' authority, hexadecimal; the token carries it",
    }),
  },
  { $id: 'EnrolledAgent' },
);
