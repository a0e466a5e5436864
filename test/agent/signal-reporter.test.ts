import { beforeEach, describe, expect, it } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import type { Channel } from '../../src/agent/channel/channel.ts';
import { flowKeyOf, flowKeysOf, flowspecOf } from '../../src/agent/flow-key.ts';
import { Reports } from '../../src/agent/reports.ts';
import { SignalReporter } from '../../src/agent/signal-reporter.ts';
import { TermChanges } from '../../src/agent/term-changes.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import type { FlowKey } from '../../src/core/rsvp/engine/types.ts';
import { AssignmentState } from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import { createLoggers } from '../../src/telemetry/logger.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { ip } from '../support/network.ts';

const assignment: Assignment = {
  reservationId: 'a',
  revision: 1,
  flow: {
    protocol: 'udp',
    source: { address: ip('10.1.0.2'), port: 5004 },
    destination: { address: ip('10.2.0.2'), port: 5004 },
  },
  sources: [{ address: ip('10.1.0.2'), port: 5004 }],
  ownSources: [],
  style: 'fixedFilter',
  tspec: {
    tokenRate: BytesPerSecond(1e6),
    tokenBucket: Bytes(15_000),
    peakRate: BytesPerSecond(Infinity),
    minPolicedUnit: Bytes(128),
    maxPacketSize: Bytes(1500),
  },
  rspec: null,
  isSender: false,
  isReceiver: false,
  outgoingInterface: 'eth1',
  bookedBitsPerSecond: BitsPerSecond(8_875_000),
  nextHop: null,
  pinned: false,
  explicitRoute: [],
  validFrom: EpochMs(0),
  validUntil: null,
};
const flow = flowKeyOf(assignment.flow);

let said: string[];
let connected: boolean;
let assignments: Assignments;
let reports: Reports;
let changes: TermChanges;
let reporter: SignalReporter;
/** What each report said of hops without RSVP. */
let broken: (boolean | undefined)[];
/** What each report said of ADSPEC. */
let advertised: unknown[];

beforeEach(() => {
  said = [];
  broken = [];
  advertised = [];
  connected = true;
  const channel: Channel = {
    congested: false,
    reopen: () => undefined,
    send(message) {
      if (!connected) return false;
      if (message?.case === 'assignment') {
        const { state, revision } = message.value;
        const { source } = message.value;
        const about = source ? ` for ${source.address}${source.port === undefined ? '' : `:${source.port}`}` : '';
        said.push(AssignmentState[state] + (revision === 1n ? '' : ` of ${revision}`) + about);
        broken.push(message.value.nonRsvpHop);
        advertised.push(message.value.advertised);
      }
      return true;
    },
    close: () => undefined,
  };
  assignments = new Assignments();
  assignments.put(assignment);
  assignments.advance(EpochMs(1));
  reports = new Reports(() => channel);
  const log = createLoggers({ base: 'silent', bySubsystem: new Map() })('agent');
  changes = new TermChanges(new MemoryJournal());
  reporter = new SignalReporter(assignments, changes, reports, log);
  reporter.assigned(assignment);
  reporter.event({ type: 'pathUp', flow, previousHop: ip('10.1.0.2') } as never);
  reporter.event(resvUp(assignment));
});

const resvUp = (terms: Pick<Assignment, 'tspec' | 'rspec'>) =>
  ({
    type: 'resvUp',
    flow,
    style: 'FF',
    interface: 'eth1',
    nextHop: ip('10.12.0.2'),
    flowspec: flowspecOf(terms),
  }) as const;

const withdraw = (): void => {
  assignments.remove('a');
  reporter.removing(assignment);
  reporter.classesGone(assignment);
};

describe('news of an assignment', () => {
  it('says removed when state has timed out, where the tears were lost', () => {
    withdraw();
    expect(said).toEqual(['PATH', 'INSTALLED']);
    reporter.event({ type: 'resvDown', flow, cause: 'timeout' } as never);
    expect(said).toEqual(['PATH', 'INSTALLED']);
    reporter.event({ type: 'pathDown', flow, cause: 'timeout' } as never);
    expect(said).toEqual(['PATH', 'INSTALLED', 'REMOVED']);
  });

  it('says removed although the next booking of the flow goes on with its state, in whatever order', () => {
    const next: Assignment = { ...assignment, reservationId: 'b', revision: 7 };
    const openNext = (): void => {
      assignments.put(next);
      reporter.assigned(next);
      for (const each of assignments.advance(EpochMs(2)).opened) reporter.opened(each);
    };
    const back: Assignment = { ...assignment, reservationId: 'c', revision: 8 };
    openNext();
    withdraw();
    expect(said).toEqual(['PATH', 'INSTALLED', 'REMOVED']);
    assignments.remove('b');
    reporter.removing(next);
    reporter.classesGone(next);
    expect(said).toEqual(['PATH', 'INSTALLED', 'REMOVED']);
    assignments.put(back);
    for (const each of assignments.advance(EpochMs(3)).opened) reporter.opened(each);
    expect(said).toEqual(['PATH', 'INSTALLED', 'REMOVED', 'REMOVED of 7']);
  });

  it('that came while no server was there is told at the next welcome, once', () => {
    connected = false;
    withdraw();
    reporter.event({ type: 'resvDown', flow, cause: 'tear' } as never);
    reporter.event({ type: 'pathDown', flow, cause: 'tear' } as never);
    reports.repeat();
    expect(said).toEqual(['PATH', 'INSTALLED']);
    connected = true;
    reports.repeat();
    reports.repeat();
    expect(said).toEqual(['PATH', 'INSTALLED', 'REMOVED']);
  });

  it('tells that PATH came through a hop without RSVP, and when it no longer does, without taking back what stands', () => {
    const path = (nonRsvpHop: boolean): void =>
      reporter.event({ type: 'pathUp', flow, previousHop: ip('10.1.0.2'), nonRsvpHop } as never);
    path(true);
    path(true);
    path(false);
    expect(said).toEqual(['PATH', 'INSTALLED', 'INSTALLED', 'INSTALLED']);
    expect(broken).toEqual([false, false, true, false]);
  });

  it("tells what ADSPEC says at the receiver's host, once PATH carries the assignment's own Tspec", () => {
    const received = { ...assignment, reservationId: 'b', revision: 1, isReceiver: true, outgoingInterface: null };
    assignments.remove('a');
    assignments.put(received);
    assignments.advance(EpochMs(1));
    const path = (maxPacket: number, cTot: number): void =>
      reporter.event({
        type: 'pathUp',
        flow,
        previousHop: ip('10.2.0.1'),
        local: true,
        tspec: { ...assignment.tspec, maxPacketSize: Bytes(maxPacket) },
        adspec: {
          general: { minPathLatency: 300, pathMtu: 1400 },
          guaranteed: { cTot, dTot: 77 },
        },
      } as never);
    path(assignment.tspec.maxPacketSize + 1, 1);
    path(assignment.tspec.maxPacketSize, 2);
    path(assignment.tspec.maxPacketSize, 2);
    path(assignment.tspec.maxPacketSize, 3);
    const said = { minLatencyMicros: 300, pathMtuBytes: 1400, dTotalMicros: 77 };
    expect(advertised.slice(2)).toMatchObject([undefined, { ...said, cTotalBytes: 2 }, { ...said, cTotalBytes: 3 }]);
  });

  it('says that PATH is here where it came ahead of the assignment, once', () => {
    assignments.remove('a');
    const late = { ...assignment, reservationId: 'late' };
    said = [];
    reporter.event({ type: 'resvDown', flow, cause: 'tear' } as never);
    assignments.put(late);
    assignments.advance(EpochMs(2));
    reporter.assigned(late);
    reporter.opened(late);
    reporter.opened(late);
    expect(said).toEqual(['PATH']);
    reporter.event(resvUp(late));
    reporter.opened(late);
    expect(said).toEqual(['PATH', 'INSTALLED']);
  });

  it('is repeated at every welcome as long as it stands', () => {
    reports.repeat();
    expect(said).toEqual(['PATH', 'INSTALLED', 'INSTALLED']);
  });

  describe('when there is no route', () => {
    const noRoute = (errorNode: string): void =>
      reporter.event({ type: 'pathError', flow, errorNode: ip(errorNode), errorCode: 23, errorValue: 1, local: true });

    it('says lost, not refused, and installed when the way is back', () => {
      reporter.event({ type: 'resvDown', flow, cause: 'interface' });
      noRoute('10.1.0.2');
      reporter.event({ type: 'pathUp', flow, previousHop: null } as never);
      reporter.event(resvUp(assignment));
      expect(said).toEqual(['PATH', 'INSTALLED', 'LOST', 'PATH', 'INSTALLED']);
    });

    it('at another node, what stands here stands: that node tells what it has lost', () => {
      noRoute('10.12.0.2');
      expect(said).toEqual(['PATH', 'INSTALLED']);
    });

    it('from the start, waits for one', () => {
      assignments.put({ ...assignment, reservationId: 'b' });
      assignments.remove('a');
      assignments.advance(EpochMs(2));
      noRoute('10.12.0.2');
      expect(said).toEqual(['PATH', 'INSTALLED', 'LOST']);
    });
  });

  it('is no refusal either where the next node of an explicit route cannot be reached: links come back', () => {
    const badStrictNode = (): void =>
      reporter.event({
        type: 'pathError',
        flow,
        errorNode: ip('10.12.0.2'),
        errorCode: 24,
        errorValue: 2,
        local: true,
      });
    badStrictNode();
    expect(said).toEqual(['PATH', 'INSTALLED']);
    reporter.event({ type: 'resvDown', flow, cause: 'tear' });
    badStrictNode();
    expect(said).toEqual(['PATH', 'INSTALLED', 'LOST']);
    // But a route that could never work is, where nothing stands.
    reporter.event({ type: 'pathError', flow, errorNode: ip('10.12.0.2'), errorCode: 24, errorValue: 4, local: true });
    expect(said.at(-1)).toBe('FAILED');
  });

  it('is a refusal for any other error, but never while the reservation stands', () => {
    const badTspec = {
      type: 'pathError',
      flow,
      errorNode: ip('10.1.0.1'),
      errorCode: 21,
      errorValue: 4,
      local: true,
    } as const;
    reporter.event(badTspec);
    expect(said).toEqual(['PATH', 'INSTALLED']);
    reporter.event({ type: 'resvDown', flow, cause: 'tear' });
    reporter.event(badTspec);
    expect(said).toEqual(['PATH', 'INSTALLED', 'LOST', 'FAILED']);
  });

  it('says nothing of the reservation where a RESV was refused that asked for more than is booked', () => {
    const failure = { code: 1, value: 2, node: 'r1', detail: 'RESV asks for r 2000000, 1000000 are assigned' };
    reporter.refused(assignment, [flow], failure);
    expect(said).toEqual(['PATH', 'INSTALLED']);
    reporter.refused(assignment, [flow], { ...failure, code: 22, value: 0 });
    expect(said).toEqual(['PATH', 'INSTALLED', 'FAILED']);
  });

  describe('whose class others have taken away', () => {
    const gone = (): void => reporter.unenforced(assignment, [flow], 'the root qdisc of eth1 was gone');
    beforeEach(() => (said.length = 0));

    it('says lost and installed even where the repair took no time', () => {
      gone();
      reporter.enforced(assignment, [flow]);
      expect(said).toEqual(['LOST', 'INSTALLED']);
    });

    it('stays lost while it is gone, whatever RSVP says of it', () => {
      gone();
      reporter.event(resvUp(assignment));
      reporter.event({ type: 'confirmed', flow } as never);
      expect(new Set(said)).toEqual(new Set(['LOST']));
      expect(reports.held(assignment).state).toBe(AssignmentState.LOST);
    });

    it('does not become installed by its class where RSVP has lost it meanwhile', () => {
      gone();
      reporter.event({ type: 'resvDown', flow, cause: 'timeout' } as never);
      reporter.enforced(assignment, [flow]);
      expect(said).toEqual(['LOST']);
    });
  });

  describe('under new terms', () => {
    const faster: Assignment = {
      ...assignment,
      revision: 2,
      tspec: { ...assignment.tspec, tokenRate: BytesPerSecond(2e6) },
    };
    const change = (to: Assignment): void => {
      reporter.assigned(to);
      changes.begin(assignments.change(to)!, to);
      said.length = 0;
    };

    it('says installed when kernel and RSVP have them, not for state of the old ones', () => {
      change(faster);
      reporter.termsInstalled(faster);
      reporter.event(resvUp(assignment));
      expect(said).toEqual([]);
      reporter.event(resvUp(faster));
      reporter.event(resvUp(faster));
      expect(said).toEqual(['INSTALLED of 2']);
    });

    it('says it at once where RSVP had them all along, as when a change is taken back', () => {
      change(faster);
      const back = { ...assignment, revision: 3 };
      change(back);
      expect(said).toEqual([]);
      reporter.termsInstalled(back);
      expect(said).toEqual(['INSTALLED of 3']);
    });

    it('what the kernel has of terms that are not the latest is no news', () => {
      change(faster);
      change({ ...assignment, revision: 3 });
      reporter.termsInstalled(faster);
      expect(said).toEqual([]);
    });

    it('PATH and loss are told of the new ones', () => {
      change(faster);
      reporter.event({ type: 'pathUp', flow, previousHop: ip('10.1.0.2') } as never);
      reporter.event({ type: 'resvDown', flow, cause: 'timeout' });
      expect(said).toEqual(['PATH of 2', 'LOST of 2']);
    });

    it('a receiver does not take the refusal of other terms for one of what it asks for now', () => {
      const receiver = { ...assignment, isReceiver: true, outgoingInterface: null };
      assignments.put(receiver);
      assignments.advance(EpochMs(2));
      const refusal = (of: Assignment) =>
        ({
          type: 'resvError',
          ...{ flow, errorNode: ip('10.12.0.1'), errorCode: 1, errorValue: 2, local: true },
          flowspec: flowspecOf(of),
        }) as const;
      said.length = 0;
      reporter.event(refusal(faster));
      expect(said).toEqual([]);
      reporter.event(refusal(assignment));
      expect(said).toEqual(['FAILED']);
    });
  });
});

describe('news of several senders', () => {
  const sources = [
    { address: ip('10.1.0.2'), port: 5004 },
    { address: ip('10.3.0.2'), port: null },
  ];
  const several = (style: Assignment['style'] = 'sharedExplicit'): Assignment => ({
    ...assignment,
    reservationId: 's',
    flow: { ...assignment.flow, destination: { address: ip('10.2.0.2'), port: 9 } },
    sources,
    style,
  });
  const [one, two] = flowKeysOf(several()) as [FlowKey, FlowKey];
  const path = (of: FlowKey): void => reporter.event({ type: 'pathUp', flow: of, previousHop: of.source } as never);
  const resv = (of: FlowKey, terms: Pick<Assignment, 'tspec' | 'rspec'> = assignment): void =>
    reporter.event({ ...resvUp(terms), flow: of, style: 'SE' });
  const assign = (which = several()): void => {
    reporter.assigned(which);
    assignments.put(which);
    assignments.advance(EpochMs(3));
    said.length = 0;
  };
  const heldState = (which = several()) => AssignmentState[reports.held(which).state];

  it('is told of each, and is that of the one behind for the whole', () => {
    assign();
    expect(heldState()).toBe('PENDING');
    path(one);
    path(two);
    expect(heldState()).toBe('PATH');
    resv(one);
    expect(heldState()).toBe('PATH');
    resv(two);
    expect(heldState()).toBe('INSTALLED');
    reporter.event({ type: 'resvDown', flow: two, cause: 'tear' });
    expect(heldState()).toBe('LOST');
    expect(said).toEqual([
      'PATH for 10.1.0.2:5004',
      'PATH for 10.3.0.2',
      'INSTALLED for 10.1.0.2:5004',
      'INSTALLED for 10.3.0.2',
      'LOST for 10.3.0.2',
    ]);
  });

  it('is none where it says nothing new of that one', () => {
    assign();
    path(one);
    resv(one);
    path(two);
    path(one);
    resv(one);
    path(two);
    expect(said).toEqual(['PATH for 10.1.0.2:5004', 'INSTALLED for 10.1.0.2:5004', 'PATH for 10.3.0.2']);
  });

  it('is repeated for each at every welcome, what was not heard first', () => {
    assign();
    path(one);
    connected = false;
    resv(one);
    path(two);
    connected = true;
    said.length = 0;
    reports.repeat();
    expect(said).toEqual([
      'INSTALLED for 10.1.0.2:5004',
      'PATH for 10.3.0.2',
      // Of the other reservation, which stands, too.
      'INSTALLED',
      'INSTALLED for 10.1.0.2:5004',
      'PATH for 10.3.0.2',
    ]);
  });

  it('says removed once, when classes and RSVP state of all are gone', () => {
    assign();
    for (const each of [one, two]) path(each);
    for (const each of [one, two]) resv(each);
    said.length = 0;
    assignments.remove('s');
    reporter.removing(several());
    reporter.event({ type: 'resvDown', flow: one, cause: 'tear' });
    reporter.event({ type: 'pathDown', flow: one, cause: 'tear' });
    reporter.classesGone(several());
    reporter.event({ type: 'resvDown', flow: two, cause: 'tear' });
    expect(said).toEqual([]);
    reporter.event({ type: 'pathDown', flow: two, cause: 'tear' });
    expect(said).toEqual(['REMOVED']);
    expect(heldState()).toBe('PENDING');
    said.length = 0;
    reports.repeat();
    expect(said).toEqual(['INSTALLED']);
  });

  it('is removed, and nothing of before, where all of it happened while no server was there', () => {
    assign();
    connected = false;
    for (const each of [one, two]) path(each);
    assignments.remove('s');
    reporter.removing(several());
    reporter.classesGone(several());
    for (const each of [one, two]) reporter.event({ type: 'pathDown', flow: each, cause: 'tear' });
    connected = true;
    reports.repeat();
    expect(said).toEqual(['REMOVED', 'INSTALLED']);
  });

  it('of a refusal here is told of those that it concerns and whose PATH has come', () => {
    assign(several('wildcardFilter'));
    path(two);
    said.length = 0;
    const failure = { code: 1, value: 2, node: 'r1', detail: 'too much' };
    reporter.refused(several('wildcardFilter'), [one, two], failure);
    expect(said).toEqual(['FAILED for 10.3.0.2']);
  });

  it('under new terms is told of each when RSVP has them for it', () => {
    assign();
    for (const each of [one, two]) path(each);
    for (const each of [one, two]) resv(each);
    const faster = { ...several(), revision: 2, tspec: { ...assignment.tspec, tokenRate: BytesPerSecond(2e6) } };
    reporter.assigned(faster);
    changes.begin(assignments.change(faster)!, faster);
    said.length = 0;
    reporter.termsInstalled(faster);
    resv(one, faster);
    resv(two);
    expect(said).toEqual(['INSTALLED of 2 for 10.1.0.2:5004']);
    expect(heldState(faster)).toBe('PENDING');
    resv(two, faster);
    expect(said.at(-1)).toBe('INSTALLED of 2 for 10.3.0.2');
    expect(heldState(faster)).toBe('INSTALLED');
  });

  it('at the receiver’s host begins with the PATH of each, and is confirmed for each', () => {
    assign({ ...several(), isReceiver: true, outgoingInterface: null });
    path(one);
    reporter.event({ type: 'confirmed', flow: one, by: one.source });
    path(two);
    expect(said).toEqual(['INSTALLED for 10.1.0.2:5004', 'CONFIRMED for 10.1.0.2:5004', 'INSTALLED for 10.3.0.2']);
    expect(heldState()).toBe('INSTALLED');
  });

  it('tells of the way of each what ADSPEC said on it', () => {
    assign({ ...several(), isReceiver: true, outgoingInterface: null });
    advertised.length = 0;
    for (const [each, latency] of [
      [one, 100],
      [two, 200],
    ] as const) {
      const general = { minPathLatency: latency, pathMtu: 1500 };
      const adspec = { general, guaranteed: null };
      const { tspec } = assignment;
      reporter.event({ type: 'pathUp', flow: each, previousHop: each.source, local: true, adspec, tspec } as never);
    }
    expect(advertised).toMatchObject([{ minLatencyMicros: 100 }, { minLatencyMicros: 200 }]);
  });

  it('of one that no longer passes here is not repeated', () => {
    assign();
    path(one);
    path(two);
    assign({ ...several(), revision: 2, sources: sources.slice(0, 1) });
    reports.repeat();
    expect(said).toEqual(['INSTALLED']);
  });
});
