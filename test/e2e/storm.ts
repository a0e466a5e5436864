import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { create, type MessageShape } from '@bufbuild/protobuf';
import pg from 'pg';
import { createClient } from '../../src/client/client.ts';
import { EventService, WatchRequestSchema, type EventSchema } from '../../src/gen/headroom/v1/event_pb.ts';
import { grpcService } from '../../src/rpc/service.ts';
import { until, type ServerProcess } from './server-process.ts';

/** a – r – b without agents; `capacity` on both cables, half of it reservable. */
export const line = (capacityBitsPerSecond: number) => ({
  nodes: [
    { name: 'a', agent: 'none', interfaces: [{ name: 'eth0', addresses: ['10.1.0.2/24'] }] },
    {
      name: 'r',
      agent: 'none',
      interfaces: [
        { name: 'eth0', addresses: ['10.1.0.1/24'] },
        { name: 'eth1', addresses: ['10.2.0.1/24'] },
      ],
    },
    { name: 'b', agent: 'none', interfaces: [{ name: 'eth0', addresses: ['10.2.0.2/24'] }] },
  ],
  cables: [
    { a: { node: 'a', interface: 'eth0' }, b: { node: 'r', interface: 'eth0' } },
    { a: { node: 'r', interface: 'eth1' }, b: { node: 'b', interface: 'eth0' } },
  ].map((ends) => ({ ...ends, capacityBitsPerSecond, reservableShare: SHARE })),
});
export const SHARE = 0.5;
export const LINKS_OF_PATH = ['a:eth0', 'r:eth1'];

let flows = 0;

/** A booking that has its flow for itself. */
export const booking = (bitsPerSecond: number, more: Record<string, unknown> = {}) => {
  const flow = flows++;
  return {
    flow: {
      protocol: 'udp',
      source: { address: '10.1.0.2', port: 1 + (flow % 60_000) },
      destination: { address: '10.2.0.2', port: 1 + Math.floor(flow / 60_000) },
    },
    qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: bitsPerSecond, minPolicedUnitBytes: 1000 },
    ...more,
  };
};

export interface Attempt {
  readonly key: string;
  readonly body: unknown;
  /** Of the 201. */
  id: string | null;
  /** The client was told neither yes nor no and did not ask again. */
  abandoned: boolean;
}

/** Clients that book and release at random on any of the servers, and ask again with the same key when one dies. */
export class Clients {
  readonly attempts: Attempt[] = [];
  readonly statuses = new Map<number, number>();
  readonly odd: string[] = [];
  answers = 0;
  #stopping = false;
  readonly #servers: readonly ServerProcess[];
  readonly #running: Promise<void>[] = [];
  readonly #held = new Set<string>();

  constructor(servers: readonly ServerProcess[], count: number) {
    this.#servers = servers;
    for (let i = 0; i < count; i++) this.#running.push(this.#run());
  }

  /** Resolves when so many more calls have been answered. */
  more(answers: number): Promise<void> {
    const target = this.answers + answers;
    return until(`${answers} more answers`, 60_000, async () => this.answers >= target);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  /** Ids that were booked and whose release was not acknowledged. */
  get held(): readonly string[] {
    return [...this.#held];
  }

  #any(): ServerProcess {
    return this.#servers[Math.floor(Math.random() * this.#servers.length)]!;
  }

  async #run(): Promise<void> {
    const mine: string[] = [];
    while (!this.#stopping) {
      if (mine.length > 0 && Math.random() < 0.45) {
        const [id] = mine.splice(Math.floor(Math.random() * mine.length), 1);
        const status = await this.#insist('DELETE', `/v1/reservations/${id}`, undefined, {});
        if (status?.status === 204) this.#held.delete(id!);
        else this.odd.push(`DELETE ${status?.status}`);
      } else await this.#book(mine);
    }
  }

  async #book(mine: string[]): Promise<void> {
    const key = `storm-${this.attempts.length}-${Math.random().toString(36).slice(2)}`;
    const body = booking(500_000 + Math.floor(Math.random() * 4_000_000));
    const attempt: Attempt = { key, body, id: null, abandoned: false };
    this.attempts.push(attempt);
    const answer = await this.#insist('POST', '/v1/reservations', body, { 'idempotency-key': key }, 0.3);
    if (answer === null) attempt.abandoned = true;
    else if (answer.status === 201) {
      attempt.id = answer.body.id as string;
      this.#held.add(attempt.id);
      mine.push(attempt.id);
    } else if (answer.status !== 409 || answer.body.reasons.length === 0) {
      this.odd.push(`POST ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  /** Until one says yes or no; null when it gave up, which it does with this chance each time it was told neither. */
  async #insist(method: string, path: string, body: unknown, headers: Record<string, string>, givesUp = 0) {
    for (;;) {
      try {
        const answer = await this.#any().call(method, path, body, headers);
        this.answers++;
        this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
        const again = answer.status === 503 || answer.body?.code === 'REQUEST_IN_PROGRESS';
        if (!again) return answer;
        if (answer.status === 503 && answer.headers.get('retry-after') === null)
          this.odd.push('503 without Retry-After');
      } catch {
        // Killed, or not back yet.
        await new Promise((next) => setTimeout(next, 20));
      }
      if (Math.random() < givesUp) return null;
    }
  }
}

export interface SeenEvent {
  readonly id: string;
  readonly type: string;
  readonly reservationId: string | null;
}

/** Follows the events from the first one; cut after every few, it goes on at the other server with its last id. */
export class Watcher {
  readonly seen: SeenEvent[] = [];
  cuts = 0;
  readonly #servers: readonly ServerProcess[];
  readonly #open: (server: ServerProcess, after: string, signal: AbortSignal) => AsyncIterable<SeenEvent>;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    servers: readonly ServerProcess[],
    open: (server: ServerProcess, after: string, signal: AbortSignal) => AsyncIterable<SeenEvent>,
  ) {
    this.#servers = servers;
    this.#open = open;
    this.#running = this.#run();
  }

  async reached(id: bigint): Promise<void> {
    const last = (): bigint => BigInt(this.seen.at(-1)?.id ?? 0);
    await until(`a watcher has seen event ${id}`, 15_000, async () => last() >= id).catch((cause: unknown) => {
      throw new Error(`${id} was not reached: stuck at ${last()} after ${this.cuts} streams`, { cause });
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const server = this.#servers[this.cuts++ % this.#servers.length]!;
      const cut = new AbortController();
      const signal = AbortSignal.any([cut.signal, this.#stopped.signal]);
      let left = 1 + Math.floor(Math.random() * 60);
      try {
        for await (const event of this.#open(server, this.seen.at(-1)?.id ?? '0', signal)) {
          this.seen.push(event);
          if (--left === 0) cut.abort();
          if (cut.signal.aborted) break;
        }
      } catch {
        // Killed, or not back yet.
        await new Promise((next) => setTimeout(next, 20));
      }
    }
  }
}

export async function* overSse(server: ServerProcess, after: string, signal: AbortSignal): AsyncIterable<SeenEvent> {
  const client = createClient({ baseUrl: server.url });
  for await (const { id, type, reservationId } of client.watchEvents({ after, signal, maxBackoffMs: 0 })) {
    yield { id, type, reservationId: reservationId ?? null };
  }
}

export async function* overGrpc(server: ServerProcess, after: string, signal: AbortSignal): AsyncIterable<SeenEvent> {
  const watch = grpcService(EventService)['Watch']!;
  const client = new Client(server.grpcTarget, credentials.createInsecure());
  const stream = client.makeServerStreamRequest(
    watch.path,
    watch.requestSerialize,
    watch.responseDeserialize as (bytes: Buffer) => MessageShape<typeof EventSchema>,
    create(WatchRequestSchema, { resumeToken: after }),
    new Metadata(),
  );
  const leave = (): void => stream.cancel();
  signal.addEventListener('abort', leave);
  try {
    for await (const event of stream as AsyncIterable<MessageShape<typeof EventSchema>>) {
      yield { id: event.id, type: event.type, reservationId: event.reservationId || null };
    }
  } finally {
    signal.removeEventListener('abort', leave);
    client.close();
  }
}

/** What PostgreSQL itself holds. */
export class Rows {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(url: string): Promise<Rows> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    return new Rows(client);
  }

  async ask<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.#client.query<T>(text, values)).rows;
  }

  /** Bits per second on each link now, of one instant. */
  async booked(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.ask<{ link: string; bits: string }>(
      `SELECT link, sum(bits) AS bits FROM reservation, unnest(links, booked_bits_per_second) AS hop(link, bits)
        WHERE counts_in_books AND (window_end IS NULL OR window_end > now()) GROUP BY link`,
    );
    return new Map(rows.map((row) => [row.link, Number(row.bits)]));
  }

  /** The event log, one by one. */
  async events(): Promise<readonly (SeenEvent & { readonly data: StoredEventData })[]> {
    const groups = await this.ask<{
      first_id: string;
      count: number;
      items: { type: string; reservationId: string | null; data: StoredEventData }[];
    }>('SELECT first_id, count, items FROM event ORDER BY first_id');
    return groups.flatMap((group) =>
      group.items.map((item, i) => ({ ...item, id: String(BigInt(group.first_id) + BigInt(i)) })),
    );
  }

  close(): Promise<void> {
    return this.#client.end();
  }
}

export interface StoredEventData {
  readonly etag?: string;
  readonly path?: { readonly hops: readonly { readonly link: string; readonly bookedBitsPerSecond: number }[] };
}

/** The postmaster that a server of ours has started. */
export function postmasterOf(server: ServerProcess): number {
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ');
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/bin/postgres'));
  if (found === undefined) throw new Error('the server has no database of its own');
  return Number(found);
}
