import createFetchClient from 'openapi-fetch';
import type { components, operations, paths } from '../gen/openapi.ts';
import { ProblemError } from './problem-error.ts';
import { watchEvents, type HeadroomEvent, type WatchOptions } from './watch-events.ts';
import { watchTrace, type RsvpTraceItem } from './watch-trace.ts';

export { ProblemError, type Problem } from './problem-error.ts';
export type { HeadroomEvent, WatchOptions } from './watch-events.ts';
export type { RsvpTraceItem, TracedRsvpMessage } from './watch-trace.ts';

export type Reservation = components['schemas']['Reservation'];
export type ReservationRequest = components['schemas']['ReservationRequest'];
export type ReservationPatch = components['schemas']['ReservationPatch'];
export type Topology = components['schemas']['Topology'];
export type TopologyInput = components['schemas']['TopologyInput'];
export type TopologyOutcome = components['schemas']['TopologyOutcome'];
export type Node = components['schemas']['Node'];
export type Link = components['schemas']['Link'];
export type Agent = components['schemas']['Agent'];
export type EnrolledAgent = components['schemas']['EnrolledAgent'];
export type ReservationFilter = NonNullable<operations['listReservations']['parameters']['query']>;
export type LinkTimes = NonNullable<operations['listLinks']['parameters']['query']>;
export type ImportQuery = operations['importTopology']['parameters']['query'];
export type Readiness = operations['getReadiness']['responses'][200]['content']['application/json'];

export interface ClientOptions {
  /** `http://127.0.0.1:8080` */
  readonly baseUrl: string;
  /** Bearer token. */
  readonly token?: string;
  /** Instead of the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface ReplaceOptions {
  /** ETag of the topology that is replaced, without quotes, or `*`. */
  readonly ifMatch?: string;
  readonly force?: boolean;
  readonly validateOnly?: boolean;
}

/** Every call of a Headroom server. All throw ProblemError for what is refused and when no server answers. */
export type HeadroomClient = ReturnType<typeof createClient>;

export function createClient(options: ClientOptions) {
  const send = options.fetch ?? globalThis.fetch;
  const authorization: Record<string, string> = options.token ? { authorization: `Bearer ${options.token}` } : {};
  const http = createFetchClient<paths>({
    baseUrl: options.baseUrl,
    headers: authorization,
    fetch: (request) => answered(send(request)),
  });

  const openStream = async (path: string, more: Record<string, string>, signal: AbortSignal | null) => {
    const headers = { ...authorization, ...more };
    const response = await answered(send(new URL(path, options.baseUrl), { headers, signal }));
    if (!response.ok) throw ProblemError.from(response.status, await response.json().catch(() => null));
    return response;
  };
  const openEvents = (lastEventId: string | null, signal: AbortSignal | null): Promise<Response> =>
    openStream('/v1/events', lastEventId === null ? {} : { 'last-event-id': lastEventId }, signal);

  return {
    version: async () => value(await http.GET('/v1/version')),
    /** Also while not ready: look at `ready`. */
    readiness: async (): Promise<Readiness> => {
      const { data, error, response } = await http.GET('/readyz');
      if (data) return data;
      if (isReadiness(error)) return error;
      throw ProblemError.from(response.status, error);
    },

    getTopology: async (): Promise<{ topology: Topology; etag: string }> => {
      const answer = await http.GET('/v1/topology');
      return { topology: value(answer), etag: (answer.response.headers.get('etag') ?? '').replaceAll('"', '') };
    },
    putTopology: async (body: TopologyInput, { ifMatch, ...query }: ReplaceOptions = {}): Promise<TopologyOutcome> =>
      value(await http.PUT('/v1/topology', { body, params: { query, header: matchHeader(ifMatch) } })),
    /** `text` as it stands in the file. */
    importTopology: async (
      text: string,
      query: ImportQuery,
      { ifMatch }: Pick<ReplaceOptions, 'ifMatch'> = {},
    ): Promise<TopologyOutcome> =>
      value(
        await http.POST('/v1/topology:import', {
          body: text,
          bodySerializer: (body) => body,
          headers: { 'content-type': 'text/plain' },
          params: { query, header: matchHeader(ifMatch) },
        }),
      ),
    listNodes: async (): Promise<Node[]> => value(await http.GET('/v1/nodes')).items,
    getNode: async (id: string): Promise<Node> => value(await http.GET('/v1/nodes/{id}', { params: { path: { id } } })),
    /** Booked now, `at` an instant, or the most `from` one `to` another. */
    listLinks: async (query: LinkTimes = {}): Promise<Link[]> =>
      value(await http.GET('/v1/links', { params: { query } })).items,
    /** With `from` or `to` also step by step. */
    getLink: async (id: string, query: LinkTimes = {}): Promise<Link> =>
      value(await http.GET('/v1/links/{id}', { params: { path: { id }, query } })),

    /** `idempotencyKey`: with the same key, a lost answer can be asked for again without booking twice. */
    reserve: async (
      body: ReservationRequest,
      { idempotencyKey, validateOnly }: { idempotencyKey?: string; validateOnly?: boolean } = {},
    ): Promise<Reservation> =>
      value(
        await http.POST('/v1/reservations', {
          body,
          params: {
            query: validateOnly === undefined ? {} : { validateOnly },
            header: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
          },
        }),
      ),
    getReservation: async (id: string): Promise<Reservation> =>
      value(await http.GET('/v1/reservations/{id}', { params: { path: { id } } })),
    /**
     * A merge patch (RFC 7396) of the reservation that has the etag (`*`: whatever is there). A change of `qos` is admitted
     * when this resolves, and in force when `change` is null again.
     */
    modifyReservation: async (
      id: string,
      patch: ReservationPatch,
      { ifMatch, idempotencyKey }: { ifMatch: string; idempotencyKey?: string },
    ): Promise<Reservation> =>
      value(
        await http.PATCH('/v1/reservations/{id}', {
          body: patch,
          headers: { 'content-type': 'application/merge-patch+json' },
          params: {
            path: { id },
            header: {
              ...matchHeader(ifMatch),
              ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
            },
          },
        }),
      ),
    listReservations: async (query: ReservationFilter = {}) =>
      value(await http.GET('/v1/reservations', { params: { query } })),
    /** `ifMatch`: only the reservation that has the etag. */
    releaseReservation: async (id: string, { ifMatch }: { ifMatch?: string } = {}): Promise<void> => {
      const { error, response } = await http.DELETE('/v1/reservations/{id}', {
        params: { path: { id }, header: matchHeader(ifMatch) },
      });
      if (!response.ok) throw ProblemError.from(response.status, error);
    },

    listAgents: async (): Promise<Agent[]> => value(await http.GET('/v1/agents')).items,
    getAgent: async (id: string): Promise<Agent> =>
      value(await http.GET('/v1/agents/{id}', { params: { path: { id } } })),
    /** A one-time token for the node's agent. */
    enrolAgent: async (id: string): Promise<EnrolledAgent> =>
      value(await http.POST('/v1/agents/{id}:enrol', { params: { path: { id } } })),
    /** Ends certificates, tokens and stream of the node's agent. */
    revokeAgent: async (id: string): Promise<{ certificates: number }> =>
      value(await http.POST('/v1/agents/{id}:revoke', { params: { path: { id } } })),
    getAgentRsvp: async (id: string): Promise<unknown> =>
      value(await http.GET('/v1/agents/{id}/rsvp', { params: { path: { id } } })),

    /**
     * An agent's RSVP messages as they come and go, until the signal aborts or the server ends.
     * @throws ProblemError where the agent is not connected, or the stream broke
     */
    watchAgentRsvp: (id: string, watch: { signal?: AbortSignal } = {}): AsyncGenerator<RsvpTraceItem> =>
      watchTrace(() => openStream(`/v1/agents/${encodeURIComponent(id)}/rsvp/trace`, {}, watch.signal ?? null)),

    /** Events in order, each once, also across lost connections. */
    watchEvents: (watch: WatchOptions = {}): AsyncGenerator<HeadroomEvent> => watchEvents(openEvents, watch),
  };
}

/** @throws ProblemError when no server answers; an abort stays what it is. */
async function answered(response: Promise<Response>): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new ProblemError(`No server answers: ${cause}`, 0, null, error);
  }
}

function value<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (!answer.response.ok || answer.data === undefined) throw ProblemError.from(answer.response.status, answer.error);
  return answer.data;
}

const isReadiness = (body: unknown): body is Readiness => typeof body === 'object' && body !== null && 'ready' in body;

const matchHeader = (ifMatch: string | undefined): { 'if-match'?: string } =>
  ifMatch === undefined ? {} : { 'if-match': ifMatch === '*' ? '*' : `"${ifMatch}"` };
