import fc from 'fast-check';
import { isMulticast } from '../../src/core/base/ip.ts';
import {
  flowKeyText,
  type FlowKey,
  type ReserveDescriptor,
  type SessionKey,
  type StyleName,
} from '../../src/core/rsvp/engine/types.ts';
import { controlledLoad, ip, Network, tspec, type Node } from '../core/rsvp/engine/network.ts';
import { Micros } from '../../src/core/base/units.ts';
import type { Flowspec } from '../../src/core/qos/flowspec.ts';
import { makeTree, setTreeRoutes } from './tree.ts';

/** One thing that happens in a session, `after` ms after the one before. */
interface Action {
  readonly after: number;
  readonly do: 'send' | 'stop' | 'reserve' | 'release' | 'restyle' | 'restart' | 'kill' | 'routesChanged';
  readonly session: number;
  readonly node: number;
  /** Mbit/s. */
  readonly rate: number;
  readonly style: StyleName;
  readonly guaranteed: boolean;
  /** SE and FF: which of the senders, as bits. */
  readonly senders: number;
}

/** A random tree, sessions over it, what happens, and how bad the network is meanwhile. */
export interface SessionPlan {
  readonly parents: readonly number[];
  readonly sessions: readonly { readonly group: boolean; readonly to: number; readonly style: StyleName }[];
  readonly actions: readonly Action[];
  readonly loss: number;
  readonly duplicates: number;
  readonly jitter: number;
  readonly reducing: 'none' | 'some' | 'all';
  readonly seed: number;
}

const styles = fc.constantFrom<StyleName[]>('FF', 'SE', 'WF');

export const sessionPlan: fc.Arbitrary<SessionPlan> = fc.record({
  parents: fc.array(fc.nat(9), { minLength: 1, maxLength: 7, size: 'max' }),
  sessions: fc.array(fc.record({ group: fc.boolean(), to: fc.nat(9), style: styles }), {
    minLength: 1,
    maxLength: 2,
    size: 'max',
  }),
  actions: fc.array(
    fc.record({
      after: fc.oneof(
        fc.constantFrom(0, 1, 3),
        fc.integer({ min: 0, max: 3_000 }),
        fc.integer({ min: 0, max: 90_000 }),
      ),
      do: fc.constantFrom<Action['do'][]>(
        'send',
        'send',
        'send',
        'reserve',
        'reserve',
        'reserve',
        'reserve',
        'stop',
        'release',
        'restyle',
        'restart',
        'kill',
        'routesChanged',
      ),
      session: fc.nat(2),
      node: fc.nat(9),
      rate: fc.integer({ min: 1, max: 3 }),
      style: styles,
      guaranteed: fc.boolean(),
      senders: fc.oneof(fc.constant(1023), fc.integer({ min: 1, max: 1023 })),
    }),
    { minLength: 8, maxLength: 40, size: 'max' },
  ),
  loss: fc.constantFrom(0, 0.1, 0.3),
  duplicates: fc.constantFrom(0, 0.2),
  jitter: fc.constantFrom(0, 20, 1_500),
  reducing: fc.constantFrom('none', 'some', 'all'),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});

/** What the applications of one host want in a session. */
interface Intent {
  /** Mbit/s; null: it does not send. */
  sends: number | null;
  receives: Pick<Action, 'rate' | 'guaranteed' | 'senders'> | null;
}

interface SessionOfHosts {
  readonly key: SessionKey;
  style: StyleName;
  readonly hosts: Map<Node, Intent>;
}

const bytesPerSecond = (mbit: number): number => mbit * 125_000;

function wants({ rate, guaranteed }: Pick<Action, 'rate' | 'guaranteed'>): Flowspec {
  const plain = controlledLoad(bytesPerSecond(rate));
  if (!guaranteed) return plain;
  return { service: 'guaranteed', tspec: plain.tspec, rspec: { rate: plain.tspec.tokenRate, slack: Micros(rate) } };
}

/** Engines in a tree with sessions to hosts and to groups; every host may send and, where it is one of them, receive. */
export class ChaosSessions {
  readonly network: Network;
  readonly nodes: readonly Node[];
  readonly sessions: readonly SessionOfHosts[];

  constructor({ parents, sessions, reducing, seed }: SessionPlan) {
    this.network = new Network({ seed });
    this.nodes = makeTree(this.network, parents);
    for (const [i, node] of this.nodes.entries()) {
      node.refreshReduction = reducing === 'all' || (reducing === 'some' && i % 2 === 0);
      node.configure();
    }
    setTreeRoutes(this.network, this.nodes);
    this.network.start();
    this.sessions = sessions.map(({ group, to, style }, i) => {
      const target = this.nodes[to % this.nodes.length]!;
      const destination = group ? ip(`224.0.1.${i}`) : [...target.interfaces.values()][0]!.address;
      const hosts = new Map(this.nodes.map((node) => [node, { sends: null, receives: null }] as [Node, Intent]));
      return { key: { destination, protocol: 17, destinationPort: 2000 + i }, style, hosts };
    });
  }

  /** The flow that a host would send: from the interface that it leaves by, for a group from its first. */
  #flow({ key }: SessionOfHosts, node: Node): FlowKey | null {
    const first = [...node.interfaces.keys()][0]!;
    const name = isMulticast(key.destination) ? first : node.routes.get(key.destination)?.interface;
    const source = name === undefined ? undefined : node.interfaces.get(name)?.address;
    return source === undefined ? null : { ...key, source, sourcePort: 1000 + this.nodes.indexOf(node) };
  }

  #mayReceive({ key }: SessionOfHosts, node: Node): boolean {
    if (isMulticast(key.destination)) return true;
    return [...node.interfaces.values()].some(({ address }) => address === key.destination);
  }

  act({ after, do: what, session: s, node: n, ...more }: Action): void {
    this.network.run(after);
    const session = this.sessions[s % this.sessions.length]!;
    const node = this.nodes[n % this.nodes.length]!;
    const intent = session.hosts.get(node)!;
    switch (what) {
      case 'send':
        intent.sends = more.rate;
        return this.#tell(session, node);
      case 'stop':
        intent.sends = null;
        return this.#stop(session, node);
      case 'reserve':
        if (!this.#mayReceive(session, node)) return;
        intent.receives = more;
        return this.#tell(session, node);
      case 'release':
        intent.receives = null;
        return this.#release(session, node);
      case 'restyle':
        session.style = more.style;
        for (const each of this.nodes) this.#tell(session, each);
        return;
      case 'kill':
        return node.kill();
      case 'restart':
        return this.restart(node);
      case 'routesChanged':
        return void node.input({ type: 'routesChanged' });
    }
  }

  setQuality({ loss, duplicates, jitter }: Pick<SessionPlan, 'loss' | 'duplicates' | 'jitter'>): void {
    for (const link of this.network.links) Object.assign(link, { loss, duplicates, jitter });
  }

  restart(node: Node): void {
    node.kill();
    node.restart();
    for (const session of this.sessions) this.#tell(session, node);
  }

  /**
   * What the applications want, said again: what stands is not changed by it, and who was refused for a style that is no
   * longer there gets in.
   */
  tellAll(): void {
    for (const session of this.sessions) for (const node of this.nodes) this.#tell(session, node);
  }

  #tell(session: SessionOfHosts, node: Node): void {
    const { sends, receives } = session.hosts.get(node)!;
    const flow = this.#flow(session, node);
    if (sends !== null && flow !== null) node.input({ type: 'openSender', flow, tspec: tspec(bytesPerSecond(sends)) });
    if (receives === null) return;
    if (this.network.groups.join(session.key.destination, node)) this.#reroute();
    const { style, key } = session;
    const descriptors = this.#descriptors(session, receives);
    node.input({ type: 'reserve', session: key, receiver: 'app', style, descriptors, confirm: false });
  }

  #descriptors(session: SessionOfHosts, receives: NonNullable<Intent['receives']>): readonly ReserveDescriptor[] {
    const flowspec = wants(receives);
    if (session.style === 'WF') return [{ filters: [], flowspec }];
    const chosen = this.nodes.filter((_, i) => (receives.senders >> i) & 1);
    const filters = chosen.flatMap((node) => this.#flow(session, node) ?? []);
    return filters.length === 0 ? [] : [{ filters, flowspec }];
  }

  #stop(session: SessionOfHosts, node: Node): void {
    const flow = this.#flow(session, node);
    if (flow !== null) node.input({ type: 'closeSender', flow });
  }

  #release(session: SessionOfHosts, node: Node): void {
    node.input({ type: 'release', session: session.key, receiver: 'app' });
    if (this.network.groups.leave(session.key.destination, node)) this.#reroute();
  }

  #reroute(): void {
    for (const node of this.nodes) node.input({ type: 'routesChanged' });
  }

  /** Takes over what the applications of another run want in the end. */
  adopt(other: ChaosSessions): void {
    for (const [i, session] of this.sessions.entries()) {
      session.style = other.sessions[i]!.style;
      for (const [n, intent] of [...other.sessions[i]!.hosts.values()].entries()) {
        Object.assign(session.hosts.get(this.nodes[n]!)!, intent);
      }
    }
    this.tellAll();
  }

  releaseAll(): void {
    for (const session of this.sessions) {
      for (const [node, intent] of session.hosts) {
        intent.receives = null;
        this.#release(session, node);
      }
    }
  }

  stopAll(): void {
    for (const session of this.sessions) {
      for (const [node, intent] of session.hosts) {
        intent.sends = null;
        this.#stop(session, node);
      }
    }
  }

  /** All state of all nodes but its times, in a fixed order. */
  state(): string[] {
    return this.nodes
      .flatMap((node) => [
        ...node.paths.map(({ expiresInMs: _, flow, outgoingInterfaces, ...path }) =>
          text(node, 'path', flow, { ...path, to: [...outgoingInterfaces].sort() }),
        ),
        ...node.reservations.map(({ expiresInMs: _, flow, ...resv }) => text(node, 'resv', flow, resv)),
        ...[...node.kernel].map(
          ([key, flowspec]) =>
            `${node.name} kernel ${key} for ${node.kernelSenders.get(key)} ${JSON.stringify(flowspec)}`,
        ),
        ...[...node.journal.keys()].map((key) => `${node.name} journal ${key}`),
      ])
      .sort();
  }

  get events(): number {
    return this.nodes.reduce((sum, node) => sum + node.events.length, 0);
  }
}

const text = (node: Node, what: string, flow: FlowKey, rest: object): string =>
  `${node.name} ${what} ${flowKeyText(flow)} ${JSON.stringify(rest, (_, value: unknown) => (value === Infinity ? 'Infinity' : value))}`;
