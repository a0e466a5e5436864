import type { Result } from '../core/base/result.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { AssignmentsUpdate } from '../gen/headroom/v1/agent_channel_pb.ts';
import { assignmentFromMessage } from '../rpc/assignment.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import { TRAFFIC_CONTROL_SYSTEM_ERROR, type Enforcement } from './enforcement.ts';
import { flowKeyOf, flowKeysOf, flowspecOf, sessionOf, STYLE_NAME } from './flow-key.ts';
import type { Journal } from './journal.ts';
import type { NumberBook } from './number-book.ts';
import { classesOf } from './share-classes.ts';
import type { ServerClock } from './server-clock.ts';
import type { SignalReporter } from './signal-reporter.ts';
import type { Signalling } from './signalling.ts';
import type { Steering } from './steering.ts';
import type { TermChanges } from './term-changes.ts';

/** How long RSVP has to tear what belonged to an assignment that is gone. */
const REMAINDER_MS = 2_000;

/** What an assignment is made of on this node. */
export interface AssignmentParts {
  readonly node: string;
  readonly journal: Journal;
  readonly clock: ServerClock;
  readonly assignments: Assignments;
  readonly classes: NumberBook;
  readonly changes: TermChanges;
  readonly steering: Steering;
  readonly enforcement: Enforcement;
  readonly signalling: Signalling;
  readonly reporter: SignalReporter;
  /** Why rules of others on this host keep a new reservation from what it asks for; null = they do not. */
  readonly defeat: (assignment: Assignment) => string | null;
  readonly log: Logger;
}

/**
 * The life of assignments: they come and go with the server's updates, open and close by their windows, server or no server,
 * and are signalled, steered and enforced in between.
 */
export class AssignmentLife {
  readonly #parts: AssignmentParts;
  #windowTimer: NodeJS.Timeout | null = null;
  readonly #remainders = new Set<NodeJS.Timeout>();

  constructor(parts: AssignmentParts) {
    this.#parts = parts;
  }

  /** Brings back what the journal holds. Returns what is due; it is signalled by `start`. */
  restore(): readonly Assignment[] {
    const { journal, assignments, clock } = this.#parts;
    for (const [, value] of journal.entries('assignment/')) assignments.put(fromJournal(value as Assignment));
    return assignments.advance(clock.now()).opened;
  }

  /** Signals what was restored, and watches the windows from then on. */
  start(opened: readonly Assignment[]): void {
    for (const assignment of opened) this.#open(assignment);
    this.#armWindows();
  }

  stop(): void {
    if (this.#windowTimer) clearTimeout(this.#windowTimer);
    for (const timer of this.#remainders) clearTimeout(timer);
  }

  /** A route that has several next hops from now on, or no longer: flows are kept to the assigned one, or go as routed. */
  routesChanged(): void {
    const { assignments } = this.#parts;
    for (const each of assignments.all()) {
      if (each.nextHop === null && assignments.isOpen(each.reservationId)) this.#steer(each);
    }
  }

  /** It may be another time than was thought, and nothing else may come. */
  timeTold(): void {
    this.#advance();
  }

  /**
   * Removals first: a release is carried out before the booking that uses its room.
   *
   * @returns when everything of it is on the disk.
   */
  update(update: AssignmentsUpdate): Promise<void> {
    const { journal, assignments, reporter, steering, log } = this.#parts;
    const removals = new Set(update.removals);
    if (update.full) {
      const stays = new Set([
        ...update.keep.map((k) => k.reservationId),
        ...update.upserts.map((u) => u.reservationId),
      ]);
      for (const a of assignments.all()) if (!stays.has(a.reservationId)) removals.add(a.reservationId);
    }
    for (const id of removals) this.#remove(id);
    const changes: [before: Assignment, after: Assignment][] = [];
    for (const message of update.upserts) {
      const assignment = assignmentFromMessage(message);
      if (!assignment.ok) {
        log.error({ reservationId: message.reservationId, problem: assignment.error }, 'assignment refused');
        continue;
      }
      const known = assignments.get(assignment.value.reservationId);
      if (known?.revision === assignment.value.revision) continue;
      journal.put(`assignment/${assignment.value.reservationId}`, assignment.value);
      reporter.assigned(assignment.value);
      const before = assignments.change(assignment.value);
      if (before) {
        changes.push([before, assignment.value]);
        continue;
      }
      const replaced = assignments.put(assignment.value);
      if (replaced) {
        void steering.release(replaced);
        this.#close(replaced);
        this.#withdrawUnlike(replaced, assignment.value);
      }
    }
    if (update.generation) {
      journal.put('generation', { epoch: update.generation.epoch, counter: String(update.generation.counter) });
    }
    this.#changeTerms(changes);
    this.#advance();
    return journal.flush();
  }

  /** In place: nothing is torn and no class is taken away. What shrinks goes first, since something may grow into it. */
  #changeTerms(changes: [before: Assignment, after: Assignment][]): void {
    const { changes: terms, enforcement, reporter } = this.#parts;
    const growth = ([before, after]: [Assignment, Assignment]): number =>
      after.bookedBitsPerSecond - before.bookedBitsPerSecond;
    changes.sort((a, b) => growth(a) - growth(b));
    for (const [before, assignment] of changes) {
      terms.begin(before, assignment);
      // One that the kernel refuses is tried again for the RESV that asks for it, and refused then.
      void enforcement.change(assignment).then((made) => {
        if (made.ok) reporter.termsInstalled(assignment);
      });
      this.#signal(assignment);
    }
    if (changes.length > 0) enforcement.opened();
  }

  /** Classes of what it was before, for which what it is now has none. */
  #withdrawUnlike(before: Assignment, assignment: Assignment): void {
    const { enforcement, classes } = this.#parts;
    const stay = classesOf(assignment);
    const gone = classesOf(before).filter(({ key }) => !stay.some((each) => each.key === key));
    if (gone.length > 0) void enforcement.withdraw(before, stay);
    for (const { key } of gone) classes.free(key);
  }

  #remove(id: string): void {
    const { journal, assignments, classes, enforcement, reporter, steering } = this.#parts;
    const assignment = assignments.get(id);
    journal.delete(`assignment/${id}`);
    if (!assignment) {
      reporter.unknownRemoved(id);
      return;
    }
    const wasOpen = assignments.remove(id) !== null;
    reporter.removing(assignment);
    this.#watchRemainder(assignment);
    const unsteered = steering.release(assignment);
    void enforcement.withdraw(assignment).then(async () => {
      for (const { key } of classesOf(assignment)) classes.free(key);
      await unsteered;
      reporter.classesGone(assignment);
    });
    if (wasOpen) this.#close(assignment);
  }

  /**
   * A tear may be lost, none comes where state is of a former way, and hosts that are not ours go on asking: what is left is
   * torn from here, until nothing is.
   */
  #watchRemainder(assignment: Assignment): void {
    const { assignments, reporter, signalling } = this.#parts;
    const timer = setTimeout(() => {
      this.#remainders.delete(timer);
      for (const flow of flowKeysOf(assignment)) {
        if (!assignments.openFor(flow)) signalling.input({ type: 'abandon', flow });
      }
      if (reporter.isLeaving(assignment)) this.#watchRemainder(assignment);
    }, REMAINDER_MS);
    this.#remainders.add(timer);
  }

  #advance(): void {
    const { assignments, clock, enforcement, steering } = this.#parts;
    const { closed, opened } = assignments.advance(clock.now());
    for (const assignment of closed) {
      void enforcement.withdraw(assignment);
      void steering.release(assignment);
      this.#close(assignment);
    }
    // PATH first: while it travels there is time for the kernel.
    for (const assignment of opened) this.#open(assignment);
    for (const assignment of opened) enforcement.prepare(assignment);
    if (opened.length > 0) enforcement.opened();
    this.#armWindows();
  }

  #open(assignment: Assignment): void {
    const { reporter, signalling } = this.#parts;
    reporter.opened(assignment);
    this.#steer(assignment);
    this.#refuseDefeated(assignment);
    // RSVP state that an earlier booking of the same flow left on this node.
    for (const flow of flowKeysOf(assignment)) signalling.input({ type: 'admissionChanged', flow });
    this.#signal(assignment);
  }

  /** A receiver's host installs nothing that could be refused later. */
  #refuseDefeated(assignment: Assignment): void {
    const { node, reporter, defeat } = this.#parts;
    const detail = assignment.isReceiver ? defeat(assignment) : null;
    if (detail === null) return;
    reporter.refused(assignment, flowKeysOf(assignment), {
      code: TRAFFIC_CONTROL_SYSTEM_ERROR,
      value: 0,
      node,
      detail,
    });
  }

  #steer(assignment: Assignment): void {
    const steered = this.#parts.steering.hold(assignment);
    if (steered) void steered.then((result) => this.#notSteered(assignment, result));
  }

  /** What this host has to ask of RSVP for the assignment; again where its terms are others. */
  #signal(assignment: Assignment): void {
    const { steering } = this.#parts;
    if (assignment.isReceiver) this.#openReceiver(assignment);
    if (assignment.isSender) this.#openSenders(assignment, steering.hold(assignment));
  }

  /** With fixed filters each sender has a receiver of its own; what is shared is asked for at once. */
  #openReceiver(assignment: Assignment): void {
    const { signalling } = this.#parts;
    const { reservationId, style } = assignment;
    const flowspec = flowspecOf(assignment);
    const flows = flowKeysOf(assignment);
    if (style === 'fixedFilter') {
      for (const flow of flows) signalling.input({ type: 'openReceiver', flow, flowspec, confirm: true });
      return;
    }
    const filters = style === 'wildcardFilter' ? [] : flows.map(({ source, sourcePort }) => ({ source, sourcePort }));
    signalling.input({
      type: 'reserve',
      session: sessionOf(assignment.flow),
      receiver: reservationId,
      style: STYLE_NAME[style],
      descriptors: [{ filters, flowspec }],
      confirm: true,
    });
  }

  /** PATH of a flow that is kept off its routed way leaves when its packets take the same way. */
  #openSenders(assignment: Assignment, steered: ReturnType<Steering['hold']>): void {
    const { assignments, signalling } = this.#parts;
    const { reservationId, tspec, explicitRoute, nextHop, pinned } = assignment;
    const open = (): void => {
      for (const flow of ownFlowsOf(assignment)) {
        signalling.input({
          type: 'openSender',
          flow,
          tspec,
          ...(explicitRoute.length > 0 ? { explicitRoute } : {}),
          ...(nextHop === null ? {} : { recordRoute: true }),
        });
      }
    };
    if (!steered) return open();
    void steered.then((result) => {
      const stands = assignments.get(reservationId) === assignment && assignments.isOpen(reservationId);
      if (stands && (result.ok || !pinned)) open();
    });
  }

  #notSteered(assignment: Assignment, result: Result<void, { readonly detail: string }>): void {
    const { assignments, log, node, reporter } = this.#parts;
    if (result.ok || !assignment.pinned || assignments.get(assignment.reservationId) !== assignment) return;
    const { reservationId } = assignment;
    log.error({ reservationId, problem: result.error.detail }, 'a pinned flow cannot be steered');
    const failure = { code: TRAFFIC_CONTROL_SYSTEM_ERROR, value: 0, node, detail: result.error.detail };
    reporter.refused(assignment, flowKeysOf(assignment), failure);
  }

  #close(assignment: Assignment): void {
    const { signalling } = this.#parts;
    const { isReceiver, reservationId, style } = assignment;
    if (isReceiver && style === 'fixedFilter') {
      for (const flow of flowKeysOf(assignment)) signalling.input({ type: 'closeReceiver', flow });
    } else if (isReceiver) {
      signalling.input({ type: 'release', session: sessionOf(assignment.flow), receiver: reservationId });
    }
    for (const flow of ownFlowsOf(assignment)) signalling.input({ type: 'closeSender', flow });
  }

  #armWindows(): void {
    const { assignments, clock } = this.#parts;
    if (this.#windowTimer) clearTimeout(this.#windowTimer);
    this.#windowTimer = null;
    const next = assignments.nextBoundary();
    if (next === null) return;
    const wait = Math.min(Math.max(next - clock.now(), 0), 2 ** 31 - 1);
    this.#windowTimer = setTimeout(() => this.#advance(), wait);
  }
}

/** Of the flows of an assignment those that begin on this host. */
const ownFlowsOf = ({ flow, sources, ownSources }: Assignment) =>
  ownSources.map((index) => flowKeyOf(flow, sources[index]));

/** With what a journal does not say that was written before there was steering, or more senders than one. */
function fromJournal(stored: Assignment): Assignment {
  const sources = [stored.flow.source];
  const single = { sources, ownSources: stored.isSender ? [0] : [], style: 'fixedFilter' } as const;
  return { ...{ nextHop: null, pinned: false, explicitRoute: [] }, ...single, ...stored };
}
