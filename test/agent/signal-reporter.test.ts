import { beforeEach, describe, expect, it } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import type { Channel } from '../../src/agent/channel.ts';
import { flowKeyOf, flowspecOf } from '../../src/agent/flow-key.ts';
import { Reports } from '../../src/agent/reports.ts';
import { SignalReporter } from '../../src/agent/signal-reporter.ts';
import { TermChanges } from '../../src/agent/term-changes.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
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
    send(message) {
      if (!connected) return false;
      if (message?.case === 'assignment') {
        const { state, revision } = message.value;
        said.push(AssignmentState[state] + (revision === 1n ? '' : ` of ${revision}`));
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
  reporter.classGone(assignment);
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
    // But a route that could never work is.
    reporter.event({ type: 'pathError', flow, errorNode: ip('10.12.0.2'), errorCode: 24, errorValue: 4, local: true });
    expect(said.at(-1)).toBe('FAILED');
  });

  it('is a refusal for any other error', () => {
    reporter.event({ type: 'pathError', flow, errorNode: ip('10.1.0.1'), errorCode: 21, errorValue: 4, local: true });
    expect(said).toEqual(['PATH', 'INSTALLED', 'FAILED']);
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
