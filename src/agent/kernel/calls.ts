import type { Result } from '../../core/base/result.ts';
import type { DesiredShaping, ShapedInterface } from '../../core/shaping/desired.ts';
import type { ForeignRuleset } from '../../core/shaping/foreign/ruleset.ts';
import type { BatchResults, FlowBatch } from './driver.ts';
import type { SteeringNumbers } from '../../core/shaping/steering.ts';
import type { FlowCounters, KernelFeatures, KernelProblem, ReconcileReport } from './problem.ts';
import type { Renumbering, SteeringChange } from './steering-keeper.ts';

/** What the worker can be asked, and what it answers. */
export interface KernelCalls {
  setInterfaces: { argument: readonly ShapedInterface[]; answer: Result<void, KernelProblem> };
  apply: { argument: FlowBatch; answer: BatchResults };
  reconcile: { argument: DesiredShaping; answer: Result<ReconcileReport, KernelProblem> };
  inspect: { argument: DesiredShaping; answer: Result<ReconcileReport, KernelProblem> };
  elements: { argument: null; answer: Result<ReadonlyMap<string, number>, KernelProblem> };
  ports: { argument: null; answer: readonly number[] };
  steer: { argument: SteeringChange; answer: Result<void, KernelProblem> };
  renumber: { argument: Renumbering; answer: Result<void, KernelProblem> };
  foreign: { argument: null; answer: Result<ForeignRuleset, KernelProblem> };
  stats: { argument: null; answer: readonly FlowCounters[] };
  close: { argument: { readonly remove: boolean }; answer: null };
}

export type KernelCallName = keyof KernelCalls;

export interface WorkerSettings {
  readonly nft: 'library' | 'program';
  readonly steering: SteeringNumbers;
}

/** To the worker. */
export interface Request {
  readonly id: number;
  readonly call: KernelCallName;
  readonly argument: unknown;
}

/** From the worker: once `ready`, then one answer a request. */
export type Answer =
  | { readonly ready: KernelFeatures }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };
