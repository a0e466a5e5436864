import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BitsPerSecond, BytesPerSecond } from '../../src/core/base/units.ts';
import type { ReservationStyle } from '../../src/core/qos/request.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import { AssignmentState } from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import { sourceText } from '../support/agent-server.ts';
import { LoopbackAgents } from '../support/loopback-agents.ts';
import { assignment, NETWORK, SENDERS } from '../support/two-senders.ts';

const A = '10.1.0.2:5004';
const C = '10.3.0.2:5004';
const STYLES = ['sharedExplicit', 'wildcardFilter', 'fixedFilter'] as const;
const SHORT = { sharedExplicit: 'SE', wildcardFilter: 'WF', fixedFilter: 'FF' } as const;

let agents: LoopbackAgents;
beforeEach(async () => {
  agents = await LoopbackAgents.of(NETWORK);
});
afterEach(() => agents.close());

const assign = (style: ReservationStyle, nodes = agents.nodes, change: Partial<Assignment> = {}): void => {
  for (const each of nodes) agents.update(each, [assignment(each, style, change)]);
};
const news = (at: string, since = 0) => agents.server.reports.slice(since).filter((report) => report.node === at);
const reported: typeof agents.server.reportedOf = (...of) => agents.server.reportedOf(...of);
const { INSTALLED, CONFIRMED, REMOVED, LOST, FAILED } = AssignmentState;

const standing = async (since = 0): Promise<void> => {
  for (const source of [A, C]) {
    await reported('r1', source, INSTALLED, since);
    await reported('host-b', source, CONFIRMED, since);
  }
  for (const host of ['host-a', 'host-c']) await reported(host, null, INSTALLED, since);
};

describe.each(STYLES)('two senders to one receiver: %s', (style) => {
  it('are set up, confirmed one by one, and taken down without a trace', async () => {
    assign(style);
    await standing();
    expect(await reported('r1', A, INSTALLED)).toMatchObject({ interface: 'eth1', previousHop: '10.1.0.2' });
    expect(await reported('r1', C, INSTALLED)).toMatchObject({ interface: 'eth1', previousHop: '10.3.0.2' });
    const { reservations } = await agents.rsvp('r1');
    expect(reservations.map((each) => [each.style, each.flow.source, each.state]).sort()).toEqual([
      [SHORT[style], '10.1.0.2', 'installed'],
      [SHORT[style], '10.3.0.2', 'installed'],
    ]);
    for (const each of agents.nodes) agents.update(each, [], ['v']);
    for (const each of agents.nodes) await reported(each, null, REMOVED);
    for (const each of agents.nodes) {
      expect(await agents.rsvp(each)).toMatchObject({ paths: [], reservations: [] });
      expect(news(each).filter(({ state }) => state === REMOVED)).toHaveLength(1);
      expect(news(each).filter(({ state }) => state === FAILED)).toEqual([]);
    }
  });

  it('may come one after the other, and go so: the other stands all the while', async () => {
    assign(style, ['host-a', 'r1', 'host-b']);
    await reported('r1', A, INSTALLED);
    await reported('host-b', A, CONFIRMED);
    expect(news('r1').some((each) => sourceText(each) === C)).toBe(false);
    assign(style, ['host-c']);
    await reported('r1', C, INSTALLED);
    await reported('host-b', C, CONFIRMED);
    agents.update('host-c', [], ['v']);
    await reported('r1', C, LOST);
    await reported('host-c', null, REMOVED);
    expect((await agents.rsvp('r1')).reservations.map(({ flow }) => flow.source)).toEqual(['10.1.0.2']);
    expect(news('r1').some((each) => sourceText(each) === A && each.state === LOST)).toBe(false);
    expect(news('host-b').some((each) => sourceText(each) === A && each.state === LOST)).toBe(false);
  });

  it('get other terms in place, each of them told', async () => {
    assign(style);
    await standing();
    const since = agents.server.reports.length;
    const faster = { ...assignment('r1', style).tspec, tokenRate: BytesPerSecond(2e6) };
    assign(style, agents.nodes, { revision: 2, tspec: faster, bookedBitsPerSecond: BitsPerSecond(35_500_000) });
    await standing(since);
    const later = agents.server.reports.slice(since);
    expect(later.filter(({ state }) => state === LOST || state === FAILED)).toEqual([]);
    expect(new Set(later.map(({ revision }) => revision))).toEqual(new Set([2n]));
    const { reservations } = await agents.rsvp('r1');
    expect(reservations.map(({ flowspec }) => flowspec.tspec.tokenRate)).toEqual([2e6, 2e6]);
  });

  it('are told of again to another server, each of them', async () => {
    assign(style, ['host-a', 'r1', 'host-b']);
    await reported('r1', A, INSTALLED);
    await agents.replaceServer();
    const held = agents.server.hellos.find((hello) => hello.node === 'r1')!.held;
    // The other sender's PATH is not here yet.
    expect(held.map(({ reservationId, state }) => [reservationId, state])).toEqual([['v', AssignmentState.PENDING]]);
    agents.welcome('r1');
    await reported('r1', A, INSTALLED);
    for (const each of ['host-a', 'host-b', 'host-c']) agents.welcome(each);
    assign(style, ['host-c']);
    await reported('r1', C, INSTALLED);
    await agents.replaceServer();
    expect(agents.server.hellos.find((hello) => hello.node === 'r1')!.held).toMatchObject([{ state: INSTALLED }]);
    agents.welcome('r1');
    await reported('r1', A, INSTALLED);
    await reported('r1', C, INSTALLED);
  });

  it('stand again after their router has come back from its journal, and nobody hears of a loss', async () => {
    assign(style);
    await standing();
    await agents.stop('r1');
    const since = agents.server.reports.length;
    await agents.start('r1');
    for (const source of [A, C]) await reported('r1', source, INSTALLED, since);
    expect(agents.server.reports.slice(since).filter(({ state }) => state === LOST || state === FAILED)).toEqual([]);
  });
});

it('a style other than the assigned one is foreign: refused, and the receiver is told of every sender', async () => {
  assign('fixedFilter', ['host-a', 'host-c', 'r1']);
  assign('sharedExplicit', ['host-b']);
  for (const source of [A, C]) {
    const { failure } = await reported('host-b', source, FAILED);
    expect(failure).toMatchObject({ errorCode: 1, errorValue: 2, errorNode: '10.2.0.1' });
  }
  expect((await agents.rsvp('r1')).reservations.filter(({ state }) => state === 'installed')).toEqual([]);
});

it('a sender that is not among the assigned ones has no part in what they share', async () => {
  const source = SENDERS['host-a']!;
  agents.update('r1', [assignment('r1', 'sharedExplicit', { sources: [source] })]);
  assign('sharedExplicit', ['host-a', 'host-b']);
  await reported('r1', null, INSTALLED);
  assign('sharedExplicit', ['host-c']);
  expect((await reported('host-b', C, FAILED)).failure).toMatchObject({ errorCode: 1, errorNode: '10.2.0.1' });
  expect(news('r1').some(({ state }) => state === LOST || state === FAILED)).toBe(false);
});

it.each(STYLES)('of one host are both opened there: %s', async (style) => {
  const sources = [5004, 5006].map((port) => ({ ...SENDERS['host-a']!, port }));
  const nodes = ['host-a', 'r1', 'host-b'];
  for (const each of nodes) {
    const ownSources = each === 'host-a' ? [0, 1] : [];
    agents.update(each, [assignment(each, style, { sources, ownSources })]);
  }
  for (const source of ['10.1.0.2:5004', '10.1.0.2:5006']) {
    await reported('host-a', source, INSTALLED);
    await reported('r1', source, INSTALLED);
    await reported('host-b', source, CONFIRMED);
  }
  for (const each of nodes) agents.update(each, [], ['v']);
  for (const each of nodes) {
    await reported(each, null, REMOVED);
    expect(await agents.rsvp(each)).toMatchObject({ paths: [], reservations: [] });
  }
});

it('one sender alone may have a shared style', async () => {
  const source = SENDERS['host-a']!;
  for (const each of ['host-a', 'r1', 'host-b']) {
    agents.update(each, [assignment(each, 'wildcardFilter', { sources: [source] })]);
  }
  await reported('r1', null, INSTALLED);
  await reported('host-b', null, CONFIRMED);
  expect((await agents.rsvp('r1')).reservations).toMatchObject([{ style: 'WF', state: 'installed' }]);
  for (const each of ['host-a', 'r1', 'host-b']) agents.update(each, [], ['v']);
  for (const each of ['host-a', 'r1', 'host-b']) await reported(each, null, REMOVED);
});
