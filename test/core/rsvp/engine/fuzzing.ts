import type { IpAddress } from '../../../../src/core/base/ip.ts';
import { seededRandom, type Random } from '../../../../src/core/base/random.ts';
import { Millis } from '../../../../src/core/base/units.ts';
import type { NeighbourPolicy } from '../../../../src/core/rsvp/engine/neighbours/settings.ts';
import { mutated, seedMessages } from '../wire/mutation.ts';
import { controlledLoad, flow, L, lab, tspec, type Lab, type Node } from './network.ts';

/** Packets between two looks at the whole, and between two moves of the clock. */
const ROUND = 500;
const STEP = 20;

export interface FuzzResult {
  readonly packets: number;
  /** Dropped by reason, all nodes together. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The most that was held at a time. */
  readonly most: Readonly<Record<string, number>>;
}

const flows = [flow(1), flow(2), flow(3, 1), flow(3, 2)];

/** A network in use, with refresh reduction, a link with a key and one with Hello. */
function network(seed: number): Lab {
  const world = lab({ seed, refreshReduction: true });
  const agree = (node: Node, name: string, address: string, policy: Partial<NeighbourPolicy>): void => {
    const plain = { integrity: null, helloInterval: null, refreshReduction: true };
    node.policies.push({ ...plain, ...policy, interface: name, address: address as IpAddress });
  };
  const key = new TextEncoder().encode('password12345');
  const keys = [{ keyId: 1, algorithm: 'hmac-md5' as const, key, notBefore: null, notAfter: null }];
  const integrity = { keys, window: 4, handshake: true };
  agree(world.r2, 'eth0', '10.2.0.2', { integrity });
  agree(world.hostB, 'eth0', '10.2.0.1', { integrity });
  agree(world.r1, 'eth1', '10.0.12.2', { helloInterval: Millis(5_000) });
  agree(world.r2, 'eth1', '10.0.12.1', { helloInterval: Millis(5_000) });
  for (const node of world.nodes) node.configure();
  world.network.start();
  open(world);
  world.network.run(60_000);
  return world;
}

function open({ hostA, hostB }: Lab): void {
  for (const each of flows) {
    hostB.input({ type: 'openReceiver', flow: each, flowspec: controlledLoad(9_000), confirm: true });
    hostA.input({ type: 'openSender', flow: each, tspec: tspec(9_000) });
  }
}

/** Where a message may come from: neighbours, end points, and the node itself. */
const sources = [
  '10.1.0.2',
  '10.1.0.1',
  '10.0.12.1',
  '10.0.12.2',
  '10.0.13.3',
  '10.2.0.1',
  '10.2.0.2',
  '0.0.0.0',
  '224.0.0.5',
];

function throwAt(world: Lab, seeds: readonly Uint8Array[], random: Random): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const node = pick(world.nodes);
  const out = pick([...node.interfaces.values()]);
  const bytes = mutated(seeds, random);
  const destination = random() < 0.8 ? out.address : ('10.2.0.2' as IpAddress);
  const source = pick(sources) as IpAddress;
  node.input({ type: 'packet', interface: out.name, source, destination, ttl: Math.floor(random() * 256), bytes });
}

/** Nothing may be thrown, and no table may be larger than its bound. */
function weigh(world: Lab, most: Record<string, number>): void {
  for (const node of world.nodes) {
    const { paths, reservations, neighbours } = node.engine.snapshot(world.network.now as never);
    const sizes = {
      paths: paths.length,
      reservations: reservations.length,
      neighbours: neighbours.length,
      remembered: Math.max(0, ...neighbours.map((each) => each.remembered)),
      unacknowledged: Math.max(0, ...neighbours.map((each) => each.unacknowledged)),
      summarised: Math.max(0, ...neighbours.map((each) => each.summarised)),
      reasons: Math.max(0, ...neighbours.map((each) => Object.keys(each.dropped).length)),
    };
    for (const [name, size] of Object.entries(sizes)) most[name] = Math.max(most[name] ?? 0, size);
  }
  world.network.sent.length = 0;
  for (const node of world.nodes) {
    node.events.length = 0;
    node.installs.splice(0, Math.max(0, node.installs.length - 200));
  }
}

/**
 * Mutated messages into every engine of a network in use, beside its own traffic. Nothing throws; afterwards the network
 * comes back by itself to what its applications opened, and whatever the messages made is gone.
 */
export function fuzzEngine(packets: number, seed: number): FuzzResult {
  const world = network(seed);
  const random = seededRandom(seed);
  const live = world.network.sent.map(({ send }) => send.bytes);
  // What these engines say themselves goes deepest; it is taken more often than all other kinds of message.
  const others = seedMessages(seed);
  const seeds = [
    ...others,
    ...Array<Uint8Array[]>(1 + Math.ceil(others.length / live.length))
      .fill(live)
      .flat(),
  ];
  const most: Record<string, number> = {};
  for (let done = 0; done < packets; done++) {
    throwAt(world, seeds, random);
    if (done % STEP === 0) world.network.run(random() * 1_000);
    if (done % ROUND === 0) weigh(world, most);
  }
  const dropped: Record<string, number> = {};
  for (const node of world.nodes) {
    for (const [reason, n] of Object.entries(node.dropped)) dropped[reason] = (dropped[reason] ?? 0) + n;
  }
  recover(world);
  return { packets, dropped, most };
}

/** Until nothing is left that a message with a long R of its own made; at each node after the one before. */
function outlive({ network: running, nodes }: Lab, isDone: () => boolean): void {
  running.run(nodes.length * L);
  for (let hop = 0; hop < nodes.length && !isDone(); hop++) {
    const ends = nodes.flatMap(({ paths, reservations }) =>
      [...paths, ...reservations].map((row) => row.expiresInMs ?? 0),
    );
    running.run(Math.max(...ends) + L);
  }
}

function recover(world: Lab): void {
  const { network: running, nodes } = world;
  outlive(world, () =>
    nodes.every(
      (node) =>
        node.paths.length === (node === world.r3 ? 0 : flows.length) &&
        node.reservations.length === (node === world.r3 || node === world.hostB ? 0 : flows.length),
    ),
  );
  // A closed flow opens again: a Path that named another sender's host as its own may have closed it.
  open(world);
  running.run(2 * L);
  for (const node of [world.hostA, world.r1, world.r2]) {
    const held = [...node.kernel.values()].map((flowspec) => JSON.stringify(flowspec)).sort();
    const wanted = flows.map(() => JSON.stringify(controlledLoad(9_000)));
    if (String(held) !== String(wanted)) throw new Error(`${node.name} does not come back: ${held.join(' ')}`);
    if (node.paths.length !== flows.length) throw new Error(`${node.name} has ${node.paths.length} path states`);
  }
  for (const each of flows) {
    world.hostA.input({ type: 'closeSender', flow: each });
    world.hostB.input({ type: 'closeReceiver', flow: each });
  }
  outlive(world, () => nodes.every((node) => node.paths.length + node.reservations.length === 0));
  for (const node of nodes) {
    if (node.paths.length + node.reservations.length + node.kernel.size + node.journal.size > 0) {
      throw new Error(
        `${node.name} keeps state: ${JSON.stringify([node.paths, [...node.kernel], [...node.journal.keys()]])}`,
      );
    }
  }
}
