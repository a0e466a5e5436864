import type { Logger } from '../../telemetry/logger.ts';
import { Rarely } from '../../telemetry/rarely.ts';
import { renewCertificate } from './enrol.ts';
import type { IdentityKeeper } from './identity.ts';

/** How often it is looked at least whether the certificate is to be renewed: clocks are set, machines sleep. */
const LOOK_EVERY_MS = 3_600_000;
const LEAST_WAIT_MS = 1_000;
const RETRY_MS = 60_000;
const TROUBLE_LOG_MS = 6 * 3_600_000;

/** Renews the agent's certificate at two thirds of its time. */
export class Renewal {
  readonly #target: string;
  readonly #identity: IdentityKeeper;
  readonly #renewed: () => void;
  readonly #log: Logger;
  readonly #trouble = new Rarely(TROUBLE_LOG_MS);
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: { target: string; identity: IdentityKeeper; renewed: () => void; log: Logger }) {
    this.#target = options.target;
    this.#identity = options.identity;
    this.#renewed = options.renewed;
    this.#log = options.log;
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #arm(least = LEAST_WAIT_MS): void {
    if (this.#closed) return;
    const due = this.#identity.renewAt() - Date.now();
    this.#timer = setTimeout(() => void this.#look(), Math.min(LOOK_EVERY_MS, Math.max(least, due)));
  }

  async #look(): Promise<void> {
    if (Date.now() < this.#identity.renewAt()) return this.#arm();
    try {
      await renewCertificate(this.#target, this.#identity);
    } catch (error) {
      const reason = (error as Error).message;
      const silenced = this.#trouble.silenced(reason, performance.now());
      if (silenced !== null) this.#log.warn({ reason, silenced }, "the agent's certificate could not be renewed");
      return this.#arm(RETRY_MS);
    }
    if (this.#closed) return;
    this.#log.info({ node: this.#identity.current().node }, "the agent's certificate was renewed");
    this.#renewed();
    this.#arm();
  }
}
