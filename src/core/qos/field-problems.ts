import type { FieldProblem } from './request.ts';

/** Collects what is wrong with a request, so that a caller learns everything at once. */
export class FieldProblems {
  readonly #list: FieldProblem[] = [];

  get list(): readonly FieldProblem[] {
    return this.#list;
  }

  /** Not of its kind, unknown, or not allowed beside another field. */
  invalid(field: string, value: unknown, problem: string): void {
    this.#list.push({ field, value, code: 'INVALID_ARGUMENT', problem });
  }

  /** Well-formed, but outside its range or in contradiction to another field. */
  outOfRange(field: string, value: unknown, problem: string): void {
    this.#list.push({ field, value, code: 'OUT_OF_RANGE', problem });
  }

  /** @returns the value when it is an integer from min to max, else null and a problem. */
  integer(field: string, value: unknown, min: number, max: number): number | null {
    const range = `must be an integer from ${min} to ${max}`;
    if (typeof value !== 'number' || !Number.isInteger(value)) this.invalid(field, value, range);
    else if (value < min || value > max) this.outOfRange(field, value, range);
    // Adding 0 turns −0 into 0.
    else return value + 0;
    return null;
  }

  /** @returns the value when it is one of the choices, else null and a problem. */
  oneOf<T extends string>(field: string, value: unknown, choices: readonly T[]): T | null {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.invalid(field, value, `must be ${choices.join(' or ')}`);
    return found ?? null;
  }
}
