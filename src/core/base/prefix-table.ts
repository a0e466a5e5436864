import { ipFamily, ipFromBytes, ipToBytes, type IpAddress, type IpPrefix } from './ip.ts';

/** The prefix with all bits behind its length cleared: 10.1.0.2/24 → 10.1.0.0/24. */
export function networkOf(prefix: IpPrefix): IpPrefix {
  const bytes = ipToBytes(prefix.address);
  clearHostBits(bytes, prefix.length);
  return { address: ipFromBytes(bytes), length: prefix.length };
}

interface Level<T> {
  readonly family: 4 | 6;
  readonly length: number;
  readonly networks: Map<IpAddress, T>;
}

/** Values by prefix with longest-prefix match. Host bits of a prefix are ignored. */
export class PrefixTable<T> {
  /** By family and length, longest first; inside by network address. */
  readonly #levels: Level<T>[] = [];

  get(prefix: IpPrefix): T | undefined {
    const network = networkOf(prefix);
    return this.#level(network)?.networks.get(network.address);
  }

  set(prefix: IpPrefix, value: T): void {
    const network = networkOf(prefix);
    let level = this.#level(network);
    if (!level) {
      level = { family: ipFamily(network.address), length: network.length, networks: new Map() };
      this.#levels.push(level);
      this.#levels.sort((a, b) => b.length - a.length);
    }
    level.networks.set(network.address, value);
  }

  /** The value of the longest prefix that contains the address. */
  longestMatch(address: IpAddress): T | undefined {
    const family = ipFamily(address);
    const bytes = ipToBytes(address);
    for (const level of this.#levels) {
      if (level.family !== family) continue;
      clearHostBits(bytes, level.length);
      const value = level.networks.get(ipFromBytes(bytes));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #level(network: IpPrefix): Level<T> | undefined {
    const family = ipFamily(network.address);
    return this.#levels.find((l) => l.family === family && l.length === network.length);
  }
}

function clearHostBits(bytes: Uint8Array, length: number): void {
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, length - 8 * i));
    bytes[i]! &= (0xff << (8 - kept)) & 0xff;
  }
}
