import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { err, type Result } from '../../core/base/result.ts';
import type { DesiredShaping, ShapedFlow, ShapedInterface, SteeredFlow } from '../../core/shaping/desired.ts';
import type { ForeignRuleset } from '../../core/shaping/foreign/ruleset.ts';
import { DEFAULT_STEERING, type SteeringNumbers } from '../../core/shaping/steering.ts';
import type { Answer, KernelCallName, KernelCalls, Request, WorkerSettings } from './calls.ts';
import type { BatchResults, FlowBatch } from './driver.ts';
import type { FlowCounters, KernelFeatures, KernelProblem, ReconcileReport } from './problem.ts';
import { serve } from './serve.ts';
import type { Renumbering } from './steering-keeper.ts';
import { SteeringBatch } from './steering-batch.ts';

export type { BatchResults, FlowBatch } from './driver.ts';
export type { FlowCounters, KernelFeatures, KernelProblem, ReconcileReport } from './problem.ts';

export interface KernelOptions {
  /** `program` keeps libnftables out of the process. Default `library`, with the program where there is no library. */
  readonly nft?: 'library' | 'program';
  /** Which marks and tables are ours. */
  readonly steering?: SteeringNumbers;
  /** A worker thread keeps slow kernel work off the caller's event loop. Default true in built code, false when run from source. */
  readonly thread?: boolean;
  /** What the kernel should hold: given to a worker that takes the place of one that ended, before anything else. */
  readonly desired?: () => DesiredShaping;
  /** Told that a worker has ended by itself, and when another has taken its place. */
  readonly onTrouble?: (what: string) => void;
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
  /** Resolves when the packets of the flow get the mark of its neighbour. The same key again changes it in place. */
  steer(flow: SteeredFlow): Promise<Result<void, KernelProblem>>;
  /** Resolves when they get none any more; ok too when they got none. */
  unsteer(key: string): Promise<Result<void, KernelProblem>>;
  /** Full comparison: adopts what is right (a killed predecessor's classes too), mends the rest, removes what is not desired. */
  reconcile(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>>;
  /** The same comparison without changing anything: the report says what `reconcile` would find. */
  inspect(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>>;
  /** The classifier as the kernel shows it, whoever made it: element (`elementKey`) → number of its class. */
  elements(): Promise<Result<ReadonlyMap<string, number>, KernelProblem>>;
  /** Ports of the netlink sockets by which everything asked for until now has reached the kernel. */
  ports(): Promise<readonly number[]>;
  /** Marks get other bits, in one transaction for all flows that have one. */
  renumber(renumbering: Renumbering): Promise<Result<void, KernelProblem>>;
  /** What others have in nftables. */
  foreign(): Promise<Result<ForeignRuleset, KernelProblem>>;
  stats(): Promise<readonly FlowCounters[]>;
  /** With `remove` nothing of ours stays behind; without, everything stays in force. */
  close(options: { readonly remove: boolean }): Promise<void>;
}

/** @throws Error when the worker cannot start. Missing kernel parts are no error: see `features()`. */
export async function openKernel(options: KernelOptions = {}): Promise<Kernel> {
  const settings: WorkerSettings = {
    nft: options.nft ?? 'library',
    steering: options.steering ?? DEFAULT_STEERING,
  };
  // Of a worker that takes the place of another.
  let latest = settings;
  const threaded = options.thread ?? import.meta.url.endsWith('.js');
  const remote = new RemoteKernel(() => (threaded ? workerLink(latest) : localLink(latest)), {
    ...options,
    onRenumbered: (steering) => {
      latest = { ...settings, steering };
    },
  });
  await remote.ready;
  return remote;
}

/** Our end of the channel to whoever serves the kernel. `onEnd` may tell more than once. */
export interface Link {
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

/** First and longest wait before a worker that ended is replaced; between them it doubles. */
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 10_000;
/** What kills two workers one after the other is given up. */
const ATTEMPTS = 2;

/** The worker ended before it had answered. */
class WorkerEnded extends Error {}

interface RemoteOptions extends Pick<KernelOptions, 'desired' | 'onTrouble'> {
  /** Marks have other bits from now on. */
  readonly onRenumbered?: (numbers: SteeringNumbers) => void;
}

/** The kernel by way of a worker, which is replaced when it ends. */
export class RemoteKernel implements Kernel {
  /** Rejects where not even the first worker starts. */
  readonly ready: Promise<void>;
  readonly #makeLink: () => Link;
  readonly #options: RemoteOptions;
  readonly #pending = new Map<number, Pending>();
  #link!: Link;
  #features: KernelFeatures | null = null;
  #nextId = 1;
  /** Resolves when a worker is at work that knows what is desired. */
  #up: Promise<void>;
  #restarts = 0;
  #closing = false;
  #restarting = false;
  #stopWaiting: () => void = () => undefined;
  #queue: Queued[] = [];
  readonly #steering = new SteeringBatch((change) => this.#inTurn(() => this.#call('steer', change).catch(broken)));
  #busy = false;

  constructor(makeLink: () => Link, options: RemoteOptions = {}) {
    this.#makeLink = makeLink;
    this.#options = options;
    this.ready = this.#up = this.#start();
  }

  /** Resolves when the new worker is ready; when it ends later another one is started. */
  #start(): Promise<void> {
    const link = (this.#link = this.#makeLink());
    return new Promise((resolve, reject) => {
      let ready = false;
      let ended = false;
      link.onAnswer((answer) => {
        if ('ready' in answer) {
          this.#features = answer.ready;
          ready = true;
          resolve();
        } else this.#answered(answer);
      });
      link.onEnd((reason) => {
        if (ended) return;
        ended = true;
        const error = new WorkerEnded(reason);
        reject(error);
        for (const pending of this.#pending.values()) pending.reject(error);
        this.#pending.clear();
        if (ready && !this.#closing && !this.#restarting) this.#replace(reason);
      });
    });
  }

  /** Calls wait for the next worker; where that cannot be had they fail, and the one after it is waited for. */
  #replace(reason: string): void {
    const { onTrouble } = this.#options;
    this.#restarting = true;
    onTrouble?.(`${reason}; starting another one`);
    this.#up = this.#restart();
    this.#up.then(
      () => {
        this.#restarting = false;
        onTrouble?.('another kernel worker is at work');
      },
      (error: unknown) => {
        if (!this.#closing) this.#replace(error instanceof Error ? error.message : String(error));
      },
    );
  }

  async #restart(): Promise<void> {
    const wait = Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#restarts++);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#stopWaiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (this.#closing) throw new WorkerEnded('the kernel worker is not there any more');
    await this.#start();
    if (this.#options.desired) await this.#post('reconcile', this.#options.desired());
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

  steer(flow: SteeredFlow): Promise<Result<void, KernelProblem>> {
    return this.#steering.put(flow.key, flow);
  }

  unsteer(key: string): Promise<Result<void, KernelProblem>> {
    return this.#steering.put(key, null);
  }

  reconcile(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>> {
    return this.#inTurn(() => this.#call('reconcile', desired).catch(broken));
  }

  inspect(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>> {
    return this.#inTurn(() => this.#call('inspect', desired).catch(broken));
  }

  elements(): Promise<Result<ReadonlyMap<string, number>, KernelProblem>> {
    return this.#inTurn(() => this.#call('elements', null).catch(broken));
  }

  ports(): Promise<readonly number[]> {
    return this.#inTurn(() => this.#call('ports', null).catch(() => []));
  }

  renumber(renumbering: Renumbering): Promise<Result<void, KernelProblem>> {
    return this.#inTurn(async () => {
      const result = await this.#call('renumber', renumbering).catch(broken);
      if (result.ok) this.#options.onRenumbered?.(renumbering.numbers);
      return result;
    });
  }

  foreign(): Promise<Result<ForeignRuleset, KernelProblem>> {
    return this.#inTurn(() => this.#call('foreign', null).catch(broken));
  }

  stats(): Promise<readonly FlowCounters[]> {
    return this.#inTurn(() => this.#call('stats', null).catch(() => []));
  }

  async close(options: { readonly remove: boolean }): Promise<void> {
    this.#closing = true;
    this.#stopWaiting();
    await this.#inTurn(() => this.#call('close', options).catch(() => null));
    await this.#link.end();
  }

  /** Every call may be made twice with the same effect, so one that lost its worker is made again. */
  async #call<C extends KernelCallName>(
    call: C,
    argument: KernelCalls[C]['argument'],
  ): Promise<KernelCalls[C]['answer']> {
    for (let attempt = 1; ; attempt++) {
      await this.#up;
      try {
        const answer = await this.#post(call, argument);
        this.#restarts = 0;
        return answer;
      } catch (error) {
        if (!(error instanceof WorkerEnded) || attempt >= ATTEMPTS || this.#closing) throw error;
      }
    }
  }

  #post<C extends KernelCallName>(call: C, argument: KernelCalls[C]['argument']): Promise<KernelCalls[C]['answer']> {
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
