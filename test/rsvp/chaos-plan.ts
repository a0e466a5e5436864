import fc from 'fast-check';
import type { StyleName } from '../../src/core/rsvp/engine/types.ts';

/** One thing that happens in a session, `after` ms after the one before. */
export interface Action {
  readonly after: number;
  readonly do: 'send' | 'stop' | 'reserve' | 'release' | 'restyle' | 'restart' | 'kill' | 'routesChanged';
  /** Modulo how many there are, as `node`, too. */
  readonly session: number;
  readonly node: number;
  /** Mbit/s. */
  readonly rate: number;
  readonly style: StyleName;
  readonly guaranteed: boolean;
  /** SE and FF: which of the senders, as bits. */
  readonly senders: number;
}

/** A session to node `to`, by one of its addresses, or to a group. */
export interface PlannedSession {
  readonly group: boolean;
  readonly to: number;
  readonly address: number;
  readonly style: StyleName;
  /** A flow: only this node sends, and the receiver asks for it as `openReceiver` does; null: whoever wants to. */
  readonly only: number | null;
  /** A flow that is sent and received from the start. */
  readonly open: boolean;
}

/** A random tree, sessions over it, what happens, and how bad the network is meanwhile. */
export interface Plan {
  /** Node i + 1 hangs on node `parents[i]` modulo i + 1. */
  readonly parents: readonly number[];
  readonly sessions: readonly PlannedSession[];
  readonly actions: readonly Action[];
  readonly loss: number;
  readonly duplicates: number;
  readonly jitter: number;
  /** Which nodes do refresh reduction (RFC 2961). */
  readonly reducing: 'none' | 'some' | 'all';
  /** All messages are signed, and so many may overtake each other (RFC 2747); null: none are. */
  readonly window: number | null;
  readonly seed: number;
}

const styles = fc.constantFrom<StyleName[]>('FF', 'SE', 'WF');
const node = fc.nat(11);

const actionOf = (...kinds: Action['do'][]): fc.Arbitrary<Action> =>
  fc.record({
    after: fc.oneof(fc.constantFrom(0, 1, 3), fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 90_000 })),
    do: fc.constantFrom(...kinds),
    session: fc.nat(11),
    node,
    rate: fc.integer({ min: 1, max: 3 }),
    style: styles,
    guaranteed: fc.boolean(),
    senders: fc.oneof(fc.constant(0xfff), fc.integer({ min: 1, max: 0xfff })),
  });

const flow: fc.Arbitrary<PlannedSession> = fc.record({
  group: fc.constant(false),
  to: node,
  address: fc.nat(3),
  style: fc.constant('FF'),
  only: node,
  open: fc.boolean(),
});

const session: fc.Arbitrary<PlannedSession> = fc.record({
  group: fc.boolean(),
  to: node,
  address: fc.nat(3),
  style: styles,
  only: fc.constant(null),
  open: fc.constant(false),
});

const faults = {
  loss: fc.constantFrom(0, 0.1, 0.3),
  duplicates: fc.constantFrom(0, 0.2),
  jitter: fc.constantFrom(0, 20, 1_500),
  reducing: fc.constantFrom<Plan['reducing'][]>('none', 'some', 'all', 'all'),
  window: fc.constantFrom(null, null, 1, 16),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
};

/** Up to four flows among 2 to 12 nodes. */
export const flowPlan: fc.Arbitrary<Plan> = fc.record({
  ...faults,
  parents: fc.array(fc.nat(11), { minLength: 1, maxLength: 11, size: 'max' }),
  sessions: fc.array(flow, { minLength: 1, maxLength: 4, size: 'max' }),
  actions: fc.array(
    actionOf(
      ...(['send', 'send', 'send', 'reserve', 'reserve', 'reserve'] as const),
      ...(['stop', 'release', 'restart', 'restart', 'kill', 'routesChanged'] as const),
    ),
    { maxLength: 25, size: 'max' },
  ),
});

/** One or two sessions of all styles, with several senders and receivers, and sometimes a flow, among 2 to 8 nodes. */
export const sessionPlan: fc.Arbitrary<Plan> = fc.record({
  ...faults,
  parents: fc.array(fc.nat(9), { minLength: 1, maxLength: 7, size: 'max' }),
  sessions: fc
    .tuple(
      fc.array(session, { minLength: 1, maxLength: 2, size: 'max' }),
      fc.array(flow, { minLength: 0, maxLength: 1, size: 'max' }),
    )
    .map(([sessions, flows]) => [...sessions, ...flows]),
  actions: fc.array(
    actionOf(
      ...(['send', 'send', 'send', 'reserve', 'reserve', 'reserve', 'reserve'] as const),
      ...(['stop', 'release', 'restyle', 'restart', 'kill', 'routesChanged'] as const),
    ),
    { minLength: 8, maxLength: 40, size: 'max' },
  ),
});
