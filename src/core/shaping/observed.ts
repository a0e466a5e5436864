import type { HtbClass, Leaf, RootQdisc } from './htb.ts';

/** What hangs at an interface's root. `default`: the kernel's own; `ours`: our HTB; `foreign`: somebody else's, never touched. */
export type ObservedRoot =
  | { readonly kind: 'default' }
  | ({ readonly kind: 'ours' } & RootQdisc)
  | { readonly kind: 'foreign'; readonly description: string };

export interface ObservedClass {
  class: HtbClass;
  leaf: Leaf | null;
  /** True for what we set ourselves; what was read back has the precision of tc's output. */
  exact: boolean;
}

/** One interface as the kernel shows it. Mutable: the driver carries it forward between full readings. */
export interface ObservedInterface {
  readonly name: string;
  root: ObservedRoot;
  readonly classes: Map<number, ObservedClass>;
}

/** Our nftables table as the kernel shows it. */
export interface ObservedFilter {
  /** False when the table is absent or its chains and maps are not as ours are made: it is then rebuilt in one transaction. */
  sound: boolean;
  /** Whether there is a table of our name at all. */
  present: boolean;
  readonly interfaces: Set<string>;
  /** Element key (`map|a . b . c`) → class minor. */
  readonly elements: Map<string, number>;
  /** Maps that have a rule, in the order of the rules. */
  rules: readonly string[];
  /** Whether forwarded RSVP with router alert is dropped. */
  guard: boolean;
}

/** What the kernel shows: an interface that is asked for and absent here does not exist. */
export interface ObservedShaping {
  readonly interfaces: Map<string, ObservedInterface>;
  filter: ObservedFilter;
}

export const emptyInterface = (name: string): ObservedInterface => ({
  name,
  root: { kind: 'default' },
  classes: new Map(),
});
export const absentFilter = (): ObservedFilter => ({
  sound: false,
  present: false,
  interfaces: new Set(),
  elements: new Map(),
  rules: [],
  guard: false,
});
