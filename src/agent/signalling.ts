import { Millis, type MonotonicMs } from '../core/base/units.ts';
import type { IpAddress } from '../core/base/ip.ts';
import type {
  EngineEvent,
  EngineInput,
  EngineOutput,
  EngineRoute,
  EngineSnapshot,
  FlowKey,
  RsvpEngine,
} from '../core/rsvp/engine/types.ts';
import type { PacketInput, RsvpTransport, SendOutput } from './socket/transport.ts';

type Install = EngineOutput & { readonly type: 'install' };
type Remove = EngineOutput & { readonly type: 'remove' };

/** What the engine's outputs turn into; the driver has no opinion of its own. */
export interface SignallingHandlers {
  install(request: Install): void;
  remove(request: Remove): void;
  event(event: EngineEvent): void;
  remember(key: string, input: EngineInput & { readonly type: 'packet' }): void;
  forget(key: string): void;
  sendFailed(problem: string): void;
}

/** The way that single flows take from here. */
export interface FlowWays {
  /** The mark of a flow's messages; 0 = none. */
  markOf(flow: FlowKey): number;
  /** @param via the next hop that PATH names; null = none. */
  way(flow: FlowKey, via: IpAddress | null): EngineRoute | null | Promise<EngineRoute | null>;
}

/** Sees every message while it is set; nothing is done for it otherwise. */
export interface MessageWatch {
  /** @param dropped why the message, or a part of it, changed nothing: the reasons the engine counted */
  received(packet: PacketInput, dropped: readonly string[]): void;
  /** @param problem why the network did not take it; null when it went out */
  sent(message: SendOutput, problem: string | null): void;
}

/**
 * Runs the engine: inputs one at a time, all outputs of one taken before the next, one timer for its next deadline.
 * An input that comes up while outputs are carried out (a route's answer) waits its turn.
 */
export class Signalling {
  readonly #engine: RsvpEngine;
  readonly #transport: () => RsvpTransport;
  readonly #ways: FlowWays;
  readonly #handlers: SignallingHandlers;
  readonly #now: () => MonotonicMs;
  readonly #queue: EngineInput[] = [];
  #watch: MessageWatch | null = null;
  #running = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Infinity;
  #closed = false;

  constructor(options: {
    engine: RsvpEngine;
    transport: () => RsvpTransport;
    ways: FlowWays;
    handlers: SignallingHandlers;
    now: () => MonotonicMs;
  }) {
    this.#engine = options.engine;
    this.#transport = options.transport;
    this.#ways = options.ways;
    this.#handlers = options.handlers;
    this.#now = options.now;
  }

  input(input: EngineInput): void {
    if (this.#closed) return;
    this.#queue.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        const outputs =
          this.#watch !== null && next.type === 'packet'
            ? this.#handleWatched(next, this.#watch)
            : this.#engine.handle(next, this.#now());
        for (const output of outputs) this.#carryOut(output);
      }
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  /** null: nobody watches. */
  watch(watch: MessageWatch | null): void {
    this.#watch = watch;
  }

  #handleWatched(packet: PacketInput, watch: MessageWatch): EngineOutput[] {
    const before = this.#engine.counters().dropped;
    const outputs = this.#engine.handle(packet, this.#now());
    const after = this.#engine.counters().dropped;
    watch.received(
      packet,
      Object.keys(after).filter((reason) => after[reason] !== before[reason]),
    );
    return outputs;
  }

  snapshot(): EngineSnapshot {
    return this.#engine.snapshot(this.#now());
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #carryOut(output: EngineOutput): void {
    switch (output.type) {
      case 'send': {
        const problem = this.#transport().send(output, output.flow === null ? 0 : this.#ways.markOf(output.flow));
        this.#watch?.sent(output, problem);
        if (problem !== null) this.#handlers.sendFailed(problem);
        return;
      }
      case 'queryRoute': {
        const { queryId } = output;
        const route = this.#ways.way(output.flow, output.via);
        if (route instanceof Promise) void route.then((late) => this.input({ type: 'route', queryId, route: late }));
        else this.#queue.push({ type: 'route', queryId, route });
        return;
      }
      case 'install':
        return this.#handlers.install(output);
      case 'remove':
        return this.#handlers.remove(output);
      case 'event':
        return this.#handlers.event(output.event);
      case 'remember':
        return this.#handlers.remember(output.key, output.input);
      case 'forget':
        return this.#handlers.forget(output.key);
    }
  }

  #arm(): void {
    const deadline = this.#engine.nextDeadline() ?? Infinity;
    if (deadline === this.#timerAt || this.#closed) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = deadline;
    if (deadline === Infinity) return;
    const wait = Millis(Math.min(Math.max(deadline - this.#now(), 0), 2 ** 31 - 1));
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.input({ type: 'timer' });
    }, wait);
  }
}
