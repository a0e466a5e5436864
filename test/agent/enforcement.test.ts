import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import { Enforcement, OVERTAKEN_MS } from '../../src/agent/enforcement.ts';
import { flowKeyOf, sessionOf } from '../../src/agent/flow-key.ts';
import { TermChanges } from '../../src/agent/term-changes.ts';
import { err, ok, type Result } from '../../src/core/base/result.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { FlowEndpoint } from '../../src/core/qos/request.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import type { EngineInput } from '../../src/core/rsvp/engine/types.ts';
import type { ShapedFlow } from '../../src/core/shaping/desired.ts';
import { ip } from '../support/network.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const tspec = {
  tokenRate: BytesPerSecond(1e6),
  tokenBucket: Bytes(15_000),
  peakRate: BytesPerSecond(Infinity),
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(1500),
};
const assignment: Assignment = {
  reservationId: 'a',
  revision: 1,
  flow: {
    protocol: 'udp',
    source: { address: ip('10.1.0.2'), port: 5004 },
    destination: { address: ip('10.2.0.2'), port: 5004 },
  },
  sources: [{ address: ip('10.1.0.2'), port: 5004 }],
  ownSources: [0],
  style: 'fixedFilter',
  tspec,
  rspec: null,
  isSender: true,
  isReceiver: false,
  outgoingInterface: 'eth0',
  bookedBitsPerSecond: BitsPerSecond(8_875_000),
  nextHop: null,
  pinned: false,
  explicitRoute: [],
  validFrom: EpochMs(0),
  validUntil: null,
};

/** A kernel whose answers the test gives. */
class HeldKernel {
  readonly calls: string[] = [];
  readonly rates: number[] = [];
  readonly flows: ShapedFlow[] = [];
  readonly answers: ((result: Result<void, { detail: string }>) => void)[] = [];
  install(flow: ShapedFlow): Promise<Result<void, { detail: string }>> {
    this.calls.push(`install ${flow.key} on ${flow.interface}`);
    this.rates.push(flow.rateBitsPerSecond);
    this.flows.push(flow);
    return new Promise((resolve) => this.answers.push(resolve));
  }
  remove(key: string): Promise<Result<void, { detail: string }>> {
    this.calls.push(`remove ${key}`);
    return Promise.resolve(ok(undefined));
  }
}

let kernel: HeldKernel;
let told: EngineInput[];
let refused: string[];
let freed: string[];
let enforcement: Enforcement;
let assignments: Assignments;
let changes: TermChanges;
let isAbsent: boolean;
let answered: () => Promise<EngineInput>;

beforeEach(() => {
  kernel = new HeldKernel();
  told = [];
  refused = [];
  freed = [];
  isAbsent = false;
  let wake: (input: EngineInput) => void = () => undefined;
  answered = () => new Promise((resolve) => (wake = resolve));
  assignments = new Assignments();
  changes = new TermChanges(new MemoryJournal());
  assignments.put(assignment);
  assignments.advance(EpochMs(1));
  enforcement = new Enforcement({
    assignments,
    kernel,
    classMinor: () => 16,
    freeClass: (key) => freed.push(key),
    overhead: () => Bytes(14),
    steered: () => null,
    isAbsent: () => isAbsent,
    defeat: () => null,
    mtu: () => Bytes(1500),
    mostFor: (each) => changes.termsFor(each),
    answer: (input) => {
      told.push(input);
      wake(input);
    },
    refused: (_assignment, _flows, _code, _value, detail) => refused.push(detail),
  });
});

const resv = {
  type: 'install',
  installId: 1,
  session: flowKeyOf(assignment.flow),
  style: 'FF',
  filters: [flowKeyOf(assignment.flow)],
  interface: 'eth0',
  flowspec: { service: 'controlledLoad', tspec },
} as const;

describe('a class made ahead of RESV', () => {
  it('is not made twice, and RESV waits for the kernel’s answer', async () => {
    enforcement.prepare(assignment);
    enforcement.install(resv);
    await Promise.resolve();
    expect(told).toEqual([]);
    const answer = answered();
    kernel.answers[0]!(ok(undefined));
    expect(await answer).toEqual({ type: 'installed', installId: 1 });
    expect(kernel.calls).toEqual(['install a on eth0']);
  });

  it('is tried again when RESV needs it, and refused with the reason of that', async () => {
    enforcement.prepare(assignment);
    kernel.answers[0]!(err({ detail: 'no room yet' }));
    const answer = answered();
    enforcement.install(resv);
    while (kernel.answers.length < 2) await Promise.resolve();
    kernel.answers[1]!(err({ detail: 'still no room' }));
    expect(await answer).toMatchObject({ type: 'refused', installId: 1 });
    expect(refused).toEqual(['still no room']);
  });

  it('does not come back after it was withdrawn', async () => {
    enforcement.prepare(assignment);
    const answer = answered();
    enforcement.install(resv);
    await enforcement.withdraw(assignment);
    kernel.answers[0]!(err({ detail: 'the kernel was busy' }));
    expect(await answer).toMatchObject({ type: 'refused' });
    expect(kernel.calls).toEqual(['install a on eth0', 'remove a']);
  });

  it('is made anew after RSVP has taken the first one away', async () => {
    enforcement.prepare(assignment);
    let answer = answered();
    enforcement.install(resv);
    kernel.answers[0]!(ok(undefined));
    await answer;
    await enforcement.remove({ ...resv, type: 'remove' });
    answer = answered();
    enforcement.install({ ...resv, installId: 2 });
    while (kernel.answers.length < 2) await Promise.resolve();
    kernel.answers[1]!(ok(undefined));
    expect(await answer).toEqual({ type: 'installed', installId: 2 });
    expect(kernel.calls).toEqual(['install a on eth0', 'remove a', 'install a on eth0']);
  });

  it('is no longer the reservation’s once RSVP has taken it away: a later comparison must not make it again', async () => {
    enforcement.prepare(assignment);
    const answer = answered();
    enforcement.install(resv);
    kernel.answers[0]!(ok(undefined));
    await answer;
    expect(freed).toEqual([]);
    await enforcement.remove({ ...resv, type: 'remove' });
    expect(freed).toEqual(['a']);
  });
});

it('is settled when every installation that was asked for has its answer', async () => {
  await enforcement.settled();
  enforcement.install(resv);
  const order: string[] = [];
  const settled = enforcement.settled().then(() => order.push(`settled after ${told.length}`));
  await Promise.resolve();
  order.push('kernel answers');
  kernel.answers[0]!(ok(undefined));
  await settled;
  expect(order).toEqual(['kernel answers', 'settled after 1']);
});

describe('new terms of an assignment', () => {
  const at = (factor: number): Assignment => ({
    ...assignment,
    revision: factor,
    tspec: { ...tspec, tokenRate: BytesPerSecond(tspec.tokenRate * factor) },
    bookedBitsPerSecond: BitsPerSecond(assignment.bookedBitsPerSecond * factor),
  });
  const asks = (factor: number, installId: number) =>
    ({
      ...resv,
      installId,
      flowspec: { service: 'controlledLoad', tspec: at(factor).tspec },
    }) as const;
  const change = (factor: number): void => {
    changes.begin(assignments.change(at(factor))!, at(factor));
    void enforcement.change(at(factor));
    enforcement.opened();
  };
  beforeEach(async () => {
    vi.useFakeTimers();
    const answer = answered();
    enforcement.install(resv);
    kernel.answers[0]!(ok(undefined));
    await answer;
    told.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('change the class where it is, ahead of RESV, which finds it done', async () => {
    change(2);
    expect(kernel.rates).toEqual([8_875_000, 17_750_000]);
    const answer = answered();
    enforcement.install(asks(2, 2));
    kernel.answers[1]!(ok(undefined));
    expect(await answer).toEqual({ type: 'installed', installId: 2 });
    expect(kernel.calls).toEqual(['install a on eth0', 'install a on eth0']);
    expect(refused).toEqual([]);
  });

  it('that are more may be asked for before they are assigned: RESV waits, and goes on with the assignment', async () => {
    enforcement.install(asks(2, 2));
    vi.advanceTimersByTime(OVERTAKEN_MS - 1);
    expect(told).toEqual([]);
    const answer = answered();
    change(2);
    kernel.answers[1]!(ok(undefined));
    expect(await answer).toEqual({ type: 'installed', installId: 2 });
    vi.advanceTimersByTime(OVERTAKEN_MS);
    expect([told.length, refused]).toEqual([1, []]);
  });

  it('that are more and never come are refused with the figures, and the class stays', () => {
    enforcement.install(asks(2, 2));
    vi.advanceTimersByTime(OVERTAKEN_MS);
    expect(told).toEqual([{ type: 'refused', installId: 2, errorCode: 1, errorValue: 2 }]);
    expect(refused).toEqual(['RESV asks for 2000000 bytes/s, 1000000 are assigned']);
    expect(kernel.calls).toEqual(['install a on eth0']);
  });

  it('a RESV that was overtaken by another of the same flow is not refused any more', async () => {
    enforcement.install(asks(2, 2));
    const answer = answered();
    enforcement.install(asks(1, 3));
    kernel.answers[1]!(ok(undefined));
    expect(await answer).toEqual({ type: 'installed', installId: 3 });
    vi.advanceTimersByTime(OVERTAKEN_MS);
    expect([told.length, refused]).toEqual([1, []]);
  });

  it('that are less: a RESV of the old ones is no refusal, and gets the class of the new ones', async () => {
    change(0.5);
    const answer = answered();
    enforcement.install(asks(1, 2));
    kernel.answers[1]!(ok(undefined));
    expect(await answer).toEqual({ type: 'installed', installId: 2 });
    expect(kernel.rates).toEqual([8_875_000, 4_437_500]);
  });

  it('that the kernel would not take ahead are tried again for the RESV that asks for them', async () => {
    change(2);
    kernel.answers[1]!(err({ detail: 'no room yet' }));
    const answer = answered();
    enforcement.install(asks(2, 2));
    while (kernel.answers.length < 3) await Promise.resolve();
    kernel.answers[2]!(err({ detail: 'still no room' }));
    expect(await answer).toMatchObject({ type: 'refused', installId: 2, errorCode: 22 });
    expect(refused).toEqual(['still no room']);
  });

  it('make no class where RSVP has let go of it', async () => {
    await enforcement.remove({ ...resv, type: 'remove' });
    change(2);
    expect(kernel.calls).toEqual(['install a on eth0', 'remove a']);
  });
});

describe('several senders', () => {
  const [one, two, stranger] = [5004, 5006, 5008].map((port) => ({ address: ip('10.1.0.2'), port })) as [
    FlowEndpoint,
    FlowEndpoint,
    FlowEndpoint,
  ];
  const FF_ONE = 'a 10.1.0.2:5004';
  const FF_TWO = 'a 10.1.0.2:5006';
  const of = (style: Assignment['style'], sources = [one, two]): Assignment => ({ ...assignment, style, sources });
  const asks = (installId: number, style: 'FF' | 'SE' | 'WF', ...senders: FlowEndpoint[]) =>
    ({
      ...resv,
      installId,
      style,
      session: sessionOf(assignment.flow),
      filters: senders.map(({ address, port }) => ({ source: address, sourcePort: port! })),
    }) as const;
  const assign = (style: Assignment['style']): Assignment => {
    assignments.put(of(style));
    assignments.advance(EpochMs(2));
    return of(style);
  };
  const ports = (): (number | null)[][] => kernel.flows.map(({ filters }) => filters.map((each) => each.sourcePort));
  const allGood = async (until: number): Promise<void> => {
    for (let i = 0; i < until; i++) {
      while (kernel.answers.length <= i) await Promise.resolve();
      kernel.answers[i]!(ok(undefined));
    }
    await enforcement.settled();
  };

  it('that share have one class, which follows those that RSVP names', async () => {
    assign('sharedExplicit');
    enforcement.install(asks(1, 'SE', one));
    await allGood(1);
    enforcement.install(asks(2, 'SE', one, two));
    await allGood(2);
    enforcement.install(asks(3, 'SE', two));
    await allGood(3);
    expect(ports()).toEqual([[5004], [5004, 5006], [5006]]);
    expect(new Set(kernel.flows.map(({ key, classMinor }) => `${key} ${classMinor}`))).toEqual(new Set(['a 16']));
    expect(told.map((input) => input.type)).toEqual(['installed', 'installed', 'installed']);
    expect(enforcement.shareOf('a')?.sources).toEqual([two]);
    await enforcement.remove({ ...asks(0, 'SE', two), type: 'remove' });
    expect(kernel.calls.at(-1)).toBe('remove a');
    expect(freed).toEqual(['a']);
    expect(enforcement.shareOf('a')).toBeUndefined();
  });

  it('that share have it made ahead for all of them, and RESV of all finds it ready', async () => {
    enforcement.prepare(assign('sharedExplicit'));
    enforcement.install(asks(1, 'SE', two, one));
    await allGood(1);
    expect(ports()).toEqual([[5004, 5006]]);
    expect(told).toEqual([{ type: 'installed', installId: 1 }]);
  });

  it('of whom all in a session share have one class for whoever sends', async () => {
    assign('wildcardFilter');
    enforcement.install(asks(1, 'WF'));
    await allGood(1);
    expect(kernel.flows).toMatchObject([
      { key: 'a', filters: [{ source: null, sourcePort: null, destination: '10.2.0.2', destinationPort: 5004 }] },
    ]);
    expect(kernel.rates).toEqual([assignment.bookedBitsPerSecond]);
  });

  it('with a filter each have a class each, and what is booked in parts', async () => {
    const assigned = assign('fixedFilter');
    enforcement.install(asks(1, 'FF', one));
    enforcement.install(asks(2, 'FF', two));
    await allGood(2);
    expect(kernel.flows.map(({ key }) => key)).toEqual([FF_ONE, FF_TWO]);
    expect(kernel.rates).toEqual([4_437_500, 4_437_500]);
    await enforcement.remove({ ...asks(0, 'FF', one), type: 'remove' });
    expect(freed).toEqual([FF_ONE]);
    await enforcement.withdraw(assigned);
    expect(kernel.calls.slice(-3)).toEqual([`remove ${FF_ONE}`, `remove ${FF_ONE}`, `remove ${FF_TWO}`]);
  });

  it('change their terms together, each in its class', async () => {
    assign('fixedFilter');
    enforcement.install(asks(1, 'FF', one));
    enforcement.install(asks(2, 'FF', two));
    await allGood(2);
    const doubled = { ...of('fixedFilter'), bookedBitsPerSecond: BitsPerSecond(17_750_000), revision: 2 };
    assignments.change(doubled);
    const changed = enforcement.change(doubled);
    kernel.answers[2]!(ok(undefined));
    kernel.answers[3]!(err({ detail: 'no room' }));
    expect(await changed).toEqual(err({ detail: 'no room' }));
    expect(kernel.rates.slice(2)).toEqual([8_875_000, 8_875_000]);
  });

  it('change the terms of what they share for those that RSVP has named, not for all', async () => {
    assign('sharedExplicit');
    enforcement.install(asks(1, 'SE', two));
    await allGood(1);
    const doubled = { ...of('sharedExplicit'), bookedBitsPerSecond: BitsPerSecond(17_750_000), revision: 2 };
    assignments.change(doubled);
    void enforcement.change(doubled);
    expect(ports()).toEqual([[5006], [5006]]);
    expect(kernel.rates).toEqual([8_875_000, 17_750_000]);
  });

  it('of whom one is not assigned are refused after a while, and nothing is made', () => {
    vi.useFakeTimers();
    try {
      assign('sharedExplicit');
      enforcement.install(asks(1, 'SE', one, stranger));
      vi.advanceTimersByTime(OVERTAKEN_MS);
      expect(told).toEqual([{ type: 'refused', installId: 1, errorCode: 1, errorValue: 2 }]);
      expect([kernel.calls, refused]).toEqual([[], []]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('what could not be made ahead is not made for senders that are no longer asked for', async () => {
    enforcement.prepare(assign('sharedExplicit'));
    enforcement.install(asks(1, 'SE', one, two));
    enforcement.install(asks(2, 'SE', one));
    kernel.answers[0]!(err({ detail: 'no room yet' }));
    kernel.answers[1]!(ok(undefined));
    await enforcement.settled();
    expect(ports()).toEqual([[5004, 5006], [5004]]);
    expect(told).toContainEqual({ type: 'installed', installId: 2 });
    expect(refused).toEqual([]);
  });

  it('a booking that has taken over their share keeps it when the former one is withdrawn', async () => {
    const former = assign('sharedExplicit');
    enforcement.install(asks(1, 'SE', one));
    await allGood(1);
    assignments.remove('a');
    assignments.put({ ...former, reservationId: 'b' });
    assignments.advance(EpochMs(3));
    enforcement.install(asks(2, 'SE', one));
    await allGood(2);
    await enforcement.withdraw(former);
    await enforcement.remove({ ...asks(0, 'SE', one), type: 'remove' });
    expect(kernel.calls).toEqual(['install a on eth0', 'install b on eth0', 'remove a', 'remove b']);
  });
});

describe("somebody else's root qdisc", () => {
  const foreign = err({ code: 'foreignQdisc', detail: 'interface eth0 has a root qdisc that is not ours' });
  const asked = async (): Promise<EngineInput> => {
    const answer = answered();
    enforcement.install(resv);
    kernel.answers[0]!(foreign);
    return answer;
  };

  it('has a new reservation refused', async () => {
    expect(await asked()).toMatchObject({ type: 'refused' });
    expect(refused).toEqual(['interface eth0 has a root qdisc that is not ours']);
  });

  it('ends none that was promised: RSVP goes on while it is told as degraded', async () => {
    isAbsent = true;
    expect(await asked()).toEqual({ type: 'installed', installId: 1 });
    expect(refused).toEqual([]);
  });
});
