import { isMulticast } from '../../src/core/base/ip.ts';
import { Micros } from '../../src/core/base/units.ts';
import type { Flowspec } from '../../src/core/qos/flowspec.ts';
import {
  flowKeyText,
  type FlowKey,
  type ReserveDescriptor,
  type SessionKey,
  type StyleName,
} from '../../src/core/rsvp/engine/types.ts';
import { controlledLoad, ip, L, Network, tspec, type Node } from '../core/rsvp/engine/network.ts';
import type { Action, Plan, PlannedSession } from './chaos-plan.ts';
import { makeTree, setTreeRoutes } from './tree.ts';

/** What the applications of one host want in a session. */
interface Intent {
  /** Mbit/s; null: it does not send. */
  sends: number | null;
  receives: Pick<Action, 'rate' | 'guaranteed' | 'senders'> | null;
}

interface SessionOfHosts {
  readonly key: SessionKey;
  style: StyleName;
  /** Of a session to one host that host; null: whoever joins the group. */
  readonly target: Node | null;
  /** Of a flow its sender. */
  readonly only: Node | null;
  readonly hosts: ReadonlyMap<Node, Intent>;
}

const bytesPerSecond = (mbit: number): number => mbit * 125_000;

function wants({ rate, guaranteed }: Pick<Action, 'rate' | 'guaranteed'>): Flowspec {
  const plain = controlledLoad(bytesPerSecond(rate));
  if (!guaranteed) return plain;
  return { service: 'guaranteed', tspec: plain.tspec, rspec: { rate: plain.tspec.tokenRate, slack: Micros(rate) } };
}

/** A key with everybody on every interface. */
function signAll(node: Node, window: number): void {
  const key = Uint8Array.of(1, 2, 3, 4);
  const keys = [{ keyId: 1, algorithm: 'hmac-md5' as const, key, notBefore: null, notAfter: null }];
  for (const name of node.interfaces.keys()) {
    const integrity = { keys, window, handshake: true };
    node.policies.push({ interface: name, address: null, integrity, helloInterval: null, refreshReduction: true });
  }
}

/**
 * Engines in a tree with sessions to hosts and to groups. Applications begin and end to send and to receive, and again after
 * their host's engine came back.
 */
export class ChaosNetwork {
  readonly network: Network;
  readonly nodes: readonly Node[];
  readonly sessions: readonly SessionOfHosts[];

  constructor({ parents, sessions, reducing, window, seed }: Plan) {
    this.network = new Network({ seed });
    this.nodes = makeTree(this.network, parents);
    for (const [i, node] of this.nodes.entries()) {
      node.refreshReduction = reducing === 'all' || (reducing === 'some' && i % 2 === 0);
      if (window !== null) signAll(node, window);
      node.configure();
    }
    setTreeRoutes(this.network, this.nodes);
    this.network.start();
    this.sessions = sessions.map((planned, i) => this.#sessionOf(planned, i));
  }

  #sessionOf({ group, to, address, style, only, open }: PlannedSession, i: number): SessionOfHosts {
    const sender = only === null ? null : this.nodes[only % this.nodes.length]!;
    const others = this.nodes.filter((node) => node !== sender);
    const target = group ? null : others[to % others.length]!;
    const addresses = [...(target?.interfaces.values() ?? [])].map((each) => each.address);
    const destination = addresses[address % addresses.length] ?? ip(`224.0.1.${i}`);
    const received = { rate: 1, guaranteed: false, senders: 0xfff };
    const hosts = this.nodes.map((node): [Node, Intent] => [
      node,
      { sends: open && node === sender ? 1 : null, receives: open && node === target ? received : null },
    ]);
    const key = { destination, protocol: 17, destinationPort: 2000 + i };
    return { key, style, target, only: sender, hosts: new Map(hosts) };
  }

  /** The flow that a host would send: from the interface that it leaves by, for a group from its first. */
  #flow({ key }: SessionOfHosts, node: Node): FlowKey | null {
    const first = [...node.interfaces.keys()][0]!;
    const name = isMulticast(key.destination) ? first : node.routes.get(key.destination)?.interface;
    const source = name === undefined ? undefined : node.interfaces.get(name)?.address;
    return source === undefined ? null : { ...key, source, sourcePort: 1000 + this.nodes.indexOf(node) };
  }

  act({ after, do: what, session: s, node: n, ...more }: Action): void {
    this.network.run(after);
    const session = this.sessions[s % this.sessions.length]!;
    const node = this.nodes[n % this.nodes.length]!;
    const [sender, receiver] = [session.only ?? node, session.target ?? node];
    switch (what) {
      case 'send':
        session.hosts.get(sender)!.sends = more.rate;
        return this.#tell(session, sender);
      case 'stop':
        return this.#stop(session, sender);
      case 'reserve':
        session.hosts.get(receiver)!.receives = more;
        return this.#tell(session, receiver);
      case 'release':
        return this.#release(session, receiver);
      case 'restyle':
        if (session.only === null) session.style = more.style;
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

  setQuality({ loss, duplicates, jitter }: Pick<Plan, 'loss' | 'duplicates' | 'jitter'>): void {
    for (const link of this.network.links) Object.assign(link, { loss, duplicates, jitter });
  }

  restart(node: Node): void {
    node.kill();
    node.restart();
    for (const session of this.sessions) this.#tell(session, node);
  }

  /** What all applications want; said again, what stands is not changed by it. */
  tellAll(): void {
    for (const session of this.sessions) for (const node of this.nodes) this.#tell(session, node);
  }

  /**
   * The same for sessions in which somebody may have been refused for a style that is no longer there. Flows come up without.
   * False where there are only flows.
   */
  tellRefused(): boolean {
    const mixed = this.sessions.filter(({ only }) => only === null);
    for (const session of mixed) for (const node of this.nodes) this.#tell(session, node);
    return mixed.length > 0;
  }

  #tell(session: SessionOfHosts, node: Node): void {
    const { sends, receives } = session.hosts.get(node)!;
    const flow = this.#flow(session, node);
    if (sends !== null && flow !== null) node.input({ type: 'openSender', flow, tspec: tspec(bytesPerSecond(sends)) });
    if (receives === null) return;
    const { key, style, only } = session;
    const flowspec = wants(receives);
    if (only !== null) {
      node.input({ type: 'openReceiver', flow: this.#flow(session, only)!, flowspec, confirm: false });
      return;
    }
    if (this.network.groups.join(key.destination, node)) this.#reroute();
    const descriptors = this.#descriptors(session, flowspec, receives.senders);
    node.input({ type: 'reserve', session: key, receiver: 'app', style, descriptors, confirm: false });
  }

  #descriptors(session: SessionOfHosts, flowspec: Flowspec, senders: number): readonly ReserveDescriptor[] {
    if (session.style === 'WF') return [{ filters: [], flowspec }];
    const chosen = this.nodes.filter((_, i) => (senders >> i) & 1);
    const filters = chosen.flatMap((node) => this.#flow(session, node) ?? []);
    return filters.length === 0 ? [] : [{ filters, flowspec }];
  }

  #stop(session: SessionOfHosts, node: Node): void {
    session.hosts.get(node)!.sends = null;
    const flow = this.#flow(session, node);
    if (flow !== null) node.input({ type: 'closeSender', flow });
  }

  #release(session: SessionOfHosts, node: Node): void {
    const { key, only, hosts } = session;
    hosts.get(node)!.receives = null;
    if (only !== null) node.input({ type: 'closeReceiver', flow: this.#flow(session, only)! });
    else node.input({ type: 'release', session: key, receiver: 'app' });
    if (this.network.groups.leave(key.destination, node)) this.#reroute();
  }

  #reroute(): void {
    for (const node of this.nodes) node.input({ type: 'routesChanged' });
  }

  /** Takes over what the applications of another run want in the end. */
  adopt(other: ChaosNetwork): void {
    for (const [i, session] of this.sessions.entries()) {
      session.style = other.sessions[i]!.style;
      for (const [n, intent] of [...other.sessions[i]!.hosts.values()].entries()) {
        Object.assign(session.hosts.get(this.nodes[n]!)!, intent);
      }
    }
    this.tellAll();
  }

  releaseAll(): void {
    for (const session of this.sessions) for (const node of this.nodes) this.#release(session, node);
  }

  stopAll(): void {
    for (const session of this.sessions) for (const node of this.nodes) this.#stop(session, node);
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

  /** In a network that loses nothing all is settled after so long: routes of groups settle first (W of RFC 2205 3.6). */
  get settlingTime(): number {
    return this.sessions.every(({ only }) => only !== null) ? 1_000 : 5_000;
  }

  /** State that nobody refreshes is gone after this long, whatever got lost: at every hop it may have been refreshed last by the one before. */
  get longestLife(): number {
    return this.nodes.length * L;
  }
}

const text = (node: Node, what: string, flow: FlowKey, rest: object): string =>
  `${node.name} ${what} ${flowKeyText(flow)} ${JSON.stringify(rest, (_, value: unknown) => (value === Infinity ? 'Infinity' : value))}`;
