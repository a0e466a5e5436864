import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../support/state-folder.ts';
import { Journal } from '../../src/agent/journal.ts';
import { flowKeyOf } from '../../src/agent/flow-key.ts';
import { TermChanges } from '../../src/agent/term-changes.ts';
import { BytesPerSecond, Micros } from '../../src/core/base/units.ts';
import { assignmentFor, type Assignment } from '../../src/core/reservation/assignment.ts';
import { reservation } from '../core/reservation/fixtures.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const base = assignmentFor(reservation(), 'r1')!;
const flow = flowKeyOf(base.flow);
/** Guaranteed service: R counts. */
const at = (rate: number, revision: number): Assignment => ({
  ...base,
  revision,
  rspec: { rate: BytesPerSecond(rate), slack: Micros(0) },
});

it('a RESV may ask for what is assigned, or was before, until the reservation is gone', () => {
  const journal = new MemoryJournal();
  const changes = new TermChanges(journal);
  expect(changes.mostFor(at(5e6, 1))).toBe(5e6);
  changes.begin(at(5e6, 1), at(4e6, 2));
  changes.arrived(at(4e6, 2), flow);
  expect(changes.mostFor(at(4e6, 2))).toBe(5e6);
  changes.begin(at(4e6, 2), at(3.5e6, 3));
  expect(changes.mostFor(at(3.5e6, 3))).toBe(5e6);
  changes.begin(at(3.5e6, 3), at(9e6, 4));
  expect(changes.mostFor(at(9e6, 4))).toBe(9e6);
  changes.arrived(at(9e6, 4), flow);
  expect(journal.values.size).toBe(0);
  changes.begin(at(9e6, 4), at(3e6, 5));
  changes.forget(base.reservationId);
  expect(changes.mostFor(at(3e6, 5))).toBe(3e6);
  expect(journal.values.size).toBe(0);
});

it('of several senders each comes to the new terms by itself', () => {
  const journal = new MemoryJournal();
  const sources = [5004, 5006].map((port) => ({ ...base.flow.source, port }));
  const [one, two] = sources.map((source) => flowKeyOf(base.flow, source)) as [typeof flow, typeof flow];
  const to = (rate: number, revision: number): Assignment => ({ ...at(rate, revision), sources });
  new TermChanges(journal).begin(to(4e6, 1), to(5e6, 2));
  new TermChanges(journal).arrived(to(5e6, 2), one);
  const after = new TermChanges(journal);
  expect([after.isPending(to(5e6, 2), one), after.isPending(to(5e6, 2), two)]).toEqual([false, true]);
  after.arrived(to(5e6, 2), two);
  expect(after.isPending(to(5e6, 2), two)).toBe(false);
  expect(journal.values.size).toBe(0);
});

it('survives a restart in the middle', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hr-changes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const journal = new Journal(join(folder, 'journal'), { log: silentLog });
  const changes = new TermChanges(journal);
  changes.begin(at(5e6, 1), at(4e6, 2));
  await journal.close();
  const again = new Journal(join(folder, 'journal'), { log: silentLog });
  const after = new TermChanges(again);
  expect([after.isPending(at(4e6, 2), flow), after.isPending(at(5e6, 1), flow)]).toEqual([true, false]);
  expect(after.mostFor(at(4e6, 2))).toBe(5e6);
  after.arrived(at(4e6, 2), flow);
  expect(after.isPending(at(4e6, 2), flow)).toBe(false);
  await again.close();
});
