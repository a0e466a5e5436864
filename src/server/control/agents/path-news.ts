import { advertisedDeviation, sharesInterface } from '../../../core/admission/advertised.ts';
import type { AdmittedPath } from '../../../core/admission/decision.ts';
import type { NetworkGraph } from '../../../core/network/graph.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { assignmentFor } from '../../../core/reservation/assignment.ts';
import { deviation } from '../../../core/reservation/deviation.ts';
import type { LifeCycleEvent } from '../../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../../core/reservation/reservation.ts';
import { sendersOf } from '../../../core/reservation/senders.ts';
import type { Track } from './hop-track.ts';
import { observedHop, recordedHop, type ObservedHop } from './observed-path.ts';

/** What PATH is compared with. */
export interface PathView {
  readonly graph: NetworkGraph;
  /** Those of the nodes that have an agent which is there or has to be. */
  readonly managed: (nodes: readonly NodeName[]) => readonly NodeName[];
}

/** What is new about where PATH goes: of a sender whose wire and books differ, and of any sender. */
export function observedPaths(
  reservation: Reservation,
  track: Track,
  view: PathView,
): {
  readonly deviating: { readonly event: LifeCycleEvent; readonly difference: string } | null;
  readonly observed: LifeCycleEvent | null;
} {
  let observed: LifeCycleEvent | null = null;
  for (const [sender, { path, actualHops: known }] of sendersOf(reservation).entries()) {
    const actualHops = hopsOf(path, sender, track, view);
    if (actualHops === null || sameLinks(actualHops, known)) continue;
    const event = { type: 'pathObserved', sender, actualHops } as const;
    observed ??= event;
    const difference = deviation({ path, actualHops });
    if (difference !== null) return { deviating: { event, difference }, observed };
  }
  return { deviating: null, observed };
}

/** The hops that PATH of a sender has taken; null while not all have spoken and nothing differs. */
function hopsOf(
  path: AdmittedPath,
  sender: number,
  track: Track,
  { graph, managed }: PathView,
): readonly ObservedHop[] | null {
  const end = path.nodes.at(-1);
  const recorded = new Map(
    (track.recorded.get(sender) ?? [])
      .map((address) => recordedHop(graph, path, address))
      .map((hop) => [hop.node, hop]),
  );
  const actualHops: ObservedHop[] = [];
  let complete = true;
  for (const node of managed(path.nodes)) {
    if (node === end) continue;
    const sighting = track.hops.get(node)?.get(sender)?.sighting;
    const hop = sighting ? observedHop(graph, node, sighting) : recorded.get(node);
    if (hop) actualHops.push(hop);
    else complete = false;
  }
  for (const [node, hop] of recorded) if (node !== end && !path.nodes.includes(node)) actualHops.push(hop);
  return complete || deviation({ path, actualHops }) !== null ? actualHops : null;
}

/** Nodes behind a hop without RSVP see it: one is enough to know that there is one, all must be heard to know there is none. */
export function breakSeen(reservation: Reservation, track: Track, { managed }: PathView): LifeCycleEvent | null {
  for (const [sender, { path, nonRsvpHop }] of sendersOf(reservation).entries()) {
    const seen = managed(path.nodes).map((node) => track.hops.get(node)?.get(sender)?.nonRsvpHop ?? null);
    const present = seen.includes(true) ? true : seen.includes(null) ? null : false;
    if (present !== null && present !== nonRsvpHop) return { type: 'nonRsvpHop', sender, present };
  }
  return null;
}

/** What is new about ADSPEC: of a sender for whom wire and books agree again, and of one for whom they do not. */
export function adspecNews(
  reservation: Reservation,
  track: Track,
  view: PathView,
): { readonly agreement: LifeCycleEvent | null; readonly difference: LifeCycleEvent | null } {
  const news = sendersOf(reservation).flatMap(({ adspecDeviation }, sender) => {
    const deviation = comparedAdspec(reservation, sender, track, view);
    if (deviation === undefined || deviation === adspecDeviation) return [];
    return [{ type: 'adspecObserved', sender, deviation } as const];
  });
  return {
    agreement: news.find(({ deviation }) => deviation === null) ?? null,
    difference: news.find(({ deviation }) => deviation !== null) ?? null,
  };
}

/**
 * What ADSPEC of a sender says at the receiver's host against the terms of the books; undefined where the two are not about the
 * same: it was said of other terms, some node on the way adds nothing to ADSPEC, or speaks of several links at once.
 */
function comparedAdspec(
  reservation: Reservation,
  sender: number,
  track: Track,
  { graph, managed }: PathView,
): string | null | undefined {
  const told = track.advertised.get(sender);
  if (told === undefined) return undefined;
  const { path } = sendersOf(reservation)[sender]!;
  const end = path.nodes.at(-1)!;
  const assigned = assignmentFor(reservation, end);
  if (assigned === null || assigned.revision !== told.revision) return undefined;
  const throughGap = track.hops.get(end)?.get(sender)?.nonRsvpHop === true;
  if (throughGap || managed(path.nodes).length < path.nodes.length) return undefined;
  const links = path.hops.flatMap(({ link }) => graph.links[graph.linkIndex.get(link) ?? -1] ?? []);
  if (links.length < path.hops.length || links.some((link) => sharesInterface(link, graph))) return undefined;
  return advertisedDeviation(links, assigned.tspec.maxPacketSize, told.terms, graph);
}

const sameLinks = (a: readonly ObservedHop[], b: readonly ObservedHop[]): boolean =>
  a.length === b.length && a.every((hop, i) => hop.link === b[i]!.link);
