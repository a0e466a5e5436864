import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the control plane counts. Labels are few and closed: operations, codes and states, never ids or names. */
export interface ServerMetrics {
  readonly registry: Registry;
  /** One answered call. `operation`: operationId or gRPC method; `code`: OK or a code of the error catalogue. */
  request(edge: 'http' | 'grpc', operation: string, code: string, seconds: number): void;
  /** One committed (or lost) group of the committer. */
  commitGroup(outcome: 'committed' | 'failed', items: number, seconds: number): void;
  /** An event stream was opened (1) or closed (-1). */
  watching(edge: 'http' | 'grpc', change: 1 | -1): void;
  /** Gauges are read when somebody asks for them. */
  observe(sources: GaugeSources): void;
}

export interface GaugeSources {
  /** Live reservations by state. */
  reservationsByState(): ReadonlyMap<string, number>;
  agentsConnected(): number;
}

/** @param processMetrics memory, event loop and such of this process; off in tests that build many. */
export function createServerMetrics(processMetrics = true): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const requests = new Histogram({
    name: 'headroom_request_duration_seconds',
    help: 'Answered calls by edge, operation and code (OK or a code of the error catalogue)',
    labelNames: ['edge', 'operation', 'code'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });
  const refusals = new Counter({
    name: 'headroom_refusals_total',
    help: 'Calls that were answered with an error, by edge and code',
    labelNames: ['edge', 'code'],
    registers,
  });
  const groups = new Histogram({
    name: 'headroom_commit_group_duration_seconds',
    help: 'Duration of the transactions of the group committer',
    labelNames: ['outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const groupItems = new Histogram({
    name: 'headroom_commit_group_items',
    help: 'Changes in one transaction of the group committer',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  });

  const watchers = new Gauge({
    name: 'headroom_event_watchers',
    help: 'Open event streams, by edge',
    labelNames: ['edge'],
    registers,
  });

  return {
    registry,
    watching: (edge, change) => watchers.inc({ edge }, change),
    request(edge, operation, code, seconds) {
      requests.observe({ edge, operation, code }, seconds);
      if (code !== 'OK') refusals.inc({ edge, code });
    },
    commitGroup(outcome, items, seconds) {
      groups.observe({ outcome }, seconds);
      groupItems.observe(items);
    },
    observe(sources) {
      new Gauge({
        name: 'headroom_reservations',
        help: 'Reservations that have not ended, by state',
        labelNames: ['state'],
        registers,
        collect() {
          this.reset();
          for (const [state, count] of sources.reservationsByState()) this.set({ state }, count);
        },
      });
      new Gauge({
        name: 'headroom_agents_connected',
        help: 'Agents with an open stream to this server',
        registers,
        collect() {
          this.set(sources.agentsConnected());
        },
      });
    },
  };
}
