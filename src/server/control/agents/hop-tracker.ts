import type { IpAddress } from '../../../core/base/ip.ts';
import { MonotonicMs, type Millis } from '../../../core/base/units.ts';
import { managedNodes } from '../../../core/admission/managed.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import type { FlowEndpoint } from '../../../core/qos/request.ts';
import { assignmentFor } from '../../../core/reservation/assignment.ts';
import { isChanging } from '../../../core/reservation/change.ts';
import type { LifeCycleEvent } from '../../../core/reservation/life-cycle-events.ts';
import { isLive } from '../../../core/reservation/life-cycle.ts';
import type { Failure, Reservation } from '../../../core/reservation/reservation.ts';
import { nodesOf, sendersAt, sendersOf } from '../../../core/reservation/senders.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import type { CommittedGroup, Committer } from '../committer.ts';
import { isInstalled, laterRefusal, newTrack, type Hop, type Track } from './hop-track.ts';
import { firstLoss, ofSender, toldLossIsOver } from './lost-hops.ts';
import { LookTimers } from './look-timers.ts';
import type { HeldAssignment, HopReport, HopState } from './messages.ts';
import { LastingAdspec } from './lasting-adspec.ts';
import { breakSeen, observedPaths, type PathView } from './path-news.ts';
import { judgeRefusal } from './refusals.ts';
import { SILENCE_MS, silenceFailure, silentHop, type Silence } from './silent-hop.ts';

/** Whether an agent has a stream open, and whether it holds a reservation there. */
export interface AgentPresence {
  connected(node: NodeName): boolean;
  holds(node: NodeName, reservationId: string): boolean;
}

/** An agent closes a window by its own clock, which may be this much ahead: what ends then was not lost. */
const WINDOW_TOLERANCE_MS = 1_000;
const RETRY_MS = 1_000;

/**
 * From agents' reports to the life cycle.
 *
 * Level-triggered: after every change `#look` compares what the hops say with what the books say and commits the one event
 * that brings them closer; when that is durable it looks again. So a report that repeats, comes late or comes while the
 * database is away does no harm, and nothing has to be remembered about events that were sent.
 */
export class HopTracker {
  readonly #committer: Committer;
  readonly #presence: AgentPresence;
  readonly #log: Logger;
  readonly #tracks = new Map<string, Track>();
  readonly #timers = new LookTimers((id) => this.#look(id));
  readonly #adspec: LastingAdspec;
  /** Nodes that heard nothing from a neighbour, with what was said of it; until they hear of any reservation. */
  readonly #deaf = new Map<NodeName, string>();
  /** By node, when its agent's latest stream began. */
  readonly #heardSince = new Map<NodeName, MonotonicMs>();
  readonly #flapSettleMs: Millis;
  #closed = false;

  /**
   * @param options.adspecSettleMs how long ADSPEC has to differ from the books before that is told
   * @param options.flapSettleMs how long a reservation has to stand before it is active again
   */
  constructor(options: {
    committer: Committer;
    presence: AgentPresence;
    log: Logger;
    adspecSettleMs: Millis;
    flapSettleMs: Millis;
  }) {
    this.#flapSettleMs = options.flapSettleMs;
    this.#committer = options.committer;
    this.#presence = options.presence;
    this.#log = options.log;
    this.#adspec = new LastingAdspec(options.adspecSettleMs, (id) => this.#look(id));
  }

  close(): void {
    this.#closed = true;
    this.#adspec.close();
    this.#timers.close();
  }

  report(node: NodeName, report: HopReport): void {
    const reservation = this.#committer.books.get(report.reservationId);
    if (!reservation) return;
    const { state } = report;
    const leaving = !isLive(reservation);
    if (leaving ? state !== 'removed' : assignmentFor(reservation, node)?.revision !== report.revision) return;
    if (state === 'failed' && this.#isHearsay(reservation, node, report)) return;
    // One without a source is about all that pass the node.
    const concerned = sendersAt(reservation, node).filter((sender) => isFrom(reservation, sender, report.source));
    for (const sender of concerned) this.#heard(reservation, node, sender, report);
    const track = this.#tracks.get(report.reservationId);
    if (!track || concerned.length === 0) return;
    const { revision } = report;
    if (state !== 'failed') {
      if (track.failure?.node === node) track.failure = null;
    } else {
      const of = concerned.length === 1 ? ofSender(reservation, concerned[0]!) : '';
      track.failure = laterRefusal(reservation, track.failure, {
        told: this.#failure(node, of, report.failure),
        node,
        revision,
        since: monotonic(),
      });
    }
    this.#log.debug({ reservationId: reservation.id, node, state, elapsedMs: report.elapsedMs }, 'hop reported');
    this.#look(reservation.id);
  }

  /**
   * Whether an error that RSVP brought from elsewhere is about a reservation that stands: one message, which anybody may have
   * sent, ends no promise. Where state goes with it, whoever holds that tells of the loss; a change under way may fail by it.
   */
  #isHearsay(reservation: Reservation, node: NodeName, { failure }: HopReport): boolean {
    const stands = reservation.state === 'active' || reservation.state === 'degraded';
    if (!stands || isChanging(reservation)) return false;
    const { errorNode, detail } = this.#failure(node, '', failure);
    if (errorNode === node) return false;
    this.#log.warn(
      { reservationId: reservation.id, node, errorNode, detail },
      'an RSVP error about what stands: left as it is',
    );
    return true;
  }

  #heard(reservation: Reservation, node: NodeName, sender: number, report: HopReport): void {
    const { state, revision } = report;
    const hop = this.#hop(reservation.id, node, sender);
    const track = this.#tracks.get(reservation.id)!;
    if (report.nonRsvpHop !== null) hop.nonRsvpHop = report.nonRsvpHop;
    if (state === 'path' && hop.state === 'installed' && hop.revision === revision) return;
    if (state === 'path' || state === 'installed' || state === 'confirmed') this.#deaf.delete(node);
    if (hop.state !== state || hop.revision !== revision) hop.since = monotonic();
    hop.state = state;
    hop.revision = revision;
    hop.detail = report.failure?.detail ?? null;
    if (report.interface !== null) hop.sighting = { interface: report.interface, nextHop: report.nextHop };
    if (report.recordedRoute.length > 0) track.recorded.set(sender, report.recordedRoute);
    if (report.advertised !== null) track.advertised.set(sender, { terms: report.advertised, revision });
    if (state === 'confirmed') track.confirmed.add(sender);
  }

  /** What the agent of a new stream says it holds, compared with what it should hold. After it was told the difference. */
  held(node: NodeName, held: readonly HeldAssignment[]): void {
    this.#heardSince.set(node, monotonic());
    const byId = new Map(held.map((each) => [each.reservationId, each]));
    for (const reservation of [...this.#committer.books.byNode(node)]) {
      const there = byId.get(reservation.id);
      for (const sender of sendersAt(reservation, node)) this.#compare(reservation, node, sender, there);
      this.#look(reservation.id);
    }
  }

  #compare(reservation: Reservation, node: NodeName, sender: number, there: HeldAssignment | undefined): void {
    const wanted = assignmentFor(reservation, node);
    const known = this.#tracks.get(reservation.id)?.hops.get(node)?.get(sender);
    if (!wanted) {
      if (!there) this.#hop(reservation.id, node, sender).state = 'removed';
    } else if (there?.revision === wanted.revision) {
      this.#resumed(reservation, node, sender, there);
    } else if (there) {
      // It has kept what it was told before, and changes that in place: nothing was lost.
      Object.assign(this.#hop(reservation.id, node, sender), { state: 'pending' satisfies HopState, revision: null });
    } else if (known?.state === 'installed' || known?.state === 'confirmed' || reservation.state === 'active') {
      Object.assign(this.#hop(reservation.id, node, sender), {
        state: 'lost' satisfies HopState,
        detail: 'its agent came back without it',
      });
    }
  }

  assigned(node: NodeName, reservationId: string): void {
    for (const hop of this.#tracks.get(reservationId)?.hops.get(node)?.values() ?? []) {
      if (hop.state === 'removed' || hop.state === 'removing') hop.state = 'pending';
    }
  }

  removing(node: NodeName, reservationId: string): void {
    const reservation = this.#committer.books.get(reservationId);
    if (!reservation) return;
    for (const sender of sendersAt(reservation, node)) this.#hop(reservationId, node, sender).state = 'removing';
  }

  committed(group: CommittedGroup): void {
    for (const reservation of group.reservations) {
      if (reservation.state === 'ended') this.#forget(reservation.id);
      else this.#look(reservation.id);
    }
  }

  /** Which nodes count may have changed: an optional agent came or went, or the topology is another one. */
  lookAgain(reservations: Iterable<Reservation>): void {
    for (const reservation of [...reservations]) this.#look(reservation.id);
  }

  /** Why the node hears nothing of RSVP, as far as a reservation has shown it; else null. */
  deafness(node: NodeName): string | null {
    return this.#deaf.get(node) ?? null;
  }

  /** What a reservation that is being established still waits for, in a sentence. */
  waitingFor(reservation: Reservation): string {
    const hops = this.#tracks.get(reservation.id)?.hops;
    const missing = this.#installers(reservation).flatMap(({ node, sender }) => {
      const hop = hops?.get(node)?.get(sender);
      if (isInstalled(reservation, node, hop)) return [];
      return [`${node} ${this.#whatIsMissing(node, hop, ofSender(reservation, sender))}`];
    });
    if (missing.length === 0) return 'every node has installed it, but the books could not be changed';
    return [...new Set(missing)].join(', ');
  }

  #whatIsMissing(node: NodeName, hop: Hop | undefined, ofSender: string): string {
    if (!this.#presence.connected(node)) return 'has no agent connected';
    if (hop?.state === 'path') return `has seen PATH${ofSender} but has not installed it`;
    if (hop?.state === 'failed' || hop?.state === 'lost') {
      return `has ${hop.state} it${ofSender}${hop.detail === null || hop.detail === '' ? '' : ` (${hop.detail})`}`;
    }
    return `has not seen PATH${ofSender}`;
  }

  #resumed(reservation: Reservation, node: NodeName, sender: number, { state, revision }: HeldAssignment): void {
    const hop = this.#hop(reservation.id, node, sender);
    const further = isInstalled(reservation, node, hop) && (state === 'pending' || state === 'path');
    // An agent that has just restarted holds it as pending while its kernel and its neighbours still have everything.
    // A failure is believed when it is reported, with its reason.
    if (!further && state !== 'failed') Object.assign(hop, { state, revision });
    if (state === 'confirmed') this.#tracks.get(reservation.id)!.confirmed.add(sender);
  }

  #hop(reservationId: string, node: NodeName, sender: number): Hop {
    let track = this.#tracks.get(reservationId);
    if (!track) {
      track = newTrack(this.#flapSettleMs);
      this.#tracks.set(reservationId, track);
    }
    let senders = track.hops.get(node);
    if (!senders) {
      senders = new Map();
      track.hops.set(node, senders);
    }
    let hop = senders.get(sender);
    if (!hop) {
      hop = { state: 'pending', since: null, revision: null, detail: null, sighting: null, nonRsvpHop: null };
      senders.set(sender, hop);
    }
    return hop;
  }

  #look(id: string): void {
    const track = this.#tracks.get(id);
    const reservation = this.#committer.books.get(id);
    if (!reservation) return this.#forget(id);
    if (track?.committing) track.again = true;
    if (track?.committing || this.#closed) return;
    const event = this.#due(reservation, track);
    if (event === null) return;
    const now = monotonic();
    const wait = (track?.damper.dueAt(event, reservation.state) ?? 0) - now;
    if (wait > 0) return this.#timers.after(id, wait);
    track?.damper.told(event, now);
    this.#commit(reservation, event);
  }

  #forget(id: string): void {
    this.#tracks.delete(id);
    this.#timers.forget(id);
    this.#adspec.forget(id);
  }

  #commit(reservation: Reservation, event: LifeCycleEvent): void {
    const { id } = reservation;
    const track = this.#tracks.get(id) ?? newTrack(this.#flapSettleMs);
    this.#tracks.set(id, track);
    track.committing = true;
    track.again = false;
    this.#committer.transition(id, event).then(
      (changed) => {
        track.committing = false;
        // Where nothing changed, the books went another way meanwhile: the same again would change nothing either.
        if (changed || track.again) this.#look(id);
      },
      (error: unknown) => {
        track.committing = false;
        this.#log.warn(
          { reservationId: id, event: event.type, err: error },
          'a report could not be booked, again soon',
        );
        if (!this.#closed) this.#timers.after(id, RETRY_MS);
      },
    );
  }

  /** The one event that brings the books closer to what the hops say; null when they agree. */
  #due(reservation: Reservation, known: Track | undefined): LifeCycleEvent | null {
    if (reservation.state === 'releasing') return this.#isGone(reservation, known) ? { type: 'removed' } : null;
    // Before a window opens nobody reports, and a change may settle without.
    const track = known ?? (isChanging(reservation) ? newTrack(this.#flapSettleMs) : undefined);
    if (!track || reservation.state === 'held') return null;
    const view = this.#view();
    const { deviating, observed } = observedPaths(reservation, track, view);
    // Why comes before what follows from it.
    if (deviating && track.damper.dueAt(deviating.event, reservation.state) <= monotonic()) {
      this.#log.warn({ reservationId: reservation.id, difference: deviating.difference }, 'wire and books differ');
      return deviating.event;
    }
    const installers = this.#installers(reservation);
    const isComplete = installers.every(({ node, sender }) =>
      isInstalled(reservation, node, track.hops.get(node)?.get(sender)),
    );
    const now = monotonic();
    // Whatever was refused, it holds: a later loss is another story.
    if (isComplete && !isChanging(reservation)) track.failure = null;
    const refusal = judgeRefusal(reservation, track, view.graph, now, (node) => this.#presence.connected(node));
    if (refusal?.type === 'ends') return failed(reservation, refusal.failure);
    if (refusal !== null && refusal.endsAt !== null) this.#timers.after(reservation.id, refusal.endsAt - now);
    if (refusal?.type === 'waits') return null;
    if (reservation.state === 'establishing') {
      const silence = this.#silence(reservation, track);
      const left = silence === null ? null : silence.since + SILENCE_MS - now;
      if (silence !== null && left! <= 0) {
        const failure = silenceFailure(reservation, silence);
        this.#deaf.set(silence.node, failure.detail);
        return failed(reservation, failure);
      }
      if (left !== null) this.#timers.after(reservation.id, left);
    }
    const lost = this.#lost(reservation, track, refusal?.detail ?? null);
    const everywhere = lost === null && isComplete;
    if (!everywhere) track.damper.unsettled(now);
    if (lost?.isNews === true) return { type: 'hopLost', detail: lost.detail };
    if (reservation.state !== 'active' && everywhere && installers.length > 0) {
      return { type: 'hopsInstalled' };
    }
    const settled = this.#settled(reservation, everywhere);
    if (settled) return settled;
    if (track.confirmed.size > reservation.moreSenders.length && reservation.confirmedAt === null) {
      return { type: 'confirmed', at: this.#committer.books.now() };
    }
    return observed ?? breakSeen(reservation, track, view) ?? this.#adspec.due(reservation, track, view);
  }

  #silence(reservation: Reservation, track: Track): Silence | null {
    return silentHop(
      reservation,
      track,
      (path) => this.#managed(path),
      (node) => (this.#presence.connected(node) ? (this.#heardSince.get(node) ?? null) : null),
    );
  }

  /** How a change under way has come out; null while agents are still at it. */
  #settled(reservation: Reservation, everywhere: boolean): LifeCycleEvent | null {
    const { change, state } = reservation;
    if (change === null || !isChanging(reservation)) return null;
    // Before its window nothing is installed: who is connected has been told before any later booking.
    const done =
      state === 'scheduled'
        ? this.#managed(nodesOf(reservation)).every((node) => this.#presence.connected(node))
        : everywhere;
    if (!done) return null;
    return { type: change.state === 'applying' ? 'changeApplied' : 'changeReverted', since: change.since };
  }

  /** What is lost before the window ends, or refused for the time being, as far as it is news; else null. */
  #lost(
    reservation: Reservation,
    track: Track,
    refused: string | null,
  ): { readonly detail: string; readonly isNews: boolean } | null {
    const { end } = reservation.window;
    if (end !== null && this.#committer.books.now() >= end - WINDOW_TOLERANCE_MS) return null;
    const nodes = this.#managed(nodesOf(reservation));
    const detail = firstLoss(reservation, track, nodes) ?? refused;
    if (detail === null) return null;
    const isNews = reservation.state === 'active' || toldLossIsOver(reservation, track, nodes);
    return { detail, isNews };
  }

  /** True when no agent that can be asked holds it any more; one that is silent but required may still do. */
  #isGone(reservation: Reservation, track: Track | undefined): boolean {
    return this.#managed(nodesOf(reservation)).every((node) => {
      const states = [...(track?.hops.get(node)?.values() ?? [])].map((hop) => hop.state);
      if (states.length > 0 && states.every((state) => state === 'removed')) return true;
      if (states.includes('removing')) return false;
      return this.#presence.connected(node) && !this.#presence.holds(node, reservation.id);
    });
  }

  #view(): PathView {
    return { graph: this.#committer.books.topology().graph, managed: (nodes) => this.#managed(nodes) };
  }

  #managed(nodes: readonly NodeName[]): readonly NodeName[] {
    const { graph } = this.#committer.books.topology();
    return managedNodes(
      nodes,
      (node) => graph.nodes[graph.nodeIndex.get(node) ?? -1]?.agent,
      (node) => this.#presence.connected(node),
    );
  }

  /** Who must have installed it, and for which sender. A receiver's host has nothing to install: it counts only alone. */
  #installers(reservation: Reservation): readonly { readonly node: NodeName; readonly sender: number }[] {
    return sendersOf(reservation).flatMap(({ path }, sender) => {
      const managed = this.#managed(path.nodes);
      const before = managed.filter((node) => node !== path.nodes.at(-1));
      return (before.length > 0 ? before : managed).map((node) => ({ node, sender }));
    });
  }

  #failure(node: NodeName, ofSender: string, reported: Failure | null): Failure {
    const { graph } = this.#committer.books.topology();
    const told = reported?.errorNode ?? '';
    const owner = graph.hosts.get(told as IpAddress);
    const errorNode = (owner && graph.nodes[owner.node]?.name) ?? (told === '' ? node : told);
    const errorCode = reported?.errorCode ?? 0;
    const errorValue = reported?.errorValue ?? 0;
    const detail = reported?.detail ? `: ${reported.detail}` : '';
    const cause = errorCode === 0 ? '' : ` (${ERROR_NAMES[errorCode] ?? 'RSVP error'}, ${errorCode}/${errorValue})`;
    return {
      errorCode,
      errorValue,
      errorNode,
      detail: `${errorNode} refused the reservation${ofSender}${cause}${detail}`,
    };
  }
}

const monotonic = (): MonotonicMs => MonotonicMs(performance.now());

const isFrom = (reservation: Reservation, sender: number, source: FlowEndpoint | null): boolean => {
  const own = sendersOf(reservation)[sender]!.source;
  return source === null || (own.address === source.address && own.port === source.port);
};

/** A change that is refused leaves what was there before; without one the reservation itself cannot be kept. */
function failed({ change }: Reservation, failure: Failure): LifeCycleEvent {
  return change?.state === 'applying'
    ? { type: 'changeRefused', since: change.since, reason: { reason: 'REFUSED', ...failure } }
    : { type: 'signallingFailed', failure };
}

/** RFC 2205 appendix B. */
const ERROR_NAMES: Readonly<Record<number, string>> = {
  1: 'admission control failure',
  2: 'policy control failure',
  3: 'no path information for this reservation',
  4: 'no sender information for this reservation',
  5: 'conflicting reservation style',
  6: 'unknown reservation style',
  7: 'conflicting destination ports',
  8: 'conflicting sender ports',
  12: 'service preempted',
  13: 'unknown object class',
  14: 'unknown object type',
  21: 'traffic control error',
  22: 'traffic control system error',
  23: 'RSVP system error',
  // RFC 3209 7.3.
  24: 'routing problem',
};
