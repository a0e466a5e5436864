import { messageTypeName } from '../wire/message.ts';
import type { EngineCounters } from './types.ts';

/** Counters that grow; type numbers have one byte and reasons are a closed list, so there are few keys. */
export class Counters {
  readonly #received = new Map<string, number>();
  readonly #sent = new Map<string, number>();
  readonly #dropped = new Map<string, number>();

  received(messageType: number): void {
    add(this.#received, messageTypeName(messageType));
  }
  sent(messageType: number): void {
    add(this.#sent, messageTypeName(messageType));
  }
  dropped(reason: string): void {
    add(this.#dropped, reason);
  }
  snapshot(): EngineCounters {
    return {
      received: Object.fromEntries(this.#received),
      sent: Object.fromEntries(this.#sent),
      dropped: Object.fromEntries(this.#dropped),
    };
  }
}

const add = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
