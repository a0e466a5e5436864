import { create } from '@bufbuild/protobuf';
import type { IpAddress } from '../core/base/ip.ts';
import type { Bytes } from '../core/base/units.ts';
import type { NextHop } from '../core/network/topology.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { ERROR, NO_ROUTE } from '../core/rsvp/engine/errors.ts';
import { sameFlowspec } from '../core/rsvp/engine/merge.ts';
import { ROUTING, ROUTING_PROBLEM } from '../core/rsvp/engine/route-objects.ts';
import type { RsvpAdspec } from '../core/rsvp/wire/adspec.ts';
import { flowKeyText, type EngineEvent, type FlowKey } from '../core/rsvp/engine/types.ts';
import { AdvertisedTermsSchema, AssignmentState, type AdvertisedTerms } from '../gen/headroom/v1/agent_channel_pb.ts';
import { EndpointSchema, type Endpoint } from '../gen/headroom/v1/flow_pb.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import { flowKeysOf, flowspecOf } from './flow-key.ts';
import type { Reports } from './reports.ts';
import type { TermChanges } from './term-changes.ts';

export interface Failure {
  readonly code: number;
  readonly value: number;
  readonly node: string;
  readonly detail: string;
}

/** What is known of the host, and what follows of how signalling went. */
export interface SignallingOutcome {
  /** Whether an address is on the link of an interface that is up. */
  isOnLink(address: IpAddress): boolean;
  /** A flow that is assigned here was refused, here or further on. */
  failed(flow: FlowKey): void;
  /** It is installed. */
  stands(flow: FlowKey): void;
}

type Reserved = EngineEvent & { readonly type: 'resvUp' };

/** A removed assignment until its classes and the RSVP state of all its senders are gone. */
interface Leaving {
  readonly assignment: Assignment;
  classesGone: boolean;
}

/** Turns the engine's events into news about assignments: about each sender, and of the end about all together. */
export class SignalReporter {
  readonly #assignments: Assignments;
  readonly #reports: Reports;
  readonly #log: Logger;
  /** Flows with path state on this node, with the previous hop ('' on the sender's host). */
  readonly #paths = new Map<string, string>();
  /** Of the flows with path state, where PATH goes on to; none where it goes nowhere. */
  readonly #outgoing = new Map<string, { readonly interface: string; readonly nextHop: IpAddress }>();
  readonly #keys = new Map<string, FlowKey>();
  /** On the receiver's host: the addresses that PATH has collected on its way. */
  readonly #recorded = new Map<string, readonly string[]>();
  /** Flows with reservation state here, with what was installed last. */
  readonly #reservations = new Map<string, Reserved>();
  /** On the receiver's host: the ADSPEC that came last, and M of the Tspec with it. */
  readonly #advertised = new Map<string, { readonly adspec: RsvpAdspec; readonly maxPacket: Bytes }>();
  /** Of the flows with path state those that some hop before this node carries without RSVP. */
  readonly #broken = new Set<string>();
  /** Of the flows with path state those whose previous hop is on a link of this host, and of these those whose link is gone. */
  readonly #linked = new Set<string>();
  readonly #cut = new Set<string>();
  /** Flows that were installed for the reservation that is named. */
  readonly #stood = new Map<string, string>();
  readonly #leaving = new Map<string, Leaving>();
  readonly #leavingByFlow = new Map<string, Set<string>>();
  readonly #since = new Map<string, number>();
  /** What the kernel does not enforce, by reservation and flow, with the reason. */
  readonly #unenforced = new Map<string, Map<string, string>>();

  readonly #changes: TermChanges;
  readonly #outcome: SignallingOutcome;

  constructor(
    assignments: Assignments,
    changes: TermChanges,
    reports: Reports,
    log: Logger,
    outcome: SignallingOutcome = { isOnLink: () => true, failed: () => undefined, stands: () => undefined },
  ) {
    this.#outcome = outcome;
    this.#assignments = assignments;
    this.#changes = changes;
    this.#reports = reports;
    this.#log = log;
  }

  assigned(assignment: Assignment): void {
    this.#since.set(assignment.reservationId, performance.now());
    this.#reports.keep(assignment);
  }

  /** The window is open; for a receiver whose PATH came first, its reservation starts now. */
  opened(assignment: Assignment): void {
    for (const flow of flowKeysOf(assignment)) {
      this.#openedFor(assignment, flow);
      this.#settle(flow);
    }
  }

  /** The kernel has the assignment's new terms. Where RSVP had them all along, that is all there was to do. */
  termsInstalled(assignment: Assignment): void {
    if (this.#assignments.get(assignment.reservationId)?.revision !== assignment.revision) return;
    for (const flow of flowKeysOf(assignment)) {
      const reserved = this.#reservations.get(flowKeyText(flow));
      if (assignment.isReceiver) {
        this.#changes.arrived(assignment, flow);
        this.#openedFor(assignment, flow);
      } else if (reserved) this.#reserved(assignment, reserved);
    }
  }

  removing(assignment: Assignment): void {
    const { reservationId } = assignment;
    this.#changes.forget(reservationId);
    for (const flow of flowKeysOf(assignment)) {
      if (this.#stood.get(flowKeyText(flow)) !== reservationId) continue;
      this.#stood.delete(flowKeyText(flow));
      this.#outcome.stands(flow);
    }
    this.#unenforced.delete(reservationId);
    this.#leaving.set(reservationId, { assignment, classesGone: false });
    for (const flow of flowKeysOf(assignment).map(flowKeyText)) {
      const same = this.#leavingByFlow.get(flow);
      if (same) same.add(reservationId);
      else this.#leavingByFlow.set(flow, new Set([reservationId]));
    }
  }

  classesGone(assignment: Assignment): void {
    const leaving = this.#leaving.get(assignment.reservationId);
    if (leaving) leaving.classesGone = true;
    for (const flow of flowKeysOf(assignment)) this.#settle(flow);
  }

  /** Whether something of it is still here. */
  isLeaving({ reservationId }: Assignment): boolean {
    return this.#leaving.has(reservationId);
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

  /**
   * Refused on this node, by local admission or by the kernel.
   *
   * @param flows the senders that are concerned; of several those whose PATH is not here have nothing that could fail.
   */
  refused(assignment: Assignment, flows: readonly FlowKey[], failure: Failure): void {
    const { code, value, detail } = failure;
    const { reservationId } = assignment;
    // Who asks for more than is booked gets an error of RSVP; what stands as booked is no worse for it.
    if (isAboutTheRequest(code, value) && flows.every((flow) => this.#stands(assignment, flow))) {
      return this.#log.warn(
        { reservationId, code, value, detail },
        'a RESV was refused here, the reservation stays as it is',
      );
    }
    this.#log.warn({ reservationId, code, value, detail }, 'reservation refused here');
    const here = flows.filter((flow) => this.#paths.has(flowKeyText(flow)));
    for (const flow of here.length > 0 ? here : flows) {
      this.#report(assignment, flow, AssignmentState.FAILED, { failure });
      this.#outcome.failed(flow);
    }
  }

  /** Whether it was installed for the assignment that is open for it. */
  stood(flow: FlowKey): boolean {
    const id = this.#stood.get(flowKeyText(flow));
    return id !== undefined && id === this.#assignments.openFor(flow)?.reservationId;
  }

  /**
   * Links or addresses have changed. What comes in by a link that is gone is lost though all state of it is here still; with
   * the link it is back.
   */
  linksChanged(): void {
    for (const [flow, previousHop] of this.#paths) {
      if (!this.#linked.has(flow)) continue;
      const isCut = !this.#outcome.isOnLink(previousHop as IpAddress);
      if (isCut === this.#cut.has(flow)) continue;
      if (isCut) this.#cut.add(flow);
      else this.#cut.delete(flow);
      const known = this.#keys.get(flow)!;
      const assignment = this.#assignments.openFor(known);
      if (!assignment) continue;
      if (isCut) {
        if (this.#stands(assignment, known)) this.#lost(assignment, known, cutFrom(previousHop));
        continue;
      }
      const reserved = this.#reservations.get(flow);
      if (reserved) this.#reserved(assignment, reserved);
      else this.#openedFor(assignment, known);
    }
  }

  /** RSVP has these flows of the assignment installed, and the kernel does not enforce them. */
  unenforced(assignment: Assignment, flows: readonly FlowKey[], detail: string): void {
    const { reservationId } = assignment;
    const known = this.#unenforced.get(reservationId) ?? new Map<string, string>();
    this.#unenforced.set(reservationId, known);
    for (const flow of flows) {
      known.set(flowKeyText(flow), detail);
      if (this.#stands(assignment, flow)) this.#lost(assignment, flow, detail);
    }
  }

  /** The kernel enforces them again. */
  enforced(assignment: Assignment, flows: readonly FlowKey[]): void {
    const { reservationId } = assignment;
    const known = this.#unenforced.get(reservationId);
    for (const flow of flows) {
      if (!known?.delete(flowKeyText(flow))) continue;
      const reserved = this.#reservations.get(flowKeyText(flow));
      if (reserved) this.#reserved(assignment, reserved);
      else this.#openedFor(assignment, flow);
    }
    if (known?.size === 0) this.#unenforced.delete(reservationId);
  }

  /** The kernel sends the flow another way than the neighbour that it is pinned to. */
  strays(flow: FlowKey, { interface: outgoing, gateway }: NextHop): void {
    const assignment = this.#assignments.openFor(flow);
    if (!assignment) return;
    const previousHop = this.#paths.get(flowKeyText(flow)) ?? '';
    const nextHop = gateway ?? flow.destination;
    const elsewhere = { interface: outgoing, previousHop, nextHop };
    if (this.#reports.state(assignment, flow) === AssignmentState.LOST) {
      const failure = { code: 0, value: 0, node: '', detail: `the kernel sends it by ${outgoing} to ${nextHop}` };
      return this.#report(assignment, flow, AssignmentState.LOST, { ...elsewhere, failure });
    }
    this.#log.warn(
      { reservationId: assignment.reservationId, interface: outgoing, nextHop },
      'the kernel sends a flow off its path',
    );
    this.#report(assignment, flow, AssignmentState.PATH, elsewhere);
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
        if (event.outgoing) this.#outgoing.set(flow, event.outgoing);
        else this.#outgoing.delete(flow);
        this.#keys.set(flow, event.flow);
        this.#cut.delete(flow);
        if (event.previousHop !== null && this.#outcome.isOnLink(event.previousHop)) this.#linked.add(flow);
        else this.#linked.delete(flow);
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
        return this.#report(assignment, event.flow, state, { previousHop, ...event.outgoing });
      }
      case 'resvUp':
        this.#reservations.set(flow, event);
        return assignment && this.#reserved(assignment, event);
      case 'confirmed':
        if (assignment) {
          const previousHop = this.#paths.get(flow) ?? '';
          this.#report(assignment, event.flow, AssignmentState.CONFIRMED, { previousHop });
        }
        return;
      case 'resvDown':
        this.#reservations.delete(flow);
        if (assignment && !assignment.isReceiver && event.cause !== 'refused') {
          this.#lost(assignment, event.flow, `reservation state: ${event.cause}`);
        }
        return this.#settle(event.flow);
      case 'pathDown':
        this.#paths.delete(flow);
        this.#outgoing.delete(flow);
        this.#keys.delete(flow);
        this.#cut.delete(flow);
        this.#linked.delete(flow);
        this.#recorded.delete(flow);
        this.#broken.delete(flow);
        this.#advertised.delete(flow);
        if (assignment && event.cause !== 'closed') {
          this.#lost(assignment, event.flow, `path state: ${event.cause}`);
        }
        return this.#settle(event.flow);
      case 'resvError':
      case 'pathError': {
        // Nodes that an error passes by keep their state; the one that asked has to tell.
        if (!assignment || !event.local || isOfOtherTerms(event, assignment)) return;
        const { errorCode: code, errorValue: value, errorNode: node } = event;
        if (event.type === 'pathError' && isWayless(code, value)) {
          // Routes come back with their links. Where it stands here, the node without a route tells what it has lost.
          if (this.#stands(assignment, event.flow)) return;
          return this.#lost(assignment, event.flow, `no route at ${node}`);
        }
        // One message ends no reservation that stands: where its state goes, the loss is told by whoever loses it.
        if (this.#outlives(event, assignment)) {
          return this.#log.warn(
            { reservationId: assignment.reservationId, code, value, node },
            'RSVP reports an error, the reservation stands',
          );
        }
        const detail = event.type === 'resvError' ? 'RSVP refused the reservation' : 'RSVP refused the path';
        this.#report(assignment, event.flow, AssignmentState.FAILED, { failure: { code, value, node, detail } });
        return this.#outcome.failed(event.flow);
      }
    }
  }

  #openedFor(assignment: Assignment, flow: FlowKey): void {
    const previousHop = this.#paths.get(flowKeyText(flow));
    if (previousHop === undefined) return;
    if (assignment.isReceiver) return this.#report(assignment, flow, AssignmentState.INSTALLED, { previousHop });
    const text = flowKeyText(flow);
    const isTold = this.#reports.state(assignment, flow) !== AssignmentState.UNSPECIFIED;
    // PATH that came ahead of its assignment; where a RESV is here too, that says more.
    if (isTold || this.#reservations.has(text)) return;
    this.#report(assignment, flow, AssignmentState.PATH, { previousHop, ...this.#outgoing.get(text) });
  }

  /** Reservation state of the old terms is no news of the new ones. */
  #reserved(assignment: Assignment, { flow, interface: outgoing, nextHop, flowspec }: Reserved): void {
    if (this.#changes.isPending(assignment, flow)) {
      if (!sameFlowspec(flowspec, flowspecOf(assignment))) return;
      this.#changes.arrived(assignment, flow);
    }
    const previousHop = this.#paths.get(flowKeyText(flow)) ?? '';
    this.#report(assignment, flow, AssignmentState.INSTALLED, { interface: outgoing, previousHop, nextHop });
  }

  #lost(assignment: Assignment, flow: FlowKey, detail: string): void {
    const failure = { code: 0, value: 0, node: '', detail };
    this.#report(assignment, flow, AssignmentState.LOST, { failure });
  }

  #stands(assignment: Assignment, flow: FlowKey): boolean {
    const state = this.#reports.state(assignment, flow);
    return state === AssignmentState.INSTALLED || state === AssignmentState.CONFIRMED;
  }

  /** On a receiver's host only a confirmation says that it stands; an error about new terms is one that counts. */
  #outlives(
    { type, flow }: EngineEvent & { readonly type: 'pathError' | 'resvError' },
    assignment: Assignment,
  ): boolean {
    if (type === 'pathError') return this.#stands(assignment, flow);
    const confirmed = this.#reports.state(assignment, flow) === AssignmentState.CONFIRMED;
    return confirmed && !this.#changes.isPending(assignment, flow);
  }

  /** Before PATH carries the assignment's own Tspec it says nothing of it: C depends on M. */
  #advertisedTo({ tspec }: Assignment, flow: string): { advertised?: AdvertisedTerms } {
    const known = this.#advertised.get(flow);
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

  /**
   * Reports what has left completely: all classes, and path and reservation state of all senders. State that another
   * assignment goes on with is that one's: it may stand as long as that.
   */
  #settle(flow: FlowKey): void {
    for (const id of [...(this.#leavingByFlow.get(flowKeyText(flow)) ?? [])]) {
      const leaving = this.#leaving.get(id);
      if (!leaving?.classesGone) continue;
      const keys = flowKeysOf(leaving.assignment);
      const flows = keys.map(flowKeyText);
      const stands = (each: string): boolean => this.#paths.has(each) || this.#reservations.has(each);
      if (keys.some((key, i) => stands(flows[i]!) && !this.#assignments.openFor(key))) continue;
      this.#leaving.delete(id);
      for (const each of flows) {
        const same = this.#leavingByFlow.get(each);
        same?.delete(id);
        if (same?.size === 0) this.#leavingByFlow.delete(each);
      }
      this.#report(leaving.assignment, null, AssignmentState.REMOVED, {});
      this.#since.delete(id);
    }
  }

  /** @param about the sender; null: the assignment as a whole. */
  #report(
    assignment: Assignment,
    about: FlowKey | null,
    said: AssignmentState,
    told: {
      interface?: string;
      previousHop?: string;
      nextHop?: string;
      failure?: Failure;
    },
  ): void {
    const flow = about === null ? '' : flowKeyText(about);
    const stands = said === AssignmentState.INSTALLED || said === AssignmentState.CONFIRMED;
    if (stands && about) {
      this.#stood.set(flow, assignment.reservationId);
      this.#outcome.stands(about);
    }
    const cut = this.#cut.has(flow) ? cutFrom(this.#paths.get(flow) ?? '') : undefined;
    const absent = this.#unenforced.get(assignment.reservationId)?.get(flow) ?? cut;
    const isHollow = stands && absent !== undefined;
    const state = isHollow ? AssignmentState.LOST : said;
    const more = isHollow ? { ...told, failure: { code: 0, value: 0, node: '', detail: absent } } : told;
    const since = this.#since.get(assignment.reservationId);
    const { failure } = more;
    const several = assignment.sources.length > 1;
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
      ...(several && about ? { source: sourceOf(about) } : {}),
      ...this.#advertisedTo(assignment, flow),
      elapsedMs: since === undefined ? 0 : performance.now() - since,
    });
  }
}

const cutFrom = (previousHop: string): string => `no link to the previous hop ${previousHop}`;

const sourceOf = ({ source, sourcePort }: FlowKey): Endpoint =>
  create(EndpointSchema, { address: source, ...(sourcePort === 0 ? {} : { port: sourcePort }) });

/** A refusal of what was asked for before the terms were changed, or changed back. */
const isOfOtherTerms = (event: EngineEvent, assignment: Assignment): boolean =>
  event.type === 'resvError' && event.flowspec !== undefined && !sameFlowspec(event.flowspec, flowspecOf(assignment));
/** Refused for what the RESV asks for: more than there is or a larger packet (1/2, 1/3), or another service (21). */
const isAboutTheRequest = (code: number, value: number): boolean =>
  (code === ERROR.admissionControl && value !== 0) || code === ERROR.trafficControl;
/** No route there, or none to the next node that PATH names. */
const isWayless = (code: number, value: number): boolean =>
  (code === ERROR.rsvpSystem && value === NO_ROUTE) || (code === ROUTING_PROBLEM && value === ROUTING.badStrictNode);
