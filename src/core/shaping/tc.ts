import { assertNever } from '../base/assert-never.ts';
import { BitsPerSecond, Bytes } from '../base/units.ts';
import { ROOT_HANDLE, UNHELD_RATE, type HtbClass, type Leaf, type RootQdisc } from './htb.ts';
import { emptyInterface, type ObservedInterface, type ObservedRoot } from './observed.ts';

/** One command for `tc -batch`. */
export type TcStep =
  | { readonly op: 'addRoot'; readonly dev: string; readonly root: RootQdisc }
  | { readonly op: 'deleteRoot'; readonly dev: string }
  | { readonly op: 'addClass' | 'changeClass'; readonly dev: string; readonly class: HtbClass }
  | { readonly op: 'deleteClass'; readonly dev: string; readonly minor: number }
  | { readonly op: 'setLeaf'; readonly dev: string; readonly minor: number; readonly leaf: Leaf }
  | { readonly op: 'deleteLeaf'; readonly dev: string; readonly minor: number };

const hex = (n: number): string => n.toString(16);
/** `fff0:12` of a class minor, as tc and nft write it. */
export const classId = (minor: number): string => `${hex(ROOT_HANDLE)}:${hex(minor)}`;

/** The line for `tc -batch`, without its newline. */
export function renderTc(step: TcStep): string {
  const dev = `dev ${step.dev}`;
  switch (step.op) {
    case 'addRoot': {
      const stab = step.root.stabOverheadBytes ? ` stab overhead ${step.root.stabOverheadBytes}` : '';
      // r2q only serves to guess a quantum, which is always given; 1000 keeps the kernel from warning about its guess.
      return `qdisc add ${dev} root handle ${hex(ROOT_HANDLE)}:${stab} htb default ${hex(step.root.defaultMinor)} r2q 1000`;
    }
    case 'deleteRoot':
      return `qdisc del ${dev} root`;
    case 'addClass':
    case 'changeClass': {
      const c = step.class;
      const parent = c.parent === null ? `${hex(ROOT_HANDLE)}:` : classId(c.parent);
      const overhead = c.overheadBytes ? ` overhead ${c.overheadBytes}` : '';
      return (
        `class ${step.op === 'addClass' ? 'add' : 'change'} ${dev} parent ${parent} classid ${classId(c.minor)} htb prio ${c.priority}` +
        ` rate ${c.rateBitsPerSecond}bit ceil ${c.ceilBitsPerSecond}bit burst ${c.burstBytes}b cburst ${c.ceilBurstBytes}b` +
        ` quantum ${c.quantumBytes}${overhead}`
      );
    }
    case 'deleteClass':
      return `class del ${dev} classid ${classId(step.minor)}`;
    case 'setLeaf': {
      const head = `qdisc replace ${dev} parent ${classId(step.minor)} handle ${hex(step.minor)}:`;
      const leaf = step.leaf;
      if (leaf.kind === 'bfifo') return `${head} bfifo limit ${leaf.limitBytes}b`;
      // The smaller of the two bursts is what TBF takes super-packets apart by.
      const unheld = (rate: string, burst: string): string =>
        `${rate} ${UNHELD_RATE}bit ${burst} ${leaf.largestFrameBytes}b`;
      const buckets = leaf.peak
        ? `rate ${leaf.peak.rateBitsPerSecond}bit burst ${leaf.peak.burstBytes}b ${unheld('peakrate', 'mtu')}`
        : unheld('rate', 'burst');
      return `${head} tbf ${buckets} limit ${leaf.limitBytes}b`;
    }
    case 'deleteLeaf':
      return `qdisc del ${dev} parent ${classId(step.minor)}`;
    default:
      return assertNever(step);
  }
}

/** Carries `observed` forward by a step that the kernel has accepted. */
export function applyTc(observed: ObservedInterface, step: TcStep): void {
  switch (step.op) {
    case 'addRoot':
      observed.root = { kind: 'ours', ...step.root };
      observed.classes.clear();
      return;
    case 'deleteRoot':
      observed.root = { kind: 'default' };
      observed.classes.clear();
      return;
    case 'addClass':
    case 'changeClass':
      observed.classes.set(step.class.minor, {
        class: step.class,
        leaf: observed.classes.get(step.class.minor)?.leaf ?? null,
        exact: true,
      });
      return;
    case 'deleteClass':
      observed.classes.delete(step.minor);
      return;
    case 'setLeaf':
    case 'deleteLeaf': {
      const found = observed.classes.get(step.minor);
      if (found) found.leaf = step.op === 'setLeaf' ? step.leaf : null;
      return;
    }
    default:
      assertNever(step);
  }
}

/**
 * Reads `tc -d -raw qdisc show dev X` (only with `-raw` a TBF shows its limit) and `tc -d class show dev X` (text: iproute2 6.1
 * prints HTB classes as text even with -json). Lines of other qdiscs' classes are passed over.
 */
export function parseTc(name: string, qdiscs: string, classes: string): ObservedInterface {
  const observed = emptyInterface(name);
  const leaves = new Map<number, Leaf>();
  for (const block of blocks(qdiscs, 'qdisc ')) {
    const words = block.split(/\s+/);
    const kind = words[1] ?? '';
    const handle = (words[2] ?? '').replace(/\[.*/, '');
    if (words.includes('root')) observed.root = readRoot(kind, handle, words, block);
    const minor = ourMinor(after(words, 'parent'));
    const leaf = minor === null ? null : readLeaf(kind, words);
    if (minor !== null && leaf && handle === `${hex(minor)}:`) leaves.set(minor, leaf);
  }
  for (const block of blocks(classes, 'class htb ')) {
    const read = readClass(block.split(/\s+/));
    if (read) observed.classes.set(read.minor, { class: read, leaf: leaves.get(read.minor) ?? null, exact: false });
  }
  return observed;
}

function readRoot(kind: string, handle: string, words: readonly string[], block: string): ObservedRoot {
  if (handle === '0:') return { kind: 'default' };
  if (kind !== 'htb' || handle !== `${hex(ROOT_HANDLE)}:`)
    return { kind: 'foreign', description: block.replace(/\s+/g, ' ').trim() };
  return {
    kind: 'ours',
    defaultMinor: parseInt(after(words, 'default') ?? '0', 16),
    stabOverheadBytes: Number(after(words, 'overhead') ?? 0),
  };
}

function readLeaf(kind: string, words: readonly string[]): Leaf | null {
  if (kind === 'bfifo') return { kind, limitBytes: Bytes(parseSize(after(words, 'limit'))) };
  if (kind !== 'tbf') return null;
  const limitBytes = Bytes(parseSize(after(words, 'limit')));
  const rateBitsPerSecond = BitsPerSecond(parseRate(after(words, 'rate')));
  const burstBytes = Bytes(parseSize(after(words, 'burst')));
  const peakRate = after(words, 'peakrate');
  const unheld = peakRate === undefined ? rateBitsPerSecond : parseRate(peakRate);
  // A leaf that holds by its second rate too is none of ours, and one without a limit cannot be compared.
  if (unheld !== UNHELD_RATE || Number.isNaN(limitBytes)) return null;
  if (peakRate === undefined) return { kind, peak: null, largestFrameBytes: burstBytes, limitBytes };
  // tc leaves out a second burst that is less than a step of its clock.
  const largestFrameBytes = Bytes(parseSize(after(words, 'mtu') ?? '0b'));
  return { kind, peak: { rateBitsPerSecond, burstBytes }, largestFrameBytes, limitBytes };
}

function readClass(words: readonly string[]): HtbClass | null {
  const minor = ourMinor(words[2]);
  if (minor === null) return null;
  return {
    minor,
    parent: ourMinor(after(words, 'parent')),
    priority: Number(after(words, 'prio') ?? 0),
    quantumBytes: Bytes(Number(after(words, 'quantum') ?? 0)),
    rateBitsPerSecond: BitsPerSecond(parseRate(after(words, 'rate'))),
    ceilBitsPerSecond: BitsPerSecond(parseRate(after(words, 'ceil'))),
    burstBytes: Bytes(parseSize(after(words, 'burst'))),
    ceilBurstBytes: Bytes(parseSize(after(words, 'cburst'))),
    overheadBytes: Number(after(words, 'overhead') ?? 0),
  };
}

/** Bytes and packets that a class has sent, from `tc -s class show dev X`. */
export interface ClassCounters {
  readonly minor: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly droppedPackets: number;
}

/**
 * Reads `tc -s class show dev X` and `tc -s qdisc show dev X`. Drops are those of the queue: a class does not hear of the frames
 * of a super-packet for which its queue had no room.
 */
export function parseCounters(classes: string, qdiscs: string): ClassCounters[] {
  const dropped = new Map<number, number>();
  for (const block of blocks(qdiscs, 'qdisc ')) {
    const minor = ourMinor(after(block.split(/\s+/), 'parent'));
    const sent = SENT.exec(block);
    if (minor !== null && sent) dropped.set(minor, Number(sent[3]));
  }
  return blocks(classes, 'class htb ').flatMap((block) => {
    const minor = ourMinor(block.split(/\s+/)[2]);
    const sent = SENT.exec(block);
    if (minor === null || !sent) return [];
    const droppedPackets = dropped.get(minor) ?? Number(sent[3]);
    return [{ minor, sentBytes: Number(sent[1]), sentPackets: Number(sent[2]), droppedPackets }];
  });
}

const SENT = /Sent (\d+) bytes (\d+) pkt \(dropped (\d+)/;

/** Entries that start with `head`, each with its indented continuation lines. */
function blocks(text: string, head: string): string[] {
  const found: string[] = [];
  let open = false;
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) {
      open = line.startsWith(head);
      if (open) found.push(line);
    } else if (open && line.trim() !== '') found[found.length - 1] += ` ${line}`;
  }
  return found;
}

function after(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

function ourMinor(id: string | undefined): number | null {
  const match = /^([0-9a-f]+):([0-9a-f]+)$/.exec(id ?? '');
  return match && parseInt(match[1]!, 16) === ROOT_HANDLE ? parseInt(match[2]!, 16) : null;
}

const RATE_UNITS = ['bit', 'Kbit', 'Mbit', 'Gbit', 'Tbit'];
const SIZE_UNITS = ['b', 'Kb', 'Mb', 'Gb'];

const parseRate = (text: string | undefined): number => scaled(text, RATE_UNITS, 1000);
const parseSize = (text: string | undefined): number => scaled(text, SIZE_UNITS, 1024);

function scaled(text: string | undefined, units: readonly string[], base: number): number {
  const match = /^([\d.]+)([A-Za-z]*)(\/|$)/.exec(text ?? '');
  const power = units.indexOf(match?.[2] || units[0]!);
  return match && power >= 0 ? Number(match[1]) * base ** power : NaN;
}
