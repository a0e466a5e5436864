import type { IpAddress } from '../../base/ip.ts';
import type { FlowKey } from './types.ts';

/** The session part of a flow as text. */
export const sessionKeyText = (flow: FlowKey): string => `${flow.protocol} ${flow.destination}:${flow.destinationPort}`;

interface Use {
  zero: number;
  other: number;
}

/** Counts path state by zero and non-zero ports, so that the conflicts of RFC 2205 3.2 are found without a search. */
export class PortUse {
  readonly #uses = new Map<string, Use>();
  readonly #sessions = new Map<string, number>();
  readonly #destinations = new Map<IpAddress, number>();

  add(flow: FlowKey): void {
    this.#change(flow, 1);
  }
  remove(flow: FlowKey): void {
    this.#change(flow, -1);
  }

  /** Whether any path state of the flow's session is there. */
  hasSession(flow: FlowKey): boolean {
    return this.#sessions.has(sessionKeyText(flow));
  }

  /** Whether there is path state of any session to the address. */
  hasDestination(address: IpAddress): boolean {
    return this.#destinations.has(address);
  }

  /** Same destination and protocol, with and without a destination port (error 7). */
  destinationConflict(flow: FlowKey): boolean {
    return conflicts(this.#uses.get(destinationKey(flow)), flow.destinationPort);
  }

  /** Same session and sender, with and without a source port (error 8). */
  sourceConflict(flow: FlowKey): boolean {
    return conflicts(this.#uses.get(sourceKey(flow)), flow.sourcePort);
  }

  #change(flow: FlowKey, by: 1 | -1): void {
    add(this.#sessions, sessionKeyText(flow), by);
    add(this.#destinations, flow.destination, by);
    this.#count(destinationKey(flow), flow.destinationPort, by);
    this.#count(sourceKey(flow), flow.sourcePort, by);
  }

  #count(key: string, port: number, by: 1 | -1): void {
    const use = this.#uses.get(key) ?? { zero: 0, other: 0 };
    use[port === 0 ? 'zero' : 'other'] += by;
    if (use.zero + use.other === 0) this.#uses.delete(key);
    else this.#uses.set(key, use);
  }
}

function add<K>(counts: Map<K, number>, key: K, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

const destinationKey = (flow: FlowKey): string => `to ${flow.protocol} ${flow.destination}`;
const sourceKey = (flow: FlowKey): string => `from ${sessionKeyText(flow)} ${flow.source}`;
const conflicts = (use: Use | undefined, port: number): boolean =>
  use !== undefined && (port === 0 ? use.other > 0 : use.zero > 0);
