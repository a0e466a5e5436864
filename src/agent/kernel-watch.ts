import type { Logger } from '../telemetry/logger.ts';
import { Contention } from './contention.ts';
import type { KernelComparison } from './kernel-comparison.ts';
import type { KernelNotice } from './netlink/kernel-notices.ts';
import type { TrafficControl } from './platform.ts';

/** As often within a minute what others take away is put back at once. */
const PUT_BACK_AT_ONCE = 5;
/** As often within a minute others may change something of ours without hurting it before comparisons become rarer. */
const COMPARED_AT_ONCE = 20;
/** While nothing is put back: how often what is gone is looked for. */
const LOOK_MS = 500;
/** Sockets that are remembered while a comparison is under way; more than these count as lost notifications. */
const MAX_PORTS = 64;

/** What the watch has done since the agent's start. */
export interface WatchCounters {
  /** Notifications about ours that came from changes of our own. */
  own: number;
  /** The same from changes of others. */
  foreign: number;
  /** Comparisons because of the latter, or because notifications were lost. */
  comparisons: number;
  /** Of these, those that found something of ours gone. */
  repairs: number;
  /** How often something was looked for and left as it was, since it had been taken away too often. */
  looks: number;
}

/**
 * Acts on the kernel's notifications: what others change of ours is compared and put back at once, and where they do not
 * stop, later and later.
 */
export class KernelWatch {
  readonly #kernel: Pick<TrafficControl, 'ports'>;
  readonly #comparison: Pick<KernelComparison, 'run' | 'look'>;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #taken = new Contention(PUT_BACK_AT_ONCE);
  readonly #compared = new Contention(COMPARED_AT_ONCE);
  readonly counters: WatchCounters = { own: 0, foreign: 0, comparisons: 0, repairs: 0, looks: 0 };
  /** Netlink sockets that are known to be ours. */
  #own: ReadonlySet<number> = new Set();
  #seen = new Map<number, string>();
  #lost = false;
  #busy = false;
  #holdUntil = -Infinity;
  #times = 0;
  #lookedAt = -Infinity;
  #by = '';
  /** Places that are not put back until then. */
  #left: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** @param options.now milliseconds of a monotonic clock. */
  constructor(options: {
    kernel: Pick<TrafficControl, 'ports'>;
    comparison: Pick<KernelComparison, 'run' | 'look'>;
    log: Logger;
    now: () => number;
  }) {
    this.#kernel = options.kernel;
    this.#comparison = options.comparison;
    this.#log = options.log;
    this.#now = options.now;
  }

  noticed({ ports, overrun }: Pick<KernelNotice, 'ports' | 'overrun'>): void {
    for (const [port, process] of ports) {
      if (this.#seen.size < MAX_PORTS) this.#seen.set(port, process);
      else this.#lost = true;
    }
    this.#lost ||= overrun;
    this.#go();
  }

  /** Something of ours that these notifications do not tell of was taken away. */
  disturbed(): void {
    this.#lost = true;
    this.#go();
  }

  /** What is taken away there is left so for now, since it has been taken away again and again. */
  leaves(place: string): boolean {
    return this.#left.has(place) && this.#now() < this.#holdUntil;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #go(): void {
    if (!this.#busy && !this.#closed) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while ((this.#seen.size > 0 || this.#lost) && !this.#closed) {
      const seen = this.#seen;
      const lost = this.#lost;
      this.#seen = new Map();
      this.#lost = false;
      const foreign = await this.#foreign(seen);
      this.counters.own += seen.size - foreign.length;
      this.counters.foreign += foreign.length;
      const by = foreign.find((process) => process !== '');
      if (foreign.length > 0 || lost) await this.#act(by === undefined ? '' : ` by ${by}`);
    }
    this.#busy = false;
  }

  /** What is known of the processes that are not ours. Our own sockets are asked for when there are others than before. */
  async #foreign(seen: ReadonlyMap<number, string>): Promise<readonly string[]> {
    if ([...seen.keys()].some((port) => !this.#own.has(port))) this.#own = new Set(await this.#kernel.ports());
    return [...seen].flatMap(([port, process]) => (this.#own.has(port) ? [] : [process]));
  }

  async #act(by: string): Promise<void> {
    if (by !== '') this.#by = by;
    const now = this.#now();
    if (now < this.#holdUntil) {
      if (now - this.#lookedAt >= LOOK_MS) await this.#look();
      else this.#again(LOOK_MS - (now - this.#lookedAt), () => void this.#look());
      return;
    }
    const report = await this.#comparison.run(by);
    this.counters.comparisons++;
    const after = this.#now();
    const disturbances = report?.disturbances ?? [];
    if (disturbances.length > 0) this.counters.repairs++;
    const { holdMs } = this.#compared.taken('', after);
    let hold = holdMs;
    const left = new Set<string>();
    for (const { place, what } of disturbances) {
      const taken = this.#taken.taken(place, after);
      if (taken.holdMs > 0) left.add(place);
      if (taken.holdMs <= hold) continue;
      hold = taken.holdMs;
      this.#times = taken.times;
      this.#log.warn({ what, by: this.#by.trim(), times: taken.times, holdMs: hold }, 'taken away again and again');
    }
    this.#left = left;
    if (hold === 0) return;
    this.#holdUntil = after + hold;
    this.#again(hold, () => {
      // What was taken away meanwhile is put back now.
      this.#lost = true;
      this.#go();
    });
  }

  async #look(): Promise<void> {
    this.#lookedAt = this.#now();
    this.counters.looks++;
    const seconds = Math.ceil(Math.max(0, this.#holdUntil - this.#lookedAt) / 1000);
    const often = this.#times > 0 ? `, ${this.#times} times within a minute` : '';
    await this.#comparison.look(`${often}${this.#by}; put back within ${seconds} s`);
    if (!this.#closed) {
      this.#again(Math.max(0, this.#holdUntil - this.#now()), () => {
        this.#lost = true;
        this.#go();
      });
    }
  }

  /** One timer: while what is gone waits to be put back, looking and putting back follow each other. */
  #again(ms: number, what: () => void): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      what();
    }, ms);
  }
}
