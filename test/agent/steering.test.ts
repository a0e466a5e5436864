import type { SteeredFlow } from '../../src/core/shaping/desired.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flowKeyOf } from '../../src/agent/flow-key.ts';
import { silentLog } from '../support/state-folder.ts';
import { Journal } from '../../src/agent/journal.ts';
import type { HostNetwork, HostRoute } from '../../src/agent/netlink/host-network.ts';
import { NumberBook } from '../../src/agent/number-book.ts';
import { Steering, type FlowMarker } from '../../src/agent/steering.ts';
import { ok, type Result } from '../../src/core/base/result.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import { assignmentFor } from '../../src/core/reservation/assignment.ts';
import {
  DEFAULT_STEERING,
  neighbourLimit,
  type SteeringRoute,
  type SteeringRule,
  type SteeringStep,
} from '../../src/core/shaping/steering.ts';
import { reservation } from '../core/reservation/fixtures.ts';
import { ip } from '../support/network.ts';

const NEXT = ip('10.0.0.2');
const DIRECT: HostRoute = { interface: 'eth1', gateway: ip('10.0.0.9'), local: false, choices: [] };
const PINNED: HostRoute = { interface: 'eth2', gateway: NEXT, local: false, choices: [] };

/** Rules and tables as a kernel looks them up: by the mark, else the routed way by eth1. */
class RuledNetwork implements HostNetwork {
  rules: SteeringRule[] = [];
  tables: SteeringRoute[] = [];
  /** What the network was told, in order. */
  readonly done: string[] = [];
  /** The routed way is another one. */
  routed: HostRoute = DIRECT;

  interfaces = () => [];
  routes = () => [];
  markRules = () => [];
  concern = () => {};
  close = () => Promise.resolve();
  steering = () => ({ rules: this.rules, routes: this.tables });
  steer(steps: readonly SteeringStep[]): readonly string[] {
    for (const step of steps) {
      this.done.push(step.op);
      if (step.op === 'addRule') this.rules.push(step.rule);
      if (step.op === 'deleteRule') this.rules = this.rules.filter((rule) => rule !== step.rule);
      if ('route' in step) this.tables = this.tables.filter(({ table }) => table !== step.route.table);
      if (step.op === 'setRoute') this.tables.push(step.route);
    }
    return [];
  }
  lookup(_: unknown, mark = 0): HostRoute {
    const table = this.rules.find((rule) => mark !== 0 && (mark & rule.mask) === rule.mark)?.table;
    const route = this.tables.find((each) => each.table === table);
    return route ? { interface: route.interface, gateway: route.gateway, local: false, choices: [] } : this.routed;
  }
}

/** Marks that are made when the test says so. */
class HeldMarks implements FlowMarker {
  readonly marks = new Map<string, number>();
  #open: (() => void)[] | null = null;
  refusal: string | null = null;

  hold(): void {
    this.#open = [];
  }
  async letGo(): Promise<void> {
    const waiting = this.#open ?? [];
    this.#open = null;
    for (const go of waiting) go();
    await Promise.resolve();
  }
  steer(flow: SteeredFlow): Promise<Result<void, { detail: string }>> {
    return this.#when(() => this.marks.set(flow.key, flow.neighbour));
  }
  unsteer(key: string): Promise<Result<void, { detail: string }>> {
    return this.#when(() => this.marks.delete(key));
  }
  renumber({ flows }: { readonly flows: readonly SteeredFlow[] }): Promise<Result<void, { detail: string }>> {
    return this.#when(() => flows.forEach((flow) => this.marks.set(flow.key, flow.neighbour)));
  }
  async #when(act: () => unknown): Promise<Result<void, { detail: string }>> {
    const waiting = this.#open;
    if (waiting) await new Promise<void>((resolve) => waiting.push(resolve));
    if (this.refusal !== null) return { ok: false, error: { detail: this.refusal } };
    act();
    return ok(undefined);
  }
}

const assignment = (port: number, more: Partial<Assignment> = {}): Assignment => {
  const { flow } = reservation();
  const base = assignmentFor(
    reservation({ id: `r${port}`, flow: { ...flow, source: { ...flow.source, port } } }),
    'r1',
  )!;
  return { ...base, outgoingInterface: 'eth2', nextHop: NEXT, pinned: true, ...more };
};

describe('steering', () => {
  let folder: string;
  let journal: Journal;
  let network: RuledNetwork;
  let marks: HeldMarks;
  let changed: number;
  let logged: string[];
  let strayed: HostRoute[];
  const stray = (route: HostRoute): void => void strayed.push(route);
  const steering = (problem: string | null = null): Steering =>
    new Steering({
      numbers: DEFAULT_STEERING,
      bookOf: (numbers) => new NumberBook(journal, 'neighbour/', { first: 1, last: neighbourLimit(numbers) }),
      network,
      kernel: marks,
      problem,
      changed: () => changed++,
      mayRemove: () => true,
      log: (text) => logged.push(text),
    });
  const gone = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hr-steer-'));
    journal = new Journal(join(folder, 'journal'), { log: silentLog });
    network = new RuledNetwork();
    marks = new HeldMarks();
    changed = 0;
    logged = [];
    strayed = [];
  });
  afterEach(async () => {
    await journal.close();
    rmSync(folder, { recursive: true });
  });

  it('flows to one neighbour share its mark, table and rule, which go with the last of them', async () => {
    const s = steering();
    const [one, two] = [assignment(1), assignment(2)];
    await Promise.all([s.hold(one), s.hold(two)]);
    expect(network.rules).toEqual([{ mark: 0x10000, mask: 0xff0000, table: 42_001 }]);
    expect(network.tables).toEqual([{ table: 42_001, interface: 'eth2', gateway: NEXT }]);
    expect([...marks.marks.values()]).toEqual([1, 1]);
    expect([s.markOf(flowKeyOf(one.flow)), s.markOf(flowKeyOf(assignment(3).flow))]).toEqual([0x10000, 0]);
    await s.release(one);
    expect(network.rules).toHaveLength(1);
    await s.release(two);
    expect([network.rules, network.tables, [...marks.marks]]).toEqual([[], [], []]);
    expect(network.done).toEqual(['setRoute', 'addRule', 'deleteRule', 'deleteRoute']);
    expect([...journal.entries('neighbour/')]).toEqual([]);
    // Nothing was held for it: nothing is waited for.
    await s.release(assignment(4));
  });

  it('a flow stays steered until its path state is gone, so that PathTear follows PATH', async () => {
    const s = steering();
    const one = assignment(1);
    const flow = flowKeyOf(one.flow);
    await s.hold(one);
    s.pathUp(flow);
    let released = false;
    const release = s.release(one).then(() => (released = true));
    await gone();
    expect([released, s.markOf(flow), marks.marks.size]).toEqual([false, 0x10000, 1]);
    s.pathDown(flow);
    // The tear may be sent after the news of it, in the same turn.
    expect(s.markOf(flow)).toBe(0x10000);
    await release;
    expect([s.markOf(flow), marks.marks.size, network.rules.length]).toEqual([0, 0, 0]);
  });

  it('a reservation that takes the flow over keeps what is there, moves it, or ends it', async () => {
    const s = steering();
    const one = assignment(1);
    const flow = flowKeyOf(one.flow);
    await s.hold(one);
    s.pathUp(flow);
    void s.release(one);
    const next = assignment(1, { reservationId: 'next' });
    expect(s.hold(next)).toBeNull();
    s.pathDown(flow);
    await gone();
    expect(s.markOf(flow)).toBe(0x10000);
    await s.hold({ ...next, reservationId: 'third', nextHop: ip('10.0.0.3') });
    expect(network.tables).toEqual([{ table: 42_002, interface: 'eth2', gateway: '10.0.0.3' }]);
    expect([...marks.marks.values()]).toEqual([2]);
    // Routed from now on, though path state stands.
    s.pathUp(flow);
    expect(s.hold({ ...next, reservationId: 'fourth', nextHop: null, pinned: false })).toBeNull();
    await gone();
    expect([network.rules, network.tables, marks.marks.size, s.markOf(flow)]).toEqual([[], [], 0, 0]);
  });

  it('keeps routed flows of all senders to the assigned next hop while their route has several', async () => {
    const s = steering();
    const routed = assignment(1, { nextHop: null, pinned: false, outgoingInterface: 'eth1' });
    const two = { ...routed, sources: [...routed.sources, { address: ip('10.0.9.9'), port: 9 }] };
    const flows = two.sources.map((source) => flowKeyOf(two.flow, source));
    expect(s.hold(two)).toBeNull();
    const choices = [PINNED, DIRECT].map(({ interface: name, gateway }) => ({ interface: name, gateway }));
    network.routed = { ...PINNED, choices };
    await s.hold(two);
    expect(network.tables).toEqual([{ table: 42_001, interface: 'eth1', gateway: '10.0.0.9' }]);
    expect(flows.map((flow) => s.way(flow, null, stray))).toEqual([DIRECT, DIRECT]);
    // One next hop again, and it is the one by which they were kept.
    network.routed = DIRECT;
    expect(s.hold(two)).toBeNull();
    await gone();
    expect([network.tables, marks.marks.size, strayed]).toEqual([[], 0, []]);
    network.routed = { ...DIRECT, choices };
    await s.hold(two);
    await s.release(two);
    expect([network.rules, marks.marks.size]).toEqual([[], 0]);
  });

  it('leaves a flow to its route where that has no next hop on the assigned interface, or marks cannot be set', () => {
    const choices = [PINNED, DIRECT].map(({ interface: name, gateway }) => ({ interface: name, gateway }));
    network.routed = { ...DIRECT, choices };
    const routed = assignment(1, { nextHop: null, pinned: false });
    expect(steering().hold({ ...routed, outgoingInterface: 'eth7' })).toBeNull();
    expect(steering('no marks here').hold({ ...routed, outgoingInterface: 'eth1' })).toBeNull();
    expect(network.done).toEqual([]);
  });

  it('a route is told when the packets are marked, and is the kernel’s own for the mark', async () => {
    const s = steering();
    const one = assignment(1);
    const flow = flowKeyOf(one.flow);
    expect(s.way(flow, null, stray)).toEqual(DIRECT);
    marks.hold();
    const held = s.hold(one);
    const way = s.way(flow, NEXT, stray);
    expect(way).toBeInstanceOf(Promise);
    await marks.letGo();
    expect(await way).toEqual(PINNED);
    expect(await held).toEqual({ ok: true, value: undefined });
    expect(s.way(flow, null, stray)).toEqual(PINNED);
    expect(strayed).toEqual([]);
  });

  it('where the kernel sends a pinned flow elsewhere there is no route, and the other way is told', async () => {
    const s = steering();
    const one = assignment(1);
    const flow = flowKeyOf(one.flow);
    await s.hold(one);
    network.rules = [];
    expect(s.way(flow, null, stray)).toBeNull();
    expect(strayed).toEqual([DIRECT]);
    s.reconcileRoutes();
    expect(s.way(flow, null, stray)).toEqual(PINNED);
    // Not every node can keep an unpinned one where it should be: it goes where it goes.
    const two = assignment(2, { pinned: false });
    await s.hold(two);
    network.rules = [];
    expect(s.way(flowKeyOf(two.flow), null, stray)).toEqual(DIRECT);
  });

  it('PATH with a next hop waits for the assignment that it has overtaken', async () => {
    const s = steering();
    const one = assignment(1);
    const way = s.way(flowKeyOf(one.flow), NEXT, stray);
    expect(way).toBeInstanceOf(Promise);
    await s.hold(one);
    expect(await way).toEqual(PINNED);
    // Where routing leads there anyway nothing is waited for.
    expect(s.way(flowKeyOf(assignment(2).flow), ip('10.0.0.9'), stray)).toEqual(DIRECT);
    expect(strayed).toEqual([]);
    s.close();
  });

  it('PATH with a next hop that no assignment speaks of has no route', async () => {
    const s = steering();
    const way = s.way(flowKeyOf(assignment(1).flow), NEXT, stray);
    s.close();
    expect(await way).toBeNull();
    expect(strayed).toEqual([DIRECT]);
  });

  it('a flow whose PATH was here before its assignment is asked for anew', async () => {
    const s = steering();
    s.pathUp(flowKeyOf(assignment(1).flow));
    await s.hold(assignment(1));
    expect(changed).toBe(1);
    await s.hold(assignment(2));
    s.pathUp(flowKeyOf(assignment(2).flow));
    expect(changed).toBe(1);
  });

  it('where the host cannot steer, a pinned flow is refused and another goes its routed way', async () => {
    const s = steering('no nft');
    expect(await s.hold(assignment(1))).toEqual({ ok: false, error: { detail: 'no nft' } });
    expect(s.hold(assignment(2, { pinned: false }))).toBeNull();
    marks.refusal = 'the kernel said no';
    const other = steering();
    expect(await other.hold(assignment(3))).toEqual({ ok: false, error: { detail: 'the kernel said no' } });
    expect(logged.join()).toContain('the kernel said no');
  });

  it('neighbours keep their numbers over a restart, and those of none are given back', async () => {
    const first = steering();
    await first.hold(assignment(1, { nextHop: ip('10.0.0.7') }));
    await first.hold(assignment(2));
    const second = steering();
    await second.hold(assignment(2));
    second.forgetUnused();
    second.reconcileRoutes();
    expect(second.markOf(flowKeyOf(assignment(2).flow))).toBe(0x20000);
    expect(network.tables).toEqual([{ table: 42_002, interface: 'eth2', gateway: NEXT }]);
    expect([...journal.entries('neighbour/')]).toEqual([['neighbour/eth2 10.0.0.2', 2]]);
    second.removeRoutes();
    expect([network.rules, network.tables]).toEqual([[], []]);
  });

  it('more neighbours than marks are refused', async () => {
    const s = steering();
    for (let i = 0; i < 255; i++) await s.hold(assignment(1 + i, { nextHop: ip(`10.9.${i}.1`) }));
    expect(await s.hold(assignment(900))).toMatchObject({
      ok: false,
      error: { detail: expect.stringContaining('no mark') },
    });
    await s.release(assignment(1));
    expect(await s.hold(assignment(901))).toMatchObject({ ok: true });
    expect(network.rules).toHaveLength(255);
  });
});
