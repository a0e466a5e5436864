import type { IpAddress } from '../base/ip.ts';

/** Which bits of a packet's mark and which routing tables are ours; nothing else is written, matched or taken away. */
export interface SteeringNumbers {
  /** Contiguous bits of the 32 of a mark. */
  readonly mask: number;
  /** Neighbour n has the table `firstTable + n`, n from 1 on. */
  readonly firstTable: number;
}

export const DEFAULT_STEERING: SteeringNumbers = { mask: 0x00ff0000, firstTable: 42_000 };

/** Of the rules that lead from a mark to its table: after the kernel's table of local addresses, before the main one. */
export const RULE_PREFERENCE = 21_000;
/** What our rules and routes say of their origin, as routing daemons do (rtnetlink(7), rtm_protocol). */
export const ROUTE_PROTOCOL = 72;

/** A neighbour that flows are steered to, with its number on this node. */
export interface Neighbour {
  readonly number: number;
  readonly interface: string;
  readonly nextHop: IpAddress;
}

/** How many neighbours there can be: every value of the bits but 0, which means "not ours". */
export const neighbourLimit = ({ mask }: SteeringNumbers): number => (mask >>> 0) / lowestBit(mask);

/** The mark of a neighbour's packets, within the mask. */
export const markOf = ({ mask }: SteeringNumbers, number: number): number => (number * lowestBit(mask)) >>> 0;

export const tableOf = ({ firstTable }: SteeringNumbers, number: number): number => firstTable + number;

/** Why these numbers cannot be used, in a sentence; null = they can. */
export function steeringProblem({ mask, firstTable }: SteeringNumbers): string | null {
  if (!Number.isInteger(mask) || mask < 1 || mask > 0xffffffff) return `the mask ${mask} is not within 1 … 0xffffffff`;
  const limit = neighbourLimit({ mask, firstTable });
  if (!Number.isInteger(limit) || ((limit + 1) & limit) !== 0) return `the bits of the mask are not contiguous`;
  // Tables 253 to 255 are the kernel's own; names in /etc/iproute2/rt_tables usually lie below 256.
  if (!Number.isInteger(firstTable) || firstTable < 255 || firstTable + limit > 0xffffffff)
    return `the first table ${firstTable} is not within 255 … ${0xffffffff - limit}`;
  return null;
}

const lowestBit = (mask: number): number => (mask & -mask) >>> 0;

/** A rule `fwmark <mark>/<mask> lookup <table>` of ours. */
export interface SteeringRule {
  readonly mark: number;
  readonly mask: number;
  readonly table: number;
}

/** The default route of one of our tables. */
export interface SteeringRoute {
  readonly table: number;
  readonly interface: string;
  readonly gateway: IpAddress;
}

export interface SteeringRoutes {
  readonly rules: readonly SteeringRule[];
  readonly routes: readonly SteeringRoute[];
}

export type SteeringStep =
  | { readonly op: 'addRule' | 'deleteRule'; readonly rule: SteeringRule }
  /** In place of another one of the table. */
  | { readonly op: 'setRoute' | 'deleteRoute'; readonly route: SteeringRoute };

/**
 * The smallest change from the rules and routes of ours that are there to those that are wanted. A table is filled before a
 * rule leads to it, and the rule goes before the table is emptied: in between packets follow the routes of everybody.
 */
export function planRoutes(
  neighbours: Iterable<Neighbour>,
  observed: SteeringRoutes,
  numbers: SteeringNumbers,
): readonly SteeringStep[] {
  const wanted = new Map([...neighbours].map((each) => [tableOf(numbers, each.number), each]));
  const routes = new Map(observed.routes.map((route) => [route.table, route]));
  const steps: SteeringStep[] = [];
  const right = new Set<number>();
  for (const rule of observed.rules) {
    const neighbour = wanted.get(rule.table);
    const same = neighbour && rule.mark === markOf(numbers, neighbour.number) && rule.mask === numbers.mask;
    if (same && !right.has(rule.table)) right.add(rule.table);
    else steps.push({ op: 'deleteRule', rule });
  }
  for (const route of observed.routes) if (!wanted.has(route.table)) steps.push({ op: 'deleteRoute', route });
  for (const [table, { number, interface: name, nextHop }] of wanted) {
    const there = routes.get(table);
    if (there?.interface !== name || there.gateway !== nextHop) {
      steps.push({ op: 'setRoute', route: { table, interface: name, gateway: nextHop } });
    }
    if (!right.has(table)) {
      steps.push({ op: 'addRule', rule: { mark: markOf(numbers, number), mask: numbers.mask, table } });
    }
  }
  return steps;
}
