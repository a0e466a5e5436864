import fc from 'fast-check';
import type { FlowKey } from '../../src/core/rsvp/engine/types.ts';
import { flowKeyText } from '../../src/core/rsvp/engine/types.ts';
import { controlledLoad, L, Network, tspec, type Node } from '../core/rsvp/engine/network.ts';
import { makeTree, setTreeRoutes } from './tree.ts';

/** One thing that happens, `after` ms after the one before. `which` is a flow or a node, modulo how many there are. */
export interface Action {
  readonly after: number;
  readonly do: 'openSender' | 'openReceiver' | 'closeSender' | 'closeReceiver' | 'restart' | 'kill' | 'routesChanged';
  readonly which: number;
  /** Mbit/s. */
  readonly rate: number;
}

/** A random tree, flows over it, what happens, and how bad the network is meanwhile. */
export interface Chaos {
  /** Node i + 1 hangs on node `parents[i]` modulo i + 1. */
  readonly parents: readonly number[];
  readonly flows: readonly {
    readonly from: number;
    readonly to: number;
    readonly address: number;
    readonly open: boolean;
  }[];
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

export const chaos: fc.Arbitrary<Chaos> = fc.record({
  parents: fc.array(fc.nat(11), { minLength: 1, maxLength: 11, size: 'max' }),
  flows: fc.array(fc.record({ from: fc.nat(11), to: fc.nat(11), address: fc.nat(3), open: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
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
        'openSender',
        'openSender',
        'openSender',
        'openReceiver',
        'openReceiver',
        'openReceiver',
        'closeSender',
        'closeReceiver',
        'restart',
        'restart',
        'kill',
        'routesChanged',
      ),
      which: fc.nat(11),
      rate: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 25, size: 'max' },
  ),
  loss: fc.constantFrom(0, 0.1, 0.3),
  duplicates: fc.constantFrom(0, 0.2),
  jitter: fc.constantFrom(0, 20, 1_500),
  reducing: fc.constantFrom('none', 'some', 'all', 'all'),
  window: fc.constantFrom(null, null, 1, 16),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});

/** Mbit/s that the host's applications want of a flow; null: it is closed. */
interface Intent {
  sender: number | null;
  receiver: number | null;
}

const bytesPerSecond = (mbit: number): number => mbit * 125_000;

/** A key with everybody on every interface. */
function signAll(node: Node, window: number): void {
  const key = Uint8Array.of(1, 2, 3, 4);
  const keys = [{ keyId: 1, algorithm: 'hmac-md5' as const, key, notBefore: null, notAfter: null }];
  for (const name of node.interfaces.keys()) {
    const integrity = { keys, window, handshake: true };
    node.policies.push({ interface: name, address: null, integrity, helloInterval: null, refreshReduction: true });
  }
}

/** Engines in a tree, with applications that open and close, and again after their host's engine came back. */
export class ChaosNetwork {
  readonly network: Network;
  readonly nodes: readonly Node[];
  readonly flows: readonly { readonly key: FlowKey; readonly from: Node; readonly to: Node; readonly intent: Intent }[];

  constructor({ parents, flows, reducing, window, seed }: Chaos) {
    this.network = new Network({ seed });
    this.nodes = makeTree(this.network, parents);
    for (const [i, node] of this.nodes.entries()) {
      node.refreshReduction = reducing === 'all' || (reducing === 'some' && i % 2 === 0);
      if (window !== null) signAll(node, window);
      node.configure();
    }
    setTreeRoutes(this.network, this.nodes);
    this.network.start();
    this.flows = flows.map(({ from, to, address, open }, i) => {
      const source = this.nodes[from % this.nodes.length]!;
      const others = this.nodes.filter((node) => node !== source);
      const target = others[to % others.length]!;
      const addresses = [...target.interfaces.values()].map((each) => each.address);
      const destination = addresses[address % addresses.length]!;
      const out = source.interfaces.get(source.routes.get(destination)?.interface ?? '')!;
      const key = { protocol: 17, source: out.address, sourcePort: 1000 + i, destination, destinationPort: 2000 + i };
      return { key, from: source, to: target, intent: { sender: open ? 1 : null, receiver: open ? 1 : null } };
    });
  }

  /** Opens what is open from the start. */
  start(): void {
    for (const node of this.nodes) this.#tell(node);
  }

  setQuality({ loss, duplicates, jitter }: Pick<Chaos, 'loss' | 'duplicates' | 'jitter'>): void {
    for (const link of this.network.links) Object.assign(link, { loss, duplicates, jitter });
  }

  act({ after, do: what, which, rate }: Action): void {
    this.network.run(after);
    const flow = this.flows[which % this.flows.length]!;
    const node = this.nodes[which % this.nodes.length]!;
    switch (what) {
      case 'openSender':
        flow.intent.sender = rate;
        return this.#tell(flow.from);
      case 'openReceiver':
        flow.intent.receiver = rate;
        return this.#tell(flow.to);
      case 'closeSender':
        flow.intent.sender = null;
        return void flow.from.input({ type: 'closeSender', flow: flow.key });
      case 'closeReceiver':
        flow.intent.receiver = null;
        return void flow.to.input({ type: 'closeReceiver', flow: flow.key });
      case 'kill':
        return node.kill();
      case 'restart':
        return this.restart(node);
      case 'routesChanged':
        return void node.input({ type: 'routesChanged' });
    }
  }

  restart(node: Node): void {
    node.kill();
    node.restart();
    this.#tell(node);
  }

  /** What the applications of a host want, said again: opening what is open with the same values changes nothing. */
  #tell(node: Node): void {
    for (const { key, from, to, intent } of this.flows) {
      if (from === node && intent.sender !== null) {
        node.input({ type: 'openSender', flow: key, tspec: tspec(bytesPerSecond(intent.sender)) });
      }
      if (to === node && intent.receiver !== null) {
        const flowspec = controlledLoad(bytesPerSecond(intent.receiver));
        node.input({ type: 'openReceiver', flow: key, flowspec, confirm: false });
      }
    }
  }

  /** Takes over what the applications of another run want in the end. */
  adopt(other: ChaosNetwork): void {
    for (const [i, flow] of this.flows.entries()) Object.assign(flow.intent, other.flows[i]!.intent);
    this.start();
  }

  closeReceivers(): void {
    for (const which of this.flows.keys()) this.act({ after: 0, do: 'closeReceiver', which, rate: 1 });
  }

  closeAll(): void {
    for (const which of this.flows.keys()) this.act({ after: 0, do: 'closeSender', which, rate: 1 });
    this.closeReceivers();
  }

  /** All state of all nodes but its times, in a fixed order. */
  state(): string[] {
    return this.nodes
      .flatMap((node) => [
        ...node.paths.map(({ expiresInMs: _, flow, ...path }) => text(node, 'path', flow, path)),
        ...node.reservations.map(({ expiresInMs: _, flow, ...resv }) => text(node, 'resv', flow, resv)),
        ...[...node.kernel].map(([key, flowspec]) => `${node.name} kernel ${key} ${JSON.stringify(flowspec)}`),
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

/** State that nobody refreshes is gone after this long, whatever got lost: at every hop it may have been refreshed last by the one before. */
export const longestLife = (world: ChaosNetwork): number => world.nodes.length * L;
