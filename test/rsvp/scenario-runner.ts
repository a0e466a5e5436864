import type { IpAddress } from '../../src/core/base/ip.ts';
import type { EngineInput, FlowKey } from '../../src/core/rsvp/engine/types.ts';
import { Network, type Node, type Sent, type Verdict } from '../core/rsvp/engine/network.ts';
import { COMMANDS } from './scenario-commands.ts';
import { commandsOf, isBlock, parseScenario, printScenario, type Block } from './scenario-file.ts';
import { happeningText, messageName, type Detail } from './scenario-trace.ts';
import { flowWithoutName, Words } from './scenario-values.ts';

/** A message that the network loses: the next `times` of that kind on that way. */
interface Drop {
  readonly from: string;
  readonly to: string;
  /** `*`: every kind. */
  readonly kind: string;
  times: number;
}

/** One running scenario. Commands change it and write what they show to `lines`. */
export class Scenario {
  readonly detail: Detail = { adspec: false, names: new Map() };
  readonly flows = new Map<string, FlowKey>();
  readonly drops: Drop[] = [];
  /** Messages of a kind that wait on a way, by `from>to`. */
  readonly held = new Map<string, { readonly kind: string; readonly sent: Sent[] }>();
  lines: string[] = [];
  /** While set, messages are counted here and not shown one by one. */
  counted: Map<string, number> | null = null;
  started = false;
  readonly #seed: number;
  #network: Network | null = null;
  #start = 0;
  #told = 0;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  get network(): Network {
    if (this.#network !== null) return this.#network;
    const network = new Network({ seed: this.#seed });
    this.#start = network.now;
    this.#network = network;
    network.loses = (sent, to) => this.#isDropped(sent, to);
    network.watch = (happening) => {
      if (happening.type === 'message' && this.counted !== null) {
        const name = `${messageName(happening.sent)}${happening.lost ? ' lost' : ''}`;
        this.counted.set(name, (this.counted.get(name) ?? 0) + 1);
        return;
      }
      const text = happeningText(happening, this.detail);
      if (text !== null) this.lines.push(`${this.clock()} ${text}`);
    };
    return network;
  }

  /** Seconds since the scenario began. */
  clock(): string {
    return ((this.network.now - this.#start) / 1_000).toFixed(3).padStart(9);
  }

  node(name: string): Node {
    const node = this.network.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  verdict(text: string): Exclude<Verdict, 'hold'> {
    const match = /^(\d+)\/(\d+)$/.exec(text);
    if (match === null) throw new Error(`${text} is not ERROR-CODE/VALUE`);
    return { errorCode: Number(match[1]), errorValue: Number(match[2]) };
  }

  /** A flow by its name or in full. */
  flow(words: Words): FlowKey {
    const name = words.next('flow');
    return this.flows.get(name) ?? flowWithoutName(name, words);
  }

  /** The last message of a kind that went from one node to another. */
  last(from: string, to: string, kind: string): Sent {
    const found = this.network.sent.findLast(
      (sent) => sent.node === from && messageName(sent) === kind && this.#receiver(sent)?.name === to,
    );
    if (found === undefined) throw new Error(`no ${kind} went from ${from} to ${to}`);
    return found;
  }

  /** How many messages of each type went each way since this was asked last. */
  newMessages(): string[] {
    const counts = new Map<string, number>();
    for (const sent of this.network.sent.slice(this.#told)) {
      const key = `${messageName(sent).padEnd(9)} ${sent.node}>${this.#receiver(sent)?.name ?? '?'}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    this.#told = this.network.sent.length;
    return [...counts].map(([key, n]) => `${key} ${n}`).sort();
  }

  run(line: string): void {
    const words = new Words(line);
    const name = words.next('command');
    const command = COMMANDS[name];
    if (command === undefined) throw new Error(`a command ${name} is not known`);
    command(this, words);
    words.end();
  }

  #receiver(sent: Sent): Node | undefined {
    const from = this.node(sent.node);
    return this.network.linkOf(from, sent.send.interface)?.ends.find(({ node }) => node !== from)?.node;
  }

  /** What a message is when it arrives at the other end of its link. */
  arriving({ node, send }: Sent, to: string): EngineInput & { readonly type: 'packet' } {
    const link = this.network.linkOf(this.node(node), send.interface);
    const end = link?.ends.find((each) => each.node.name === to);
    if (end === undefined) throw new Error(`${to} is not at the end of that link`);
    const { source, destination, ttl, bytes } = send;
    return { type: 'packet', interface: end.interface, source, destination, ttl, bytes };
  }

  #isDropped(sent: Sent, to: Node): boolean {
    const name = messageName(sent);
    const held = this.held.get(`${sent.node}>${to.name}`);
    if (held?.kind === name) {
      held.sent.push(sent);
      return true;
    }
    const drop = this.drops.find(
      (each) => each.times > 0 && each.from === sent.node && each.to === to.name && [name, '*'].includes(each.kind),
    );
    if (drop !== undefined) drop.times--;
    return drop !== undefined;
  }
}

export const address = (text: string): IpAddress => text as IpAddress;

/** Runs a scenario file and returns it with what its commands really show. */
export function runScenario(text: string): string {
  const scenario = new Scenario();
  const parts = parseScenario(text);
  return printScenario(parts.map((part) => (isBlock(part) ? { ...part, expected: runBlock(scenario, part) } : part)));
}

function runBlock(scenario: Scenario, block: Block): string[] {
  scenario.lines = [];
  for (const line of commandsOf(block)) {
    try {
      scenario.run(line);
    } catch (cause) {
      throw new Error(`line ${block.line}: ${line}: ${(cause as Error).message}`, { cause });
    }
  }
  return scenario.lines.length > 0 ? scenario.lines : ['(nothing)'];
}
