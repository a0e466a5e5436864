import type { NodeName } from '../../../core/network/topology.ts';
import type { TracedMessage, TraceItem } from '../api.ts';
import { ControlError } from '../errors.ts';

/** Those who may watch one agent at the same time. */
const MAX_WATCHERS_PER_AGENT = 16;
/** Items that wait for a slow watcher; what comes then is counted and left out. */
const MAX_WAITING = 5_000;

/** Who watches which agent's messages. An agent sends them only while somebody does. */
export class RsvpTraces {
  readonly #switch: (node: NodeName, on: boolean) => void;
  readonly #watchers = new Map<NodeName, Set<Watcher>>();

  /** @param turn tells the agent, where it is connected, whether to send its messages */
  constructor(turn: (node: NodeName, on: boolean) => void) {
    this.#switch = turn;
  }

  /** Watching begins at once, not with the first item asked for. @throws ControlError UNAVAILABLE */
  watch(node: NodeName, signal: AbortSignal): AsyncIterable<TraceItem> {
    const watchers = this.#watchers.get(node) ?? new Set();
    if (watchers.size >= MAX_WATCHERS_PER_AGENT) {
      throw new ControlError('UNAVAILABLE', `${watchers.size} callers watch the agent of ${node} already`);
    }
    const watcher = new Watcher();
    watchers.add(watcher);
    this.#watchers.set(node, watchers);
    if (watchers.size === 1) this.#switch(node, true);
    const end = (): void => {
      watcher.end();
      if (!watchers.delete(watcher) || watchers.size > 0) return;
      this.#watchers.delete(node);
      this.#switch(node, false);
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return watcher.items();
  }

  report(node: NodeName, messages: readonly TracedMessage[], leftOut: number): void {
    for (const watcher of this.#watchers.get(node) ?? []) {
      for (const message of messages) watcher.push({ type: 'message', ...message });
      if (leftOut > 0) watcher.leaveOut(leftOut);
    }
  }

  /** A new stream of an agent knows nothing of its watchers. */
  connected(node: NodeName): void {
    const watchers = this.#watchers.get(node);
    if (!watchers) return;
    this.#switch(node, true);
    for (const watcher of watchers) watcher.push({ type: 'agent', connected: true });
  }

  disconnected(node: NodeName): void {
    for (const watcher of this.#watchers.get(node) ?? []) watcher.push({ type: 'agent', connected: false });
  }

  close(): void {
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.end();
    this.#watchers.clear();
  }
}

class Watcher {
  #waiting: TraceItem[] = [];
  #leftOut = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  push(item: TraceItem): void {
    if (this.#leftOut > 0 || this.#waiting.length >= MAX_WAITING) return this.leaveOut(1);
    this.#waiting.push(item);
    this.#wake();
  }

  leaveOut(count: number): void {
    this.#leftOut += count;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *items(): AsyncGenerator<TraceItem> {
    for (;;) {
      const items = this.#waiting;
      const leftOut = this.#leftOut;
      this.#waiting = [];
      this.#leftOut = 0;
      yield* items;
      if (leftOut > 0) yield { type: 'leftOut', count: leftOut };
      if (this.#ended) return;
      if (this.#waiting.length === 0 && this.#leftOut === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
