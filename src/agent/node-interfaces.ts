import { prefixContains, type IpAddress } from '../core/base/ip.ts';
import { Bytes } from '../core/base/units.ts';
import type { EngineInterface } from '../core/rsvp/engine/types.ts';
import type { ShapedInterface } from '../core/shaping/desired.ts';
import { engineInterfaces, shapedInterfaces } from './host-report.ts';
import type { InterfaceSettings } from './interface-settings.ts';
import type { Journal } from './journal.ts';
import type { HostNetwork } from './netlink/host-network.ts';

const PREFIX = 'interface/';

/** What the topology says of this node's interfaces, kept in the journal, joined with what the host says of them. */
export class NodeInterfaces {
  readonly #journal: Journal;
  readonly #network: HostNetwork;
  #settings: readonly InterfaceSettings[];
  #shaped: ReadonlySet<string> = new Set();

  constructor(journal: Journal, network: HostNetwork) {
    this.#journal = journal;
    this.#network = network;
    this.#settings = [...journal.entries(PREFIX)].map(([, value]) => value as InterfaceSettings);
  }

  /** Replaces all of them. */
  set(settings: readonly InterfaceSettings[]): void {
    const gone = this.#settings.filter((old) => !settings.some((one) => one.name === old.name));
    for (const { name } of gone) this.#journal.delete(PREFIX + name);
    for (const one of settings) this.#journal.put(PREFIX + one.name, one);
    this.#settings = settings;
  }

  /** Those that RSVP can speak on. */
  forEngine(): EngineInterface[] {
    return engineInterfaces(this.#network.interfaces(), this.#settings);
  }

  /** Those that the kernel shapes. */
  toShape(): ShapedInterface[] {
    return shapedInterfaces(this.#network.interfaces(), this.#settings);
  }

  /** Whether an interface can be shaped that could not at the call before; one that was made anew under its name is another. */
  hasNew(shaped: readonly ShapedInterface[]): boolean {
    const there = new Map(this.#network.interfaces().map(({ name, index }) => [name, index]));
    const names = shaped.map(({ name }) => `${there.get(name)} ${name}`);
    const appeared = names.some((name) => !this.#shaped.has(name));
    this.#shaped = new Set(names);
    return appeared;
  }

  /** Whether RSVP can speak on it. */
  isUsable(name: string): boolean {
    return this.#network.interfaces().some((one) => one.name === name && one.up && one.addresses.length > 0);
  }

  /** Whether an address is on the link of an interface that is up. */
  isOnLink(address: IpAddress): boolean {
    return this.#network
      .interfaces()
      .some((one) => one.up && one.addresses.some((each) => prefixContains(each, address)));
  }

  /** The largest IP packet that an interface takes; infinite for one that is not there. */
  mtu(name: string): Bytes {
    return Bytes(this.#network.interfaces().find((one) => one.name === name)?.mtuBytes ?? Infinity);
  }

  /** Bytes that the books add to each IP packet; 0 for an interface that they do not know. */
  overhead(name: string): Bytes {
    return Bytes(this.#settings.find((one) => one.name === name)?.overheadBytes ?? 0);
  }
}
