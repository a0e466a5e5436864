import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { err, type Result } from '../../core/base/result.ts';
import type { DesiredShaping, ShapedFlow, ShapedInterface } from '../../core/shaping/desired.ts';
import type { Answer, KernelCallName, KernelCalls, Request, WorkerSettings } from './calls.ts';
import type { BatchResults, FlowBatch } from './driver.ts';
import type { FlowCounters, KernelFeatures, KernelProblem, ReconcileReport } from './problem.ts';
import { serve } from './serve.ts';

export type { BatchResults, FlowBatch } from './driver.ts';
export type { FlowCounters, KernelFeatures, KernelProblem, ReconcileReport } from './problem.ts';

export interface KernelOptions {
  /** Drop forwarded RSVP with router alert: on routers, where it must not pass while no agent intercepts it. */
  readonly guardForwarding?: boolean;
  /** `program` keeps libnftables out of the process. Default `library`, with the program where there is no library. */
  readonly nft?: 'library' | 'program';
  /** A worker thread keeps slow kernel work off the caller's event loop. Default true in built code, false when run from source. */
  readonly thread?: boolean;
}

/** Traffic control and classifier of this network namespace. No promise of it rejects; failures are results. */
export interface Kernel {
  features(): KernelFeatures;
  /** Shapes exactly these interfaces, also while nothing is reserved. Before the first `reconcile` nothing is removed. */
  setInterfaces(interfaces: readonly ShapedInterface[]): Promise<Result<void, KernelProblem>>;
  /** Resolves when the class is in the kernel and was read back. The same key again changes the flow in place. */
  install(flow: ShapedFlow): Promise<Result<void, KernelProblem>>;
  /** Resolves when class and filters are gone; ok too when there were none. */
  remove(key: string): Promise<Result<void, KernelProblem>>;
  /** Many at once: what is removed makes room for what is installed. One that fails breaks no other. */
  apply(batch: FlowBatch): Promise<BatchResults>;
  /** Full comparison: adopts what is right (a killed predecessor's classes too), mends the rest, removes what is not desired. */
  reconcile(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>>;
  stats(): Promise<readonly FlowCounters[]>;
  /** With `remove` nothing of ours stays behind; without, everything stays in force. */
  close(options: { readonly remove: boolean }): Promise<void>;
}

/** @throws Error when the worker cannot start. Missing kernel parts are no error: see `features()`. */
export async function openKernel(options: KernelOptions = {}): Promise<Kernel> {
  const settings: WorkerSettings = {
    guardForwarding: options.guardForwarding ?? false,
    nft: options.nft ?? 'library',
  };
  const link = (options.thread ?? import.meta.url.endsWith('.js')) ? workerLink(settings) : localLink(settings);
  const remote = new RemoteKernel(link);
  await remote.ready;
  return remote;
}

/** Our end of the channel to whoever serves the kernel. */
interface Link {
  post(request: Request): void;
  onAnswer(listener: (answer: Answer) => void): void;
  onEnd(listener: (reason: string) => void): void;
  end(): Promise<void>;
}

function workerLink(settings: WorkerSettings): Link {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: settings, name: 'kernel' });
  return {
    post: (request) => {
      worker.postMessage(request);
    },
    onAnswer: (listener) => worker.on('message', listener),
    onEnd: (listener) => {
      worker.on('error', (error) => {
        listener(error instanceof Error ? error.message : String(error));
      });
      worker.on('exit', (code) => {
        listener(`the kernel worker ended with status ${code}`);
      });
    },
    end: async () => {
      await worker.terminate();
    },
  };
}

function localLink(settings: WorkerSettings): Link {
  const { port1, port2 }: { port1: MessagePort; port2: MessagePort } = new MessageChannel();
  const ended: ((reason: string) => void)[] = [];
  serve(port2, settings).catch((error: unknown) => {
    for (const listener of ended) listener(String(error));
  });
  return {
    post: (request) => {
      port1.postMessage(request);
    },
    onAnswer: (listener) => port1.on('message', listener),
    onEnd: (listener) => {
      ended.push(listener);
      port1.on('close', () => {
        listener('the kernel driver ended');
      });
    },
    end: () => {
      port1.close();
      return Promise.resolve();
    },
  };
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** A single change, which may be put together with others, or a call that goes by itself. */
type Queued =
  | {
      readonly item: { readonly install: ShapedFlow } | { readonly remove: string };
      readonly resolve: (result: Result<void, KernelProblem>) => void;
    }
  | { readonly run: () => Promise<void> };

class RemoteKernel implements Kernel {
  readonly ready: Promise<void>;
  readonly #link: Link;
  readonly #pending = new Map<number, Pending>();
  #features: KernelFeatures | null = null;
  #nextId = 1;
  #ended: string | null = null;
  #queue: Queued[] = [];
  #busy = false;

  constructor(link: Link) {
    this.#link = link;
    this.ready = new Promise((resolve, reject) => {
      link.onAnswer((answer) => {
        if ('ready' in answer) {
          this.#features = answer.ready;
          resolve();
        } else this.#answered(answer);
      });
      link.onEnd((reason) => {
        this.#ended ??= reason;
        reject(new Error(reason));
        for (const pending of this.#pending.values()) pending.reject(new Error(reason));
        this.#pending.clear();
      });
    });
  }

  features(): KernelFeatures {
    return this.#features!;
  }

  setInterfaces(interfaces: readonly ShapedInterface[]): Promise<Result<void, KernelProblem>> {
    return this.#inTurn(() => this.#call('setInterfaces', interfaces).catch(broken));
  }

  install(flow: ShapedFlow): Promise<Result<void, KernelProblem>> {
    return this.#change({ install: flow });
  }

  remove(key: string): Promise<Result<void, KernelProblem>> {
    return this.#change({ remove: key });
  }

  apply(batch: FlowBatch): Promise<BatchResults> {
    return this.#inTurn(() => this.#apply(batch));
  }

  reconcile(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>> {
    return this.#inTurn(() => this.#call('reconcile', desired).catch(broken));
  }

  stats(): Promise<readonly FlowCounters[]> {
    return this.#inTurn(() => this.#call('stats', null).catch(() => []));
  }

  async close(options: { readonly remove: boolean }): Promise<void> {
    await this.#inTurn(() => this.#call('close', options).catch(() => null));
    await this.#link.end();
  }

  #call<C extends KernelCallName>(call: C, argument: KernelCalls[C]['argument']): Promise<KernelCalls[C]['answer']> {
    if (this.#ended !== null) return Promise.reject(new Error(this.#ended));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#link.post({ id, call, argument });
    });
  }

  #answered(answer: Exclude<Answer, { ready: unknown }>): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('error' in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve(answer.value as never);
  }

  /** Single changes that come while others are under way go together in the next batch. */
  #change(item: { readonly install: ShapedFlow } | { readonly remove: string }): Promise<Result<void, KernelProblem>> {
    return new Promise((resolve) => {
      this.#enqueue({ item, resolve });
    });
  }

  /** Everything reaches the kernel in the order in which it was asked for. */
  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.#enqueue({
        run: async () => {
          resolve(await call());
        },
      });
    });
  }

  #enqueue(queued: Queued): void {
    this.#queue.push(queued);
    if (!this.#busy) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      if ('run' in first) {
        this.#queue.shift();
        await first.run();
      } else await this.#applyTogether();
    }
    this.#busy = false;
  }

  async #applyTogether(): Promise<void> {
    const installs: ShapedFlow[] = [];
    const removals: string[] = [];
    const answers: ((results: BatchResults) => void)[] = [];
    const keys = new Set<string>();
    for (let next = this.#queue[0]; next && !('run' in next); next = this.#queue[0]) {
      const { item, resolve } = next;
      const key = 'install' in item ? item.install.key : item.remove;
      // A batch removes first: what comes twice for a key has to wait for the next.
      if (keys.has(key)) break;
      keys.add(key);
      this.#queue.shift();
      if ('install' in item) {
        const at = installs.push(item.install) - 1;
        answers.push((results) => {
          resolve(results.install[at]!);
        });
      } else {
        const at = removals.push(item.remove) - 1;
        answers.push((results) => {
          resolve(results.remove[at]!);
        });
      }
    }
    const results = await this.#apply({ install: installs, remove: removals });
    for (const answer of answers) answer(results);
  }

  #apply(batch: FlowBatch): Promise<BatchResults> {
    return this.#call('apply', batch).catch((error: unknown) => ({
      install: batch.install.map(() => broken(error)),
      remove: batch.remove.map(() => broken(error)),
    }));
  }
}

const broken = (error: unknown): Result<never, KernelProblem> =>
  err({ code: 'failed', detail: error instanceof Error ? error.message : String(error) });
