import type { EpochMs } from '../../../core/base/units.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import { Rarely } from '../../../telemetry/rarely.ts';
import type { AgentTrust } from './agent-trust.ts';

/** A revocation at any server ends streams at every other within 1 s: by looking, since hints can be lost. */
const REVOKED_EVERY_MS = 400;
const AUTHORITIES_EVERY_MS = 5_000;
const FAILURE_LOG_MS = 300_000;

/** The streams that were opened with certificates. */
export interface CertifiedStreams {
  certificates(): readonly string[];
  distrust(fingerprints: ReadonlySet<string>): void;
}

/** Ends streams whose certificate is no longer to be believed, follows the authorities, renews the server's certificate. */
export class TrustWatch {
  readonly #trust: AgentTrust;
  readonly #streams: CertifiedStreams;
  readonly #now: () => EpochMs;
  readonly #log: Logger;
  readonly #renewServer: () => Promise<EpochMs>;
  readonly #failures = new Rarely(FAILURE_LOG_MS);
  readonly #timers: readonly NodeJS.Timeout[];
  #renewAt: number;
  #looking = false;

  /** @param options.notAfter of the server's certificate; renewed at two thirds of the time until then */
  constructor(options: {
    trust: AgentTrust;
    registry: CertifiedStreams;
    now: () => EpochMs;
    log: Logger;
    renewServer: () => Promise<EpochMs>;
    notAfter: EpochMs;
  }) {
    this.#trust = options.trust;
    this.#streams = options.registry;
    this.#now = options.now;
    this.#log = options.log;
    this.#renewServer = options.renewServer;
    this.#renewAt = renewalTime(options.now(), options.notAfter);
    this.#timers = [
      setInterval(() => void this.look(), REVOKED_EVERY_MS),
      setInterval(() => void this.#follow(), AUTHORITIES_EVERY_MS),
    ];
  }

  /** Never rejects: while the database is away streams go on as they are. */
  async look(): Promise<void> {
    const open = this.#streams.certificates();
    if (this.#looking || open.length === 0) return;
    this.#looking = true;
    try {
      const unusable = await this.#trust.unusable(open);
      if (unusable.length > 0) this.#streams.distrust(new Set(unusable));
    } catch (error) {
      this.#failed(error, 'revocations of agents cannot be looked for');
    } finally {
      this.#looking = false;
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #follow(): Promise<void> {
    try {
      const changed = await this.#trust.reload();
      if (!changed && this.#now() < this.#renewAt) return;
      this.#renewAt = renewalTime(this.#now(), await this.#renewServer());
      if (changed) this.#log.info("the authorities of agents' certificates have changed");
    } catch (error) {
      this.#failed(error, "the authorities of agents' certificates cannot be looked at");
    }
  }

  #failed(error: unknown, what: string): void {
    const silenced = this.#failures.silenced(what, performance.now());
    if (silenced !== null) this.#log.warn({ err: error, silenced }, what);
  }
}

const renewalTime = (now: EpochMs, notAfter: EpochMs): number => now + ((notAfter - now) * 2) / 3;
