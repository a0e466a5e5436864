import { ok, type Result } from '../core/base/result.ts';
import type { Bytes, BytesPerSecond } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import {
  shareKeyText,
  type EngineInput,
  type EngineOutput,
  type FlowKey,
  type Share,
} from '../core/rsvp/engine/types.ts';
import type { ShapedFlow } from '../core/shaping/desired.ts';
import type { Assignments } from './assignments.ts';
import { shapedFlow } from './shaped-flow.ts';
import { rateOf } from './term-changes.ts';

type Install = EngineOutput & { readonly type: 'install' };
type Remove = EngineOutput & { readonly type: 'remove' };

/** The kernel as far as single reservations go. */
export interface FlowInstaller {
  install(flow: ShapedFlow): Promise<Result<void, { readonly detail: string }>>;
  remove(key: string): Promise<Result<void, { readonly detail: string }>>;
}

type Made = Promise<Result<void, { readonly detail: string }>>;

/** How long a RESV that came before its assignment waits for it. */
export const OVERTAKEN_MS = 500;

/** RFC 2205 appendix B. */
const ADMISSION_FAILURE = 1;
const BANDWIDTH_UNAVAILABLE = 2;
const TRAFFIC_CONTROL_SYSTEM_ERROR = 22;

/**
 * Local admission and the kernel. A session that the server assigned is checked against its assignment, not against what
 * happens to be installed: releases reach this node before the bookings that use their room. Anything else is foreign and,
 * with nothing set aside for strangers, refused.
 */
export class Enforcement {
  readonly #assignments: Assignments;
  readonly #kernel: FlowInstaller;
  readonly #classMinor: (key: string) => number | null;
  readonly #freeClass: (key: string) => void;
  readonly #overhead: (interfaceName: string) => Bytes;
  readonly #answer: (input: EngineInput) => void;
  readonly #steered: (assignment: Assignment) => Made | null;
  readonly #mostFor: (assignment: Assignment) => BytesPerSecond;
  readonly #refused: (assignment: Assignment, code: number, value: number, detail: string) => void;
  readonly #waiting = new Map<number, { readonly request: Install; readonly timer: NodeJS.Timeout }>();
  /** Which reservation holds the kernel's class of a flow on an interface. */
  readonly #installed = new Map<string, string>();
  readonly #placeOf = new Map<string, string>();
  /** Installations that the kernel has still to answer. */
  readonly #unanswered = new Set<Promise<void>>();
  /** Classes that were made when their window opened, ahead of RESV. */
  readonly #prepared = new Map<string, { readonly flow: ShapedFlow; readonly made: Made }>();

  constructor(options: {
    assignments: Assignments;
    kernel: FlowInstaller;
    /** The class of a reservation, allocated at first use; null when there is none left. */
    classMinor: (key: string) => number | null;
    /** The reservation holds no class any more; its next one may have another number. */
    freeClass: (key: string) => void;
    overhead: (interfaceName: string) => Bytes;
    /** The most that RSVP may ask for of the assignment. */
    mostFor: (assignment: Assignment) => BytesPerSecond;
    answer: (input: EngineInput) => void;
    /** Resolves when the flow is kept on its path; null where nothing is to be waited for. */
    steered: (assignment: Assignment) => Made | null;
    refused: (assignment: Assignment, code: number, value: number, detail: string) => void;
  }) {
    this.#assignments = options.assignments;
    this.#kernel = options.kernel;
    this.#classMinor = options.classMinor;
    this.#freeClass = options.freeClass;
    this.#overhead = options.overhead;
    this.#mostFor = options.mostFor;
    this.#answer = options.answer;
    this.#steered = options.steered;
    this.#refused = options.refused;
  }

  install(request: Install): void {
    this.#supersede(shareKeyText(request));
    const assignment = this.#assignmentFor(request);
    if (assignment && this.#mayHave(request, assignment)) return this.#installAssigned(request, assignment);
    // Ahead of its assignment, or of the larger one that is to come.
    const timer = setTimeout(() => {
      this.#waiting.delete(request.installId);
      this.#tooMuch(request);
    }, OVERTAKEN_MS);
    this.#waiting.set(request.installId, { request, timer });
  }

  /**
   * The assignment has other terms: its class is changed where it is, ahead of the RESV that asks for them.
   *
   * @returns when the kernel has done it; ok too where there is no class to change.
   */
  change(assignment: Assignment): Made {
    const { reservationId, outgoingInterface: outgoing } = assignment;
    const holds = this.#placeOf.has(reservationId) || this.#prepared.has(reservationId);
    const minor = outgoing === null || !holds ? null : this.#classMinor(reservationId);
    if (outgoing === null || minor === null) return Promise.resolve(ok(undefined));
    const flow = shapedFlow(assignment, outgoing, minor, this.#overhead(outgoing));
    const made = this.#kernel.install(flow);
    this.#prepared.set(reservationId, { flow, made });
    return made;
  }

  /**
   * Makes the class of an assignment whose window has opened while PATH is still on its way, so that the kernels of a path
   * work at the same time. What RESV finds ready is not made twice; it still goes on only after the kernel has answered.
   */
  prepare(assignment: Assignment): void {
    const { outgoingInterface: outgoing, reservationId } = assignment;
    if (outgoing === null || this.#placeOf.has(reservationId)) return;
    const minor = this.#classMinor(reservationId);
    if (minor === null) return;
    const flow = shapedFlow(assignment, outgoing, minor, this.#overhead(outgoing));
    this.#prepared.set(reservationId, { flow, made: this.#kernel.install(flow) });
  }

  /** Windows have opened, or terms are others: RESVs that were ahead of them go on. */
  opened(): void {
    for (const { request, timer } of [...this.#waiting.values()]) {
      const assignment = this.#assignmentFor(request);
      if (!assignment || !this.#mayHave(request, assignment)) continue;
      clearTimeout(timer);
      this.#waiting.delete(request.installId);
      this.install(request);
    }
  }

  /** RSVP state of the flow is gone. */
  async remove(request: Remove): Promise<void> {
    const place = shareKeyText(request);
    const key = this.#installed.get(place);
    this.#supersede(place);
    if (key === undefined) return;
    this.#forget(place, key);
    // The assignment stands, so a full comparison would make again whatever still has a number.
    this.#freeClass(key);
    await this.#kernel.remove(key);
  }

  /** The assignment is gone or its window closed: the class goes at once, whatever RSVP still believes. */
  async withdraw(assignment: Assignment): Promise<void> {
    const place = this.#placeOf.get(assignment.reservationId);
    if (place !== undefined) this.#forget(place, assignment.reservationId);
    this.#prepared.delete(assignment.reservationId);
    await this.#kernel.remove(assignment.reservationId);
  }

  /** Resolves when everything that was asked for until now has its answer. */
  async settled(): Promise<void> {
    await Promise.all(this.#unanswered);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #installAssigned(request: Install, assignment: Assignment): void {
    const { installId } = request;
    const fail = (code: number, value: number, detail: string): void => {
      this.#refused(assignment, code, value, detail);
      this.#refuse(installId, code, value);
    };
    if (assignment.outgoingInterface !== request.interface) {
      return fail(
        ADMISSION_FAILURE,
        0,
        `PATH leaves by ${request.interface}, the books say ${assignment.outgoingInterface ?? 'nowhere'}`,
      );
    }
    const minor = this.#classMinor(assignment.reservationId);
    if (minor === null) return fail(TRAFFIC_CONTROL_SYSTEM_ERROR, 0, 'no traffic control class is left');
    const place = shareKeyText(request);
    this.#installed.set(place, assignment.reservationId);
    this.#placeOf.set(assignment.reservationId, place);
    const flow = shapedFlow(assignment, request.interface, minor, this.#overhead(request.interface));
    const answered = Promise.all([this.#make(flow), this.#steered(assignment)]).then(([made, steered]) => {
      this.#unanswered.delete(answered);
      const result = steered?.ok === false && assignment.pinned ? steered : made;
      if (result.ok) this.#answer({ type: 'installed', installId });
      else fail(TRAFFIC_CONTROL_SYSTEM_ERROR, 0, result.error.detail);
    });
    this.#unanswered.add(answered);
  }

  /** The server books single flows; nothing is assigned for shares of several. */
  #assignmentFor(share: Share): Assignment | undefined {
    const flow = flowOfShare(share);
    return flow === null ? undefined : this.#assignments.openFor(flow);
  }

  /** A class that could not be made ahead (its room was not free yet, say) is tried again now that it is needed. */
  async #make(flow: ShapedFlow): Made {
    const prepared = this.#prepared.get(flow.key);
    this.#prepared.delete(flow.key);
    if (prepared && sameFlow(prepared.flow, flow)) {
      const made = await prepared.made;
      // Withdrawn meanwhile: making it now would leave a class that nobody takes away.
      if (made.ok || !this.#placeOf.has(flow.key)) return made;
    }
    return this.#kernel.install(flow);
  }

  /** What waits for the place waits in vain. */
  #supersede(place: string): void {
    for (const [id, { request: waiting, timer }] of this.#waiting) {
      if (shareKeyText(waiting) !== place) continue;
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** What is assigned, or was; the class is made for what is assigned in any case. */
  #mayHave(request: Install, assignment: Assignment): boolean {
    return askedRate(request) <= this.#mostFor(assignment);
  }

  #tooMuch(request: Install): void {
    const assignment = this.#assignmentFor(request);
    if (assignment) {
      const detail = `RESV asks for ${askedRate(request)} bytes/s, ${rateOf(assignment)} are assigned`;
      this.#refused(assignment, ADMISSION_FAILURE, BANDWIDTH_UNAVAILABLE, detail);
    }
    this.#refuse(request.installId, ADMISSION_FAILURE, BANDWIDTH_UNAVAILABLE);
  }

  #forget(place: string, key: string): void {
    this.#installed.delete(place);
    this.#placeOf.delete(key);
  }

  #refuse(installId: number, errorCode: number, errorValue: number): void {
    this.#answer({ type: 'refused', installId, errorCode, errorValue });
  }
}

const askedRate = ({ flowspec }: Install): BytesPerSecond =>
  flowspec.service === 'guaranteed' ? flowspec.rspec.rate : flowspec.tspec.tokenRate;

/** The one flow that a fixed-filter share is for; null for shared styles. */
const flowOfShare = ({ style, session, filters: [filter] }: Share): FlowKey | null =>
  style === 'FF' && filter !== undefined ? { ...session, ...filter } : null;

/** Both are built by `shapedFlow`, so their members stand in the same order. */
const sameFlow = (a: ShapedFlow, b: ShapedFlow): boolean => JSON.stringify(a) === JSON.stringify(b);
