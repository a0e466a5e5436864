import { parseNft, TABLE } from '../../core/shaping/nft.ts';
import {
  absentFilter,
  type ObservedClass,
  type ObservedFilter,
  type ObservedInterface,
} from '../../core/shaping/observed.ts';
import { parseCounters, parseTc, type ClassCounters } from '../../core/shaping/tc.ts';
import type { ClassReader } from '../netlink/class-reader.ts';
import type { NftSession } from './nft-session.ts';
import { TcSession } from './tc-session.ts';

/** Reads what is in place. */
export class KernelReader {
  readonly #tc: TcSession;
  readonly #nft: NftSession;
  readonly #single: ClassReader | null;

  /** @param single null: single classes are looked for among all, which takes longer the more there are. */
  constructor(tc: TcSession, nft: NftSession, single: ClassReader | null) {
    this.#tc = tc;
    this.#nft = nft;
    this.#single = single;
  }

  /** An interface's qdiscs and classes, or null when there is no such interface. @throws Error when tc cannot say. */
  async interface(name: string): Promise<ObservedInterface | null> {
    this.#tc.renew();
    const raw = new TcSession('raw');
    try {
      const qdiscs = await raw.query(`qdisc show dev ${name}`);
      const classes = await this.#tc.query(`class show dev ${name}`);
      return parseTc(name, qdiscs, classes);
    } catch (error) {
      if (/Cannot find device/.test(String(error))) return null;
      throw error;
    } finally {
      raw.close();
    }
  }

  /** Every interface that has our root qdisc. */
  async shapedInterfaces(): Promise<string[]> {
    this.#tc.renew();
    const text = await this.#tc.query('qdisc show');
    return text.split('\n').flatMap((line) => /^qdisc htb fff0: dev (\S+) root/.exec(line)?.[1] ?? []);
  }

  /** The classes of these numbers alone, without their queues; absent ones are left out. */
  async classes(name: string, minors: readonly number[]): Promise<ReadonlyMap<number, ObservedClass>> {
    if (this.#single === null) return parseTc(name, '', await this.#tc.query(`class show dev ${name}`)).classes;
    const found = this.#single.read(name, minors);
    return new Map([...found].map(([minor, one]) => [minor, { class: one, leaf: null, exact: false }]));
  }

  /** Ports of the sockets by which it asks. */
  ports(): readonly number[] {
    return this.#single?.ports() ?? [];
  }

  close(): void {
    this.#single?.close();
  }

  async filter(): Promise<ObservedFilter> {
    const json = await this.#nft.list(TABLE);
    return json === null ? absentFilter() : parseNft(json);
  }

  /** What the classes of an interface have done; none of one that is gone. */
  async counters(name: string): Promise<readonly ClassCounters[]> {
    const tc = new TcSession('counters');
    const show = (what: string): Promise<string> => tc.query(`${what} show dev ${name}`).catch(() => '');
    const classes = await show('class');
    const qdiscs = await show('qdisc');
    tc.close();
    return parseCounters(classes, qdiscs);
  }
}
