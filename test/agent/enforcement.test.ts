import { beforeEach, describe, expect, it } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import { Enforcement } from '../../src/agent/enforcement.ts';
import { flowKeyOf } from '../../src/agent/flow-key.ts';
import { err, ok, type Result } from '../../src/core/base/result.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import type { EngineInput } from '../../src/core/rsvp/engine/types.ts';
import type { ShapedFlow } from '../../src/core/shaping/desired.ts';
import { ip } from '../support/network.ts';

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
  readonly answers: ((result: Result<void, { detail: string }>) => void)[] = [];
  install(flow: ShapedFlow): Promise<Result<void, { detail: string }>> {
    this.calls.push(`install ${flow.key} on ${flow.interface}`);
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
let answered: () => Promise<EngineInput>;

beforeEach(() => {
  kernel = new HeldKernel();
  told = [];
  refused = [];
  freed = [];
  let wake: (input: EngineInput) => void = () => undefined;
  answered = () => new Promise((resolve) => (wake = resolve));
  const assignments = new Assignments();
  assignments.put(assignment);
  assignments.advance(EpochMs(1));
  enforcement = new Enforcement({
    assignments,
    kernel,
    classMinor: () => 16,
    freeClass: (key) => freed.push(key),
    overhead: () => Bytes(14),
    steered: () => null,
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
