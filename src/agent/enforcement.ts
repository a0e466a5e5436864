import { ok, type Result } from '../core/base/result.ts';
import type { Bytes } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import {
  shareKeyText,
  type EngineInput,
  type EngineOutput,
  type FlowKey,
  type Share,
} from '../core/rsvp/engine/types.ts';
import type { ShapedFlow } from '../core/shaping/desired.ts';
import { askedTerms, beyondMtu, exceeds, type AskedTerms, type Excess } from './asked-terms.ts';
import type { Assignments } from './assignments.ts';
import { flowKeysOf } from './flow-key.ts';
import { shapedFlow } from './shaped-flow.ts';
import { classesOf, classOfShare, type ShareClass } from './share-classes.ts';

type Install = EngineOutput & { readonly type: 'install' };
type Remove = EngineOutput & { readonly type: 'remove' };

interface KernelRefusal {
  readonly detail: string;
  /** `foreignQdisc`: somebody else's root qdisc is in place. */
  readonly code?: string;
}

/** The kernel as far as single reservations go. */
export interface FlowInstaller {
  install(flow: ShapedFlow): Promise<Result<void, KernelRefusal>>;
  remove(key: string): Promise<Result<void, { readonly detail: string }>>;
}

type Made = Promise<Result<void, KernelRefusal>>;

/** A class that RSVP has asked for. */
interface Placed {
  /** The share that it is for, as text. */
  readonly place: string;
  readonly share: ShareClass;
  /** Of the latest request. */
  readonly installId: number;
}

/** How long a RESV that came before its assignment waits for it. */
export const OVERTAKEN_MS = 500;

/** RFC 2205 appendix B. */
const ADMISSION_FAILURE = 1;
const BANDWIDTH_UNAVAILABLE = 2;
export const TRAFFIC_CONTROL_SYSTEM_ERROR = 22;

/**
 * Local admission and the kernel. A session that the server assigned is checked against its assignment, not against what
 * happens to be installed: releases reach this node before the bookings that use their room. Anything else is foreign and,
 * with nothing set aside for strangers, refused.
 *
 * What is shared by several senders has one class, whose filters follow the senders that RSVP names.
 */
export class Enforcement {
  readonly #assignments: Assignments;
  readonly #kernel: FlowInstaller;
  readonly #classMinor: (key: string) => number | null;
  readonly #freeClass: (key: string) => void;
  readonly #overhead: (interfaceName: string) => Bytes;
  readonly #answer: (input: EngineInput) => void;
  readonly #steered: (assignment: Assignment) => Made | null;
  readonly #isAbsent: (key: string) => boolean;
  readonly #defeat: (assignment: Assignment) => string | null;
  readonly #mtu: (interfaceName: string) => Bytes;
  readonly #mostFor: (assignment: Assignment) => AskedTerms;
  readonly #refused: (
    assignment: Assignment,
    flows: readonly FlowKey[],
    code: number,
    value: number,
    detail: string,
  ) => void;
  readonly #waiting = new Map<number, { readonly request: Install; readonly timer: NodeJS.Timeout }>();
  /** The key of the kernel's class for a share on an interface. */
  readonly #installed = new Map<string, string>();
  /** By key of the class. */
  readonly #placed = new Map<string, Placed>();
  /** Installations that the kernel has still to answer. */
  readonly #unanswered = new Set<Promise<void>>();
  /** Classes that were made when their window opened, ahead of RESV. */
  readonly #prepared = new Map<
    string,
    { readonly share: ShareClass; readonly flow: ShapedFlow; readonly made: Made }
  >();

  constructor(options: {
    assignments: Assignments;
    kernel: FlowInstaller;
    /** The number of a class, allocated at first use; null when there is none left. */
    classMinor: (key: string) => number | null;
    /** There is no such class any more; the next one of this key may have another number. */
    freeClass: (key: string) => void;
    overhead: (interfaceName: string) => Bytes;
    /** The most that RSVP may ask for of the assignment. */
    mostFor: (assignment: Assignment) => AskedTerms;
    /** Of IP packets; infinite where it is not known. */
    mtu: (interfaceName: string) => Bytes;
    answer: (input: EngineInput) => void;
    /** Resolves when the flow is kept on its path; null where nothing is to be waited for. */
    steered: (assignment: Assignment) => Made | null;
    /** Whether a class that was promised is told of as not in force. */
    isAbsent: (key: string) => boolean;
    /** Why rules of others on this host keep an assignment that does not stand yet from what it asks for; null = they do not. */
    defeat: (assignment: Assignment) => string | null;
    /** `flows`: those of the assignment that are concerned; in wildcard style all. */
    refused: (assignment: Assignment, flows: readonly FlowKey[], code: number, value: number, detail: string) => void;
  }) {
    this.#assignments = options.assignments;
    this.#kernel = options.kernel;
    this.#classMinor = options.classMinor;
    this.#freeClass = options.freeClass;
    this.#overhead = options.overhead;
    this.#mostFor = options.mostFor;
    this.#mtu = options.mtu;
    this.#answer = options.answer;
    this.#steered = options.steered;
    this.#isAbsent = options.isAbsent;
    this.#defeat = options.defeat;
    this.#refused = options.refused;
  }

  install(request: Install): void {
    this.#supersede(shareKeyText(request));
    const assignment = this.#assignments.openForShare(request);
    if (assignment && this.#excess(request, assignment) === null) return this.#installAssigned(request, assignment);
    // Ahead of its assignment, or of the larger one that is to come.
    const timer = setTimeout(() => {
      this.#waiting.delete(request.installId);
      this.#tooMuch(request);
    }, OVERTAKEN_MS);
    this.#waiting.set(request.installId, { request, timer });
  }

  /**
   * The assignment has other terms: its classes are changed where they are, ahead of the RESV that asks for them.
   *
   * @returns when the kernel has done it; ok too where there is no class to change.
   */
  async change(assignment: Assignment): Made {
    const changed = classesOf(assignment).flatMap((whole) => {
      const share = this.shareOf(whole.key);
      return share ? (this.#makeAhead(assignment, share) ?? []) : [];
    });
    const results = await Promise.all(changed);
    return results.find((result) => !result.ok) ?? ok(undefined);
  }

  /**
   * Makes the classes of an assignment whose window has opened while PATH is still on its way, so that the kernels of a path
   * work at the same time. What RESV finds ready is not made twice; it still goes on only after the kernel has answered.
   */
  prepare(assignment: Assignment): void {
    for (const share of classesOf(assignment)) {
      if (!this.#placed.has(share.key)) void this.#makeAhead(assignment, share);
    }
  }

  /** The senders that a class is for now; undefined where neither RSVP nor a window has asked for it. */
  shareOf(key: string): ShareClass | undefined {
    return this.#placed.get(key)?.share ?? this.#prepared.get(key)?.share;
  }

  /** Windows have opened, or terms are others: RESVs that were ahead of them go on. */
  opened(): void {
    for (const { request, timer } of [...this.#waiting.values()]) {
      const assignment = this.#assignments.openForShare(request);
      if (!assignment || this.#excess(request, assignment) !== null) continue;
      clearTimeout(timer);
      this.#waiting.delete(request.installId);
      this.install(request);
    }
  }

  /** RSVP state of the share is gone. */
  async remove(request: Remove): Promise<void> {
    const place = shareKeyText(request);
    const key = this.#installed.get(place);
    this.#supersede(place);
    if (key === undefined) return;
    this.#forget(key);
    // The assignment stands, so a full comparison would make again whatever still has a number.
    this.#freeClass(key);
    await this.#kernel.remove(key);
  }

  /**
   * The assignment is gone or its window closed: its classes go at once, whatever RSVP still believes.
   *
   * @param but those of them that stay.
   */
  async withdraw(assignment: Assignment, but: readonly ShareClass[] = []): Promise<void> {
    const keys = classesOf(assignment).map(({ key }) => key);
    const gone = keys.filter((key) => !but.some((stays) => stays.key === key));
    for (const key of gone) {
      this.#forget(key);
      this.#prepared.delete(key);
    }
    await Promise.all(gone.map((key) => this.#kernel.remove(key)));
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
    const fail = (code: number, value: number, detail: string, isNews = true): void => {
      if (isNews) this.#refused(assignment, flowsOf(request, assignment), code, value, detail);
      this.#refuse(installId, code, value);
    };
    if (assignment.outgoingInterface !== request.interface) {
      return fail(
        ADMISSION_FAILURE,
        0,
        `PATH leaves by ${request.interface}, the books say ${assignment.outgoingInterface ?? 'nowhere'}`,
      );
    }
    const defeat = this.#defeat(assignment);
    if (defeat !== null) return fail(TRAFFIC_CONTROL_SYSTEM_ERROR, 0, defeat);
    const share = classOfShare(assignment, request);
    const minor = this.#classMinor(share.key);
    if (minor === null) return fail(TRAFFIC_CONTROL_SYSTEM_ERROR, 0, 'no traffic control class is left');
    const place = shareKeyText(request);
    this.#installed.set(place, share.key);
    this.#placed.set(share.key, { place, share, installId });
    const flow = shapedFlow(assignment, share, request.interface, minor, this.#overhead(request.interface));
    const answered = Promise.all([this.#make(flow, installId), this.#steered(assignment)]).then(([made, steered]) => {
      this.#unanswered.delete(answered);
      const result = steered?.ok === false && assignment.pinned ? steered : made;
      // What was promised before is told of as degraded; a refusal would end it, though its cause may go any time.
      const waits = !result.ok && result.error.code === 'foreignQdisc' && this.#isAbsent(share.key);
      if (result.ok || waits) this.#answer({ type: 'installed', installId });
      else fail(TRAFFIC_CONTROL_SYSTEM_ERROR, 0, result.error.detail, this.#isLatest(share.key, installId));
    });
    this.#unanswered.add(answered);
  }

  #makeAhead(assignment: Assignment, share: ShareClass): Made | null {
    const { outgoingInterface: outgoing } = assignment;
    const minor = outgoing === null ? null : this.#classMinor(share.key);
    if (outgoing === null || minor === null) return null;
    const flow = shapedFlow(assignment, share, outgoing, minor, this.#overhead(outgoing));
    const made = this.#kernel.install(flow);
    this.#prepared.set(share.key, { share, flow, made });
    return made;
  }

  /** A class that could not be made ahead (its room was not free yet, say) is tried again now that it is needed. */
  async #make(flow: ShapedFlow, installId: number): Made {
    const prepared = this.#prepared.get(flow.key);
    this.#prepared.delete(flow.key);
    if (prepared && sameFlow(prepared.flow, flow)) {
      const made = await prepared.made;
      // Withdrawn meanwhile: making it now would leave a class that nobody takes away. Asked for anew, with other senders,
      // say: it would undo that.
      if (made.ok || !this.#isLatest(flow.key, installId)) return made;
    }
    return this.#kernel.install(flow);
  }

  #isLatest(key: string, installId: number): boolean {
    return this.#placed.get(key)?.installId === installId;
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
  #excess({ flowspec, interface: name }: Install, assignment: Assignment): Excess | null {
    const asked = askedTerms(flowspec);
    const booked = this.#mostFor(assignment);
    return beyondMtu(asked, booked, this.#mtu(name)) ?? exceeds(asked, booked);
  }

  #tooMuch(request: Install): void {
    const assignment = this.#assignments.openForShare(request);
    const excess = assignment ? this.#excess(request, assignment) : null;
    if (assignment && excess) {
      const { code, value, detail } = excess;
      this.#refused(assignment, flowsOf(request, assignment), code, value, detail);
      return this.#refuse(request.installId, code, value);
    }
    this.#refuse(request.installId, ADMISSION_FAILURE, BANDWIDTH_UNAVAILABLE);
  }

  #forget(key: string): void {
    const placed = this.#placed.get(key);
    this.#placed.delete(key);
    // Another booking of the same flow may have it by now.
    if (placed && this.#installed.get(placed.place) === key) this.#installed.delete(placed.place);
  }

  #refuse(installId: number, errorCode: number, errorValue: number): void {
    this.#answer({ type: 'refused', installId, errorCode, errorValue });
  }
}

const flowsOf = ({ style, session, filters }: Share, assignment: Assignment): readonly FlowKey[] =>
  style === 'WF' ? flowKeysOf(assignment) : filters.map((filter) => ({ ...session, ...filter }));

/** Both are built by `shapedFlow`, so their members stand in the same order. */
const sameFlow = (a: ShapedFlow, b: ShapedFlow): boolean => JSON.stringify(a) === JSON.stringify(b);
