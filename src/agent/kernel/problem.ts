import type { Disturbance } from '../../core/shaping/disturbance.ts';

/** Why the kernel does not do what was asked. */
export interface KernelProblem {
  readonly code:
    | 'unsupported' // a program or a kernel part is missing
    | 'invalid' // a value that cannot be put into a class or a filter
    | 'unknownInterface' // not among the shaped interfaces
    | 'interfaceMissing' // no such device in this network namespace
    | 'foreignQdisc' // somebody else's root qdisc is in place
    | 'noRoom' // Σ of class rates would exceed the interface
    | 'failed'; // the kernel refused, or did something else than asked
  readonly detail: string;
}

/** What was found at start; nothing is assumed from a version number. */
export interface KernelFeatures {
  readonly tc: boolean;
  readonly nft: 'library' | 'program' | 'missing';
  /** Null: could not be tried (no right to make a network namespace). */
  readonly htb: boolean | null;
  readonly tbf: boolean | null;
  readonly bfifo: boolean | null;
  /** nftables maps to a class in postrouting. */
  readonly classifier: boolean | null;
  /** `ip option ra exists` in a forward chain. */
  readonly routerAlertGuard: boolean | null;
  /** Marks from nftables in prerouting and output, and rules that lead from a mark to a table. */
  readonly steering: boolean | null;
  /** What is missing, one sentence each. */
  readonly missing: readonly string[];
}

/** What a full comparison found and changed. */
export interface ReconcileReport {
  /** Commands given to tc; 0 when every queue was as desired. */
  readonly tcCommands: number;
  /** Changes of our nftables table; 0 when it was as desired. */
  readonly filterChanges: number;
  /** Changes of the nftables table that marks steered flows. */
  readonly steeringChanges: number;
  /** Flows and interfaces that are not enforced, with the reason. */
  readonly problems: readonly { readonly key: string; readonly problem: KernelProblem }[];
  /** What others have taken away or changed since it was put into the kernel. */
  readonly disturbances: readonly Disturbance[];
  /** Classes found in place and left as they were. */
  readonly adopted: number;
}

/** What a class has done since it was made. */
export interface FlowCounters {
  readonly interface: string;
  /** The flow's key; null for best effort, RSVP and the parent. */
  readonly key: string | null;
  readonly minor: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly droppedPackets: number;
}
