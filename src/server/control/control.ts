import type { NetworkNode } from '../../core/network/topology.ts';
import type { AgentState, AgentView, Control, NodeView, Readiness, TraceItem } from './api.ts';
import { enrolAgent, revokeAgent, type AgentEnrolment } from './enrol-agent.ts';
import { ControlError } from './errors.ts';
import type { GroupCommitter } from './group-committer.ts';
import { StoreFault, type BooksStore, type DatabaseHealth, type ReservationQueries } from './ports.ts';
import { KeyedCalls } from './keyed-calls.ts';
import { modifyReservation } from './modify.ts';
import { getReservation, listReservations } from './read.ts';
import { releaseReservation } from './release.ts';
import { reserve } from './reserve.ts';
import { getLink, listLinks } from './links.ts';
import { type DocumentParsers, getTopology, putImported, putTopology } from './topology.ts';
import { watchEvents } from './watch-events.ts';

/** What the agents' registry answers. */
export interface AgentQueries {
  list(): readonly AgentView[];
  get(node: string): AgentView;
  rsvp(node: string): Promise<unknown>;
  watchRsvp(node: string, signal: AbortSignal): AsyncIterable<TraceItem>;
  stateOf(node: NetworkNode): AgentState | null;
}

/** The use cases behind the edges. The committer must have started. */
export function createControl(parts: {
  committer: GroupCommitter;
  store: BooksStore;
  queries: ReservationQueries;
  health: () => Promise<DatabaseHealth>;
  agents: AgentQueries;
  /** null: agents of other hosts are not listened for. */
  enrolment: AgentEnrolment | null;
  parsers: DocumentParsers;
}): Control {
  const { committer, store, queries, agents, enrolment, parsers } = parts;
  const { books } = committer;
  const calls = new KeyedCalls();
  const nodeView = (node: NetworkNode): NodeView => ({ ...node, agentState: agents.stateOf(node) });
  return {
    reserve: (input, options) => answering(() => reserve(committer, calls, input, options)),
    getReservation: (id) => answering(() => getReservation(books, queries, id)),
    listReservations: (query) => answering(() => listReservations(books, queries, query)),
    releaseReservation: (id, { ifMatch }) =>
      answering(async () => {
        const { id: known } = await getReservation(books, queries, id);
        await releaseReservation(committer, queries, known, ifMatch);
      }),
    modifyReservation: (id, patches, options) =>
      answering(async () => {
        const { id: known } = await getReservation(books, queries, id);
        return modifyReservation(committer, calls, known, patches, options);
      }),
    getTopology: async () => getTopology(books),
    putTopology: (document, options) => answering(async () => putTopology(committer, document, options)),
    importTopology: (text, format, options) =>
      answering(async () => putImported(committer, parsers, text, format, options)),
    listNodes: async () => books.topology().topology.nodes.map(nodeView),
    getNode: async (name) => {
      const { graph } = books.topology();
      const node = graph.nodes[graph.nodeIndex.get(name) ?? -1];
      if (node === undefined) throw new ControlError('NOT_FOUND', `there is no node ${name}`);
      return nodeView(node);
    },
    listLinks: async (when) => listLinks(books, when),
    getLink: async (id, when) => getLink(books, id, when),
    listAgents: async () => agents.list(),
    getAgent: async (node) => agents.get(node),
    getAgentRsvp: async (node) => agents.rsvp(node),
    watchAgentRsvp: (node, signal) => agents.watchRsvp(node, signal),
    enrolAgent: (node) => answering(() => enrolAgent(books, enrolment, node)),
    revokeAgent: (node) => answering(() => revokeAgent(books, enrolment, node)),
    watchEvents: (after, signal) => faultsAsErrors(watchEvents(store, committer.log, after, signal)),
    isStale: () => committer.stale,
    readiness: async () => readinessOf(await parts.health()),
  };
}

const readinessOf = ({ reachable, migrated, warnings }: DatabaseHealth): Readiness => ({
  ready: reachable && migrated,
  database: reachable ? 'ok' : 'unreachable',
  migrations: migrated ? 'ok' : 'pending',
  warnings,
});

/** A database that is away is an answer of its own, never a defect. */
async function answering<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translated(error);
  }
}

async function* faultsAsErrors<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* source;
  } catch (error) {
    throw translated(error);
  }
}

const translated = (error: unknown): unknown =>
  error instanceof StoreFault && error.kind !== 'refused'
    ? new ControlError('UNAVAILABLE', 'the database is away', { retryAfterSeconds: 1, cause: error })
    : error;
