import { create, equals } from '@bufbuild/protobuf';
import {
  AdvertisedTermsSchema,
  AssignmentReportSchema,
  AssignmentState,
  type AdvertisedTerms,
  type AssignmentReport,
  type HeldAssignment,
  HeldAssignmentSchema,
} from '../gen/headroom/v1/agent_channel_pb.ts';
import type { Channel } from './channel.ts';

/** More reservations than this with news that no server has heard: the oldest news goes, the next comparison finds it. */
const MAX_UNSENT = 100_000;

/**
 * The last word on every reservation. News goes out at once while there is a stream; what happened without one is told
 * at the next.
 */
export class Reports {
  readonly #last = new Map<string, AssignmentReport>();
  readonly #unsent = new Map<string, AssignmentReport>();
  readonly #channel: () => Channel | null;

  constructor(channel: () => Channel | null) {
    this.#channel = channel;
  }

  report(news: Omit<AssignmentReport, '$typeName' | '$unknown'>): void {
    const known = this.#last.get(news.reservationId);
    const before = known?.revision === news.revision ? known : undefined;
    const message = create(AssignmentReportSchema, (before ? withPath(before, news) : news) as AssignmentReport);
    if (before && !says(before, message)) return;
    if (news.state === AssignmentState.REMOVED) this.#last.delete(news.reservationId);
    else this.#last.set(news.reservationId, message);
    if (this.#channel()?.send({ case: 'assignment', value: message })) return;
    if (this.#unsent.size >= MAX_UNSENT) this.#unsent.delete(this.#unsent.keys().next().value as string);
    this.#unsent.delete(news.reservationId);
    this.#unsent.set(news.reservationId, message);
  }

  state(id: string): AssignmentState {
    return this.#last.get(id)?.state ?? AssignmentState.UNSPECIFIED;
  }

  held(reservationId: string, revision: number): HeldAssignment {
    const last = this.#last.get(reservationId);
    return create(HeldAssignmentSchema, {
      reservationId,
      revision: BigInt(revision),
      state: last?.revision === BigInt(revision) ? last.state : AssignmentState.PENDING,
    });
  }

  /** A stream is up: tells what was not told, and every state once more, since the last words may have been lost. */
  repeat(): void {
    const channel = this.#channel();
    for (const [id, message] of this.#unsent) {
      if (!channel?.send({ case: 'assignment', value: message })) return;
      this.#unsent.delete(id);
    }
    for (const message of this.#last.values()) channel?.send({ case: 'assignment', value: message });
  }
}

/** PATH news never takes back what is further along: there it only tells of another way. */
function withPath(
  known: AssignmentReport,
  news: Omit<AssignmentReport, '$typeName' | '$unknown'>,
): Omit<AssignmentReport, '$typeName' | '$unknown'> {
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
