import type { IpAddress } from '../../../core/base/ip.ts';
import { advertisedDeviation, sharesInterface } from '../../../core/admission/advertised.ts';
import { managedNodes } from '../../../core/admission/managed.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { assignmentFor } from '../../../core/reservation/assignment.ts';
import { isChanging } from '../../../core/reservation/change.ts';
import { deviation } from '../../../core/reservation/deviation.ts';
import type { LifeCycleEvent } from '../../../core/reservation/life-cycle-events.ts';
import { isLive } from '../../../core/reservation/life-cycle.ts';
import type { Failure, Reservation } from '../../../core/reservation/reservation.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import type { CommittedGroup, Committer } from '../committer.ts';
import type { HeldAssignment, HopReport, HopState } from './messages.ts';
import { observedHop, recordedHop, type HopSighting, type ObservedHop } from './observed-path.ts';

/** What is known of one reservation on one node. `removing`: the agent was told to remove it and has not answered. */
interface Hop {
  state: HopState | 'removing';
  /** Of the assignment that the state is about; null = nobody has told. */
  revision: number | null;
  detail: string | null;
  sighting: HopSighting | null;
  /** Some hop before it does not speak RSVP; null while it has not told. */
  nonRsvpHop: boolean | null;
}

interface Track {
  readonly hops: Map<NodeName, Hop>;
  /** With the assignment that it is about: another one has not failed. */
  failure: { readonly told: Failure; readonly node: NodeName; readonly revision: number } | null;
  confirmed: boolean;
  /** Addresses that PATH collected on its way to the receiver; [] = it was not told to, or has not arrived. */
  recorded: readonly string[];
  /** Where ADSPEC differs from the books, null = nowhere; undefined while the receiver's host has not told what it says. */
  adspecDeviation: string | null | undefined;
  /** An event is on its way into the books; the next is looked for when it is there. */
  committing: boolean;
  /** There was news meanwhile. */
  again: boolean;
}

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
  readonly #retries = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: { committer: Committer; presence: AgentPresence; log: Logger }) {
    this.#committer = options.committer;
    this.#presence = options.presence;
    this.#log = options.log;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#retries) clearTimeout(timer);
  }

  report(node: NodeName, report: HopReport): void {
    const reservation = this.#committer.books.get(report.reservationId);
    if (!reservation) return;
    const { state } = report;
    const leaving = !isLive(reservation);
    if (leaving ? state !== 'removed' : assignmentFor(reservation, node)?.revision !== report.revision) return;
    const hop = this.#hop(report.reservationId, node);
    const track = this.#tracks.get(report.reservationId)!;
    if (report.nonRsvpHop !== null) hop.nonRsvpHop = report.nonRsvpHop;
    if (state === 'path' && hop.state === 'installed' && hop.revision === report.revision)
      return this.#look(reservation.id);
    hop.state = state;
    hop.revision = report.revision;
    hop.detail = report.failure?.detail ?? null;
    if (report.interface !== null) hop.sighting = { interface: report.interface, nextHop: report.nextHop };
    if (report.recordedRoute.length > 0) track.recorded = report.recordedRoute;
    const compared = this.#compared(reservation, report);
    if (compared !== undefined) track.adspecDeviation = compared;
    if (state === 'confirmed') track.confirmed = true;
    if (state === 'failed' && !this.#standing(reservation, track)) {
      track.failure = { told: this.#failure(node, report.failure), node, revision: report.revision };
    }
    this.#log.debug({ reservationId: reservation.id, node, state, elapsedMs: report.elapsedMs }, 'hop reported');
    this.#look(reservation.id);
  }

  /** What the agent of a new stream says it holds, compared with what it should hold. After it was told the difference. */
  held(node: NodeName, held: readonly HeldAssignment[]): void {
    const byId = new Map(held.map((each) => [each.reservationId, each]));
    for (const reservation of [...this.#committer.books.byNode(node)]) {
      const there = byId.get(reservation.id);
      const wanted = assignmentFor(reservation, node);
      const known = this.#tracks.get(reservation.id)?.hops.get(node);
      if (!wanted) {
        if (!there) this.#hop(reservation.id, node).state = 'removed';
      } else if (there?.revision === wanted.revision) {
        this.#resumed(reservation, node, there);
      } else if (there) {
        // It has kept what it was told before, and changes that in place: nothing was lost.
        Object.assign(this.#hop(reservation.id, node), { state: 'pending' satisfies HopState, revision: null });
      } else if (known?.state === 'installed' || known?.state === 'confirmed' || reservation.state === 'active') {
        Object.assign(this.#hop(reservation.id, node), {
          state: 'lost' satisfies HopState,
          detail: 'its agent came back without it',
        });
      }
      this.#look(reservation.id);
    }
  }

  assigned(node: NodeName, reservationId: string): void {
    const hop = this.#tracks.get(reservationId)?.hops.get(node);
    if (hop?.state === 'removed' || hop?.state === 'removing') hop.state = 'pending';
  }

  removing(node: NodeName, reservationId: string): void {
    if (this.#committer.books.get(reservationId)) this.#hop(reservationId, node).state = 'removing';
  }

  committed(group: CommittedGroup): void {
    for (const reservation of group.reservations) {
      if (reservation.state === 'ended') this.#tracks.delete(reservation.id);
      else this.#look(reservation.id);
    }
  }

  /** Which nodes count may have changed: an optional agent came or went, or the topology is another one. */
  lookAgain(reservations: Iterable<Reservation>): void {
    for (const reservation of [...reservations]) this.#look(reservation.id);
  }

  /** What a reservation that is being established still waits for, in a sentence. */
  waitingFor(reservation: Reservation): string {
    const hops = this.#tracks.get(reservation.id)?.hops;
    const missing = this.#installers(reservation).filter((node) => !isInstalled(reservation, node, hops?.get(node)));
    if (missing.length === 0) return 'every node has installed it, but the books could not be changed';
    return missing.map((node) => `${node} ${this.#whatIsMissing(node, hops?.get(node))}`).join(', ');
  }

  #whatIsMissing(node: NodeName, hop: Hop | undefined): string {
    if (!this.#presence.connected(node)) return 'has no agent connected';
    if (hop?.state === 'path') return 'has seen PATH but has not installed it';
    if (hop?.state === 'failed' || hop?.state === 'lost') {
      return `has ${hop.state} it${hop.detail === null || hop.detail === '' ? '' : ` (${hop.detail})`}`;
    }
    return 'has not seen PATH';
  }

  #resumed(reservation: Reservation, node: NodeName, { state, revision }: HeldAssignment): void {
    const hop = this.#hop(reservation.id, node);
    const further = isInstalled(reservation, node, hop) && (state === 'pending' || state === 'path');
    // An agent that has just restarted holds it as pending while its kernel and its neighbours still have everything.
    // A failure is believed when it is reported, with its reason.
    if (!further && state !== 'failed') Object.assign(hop, { state, revision });
    if (state === 'confirmed') this.#tracks.get(reservation.id)!.confirmed = true;
  }

  #hop(reservationId: string, node: NodeName): Hop {
    let track = this.#tracks.get(reservationId);
    if (!track) {
      track = newTrack();
      this.#tracks.set(reservationId, track);
    }
    let hop = track.hops.get(node);
    if (!hop) {
      hop = { state: 'pending', revision: null, detail: null, sighting: null, nonRsvpHop: null };
      track.hops.set(node, hop);
    }
    return hop;
  }

  #look(id: string): void {
    const track = this.#tracks.get(id);
    const reservation = this.#committer.books.get(id);
    if (!reservation) {
      this.#tracks.delete(id);
      return;
    }
    if (track?.committing) track.again = true;
    if (track?.committing || this.#closed) return;
    const event = this.#due(reservation, track);
    if (event) this.#commit(reservation, event);
  }

  #commit(reservation: Reservation, event: LifeCycleEvent): void {
    const { id } = reservation;
    const track = this.#tracks.get(id) ?? newTrack();
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
        if (this.#closed) return;
        const timer = setTimeout(() => {
          this.#retries.delete(timer);
          this.#look(id);
        }, RETRY_MS);
        timer.unref();
        this.#retries.add(timer);
      },
    );
  }

  /** The one event that brings the books closer to what the hops say; null when they agree. */
  #due(reservation: Reservation, known: Track | undefined): LifeCycleEvent | null {
    if (reservation.state === 'releasing') return this.#isGone(reservation, known) ? { type: 'removed' } : null;
    // Before a window opens nobody reports, and a change may settle without.
    const track = known ?? (isChanging(reservation) ? newTrack() : undefined);
    if (!track || reservation.state === 'held') return null;
    const observed = this.#observed(reservation, track);
    // Why comes before what follows from it.
    if (observed && deviation({ ...reservation, ...observed }) !== null) return observed;
    const failure = this.#standing(reservation, track);
    if (failure) return failed(reservation, failure);
    const lost = this.#lost(reservation, track);
    const installers = this.#installers(reservation);
    const everywhere =
      lost === null && installers.every((node) => isInstalled(reservation, node, track.hops.get(node)));
    if (reservation.state === 'active') {
      if (lost !== null) return { type: 'hopLost', detail: lost };
    } else if (everywhere && installers.length > 0) {
      return { type: 'hopsInstalled' };
    }
    const settled = this.#settled(reservation, everywhere);
    if (settled) return settled;
    if (track.confirmed && reservation.confirmedAt === null) {
      return { type: 'confirmed', at: this.#committer.books.now() };
    }
    return observed ?? this.#breakSeen(reservation, track) ?? adspecObserved(reservation, track);
  }

  /** Nodes behind a hop without RSVP see it: one is enough to know that there is one, all must be heard to know there is none. */
  #breakSeen(reservation: Reservation, track: Track): LifeCycleEvent | null {
    const seen = this.#managed(reservation).map((node) => track.hops.get(node)?.nonRsvpHop ?? null);
    const present = seen.includes(true) ? true : seen.includes(null) ? null : false;
    return present === null || present === reservation.nonRsvpHop ? null : { type: 'nonRsvpHop', present };
  }

  /**
   * What ADSPEC says at the receiver's host against the terms of the books; undefined where the two are not about the same:
   * some node on the way adds nothing to ADSPEC, or speaks of several links at once.
   */
  #compared(reservation: Reservation, { advertised, nonRsvpHop }: HopReport): string | null | undefined {
    const { path } = reservation;
    const assigned = assignmentFor(reservation, path.nodes.at(-1)!);
    if (advertised === null || assigned === null) return undefined;
    if (nonRsvpHop === true || this.#managed(reservation).length < path.nodes.length) return undefined;
    const { graph } = this.#committer.books.topology();
    const links = path.hops.flatMap(({ link }) => graph.links[graph.linkIndex.get(link) ?? -1] ?? []);
    if (links.length < path.hops.length || links.some((link) => sharesInterface(link, graph))) return undefined;
    return advertisedDeviation(links, assigned.tspec.maxPacketSize, advertised, graph);
  }

  /** How a change under way has come out; null while agents are still at it. */
  #settled(reservation: Reservation, everywhere: boolean): LifeCycleEvent | null {
    const { change, state } = reservation;
    if (change === null || !isChanging(reservation)) return null;
    // Before its window nothing is installed: who is connected has been told before any later booking.
    const done =
      state === 'scheduled' ? this.#managed(reservation).every((node) => this.#presence.connected(node)) : everywhere;
    if (!done) return null;
    return { type: change.state === 'applying' ? 'changeApplied' : 'changeReverted', since: change.since };
  }

  /** The failure of what the agents hold now; one of earlier terms says nothing any more. */
  #standing(reservation: Reservation, { failure }: Track): Failure | null {
    if (failure === null) return null;
    return assignmentFor(reservation, failure.node)?.revision === failure.revision ? failure.told : null;
  }

  #lost(reservation: Reservation, track: Track): string | null {
    const { end } = reservation.window;
    if (end !== null && this.#committer.books.now() >= end - WINDOW_TOLERANCE_MS) return null;
    for (const node of this.#managed(reservation)) {
      const hop = track.hops.get(node);
      if (hop?.state !== 'lost' && hop?.state !== 'removed') continue;
      return `${node} has lost it${hop.detail === null || hop.detail === '' ? '' : ` (${hop.detail})`}`;
    }
    return null;
  }

  #observed(reservation: Reservation, track: Track): (LifeCycleEvent & { type: 'pathObserved' }) | null {
    const { graph } = this.#committer.books.topology();
    const { path } = reservation;
    const end = path.nodes.at(-1);
    const recorded = new Map(
      track.recorded.map((address) => recordedHop(graph, path, address)).map((hop) => [hop.node, hop]),
    );
    const actualHops: ObservedHop[] = [];
    let complete = true;
    for (const node of this.#managed(reservation)) {
      if (node === end) continue;
      const sighting = track.hops.get(node)?.sighting;
      const hop = sighting ? observedHop(graph, node, sighting) : recorded.get(node);
      if (hop) actualHops.push(hop);
      else complete = false;
    }
    for (const [node, hop] of recorded) if (node !== end && !path.nodes.includes(node)) actualHops.push(hop);
    const difference = deviation({ path: reservation.path, actualHops });
    // What agrees is told once all have spoken, what differs at once.
    if (!complete && difference === null) return null;
    const same =
      actualHops.length === reservation.actualHops.length &&
      actualHops.every((hop, i) => hop.link === reservation.actualHops[i]!.link);
    if (same) return null;
    if (difference !== null) this.#log.warn({ reservationId: reservation.id, difference }, 'wire and books differ');
    return { type: 'pathObserved', actualHops };
  }

  /** True when no agent that can be asked holds it any more; one that is silent but required may still do. */
  #isGone(reservation: Reservation, track: Track | undefined): boolean {
    return this.#managed(reservation).every((node) => {
      const hop = track?.hops.get(node);
      if (hop?.state === 'removed') return true;
      return hop?.state !== 'removing' && this.#presence.connected(node) && !this.#presence.holds(node, reservation.id);
    });
  }

  #managed(reservation: Reservation): readonly NodeName[] {
    const { graph } = this.#committer.books.topology();
    return managedNodes(
      reservation.path.nodes,
      (node) => graph.nodes[graph.nodeIndex.get(node) ?? -1]?.agent,
      (node) => this.#presence.connected(node),
    );
  }

  /** The managed nodes that must have installed it. A receiver's host has nothing to install: it counts only alone. */
  #installers(reservation: Reservation): readonly NodeName[] {
    const managed = this.#managed(reservation);
    const senders = managed.filter((node) => node !== reservation.path.nodes.at(-1));
    return senders.length > 0 ? senders : managed;
  }

  #failure(node: NodeName, reported: Failure | null): Failure {
    const { graph } = this.#committer.books.topology();
    const told = reported?.errorNode ?? '';
    const owner = graph.hosts.get(told as IpAddress);
    const errorNode = (owner && graph.nodes[owner.node]?.name) ?? (told === '' ? node : told);
    const errorCode = reported?.errorCode ?? 0;
    const errorValue = reported?.errorValue ?? 0;
    const detail = reported?.detail ? `: ${reported.detail}` : '';
    const cause = errorCode === 0 ? '' : ` (${ERROR_NAMES[errorCode] ?? 'RSVP error'}, ${errorCode}/${errorValue})`;
    return { errorCode, errorValue, errorNode, detail: `${errorNode} refused the reservation${cause}${detail}` };
  }
}

const newTrack = (): Track => ({
  hops: new Map(),
  failure: null,
  confirmed: false,
  recorded: [],
  adspecDeviation: undefined,
  committing: false,
  again: false,
});

const adspecObserved = (reservation: Reservation, { adspecDeviation: deviation }: Track): LifeCycleEvent | null =>
  deviation === undefined || deviation === reservation.adspecDeviation ? null : { type: 'adspecObserved', deviation };

/** What was installed under earlier terms does not count. */
const isInstalled = (reservation: Reservation, node: NodeName, hop: Hop | undefined): boolean =>
  (hop?.state === 'installed' || hop?.state === 'confirmed') &&
  hop.revision === assignmentFor(reservation, node)?.revision;

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
