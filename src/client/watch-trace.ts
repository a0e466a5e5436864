import { readEvents } from './event-reader.ts';
import { problemOf } from './watch-events.ts';

/** An RSVP message that an agent received or sent. */
export interface TracedRsvpMessage {
  /** RFC 3339 with microseconds, by the agent's clock. */
  readonly time: string;
  readonly direction: 'in' | 'out';
  readonly interface: string;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  /** Of sent messages; false for received ones, which do not tell. */
  readonly routerAlert: boolean;
  /** `Path`, `Resv` …; null where the message does not reach that far. */
  readonly messageType: string | null;
  /** The message without IP header, base64. */
  readonly bytes: string;
  /** Why a received message, or a part of it, changed nothing. */
  readonly dropped: readonly string[];
  /** Why it was not sent; null when it was. */
  readonly problem: string | null;
}

export type RsvpTraceItem =
  | ({ readonly type: 'message' } & TracedRsvpMessage)
  /** So many messages came or went here that were not kept, since somebody was too slow. */
  | { readonly type: 'leftOut'; readonly count: number }
  /** The agent's stream to the server ended, or began anew. */
  | { readonly type: 'agent'; readonly connected: boolean };

/** @throws ProblemError where the stream is refused or broke */
export async function* watchTrace(open: () => Promise<Response>): AsyncGenerator<RsvpTraceItem> {
  const response = await open();
  for await (const block of readEvents(response.body!)) {
    if (block.event === 'problem') throw problemOf(block.data);
    yield { type: block.event, ...(JSON.parse(block.data) as object) } as RsvpTraceItem;
  }
}
