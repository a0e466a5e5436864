import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import { Enforcement, OVERTAKEN_MS } from '../../src/agent/enforcement.ts';
import { flowKeyOf } from '../../src/agent/flow-key.ts';
import { TermChanges } from '../../src/agent/term-changes.ts';
import { err, ok, type Result } from '../../src/core/base/result.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
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
  readonly answers: ((result: Result<void, { detail: string }>) => void)[] = [];
  install(flow: ShapedFlow): Promise<Result<void, { detail: string }>> {
    this.calls.push(`install ${flow.key} on ${flow.interface}`);
    this.rates.push(flow.rateBitsPerSecond);
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
let answered: () => Promise<EngineInput>;

beforeEach(() => {
  kernel = new HeldKernel();
  told = [];
  refused = [];
  freed = [];
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
    mostFor: (each) => changes.mostFor(each),
    answer: (input) => {
      told.push(input);
      wake(input);
    },
    refused: (_assignment, _code, _value, detail) => refused.push(detail),
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
