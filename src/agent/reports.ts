import { create, equals } from '@bufbuild/protobuf';
import type { FlowEndpoint } from '../core/qos/request.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { Filter } from '../core/rsvp/engine/types.ts';
import {
  AdvertisedTermsSchema,
  AssignmentReportSchema,
  AssignmentState,
  type AdvertisedTerms,
  type AssignmentReport,
  type HeldAssignment,
  HeldAssignmentSchema,
} from '../gen/headroom/v1/agent_channel_pb.ts';
import type { Channel } from './channel/channel.ts';

/** More reservations than this with news that no server has heard: the oldest news goes, the next comparison finds it. */
const MAX_UNSENT = 100_000;

export type News = Omit<AssignmentReport, '$typeName' | '$unknown'>;
/** The last word on each source of a reservation; '' stands for the only one, or for all of them together. */
type BySource = Map<string, AssignmentReport>;

/**
 * The last word on every reservation, and where it has several sources on each of them. News goes out at once while there is
 * a stream; what happened without one is told at the next.
 */
export class Reports {
  readonly #last = new Map<string, BySource>();
  readonly #unsent = new Map<string, BySource>();
  readonly #channel: () => Channel | null;

  constructor(channel: () => Channel | null) {
    this.#channel = channel;
  }

  report(news: News): void {
    const { reservationId: id, state, revision } = news;
    const source = sourceText(news.source ?? null);
    const known = this.#last.get(id)?.get(source);
    const before = known?.revision === revision ? known : undefined;
    const message = create(AssignmentReportSchema, (before ? withPath(before, news) : news) as AssignmentReport);
    if (before && !says(before, message)) return;
    if (state === AssignmentState.REMOVED) {
      this.#last.delete(id);
      this.#unsent.delete(id);
    } else put(this.#last, id, source, message);
    if (this.#channel()?.send({ case: 'assignment', value: message })) return;
    if (this.#unsent.size >= MAX_UNSENT) this.#unsent.delete(this.#unsent.keys().next().value as string);
    const waiting = this.#unsent.get(id);
    this.#unsent.delete(id);
    if (waiting) this.#unsent.set(id, waiting);
    put(this.#unsent, id, source, message);
  }

  /** What was said last of one of an assignment's senders. */
  state({ reservationId, sources }: Pick<Assignment, 'reservationId' | 'sources'>, sender: Filter): AssignmentState {
    const source = sources.length > 1 ? sourceText({ address: sender.source, port: sender.sourcePort }) : '';
    return this.#last.get(reservationId)?.get(source)?.state ?? AssignmentState.UNSPECIFIED;
  }

  /** What is said of an assignment as a whole: the state of the source that is least advanced. */
  held(assignment: Pick<Assignment, 'reservationId' | 'revision' | 'sources'>): HeldAssignment {
    const { reservationId, sources } = assignment;
    const revision = BigInt(assignment.revision);
    const last = this.#last.get(reservationId);
    const states = keysOf(sources).map((source) => {
      const report = last?.get(source);
      return report?.revision === revision ? report.state : AssignmentState.PENDING;
    });
    const state = states.reduce((least, each) => (ADVANCE.indexOf(each) < ADVANCE.indexOf(least) ? each : least));
    return create(HeldAssignmentSchema, { reservationId, revision, state });
  }

  /** The reservation has these sources from now on: what was said of others is not repeated. */
  keep({ reservationId, sources }: Pick<Assignment, 'reservationId' | 'sources'>): void {
    const last = this.#last.get(reservationId);
    if (!last) return;
    const stay = new Set(keysOf(sources));
    for (const source of [...last.keys()]) if (!stay.has(source)) last.delete(source);
  }

  /** A stream is up: tells what was not told, and every state once more, since the last words may have been lost. */
  repeat(): void {
    const channel = this.#channel();
    for (const [id, bySource] of this.#unsent) {
      for (const [source, message] of bySource) {
        if (!channel?.send({ case: 'assignment', value: message })) return;
        bySource.delete(source);
      }
      this.#unsent.delete(id);
    }
    for (const bySource of this.#last.values())
      for (const message of bySource.values()) channel?.send({ case: 'assignment', value: message });
  }
}

/** From what is furthest from a reservation that stands. */
const ADVANCE: readonly AssignmentState[] = [
  AssignmentState.UNSPECIFIED,
  AssignmentState.REMOVED,
  AssignmentState.FAILED,
  AssignmentState.LOST,
  AssignmentState.PENDING,
  AssignmentState.PATH,
  AssignmentState.INSTALLED,
  AssignmentState.CONFIRMED,
];

function put(reports: Map<string, BySource>, id: string, source: string, message: AssignmentReport): void {
  const bySource = reports.get(id);
  if (bySource) bySource.set(source, message);
  else reports.set(id, new Map([[source, message]]));
}

const sourceText = (source: { readonly address: string; readonly port?: number | null | undefined } | null): string =>
  source === null ? '' : `${source.address}:${source.port ?? 0}`;

const keysOf = (sources: readonly FlowEndpoint[]): readonly string[] =>
  sources.length > 1 ? sources.map(sourceText) : [''];

/** PATH news never takes back what is further along: there it only tells of another way. */
function withPath(known: AssignmentReport, news: News): News {
  const further = known.state === AssignmentState.INSTALLED || known.state === AssignmentState.CONFIRMED;
  if (news.state !== AssignmentState.PATH || !further) return news;
  const { interface: outgoing, previousHop, nextHop, nonRsvpHop, advertised } = news;
  return {
    ...known,
    previousHop,
    ...(nonRsvpHop === undefined ? {} : { nonRsvpHop }),
    ...(advertised === undefined ? {} : { advertised }),
    ...(outgoing === '' ? {} : { interface: outgoing, nextHop }),
  };
}

const says = (known: AssignmentReport, news: AssignmentReport): boolean =>
  known.state !== news.state ||
  known.interface !== news.interface ||
  known.nextHop !== news.nextHop ||
  known.previousHop !== news.previousHop ||
  known.nonRsvpHop !== news.nonRsvpHop ||
  !sameTerms(known.advertised, news.advertised) ||
  known.recordedRoute.join() !== news.recordedRoute.join();

const sameTerms = (a: AdvertisedTerms | undefined, b: AdvertisedTerms | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && equals(AdvertisedTermsSchema, a, b));
