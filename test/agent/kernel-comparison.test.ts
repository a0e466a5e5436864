import { afterEach, beforeEach, expect, it } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import { termsOf } from '../../src/agent/asked-terms.ts';
import { Enforcement } from '../../src/agent/enforcement.ts';
import { flowspecOf, sessionOf } from '../../src/agent/flow-key.ts';
import { KernelComparison } from '../../src/agent/kernel-comparison.ts';
import { ok } from '../../src/core/base/result.ts';
import { Bytes, EpochMs } from '../../src/core/base/units.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import { ClassIds } from '../../src/core/shaping/class-ids.ts';
import type { DesiredShaping } from '../../src/core/shaping/desired.ts';
import { createLoggers } from '../../src/telemetry/logger.ts';
import { assignment, SENDERS } from '../support/two-senders.ts';

const nothing = () => ({ problems: [], disturbances: [] });
const done = () => Promise.resolve(ok(undefined));
const [A, C] = Object.values(SENDERS).map(({ address, port }) => ({ source: address, sourcePort: port! }));

let ids: ClassIds;
let assignments: Assignments;
let enforcement: Enforcement;
let comparison: KernelComparison;
let compared: DesiredShaping[];

beforeEach(() => {
  ids = new ClassIds();
  assignments = new Assignments();
  compared = [];
  enforcement = new Enforcement({
    assignments,
    kernel: { install: done, remove: done },
    classMinor: (key) => {
      const minor = ids.allocate(key);
      return minor.ok ? minor.value : null;
    },
    freeClass: (key) => ids.release(key),
    overhead: () => Bytes(14),
    mtu: () => Bytes(1500),
    mostFor: termsOf,
    answer: () => undefined,
    steered: () => null,
    isAbsent: () => false,
    defeat: () => null,
    refused: () => undefined,
  });
  comparison = new KernelComparison({
    assignments,
    classes: { held: () => ids.entries() },
    enforcement,
    interfaces: { toShape: () => [], overhead: () => Bytes(14) },
    steering: { desired: () => [], reconcileRoutes: () => undefined, takeRouteNews: nothing, inspectRoutes: nothing },
    kernel: {
      reconcile: (desired) => {
        compared.push(desired);
        return done();
      },
      inspect: done,
    },
    news: { mended: () => Promise.resolve(), found: () => Promise.resolve() },
    log: createLoggers({ base: 'silent', bySubsystem: new Map() })('agent'),
    mayTouch: () => true,
  });
});
afterEach(() => comparison.close());

const assign = (style: Assignment['style']): Assignment => {
  const one = assignment('r1', style, { validUntil: EpochMs(100) });
  assignments.put(one);
  assignments.advance(EpochMs(1));
  return one;
};
const installs = (one: Assignment, style: 'FF' | 'SE', ...filters: (typeof A)[]): void =>
  enforcement.install({
    type: 'install',
    installId: 1,
    session: sessionOf(one.flow),
    style,
    filters: filters.map((each) => each!),
    interface: 'eth1',
    flowspec: flowspecOf(one),
  });
const desired = async (): Promise<readonly (readonly [key: string, minor: number, ...sources: unknown[]])[]> => {
  await comparison.run();
  return compared
    .at(-1)!
    .flows.map(({ key, classMinor, filters }) => [key, classMinor, ...filters.map(({ source }) => source)] as const);
};

it('what is shared is wanted for those that RSVP names, and before it has named any for all', async () => {
  const one = assign('sharedExplicit');
  expect(await desired()).toEqual([]);
  // As a predecessor left it.
  ids.allocate('v');
  expect(await desired()).toEqual([['v', 16, '10.1.0.2', '10.3.0.2']]);
  installs(one, 'SE', C);
  expect(await desired()).toEqual([['v', 16, '10.3.0.2']]);
  installs(one, 'SE', C, A);
  expect(await desired()).toEqual([['v', 16, '10.1.0.2', '10.3.0.2']]);
});

it('with fixed filters those are wanted that are held, each under its number', async () => {
  const one = assign('fixedFilter');
  installs(one, 'FF', C);
  expect(await desired()).toEqual([['v 10.3.0.2:5004', 16, '10.3.0.2']]);
  installs(one, 'FF', A);
  expect(await desired()).toEqual([
    ['v 10.3.0.2:5004', 16, '10.3.0.2'],
    ['v 10.1.0.2:5004', 17, '10.1.0.2'],
  ]);
});

it('nothing is wanted of what is closed, or of which there is no assignment or no such class any more', async () => {
  const one = assign('fixedFilter');
  for (const key of ['gone', 'gone 10.1.0.2:5004', 'v', 'v 10.9.9.9:1']) ids.allocate(key);
  installs(one, 'FF', A);
  expect(await desired()).toEqual([['v 10.1.0.2:5004', 20, '10.1.0.2']]);
  assignments.advance(EpochMs(100));
  expect(await desired()).toEqual([]);
});
