import { readFileSync } from 'node:fs';
import { EpochMs } from '../core/base/units.ts';
import type { Journal } from './journal.ts';

const KEY = 'clock';
/** What is kept is written anew when it is off by this much. */
const SLACK_MS = 1_000;

/** A clock that counts from the start of the machine for all of its processes, and that nobody sets. */
export interface MachineClock {
  /** Names this run of the machine; null where it cannot be known. */
  readonly boot: string | null;
  readonly now: () => number;
}

/**
 * How far the server's time is from the machine's own, over restarts of the agent: the host's clock may have been set
 * meanwhile, and would open and close windows that it should not.
 */
export class ClockMemory {
  readonly #journal: Pick<Journal, 'get' | 'put'>;
  readonly #machine: MachineClock;

  constructor(journal: Pick<Journal, 'get' | 'put'>, machine: MachineClock) {
    this.#journal = journal;
    this.#machine = machine;
  }

  /** The server's time; null where none was heard since the machine was started. */
  recall(): EpochMs | null {
    const offset = this.#offset();
    return offset === null ? null : EpochMs(Math.round(this.#machine.now() + offset));
  }

  keep(server: EpochMs): void {
    const { boot, now } = this.#machine;
    if (boot === null) return;
    const offset = server - now();
    const kept = this.#offset();
    if (kept === null || Math.abs(kept - offset) > SLACK_MS) this.#journal.put(KEY, { boot, offset });
  }

  #offset(): number | null {
    const kept = this.#journal.get(KEY) as { boot: string; offset: number } | undefined;
    return kept === undefined || kept.boot !== this.#machine.boot ? null : kept.offset;
  }
}

/** That of Linux; elsewhere nothing names a run of the machine. */
export function machineClock(): MachineClock {
  let boot: string | null = null;
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // No Linux, or no /proc.
  }
  return { boot, now: () => Number(process.hrtime.bigint() / 1_000n) / 1_000 };
}
