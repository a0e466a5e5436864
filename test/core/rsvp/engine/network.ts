import { hmac } from '../../../../src/agent/hmac.ts';
import { createEngine } from '../../../../src/core/rsvp/engine/engine.ts';
import {
  flowKeyText,
  sessionKeyText,
  shareKeyText,
  type EngineEvent,
  type EngineInput,
  type EngineInterface,
  type EngineOutput,
  type EngineRoute,
  type FlowKey,
  type Share,
  type RsvpEngine,
} from '../../../../src/core/rsvp/engine/types.ts';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import type { ExtensionKind } from '../../../../src/core/rsvp/wire/extensions.ts';
import type { NeighbourPolicy, NeighbourSettings } from '../../../../src/core/rsvp/engine/neighbours/settings.ts';
import type { DepartingMessage, ValidMessage } from '../../../../src/core/rsvp/wire/message-views.ts';
import { MESSAGE_TYPE, type DecodedMessage, type RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
import {
  isNeighborMessage,
  validateNeighborMessage,
  type NeighborMessage,
} from '../../../../src/core/rsvp/wire/neighbor-messages.ts';
import { validateMessage } from '../../../../src/core/rsvp/wire/validate.ts';
import { Heap } from '../../../../src/core/base/heap.ts';
import { isMulticast, type IpAddress } from '../../../../src/core/base/ip.ts';
import { Groups } from './groups.ts';
import { seededRandom, type Random } from '../../../../src/core/base/random.ts';
import { Bytes, BytesPerSecond, EpochMs, Micros, Millis, MonotonicMs } from '../../../../src/core/base/units.ts';
import type { Flowspec, Tspec } from '../../../../src/core/qos/flowspec.ts';

export const ip = (text: string): IpAddress => text as IpAddress;
type Send = EngineOutput & { readonly type: 'send' };
type Install = EngineOutput & { readonly type: 'install' };
type Packet = EngineInput & { readonly type: 'packet' };

/** A message as it left a node, decoded and validated. */
export interface Sent {
  readonly at: number;
  readonly node: string;
  readonly view: DepartingMessage | NeighborMessage;
  readonly send: Send;
}

interface End {
  readonly node: Node;
  readonly interface: string;
}

export interface Link {
  readonly ends: readonly [End, End];
  up: boolean;
  latency: number;
  /** Share of packets that are lost, 0 … 1. */
  loss: number;
  /** Routers on the link that do not speak RSVP. */
  hiddenHops: number;
  /** Share of packets that arrive twice, 0 … 1. */
  duplicates: number;
  /** Up to this much is added to the latency of each packet, ms: packets overtake each other. */
  jitter: number;
}

/** What a trace of a run shows, in order. */
export type Happening =
  | { readonly type: 'message'; readonly sent: Sent; readonly to: Node | null; readonly lost: boolean }
  | { readonly type: 'output'; readonly node: Node; readonly output: Exclude<EngineOutput, Send> }
  | { readonly type: 'verdict'; readonly node: Node; readonly install: Install; readonly verdict: Verdict };

/** What a node answers to an install: at once, refused, or not until the test says. */
export type Verdict = 'install' | 'hold' | { readonly errorCode: number; readonly errorValue: number };

export const R = 30_000;
/** (K + 0.5) · 1.5 · R with K = 3 (RFC 2205 3.7). */
export const L = 5.25 * R;

/** What the wall clock shows when the virtual clock is at 0. */
const WALL = Date.UTC(2026, 0, 1);
type Reservation = ReturnType<RsvpEngine['snapshot']>['reservations'][number];

/** The share that a reservation is part of. */
const shareOf = ({ flow, interface: name, style }: Reservation): Share => ({
  session: flow,
  interface: name,
  style,
  filters: style === 'WF' ? [] : [flow],
});

/** One node: an engine with a routing table, a kernel that remembers installs, and a journal. */
export class Node {
  readonly name: string;
  readonly network: Network;
  engine: RsvpEngine;
  readonly interfaces = new Map<string, EngineInterface>();
  /** By destination address. */
  readonly routes = new Map<string, EngineRoute>();
  /** What the kernel holds: `flow on interface` → flowspec. */
  readonly kernel = new Map<string, Flowspec>();
  /** The senders of what the kernel holds, by the same keys. */
  readonly kernelSenders = new Map<string, string>();
  readonly journal = new Map<string, Packet>();
  readonly events: EngineEvent[] = [];
  readonly installs: Install[] = [];
  /** Route questions that stay open while this is set. */
  holdRoutes = false;
  readonly openQueries: (EngineOutput & { readonly type: 'queryRoute' })[] = [];
  verdict: (install: Install) => Verdict = () => 'install';
  alive = true;
  readonly seed: number;
  /** Offers RFC 2961, from its next start on. */
  refreshReduction: boolean;
  /** What it has agreed with its neighbours, from its next start on. */
  readonly policies: NeighbourPolicy[] = [];
  /** Bounds other than the usual ones, from its next start on. */
  limits: Partial<Pick<NeighbourSettings, 'maxFlowsEach' | 'maxNeighbours'>> = {};
  #starts = 0;

  constructor(network: Network, name: string, seed: number) {
    this.network = network;
    this.name = name;
    this.seed = seed;
    this.refreshReduction = network.refreshReduction;
    this.engine = this.#newEngine();
  }

  #newEngine(): RsvpEngine {
    const { refreshReduction, policies } = this;
    return createEngine(
      {
        refreshPeriod: Millis(this.network.refreshPeriod),
        seed: this.seed,
        maxFlows: 1_000,
        neighbours: {
          instance: 100 * (1 + (this.seed % 100)) + ++this.#starts,
          refreshReduction,
          policies: [...policies],
          secret: Uint8Array.of(this.seed & 0xff, this.#starts),
          maxFlowsEach: 1_000,
          maxNeighbours: 100,
          ...this.limits,
        },
      },
      hmac,
    );
  }

  /** Takes settings over that were changed before anything ran. */
  configure(): void {
    this.engine = this.#newEngine();
  }

  input(input: EngineInput): EngineOutput[] {
    if (!this.alive) return [];
    const outputs = this.engine.handle(input, MonotonicMs(this.network.now));
    for (const output of outputs) this.#perform(output);
    return outputs;
  }

  setInterfaces(): void {
    if (this.policies.length > 0) this.input({ type: 'clock', wall: this.network.wall });
    const up = [...this.interfaces.values()].filter((each) => this.network.linkOf(this, each.name)?.up ?? true);
    this.input({ type: 'interfaces', interfaces: up });
  }

  kill(): void {
    this.alive = false;
  }

  /** As an agent does after a crash: interfaces, then the journal in the order of its keys. */
  restart(): void {
    this.engine = this.#newEngine();
    this.alive = true;
    this.setInterfaces();
    for (const key of [...this.journal.keys()].sort()) {
      const input = this.journal.get(key);
      if (input) this.input(input);
    }
    this.network.later(L, () => this.#reconcile(), 'housekeeping');
  }

  /** What the journal or the kernel still has of state that could not be brought back is dropped after a lifetime. */
  #reconcile(): void {
    const flows = new Set(this.paths.map((path) => flowKeyText(path.flow)));
    const reserved = new Set(this.reservations.map((each) => shareKeyText(shareOf(each))));
    const journaled = new Set(
      this.reservations.map((each) => {
        const what = each.style === 'FF' ? flowKeyText(each.flow) : `${sessionKeyText(each.flow)} ${each.style}`;
        return `${what} via ${each.nextHop}`;
      }),
    );
    for (const key of this.journal.keys()) {
      const name = key.slice('path '.length);
      if (!(key.startsWith('path ') ? flows : journaled).has(name)) this.journal.delete(key);
    }
    for (const key of this.kernel.keys()) if (!reserved.has(key)) this.kernel.delete(key);
  }

  answerRoutes(): void {
    for (const query of this.openQueries.splice(0)) this.#answerRoute(query);
  }

  get paths() {
    return this.engine.snapshot(MonotonicMs(this.network.now)).paths;
  }
  get reservations() {
    return this.engine.snapshot(MonotonicMs(this.network.now)).reservations;
  }
  get neighbours() {
    return this.engine.snapshot(MonotonicMs(this.network.now)).neighbours;
  }
  get dropped() {
    return this.engine.snapshot(MonotonicMs(this.network.now)).counters.dropped;
  }
  eventsOf<T extends EngineEvent['type']>(type: T): (EngineEvent & { readonly type: T })[] {
    return this.events.filter((event): event is EngineEvent & { readonly type: T } => event.type === type);
  }

  /** Nothing is left: no state, nothing in the kernel, nothing in the journal, no timer. */
  get isEmpty(): boolean {
    return (
      this.paths.length === 0 &&
      this.reservations.length === 0 &&
      this.kernel.size === 0 &&
      this.journal.size === 0 &&
      this.engine.nextDeadline() === null
    );
  }

  #perform(output: EngineOutput): void {
    if (output.type !== 'send') this.network.watch({ type: 'output', node: this, output });
    switch (output.type) {
      case 'send':
        this.network.transmit(this, output);
        break;
      case 'queryRoute':
        if (this.holdRoutes) this.openQueries.push(output);
        else this.network.later(0, () => this.#answerRoute(output));
        break;
      case 'install': {
        this.installs.push(output);
        const verdict = this.verdict(output);
        if (verdict === 'hold') {
          this.network.watch({ type: 'verdict', node: this, install: output, verdict });
          break;
        }
        this.network.later(this.network.installDelay, () => this.answerInstall(output, verdict));
        break;
      }
      case 'remove':
        this.kernel.delete(shareKeyText(output));
        break;
      case 'event':
        this.events.push(output.event);
        break;
      case 'remember':
        this.journal.set(output.key, output.input);
        break;
      case 'forget':
        this.journal.delete(output.key);
        break;
    }
  }

  answerInstall(install: Install, verdict: Exclude<Verdict, 'hold'>): void {
    if (!this.alive) return;
    this.network.watch({ type: 'verdict', node: this, install, verdict });
    const { installId } = install;
    if (verdict !== 'install') {
      this.input({ type: 'refused', installId, ...verdict });
      return;
    }
    // The driver does not touch the kernel for an install that was overtaken or removed.
    const share = shareKeyText(install);
    const latest = this.installs.findLast((each) => shareKeyText(each) === share);
    const held = this.reservations.some((each) => shareKeyText(shareOf(each)) === share);
    if (latest === install && held) {
      this.kernel.set(share, install.flowspec);
      const senders = install.filters.map(({ source, sourcePort }) => `${source}:${sourcePort}`);
      this.kernelSenders.set(share, senders.sort().join(' '));
    }
    this.input({ type: 'installed', installId });
  }

  /** A pinned flow's next hop must be a neighbour: the table of its mark has just that. */
  #toNeighbour(address: IpAddress): EngineRoute | null {
    for (const name of this.interfaces.keys()) {
      const link = this.network.linkOf(this, name);
      const far = link?.ends.find((end) => end.node !== this);
      if (link?.up && far?.node.interfaces.get(far.interface)?.address === address) {
        return { interface: name, gateway: address, local: false };
      }
    }
    return null;
  }

  #answerRoute(query: EngineOutput & { readonly type: 'queryRoute' }): void {
    const { destination } = query.flow;
    if (isMulticast(destination)) {
      const route = this.network.groups.route(this, query.flow);
      this.input({ type: 'route', queryId: query.queryId, route });
      return;
    }
    if (query.via !== null) {
      this.input({ type: 'route', queryId: query.queryId, route: this.#toNeighbour(query.via) });
      return;
    }
    const local = [...this.interfaces.values()].find((each) => each.addresses.includes(destination));
    const route = local
      ? { interface: local.name, gateway: null, local: true }
      : (this.routes.get(destination) ?? null);
    this.input({ type: 'route', queryId: query.queryId, route });
  }
}

export interface NetworkOptions {
  readonly seed?: number;
  readonly refreshPeriod?: number;
  readonly latency?: number;
  readonly refreshReduction?: boolean;
}

const EXTENSIONS: ReadonlySet<ExtensionKind> = new Set([
  'integrity',
  'messageId',
  'messageIdAck',
  'messageIdNack',
  'scope',
  'explicitRoute',
  'recordRoute',
]);

/** An error about an unknown style (6), class (13), C-Type (14) or service (21/2). */
const saysNotUnderstood = ({ type, objects }: RsvpMessage): boolean =>
  (type === MESSAGE_TYPE.pathErr || type === MESSAGE_TYPE.resvErr) &&
  objects.some(
    (object) =>
      object.kind === 'errorSpec' &&
      ([6, 13, 14].includes(object.errorCode) || (object.errorCode === 21 && object.errorValue === 2)),
  );

/** Judges what a node sent; each message of a Bundle by itself. */
function judge(from: string, { message, checksum }: DecodedMessage): DepartingMessage | NeighborMessage {
  const signed = message.objects.some(({ kind }) => kind === 'integrity');
  if (checksum !== (signed ? 'absent' : 'valid')) throw new Error(`${from} sent a message without checksum`);
  const valid = isNeighborMessage(message.type)
    ? validateNeighborMessage(message)
    : validateMessage(message, EXTENSIONS);
  // What was not understood goes back as it came (RFC 2205 3.10).
  if (!valid.ok && saysNotUnderstood(message)) {
    const type = message.type === MESSAGE_TYPE.pathErr ? 'pathErr' : 'resvErr';
    return { kind: 'formatErr', type, sendTtl: message.sendTtl, objects: message.objects };
  }
  if (!valid.ok) throw new Error(`${from} sent an invalid message: ${valid.error.detail}`);
  for (const part of message.messages ?? []) judge(from, part);
  return valid.value;
}

/** Engines connected by links, on one virtual clock. */
export class Network {
  now = 1_000;
  readonly refreshPeriod: number;
  readonly refreshReduction: boolean;
  readonly nodes = new Map<string, Node>();
  readonly links: Link[] = [];
  readonly sent: Sent[] = [];
  readonly groups = new Groups(this);
  installDelay = 1;
  /** Sees everything that happens. */
  watch: (happening: Happening) => void = () => undefined;
  /** Loses single messages, on top of what the links lose. */
  loses: (sent: Sent, to: Node) => boolean = () => false;
  readonly #random: Random;
  readonly #latency: number;
  readonly #seed: number;
  #order = 0;
  #inFlight = 0;
  readonly #queue = new Heap<{ at: number; order: number; kind: 'traffic' | 'housekeeping'; run: () => void }>(
    (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order),
  );

  constructor(options: NetworkOptions = {}) {
    this.#seed = options.seed ?? 1;
    this.#random = seededRandom(this.#seed);
    this.#latency = options.latency ?? 2;
    this.refreshPeriod = options.refreshPeriod ?? R;
    this.refreshReduction = options.refreshReduction ?? false;
  }

  get wall(): EpochMs {
    return EpochMs(WALL + this.now);
  }

  node(name: string): Node {
    let node = this.nodes.get(name);
    if (!node) {
      node = new Node(this, name, this.#seed * 100 + this.nodes.size);
      this.nodes.set(name, node);
    }
    return node;
  }

  /** `link('r1 eth1 10.0.12.1', 'r2 eth0 10.0.12.2')` */
  link(a: string, b: string, properties: Partial<EngineInterface> = {}): Link {
    const end = (text: string): End => {
      const [name, interfaceName, address] = text.split(' ') as [string, string, string];
      const node = this.node(name);
      node.interfaces.set(interfaceName, {
        name: interfaceName,
        address: ip(address),
        addresses: [ip(address)],
        mtu: Bytes(1500),
        bandwidth: BytesPerSecond(12_500_000),
        latency: Micros(100),
        errorC: Bytes(1500),
        errorD: Micros(250),
        ...properties,
      });
      return { node, interface: interfaceName };
    };
    const link: Link = {
      ends: [end(a), end(b)],
      up: true,
      latency: this.#latency,
      loss: 0,
      hiddenHops: 0,
      duplicates: 0,
      jitter: 0,
    };
    this.links.push(link);
    return link;
  }

  linkOf(node: Node, interfaceName: string): Link | undefined {
    return this.links.find((link) => link.ends.some((end) => end.node === node && end.interface === interfaceName));
  }

  start(): void {
    for (const node of this.nodes.values()) node.setInterfaces();
  }

  /** Takes a link down or up as the kernels at both ends see it. */
  setLink(link: Link, up: boolean): void {
    link.up = up;
    for (const { node } of link.ends) node.setInterfaces();
  }

  later(delay: number, run: () => void, kind: 'traffic' | 'housekeeping' = 'traffic'): void {
    if (kind === 'traffic') this.#inFlight++;
    this.#queue.push({ at: this.now + delay, order: this.#order++, kind, run });
  }

  /** Packets on links and answers that nodes still wait for. */
  get inFlight(): number {
    return this.#inFlight;
  }

  transmit(from: Node, send: Send): void {
    const decoded = decodeMessage(send.bytes);
    if (!decoded.ok) throw new Error(`${from.name} sent what does not decode: ${decoded.error.detail}`);
    if (decoded.value.message.sendTtl !== send.ttl) throw new Error(`${from.name}: Send_TTL differs from the IP TTL`);
    const sent: Sent = { at: this.now, node: from.name, view: judge(from.name, decoded.value), send };
    this.sent.push(sent);
    const link = this.linkOf(from, send.interface);
    const to = link?.ends.find((end) => end.node !== from);
    const lost = !link?.up || !to || this.#random() < link.loss || this.loses(sent, to.node);
    this.watch({ type: 'message', sent, to: to?.node ?? null, lost });
    if (lost) return;
    const packet: Packet = {
      type: 'packet',
      interface: to.interface,
      source: send.source,
      destination: send.destination,
      ttl: send.ttl - link.hiddenHops,
      bytes: send.bytes.slice(),
    };
    const copies = link.duplicates > 0 && this.#random() < link.duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const latency = link.latency + (link.jitter > 0 ? this.#random() * link.jitter : 0);
      this.later(latency, () => to.node.input(packet));
    }
  }

  /** Runs everything due until `duration` from now, then stands there. */
  run(duration: number): void {
    this.runUntil(this.now + duration);
  }

  /** Runs everything due at `end` or before, then stands there. */
  runUntil(end: number): void {
    while (this.step(end));
    this.now = Math.max(this.now, end);
  }

  /** Runs until nothing is in flight any more. What comes due meanwhile happens, too. */
  settle(): void {
    while (this.#inFlight > 0) this.step();
  }

  /** The next thing alone, if it is due at `end` or before; at one instant deliveries come before timers. */
  step(end = Infinity): boolean {
    const timed = this.#nextTimed();
    const packetAt = this.#queue.peek()?.at ?? Infinity;
    const at = Math.min(packetAt, timed?.at ?? Infinity);
    if (at > end || at === Infinity) return false;
    this.now = Math.max(this.now, at);
    if (timed !== null && timed.at < packetAt) {
      timed.node.input({ type: 'timer' });
      return true;
    }
    const { kind, run } = this.#queue.pop()!;
    if (kind === 'traffic') this.#inFlight--;
    run();
    return true;
  }

  #nextTimed(): { readonly node: Node; readonly at: number } | null {
    let next: { node: Node; at: number } | null = null;
    for (const node of this.nodes.values()) {
      const at = node.alive ? node.engine.nextDeadline() : null;
      if (at !== null && (next === null || at < next.at)) next = { node, at };
    }
    return next;
  }

  messages<K extends (ValidMessage | NeighborMessage)['kind']>(
    kind: K,
    node?: string,
  ): (Sent & { view: (ValidMessage | NeighborMessage) & { kind: K } })[] {
    return this.sent.filter(
      (each): each is Sent & { view: (ValidMessage | NeighborMessage) & { kind: K } } =>
        each.view.kind === kind && (node === undefined || each.node === node),
    );
  }
}

export const tspec = (rate: number): Tspec => ({
  tokenRate: BytesPerSecond(rate),
  tokenBucket: Bytes(15_000),
  peakRate: BytesPerSecond(Infinity),
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(1500),
});
export const controlledLoad = (rate: number): Flowspec => ({ service: 'controlledLoad', tspec: tspec(rate) });

export const flow = (port = 5004, sourcePort = 5004): FlowKey => ({
  destination: ip('10.2.0.2'),
  protocol: 17,
  destinationPort: port,
  source: ip('10.1.0.2'),
  sourcePort,
});

/** host-a – r1 – r2 – host-b, and r1 – r3 – r2 as another way. */
export function lab(options: NetworkOptions = {}) {
  const network = new Network(options);
  const links = {
    hostA: network.link('host-a eth0 10.1.0.2', 'r1 eth0 10.1.0.1', { bandwidth: BytesPerSecond(125_000_000) }),
    direct: network.link('r1 eth1 10.0.12.1', 'r2 eth1 10.0.12.2'),
    hostB: network.link('r2 eth0 10.2.0.1', 'host-b eth0 10.2.0.2', { bandwidth: BytesPerSecond(125_000_000) }),
    upper: network.link('r1 eth2 10.0.13.1', 'r3 eth0 10.0.13.3'),
    lower: network.link('r3 eth1 10.0.23.3', 'r2 eth2 10.0.23.2'),
  };
  const [hostA, r1, r2, r3, hostB] = ['host-a', 'r1', 'r2', 'r3', 'host-b'].map((name) => network.node(name)) as [
    Node,
    Node,
    Node,
    Node,
    Node,
  ];
  const to = ip('10.2.0.2');
  const via = (name: string, gateway: string | null) => ({
    interface: name,
    gateway: gateway === null ? null : ip(gateway),
    local: false,
  });
  hostA.routes.set(to, via('eth0', '10.1.0.1'));
  r1.routes.set(to, via('eth1', '10.0.12.2'));
  r2.routes.set(to, via('eth0', null));
  r3.routes.set(to, via('eth1', '10.0.23.2'));
  const throughR3 = via('eth2', '10.0.13.3');
  network.start();
  const nodes = [hostA, r1, r2, r3, hostB] as const;
  return { network, links, hostA, r1, r2, r3, hostB, nodes, onPath: [hostA, r1, r2, hostB] as const, throughR3 };
}

export type Lab = ReturnType<typeof lab>;

/** Opens sender and receiver and lets the reservation come up. */
export function establish(world: Lab, which = flow(), rate = 2_500_000, confirm = true): void {
  world.hostB.input({ type: 'openReceiver', flow: which, flowspec: controlledLoad(rate), confirm });
  world.hostA.input({ type: 'openSender', flow: which, tspec: tspec(rate) });
  world.network.run(200);
}

/** A message that was sent, changed, as the packet that reaches `interfaceName` of the next node. */
export function altered(sent: Sent, interfaceName: string, change: (message: RsvpMessage) => RsvpMessage): Packet {
  const decoded = decodeMessage(sent.send.bytes);
  if (!decoded.ok) throw new Error(decoded.error.detail);
  const { source, destination, ttl } = sent.send;
  const bytes = encodeMessage(change(decoded.value.message)).slice();
  return { type: 'packet', interface: interfaceName, source, destination, ttl, bytes };
}
