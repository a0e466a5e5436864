import { ipFamily, ipToBytes, type IpAddress, type IpPrefix } from './ip.ts';

/** An IPv4 address as a number, 0 … 2^32 − 1. */
export const ipv4Number = (bytes: Uint8Array): number =>
  ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;

/** The IPv4 addresses of many prefixes, as ranges that do not touch: asking costs the logarithm of their number. */
export class AddressRanges {
  readonly #first: number[] = [];
  readonly #last: number[] = [];

  /** @param prefixes of IPv4; others are left out. */
  constructor(prefixes: Iterable<IpPrefix>) {
    const ranges = [...prefixes]
      .filter(({ address }) => ipFamily(address) === 4)
      .map(({ address, length }) => rangeOf(ipv4Number(ipToBytes(address)), length))
      .sort((a, b) => a.first - b.first);
    for (const { first, last } of ranges) {
      const end = this.#last.length - 1;
      if (end >= 0 && first <= this.#last[end]! + 1) this.#last[end] = Math.max(this.#last[end]!, last);
      else {
        this.#first.push(first);
        this.#last.push(last);
      }
    }
  }

  /** Whether the prefix covers one of the addresses or lies among them. */
  meets(address: number, length: number): boolean {
    const { first, last } = rangeOf(address, length);
    let [low, high] = [0, this.#last.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#last[middle]! < first) low = middle + 1;
      else high = middle;
    }
    return low < this.#first.length && this.#first[low]! <= last;
  }

  has(address: IpAddress): boolean {
    return ipFamily(address) === 4 && this.meets(ipv4Number(ipToBytes(address)), 32);
  }
}

function rangeOf(address: number, length: number): { first: number; last: number } {
  const size = 2 ** (32 - length);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}
