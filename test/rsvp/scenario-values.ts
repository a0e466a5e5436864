import type { IpAddress } from '../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros } from '../../src/core/base/units.ts';
import type { Flowspec, Tspec } from '../../src/core/qos/flowspec.ts';
import { flowKeyText, type FlowKey } from '../../src/core/rsvp/engine/types.ts';

const MULTIPLES = { k: 1e3, M: 1e6, G: 1e9 } as const;
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17 };

const scaled = (n: number): string => {
  for (const [letter, factor] of Object.entries(MULTIPLES).reverse()) {
    if (n >= factor && n % (factor / 100) === 0) return `${n / factor}${letter}`;
  }
  return String(n);
};

/** Rates are bits per second in scenario files, bytes per second on the wire. */
export const rateText = (rate: number): string =>
  Number.isFinite(rate) ? scaled(8 * rate) : rate === Infinity ? 'none' : String(rate);
export const bytesText = (bytes: number): string => (bytes >= 10_000 ? scaled(bytes) : String(bytes));
export const secondsText = (ms: number): string => `${(ms / 1_000).toFixed(3)}s`;
export const periodText = (ms: number): string => `${ms / 1_000}s`;

/** A scenario's own names of flows, by `flowKeyText`. */
export type FlowNames = ReadonlyMap<string, string>;

export const flowText = (flow: FlowKey, names?: FlowNames): string =>
  names?.get(flowKeyText(flow)) ??
  `${protocolText(flow.protocol)} ${flow.source}:${flow.sourcePort} > ${flow.destination}:${flow.destinationPort}`;
export const protocolText = (protocol: number): string =>
  Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === protocol) ?? String(protocol);

/** Rate and bucket; the rest only where it is not what scenarios leave out (no peak, m 128, M 1500). */
export function tspecText(tspec: Tspec): string {
  const parts = [rateText(tspec.tokenRate), `bucket ${bytesText(tspec.tokenBucket)}`];
  if (tspec.peakRate !== Infinity) parts.push(`peak ${rateText(tspec.peakRate)}`);
  if (tspec.minPolicedUnit !== 128) parts.push(`m ${tspec.minPolicedUnit}`);
  if (tspec.maxPacketSize !== 1500) parts.push(`M ${tspec.maxPacketSize}`);
  return parts.join(' ');
}

export const flowspecText = (flowspec: Flowspec): string =>
  flowspec.service === 'controlledLoad'
    ? `CL ${tspecText(flowspec.tspec)}`
    : `G ${tspecText(flowspec.tspec)} R ${rateText(flowspec.rspec.rate)} slack ${flowspec.rspec.slack}us`;

/** The words of a command, taken one after another. */
export class Words {
  readonly #words: string[];
  readonly #line: string;

  constructor(line: string) {
    this.#line = line;
    this.#words = line.split(/\s+/).filter((word) => word !== '');
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }
  next(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new Error(`${this.#line}: ${what} is missing`);
    return word;
  }
  /** Takes the word if it is next. */
  accept(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }
  rest(): string[] {
    return this.#words.splice(0);
  }
  end(): void {
    if (!this.isEmpty) throw new Error(`${this.#line}: ${this.#words.join(' ')} is not understood`);
  }
}

export function number(word: string): number {
  const match = /^(-?[\d.]+)([kMG]?)$/.exec(word);
  if (match === null) throw new Error(`${word} is not a number`);
  return Number(match[1]) * (match[2] ? MULTIPLES[match[2] as 'k'] : 1);
}

export const rate = (word: string): BytesPerSecond =>
  BytesPerSecond(word === 'none' ? Infinity : word === 'nan' ? NaN : number(word) / 8);

export function duration(word: string): number {
  const match = /^(-?[\d.]+)(ms|s|m|h)$/.exec(word);
  if (match === null) throw new Error(`${word} is not a duration, such as 500ms, 30s, 5m, 2h`);
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 'ms'];
}

export const percent = (word: string): number => {
  if (!/^\d+%$/.test(word)) throw new Error(`${word} is not a percentage`);
  return parseInt(word, 10) / 100;
};

/** `udp 10.1.0.2:5004 > 10.2.0.2:5004` */
export function flowWithoutName(name: string, words: Words): FlowKey {
  const source = endPoint(words.next('source'));
  if (!words.accept('>')) throw new Error('a flow is written udp SOURCE:PORT > DESTINATION:PORT');
  const destination = endPoint(words.next('destination'));
  return {
    protocol: PROTOCOLS[name] ?? Number(name),
    source: source.address,
    sourcePort: source.port,
    destination: destination.address,
    destinationPort: destination.port,
  };
}

function endPoint(word: string): { readonly address: IpAddress; readonly port: number } {
  const match = /^([\d.]+):(\d+)$/.exec(word);
  if (match === null) throw new Error(`${word} is not ADDRESS:PORT`);
  return { address: match[1] as IpAddress, port: Number(match[2]) };
}

/** `rate 1M bucket 15k [peak 2M] [m 128] [M 1500]`, then for a flowspec `[guaranteed 2M [slack 0]]`. */
export function flowspec(words: Words): Flowspec {
  const tspec = tspecOf(words);
  if (!words.accept('guaranteed')) return { service: 'controlledLoad', tspec };
  const reserved = rate(words.next('guaranteed rate'));
  const slack = Micros(words.accept('slack') ? number(words.next('slack')) : 0);
  return { service: 'guaranteed', tspec, rspec: { rate: reserved, slack } };
}

export function tspecOf(words: Words): Tspec {
  const field = <T>(name: string, read: (word: string) => T, fallback: T): T =>
    words.accept(name) ? read(words.next(name)) : fallback;
  return {
    tokenRate: field('rate', rate, BytesPerSecond(125_000)),
    tokenBucket: Bytes(field('bucket', number, 15_000)),
    peakRate: field('peak', rate, BytesPerSecond(Infinity)),
    minPolicedUnit: Bytes(field('m', number, 128)),
    maxPacketSize: Bytes(field('M', number, 1_500)),
  };
}

/** Bytes as hexadecimal digits. */
export function hexBytes(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})+$/i.test(text)) throw new Error(`${text} is not hexadecimal`);
  return Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
}
