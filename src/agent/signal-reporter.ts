import { create } from '@bufbuild/protobuf';
import type { Bytes } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { ERROR, NO_ROUTE } from '../core/rsvp/engine/errors.ts';
import { sameFlowspec } from '../core/rsvp/engine/merge.ts';
import { ROUTING, ROUTING_PROBLEM } from '../core/rsvp/engine/route-objects.ts';
import type { RsvpAdspec } from '../core/rsvp/wire/adspec.ts';
import { flowKeyText, type EngineEvent, type EngineRoute, type FlowKey } from '../core/rsvp/engine/types.ts';
import { AdvertisedTermsSchema, AssignmentState, type AdvertisedTerms } from '../gen/headroom/v1/agent_channel_pb.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import { flowKeyOf, flowspecOf } from './flow-key.ts';
import type { Reports } from './reports.ts';
import type { TermChanges } from './term-changes.ts';

interface Failure {
  readonly code: number;
  readonly value: number;
  readonly node: string;
  readonly detail: string;
}

type Reserved = EngineEvent & { readonly type: 'resvUp' };

/** A removed assignment until class and RSVP state are both gone. */
interface Leaving {
  readonly assignment: Assignment;
  classGone: boolean;
}

/** Turns the engine's events into news about assignments. */
export class SignalReporter {
  readonly #assignments: Assignments;
  readonly #reports: Reports;
  readonly #log: Logger;
  /** Flows with path state on this node, with the previous hop ('' on the sender's host). */
  readonly #paths = new Map<string, string>();
  /** On the receiver's host: the addresses that PATH has collected on its way. */
  readonly #recorded = new Map<string, readonly string[]>();
  /** Flows with reservation state here, with what was installed last. */
  readonly #reservations = new Map<string, Reserved>();
  /** On the receiver's host: the ADSPEC that came last, and M of the Tspec with it. */
  readonly #advertised = new Map<string, { readonly adspec: RsvpAdspec; readonly maxPacket: Bytes }>();
  /** Of the flows with path state those that some hop before this node carries without RSVP. */
  readonly #broken = new Set<string>();
  readonly #leaving = new Map<string, Leaving>();
  readonly #leavingByFlow = new Map<string, Set<string>>();
  readonly #since = new Map<string, number>();

  readonly #changes: TermChanges;

  constructor(assignments: Assignments, changes: TermChanges, reports: Reports, log: Logger) {
    this.#assignments = assignments;
    this.#changes = changes;
    this.#reports = reports;
    this.#log = log;
  }

  assigned(assignment: Assignment): void {
    this.#since.set(assignment.reservationId, performance.now());
  }

  /** The window is open; for a receiver whose PATH came first, its reservation starts now. */
  opened(assignment: Assignment): void {
    const previousHop = this.#paths.get(flowKeyText(flowKeyOf(assignment.flow)));
    if (assignment.isReceiver && previousHop !== undefined) {
      this.#report(assignment, AssignmentState.INSTALLED, { previousHop });
    }
  }

  /** The kernel has the assignment's new terms. Where RSVP had them all along, that is all there was to do. */
  termsInstalled(assignment: Assignment): void {
    if (this.#assignments.get(assignment.reservationId)?.revision !== assignment.revision) return;
    const flow = flowKeyText(flowKeyOf(assignment.flow));
    const reserved = this.#reservations.get(flow);
    if (assignment.isReceiver) {
      this.#changes.arrived(assignment.reservationId);
      this.opened(assignment);
    } else if (reserved) this.#reserved(assignment, reserved);
  }

  removing(assignment: Assignment): void {
    const { reservationId } = assignment;
    this.#changes.forget(reservationId);
    this.#leaving.set(reservationId, { assignment, classGone: false });
    const flow = flowKeyText(flowKeyOf(assignment.flow));
    const same = this.#leavingByFlow.get(flow);
    if (same) same.add(reservationId);
    else this.#leavingByFlow.set(flow, new Set([reservationId]));
  }

  classGone(assignment: Assignment): void {
    const leaving = this.#leaving.get(assignment.reservationId);
    if (leaving) leaving.classGone = true;
    this.#settle(flowKeyOf(assignment.flow));
  }

  /** The server wants something gone that is not here. */
  unknownRemoved(reservationId: string): void {
    if (this.#leaving.has(reservationId)) return;
    this.#reports.report({
      reservationId,
      revision: 0n,
      state: AssignmentState.REMOVED,
      interface: '',
      previousHop: '',
      nextHop: '',
      elapsedMs: 0,
      recordedRoute: [],
    });
  }

  /** Refused on this node, by local admission or by the kernel. */
  refused(assignment: Assignment, code: number, value: number, node: string, detail: string): void {
    this.#log.warn({ reservationId: assignment.reservationId, code, value, detail }, 'reservation refused here');
    this.#report(assignment, AssignmentState.FAILED, { failure: { code, value, node, detail } });
  }

  /** The kernel sends the flow another way than the neighbour that it is pinned to. */
  strays(flow: FlowKey, { interface: outgoing, gateway }: EngineRoute): void {
    const assignment = this.#assignments.openFor(flow);
    if (!assignment) return;
    const previousHop = this.#paths.get(flowKeyText(flow)) ?? '';
    const nextHop = gateway ?? flow.destination;
    this.#log.warn(
      { reservationId: assignment.reservationId, interface: outgoing, nextHop },
      'the kernel sends a pinned flow elsewhere',
    );
    this.#report(assignment, AssignmentState.PATH, { interface: outgoing, previousHop, nextHop });
  }

  event(event: EngineEvent): void {
    if (event.type === 'lastKeyExpired') {
      const { interface: name, neighbour, keyId } = event;
      return this.#log.warn({ interface: name, neighbour, keyId }, 'the last RSVP key is over, it goes on being used');
    }
    if (event.type === 'neighbourChanged') {
      const { interface: name, neighbour, change } = event;
      return this.#log.warn({ interface: name, neighbour, change }, 'an RSVP neighbour changed');
    }
    const flow = flowKeyText(event.flow);
    const assignment = this.#assignments.openFor(event.flow);
    switch (event.type) {
      case 'pathUp': {
        const previousHop = event.previousHop ?? '';
        this.#paths.set(flow, previousHop);
        if (event.local && event.recordedRoute) this.#recorded.set(flow, event.recordedRoute);
        else this.#recorded.delete(flow);
        const { local, adspec, tspec } = event;
        if (local && adspec) this.#advertised.set(flow, { adspec, maxPacket: tspec.maxPacketSize });
        else this.#advertised.delete(flow);
        if (event.nonRsvpHop) this.#broken.add(flow);
        else this.#broken.delete(flow);
        if (!assignment) return;
        // A receiver's host has nothing to install: once PATH is there, its RESV is on the way.
        const state = assignment.isReceiver ? AssignmentState.INSTALLED : AssignmentState.PATH;
        return this.#report(assignment, state, { previousHop, ...event.outgoing });
      }
      case 'resvUp':
        this.#reservations.set(flow, event);
        return assignment && this.#reserved(assignment, event);
      case 'confirmed':
        if (assignment) {
          this.#report(assignment, AssignmentState.CONFIRMED, { previousHop: this.#paths.get(flow) ?? '' });
        }
        return;
      case 'resvDown':
        this.#reservations.delete(flow);
        if (assignment && !assignment.isReceiver && event.cause !== 'refused') {
          this.#report(assignment, AssignmentState.LOST, { failure: lost(`reservation state: ${event.cause}`) });
        }
        return this.#settle(event.flow);
      case 'pathDown':
        this.#paths.delete(flow);
        this.#recorded.delete(flow);
        this.#broken.delete(flow);
        this.#advertised.delete(flow);
        if (assignment && event.cause !== 'closed') {
          this.#report(assignment, AssignmentState.LOST, { failure: lost(`path state: ${event.cause}`) });
        }
        return this.#settle(event.flow);
      case 'resvError':
      case 'pathError': {
        // Nodes that an error passes by keep their state; the one that asked has to tell.
        if (!assignment || !event.local || isOfOtherTerms(event, assignment)) return;
        const { errorCode: code, errorValue: value, errorNode: node } = event;
        if (event.type === 'pathError' && isWayless(code, value)) {
          // Routes come back with their links. Where it stands here, the node without a route tells what it has lost.
          if (this.#stands(assignment)) return;
          return this.#report(assignment, AssignmentState.LOST, { failure: lost(`no route at ${node}`) });
        }
        const detail = event.type === 'resvError' ? 'RSVP refused the reservation' : 'RSVP refused the path';
        return this.#report(assignment, AssignmentState.FAILED, { failure: { code, value, node, detail } });
      }
    }
  }

  /** Reservation state of the old terms is no news of the new ones. */
  #reserved(assignment: Assignment, { flow, interface: outgoing, nextHop, flowspec }: Reserved): void {
    if (this.#changes.isPending(assignment)) {
      if (!sameFlowspec(flowspec, flowspecOf(assignment))) return;
      this.#changes.arrived(assignment.reservationId);
    }
    const previousHop = this.#paths.get(flowKeyText(flow)) ?? '';
    this.#report(assignment, AssignmentState.INSTALLED, { interface: outgoing, previousHop, nextHop });
  }

  #stands({ reservationId }: Assignment): boolean {
    const state = this.#reports.state(reservationId);
    return state === AssignmentState.INSTALLED || state === AssignmentState.CONFIRMED;
  }

  /** Before PATH carries the assignment's own Tspec it says nothing of it: C depends on M. */
  #advertisedTo({ flow, tspec }: Assignment): { advertised?: AdvertisedTerms } {
    const known = this.#advertised.get(flowKeyText(flowKeyOf(flow)));
    if (known?.maxPacket !== tspec.maxPacketSize) return {};
    const { general, guaranteed } = known.adspec;
    return {
      advertised: create(AdvertisedTermsSchema, {
        minLatencyMicros: general.minPathLatency,
        pathMtuBytes: general.pathMtu,
        ...(guaranteed === null ? {} : { cTotalBytes: guaranteed.cTot, dTotalMicros: guaranteed.dTot }),
      }),
    };
  }

  /** Reports what has left completely: class, path state and reservation state. */
  #settle(flow: FlowKey): void {
    const text = flowKeyText(flow);
    if (this.#paths.has(text) || this.#reservations.has(text)) return;
    const same = this.#leavingByFlow.get(text);
    for (const id of same ?? []) {
      const leaving = this.#leaving.get(id);
      if (!leaving?.classGone) continue;
      same?.delete(id);
      this.#leaving.delete(id);
      this.#report(leaving.assignment, AssignmentState.REMOVED, {});
      this.#since.delete(id);
    }
    if (same?.size === 0) this.#leavingByFlow.delete(text);
  }

  #report(
    assignment: Assignment,
    state: AssignmentState,
    more: {
      interface?: string;
      previousHop?: string;
      nextHop?: string;
      failure?: Failure;
    },
  ): void {
    const since = this.#since.get(assignment.reservationId);
    const { failure } = more;
    const flow = flowKeyText(flowKeyOf(assignment.flow));
    this.#reports.report({
      reservationId: assignment.reservationId,
      revision: BigInt(assignment.revision),
      state,
      interface: more.interface ?? '',
      previousHop: more.previousHop ?? '',
      nextHop: more.nextHop ?? '',
      ...(failure
        ? {
            failure: {
              $typeName: 'headroom.v1.RsvpFailure',
              errorCode: failure.code,
              errorValue: failure.value,
              errorNode: failure.node,
              detail: failure.detail,
            },
          }
        : {}),
      recordedRoute: [...(this.#recorded.get(flow) ?? [])],
      ...(this.#paths.has(flow) ? { nonRsvpHop: this.#broken.has(flow) } : {}),
      ...this.#advertisedTo(assignment),
      elapsedMs: since === undefined ? 0 : performance.now() - since,
    });
  }
}

/** A refusal of what was asked for before the terms were changed, or changed back. */
const isOfOtherTerms = (event: EngineEvent, assignment: Assignment): boolean =>
  event.type === 'resvError' && event.flowspec !== undefined && !sameFlowspec(event.flowspec, flowspecOf(assignment));
/** No route there, or none to the next node that PATH names. */
const isWayless = (code: number, value: number): boolean =>
  (code === ERROR.rsvpSystem && value === NO_ROUTE) || (code === ROUTING_PROBLEM && value === ROUTING.badStrictNode);

const lost = (detail: string): Failure => ({ code: 0, value: 0, node: '', detail });
