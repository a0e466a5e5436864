/** What is wrong with one field of a document. */
export interface FieldProblem {
  /** Where, as a path: `links[3].capacityBitsPerSecond`; empty for the document itself. */
  readonly field: string;
  /** The value found: a scalar as it was (long text cut), otherwise what kind of thing it was. */
  readonly value: string | number | boolean | null;
  /** A sentence fragment for people: `must be an integer from 1 to 9007199254740991`. */
  readonly problem: string;
}

/** Problems kept in one list: a hostile document of a million faults must not become an answer of a million lines. */
const MAX_PROBLEMS = 1000;

/** Collects the problems of one document. */
export class Problems {
  readonly #list: FieldProblem[] = [];
  #total = 0;

  add(field: string, value: unknown, problem: string): void {
    this.#total++;
    if (this.#list.length < MAX_PROBLEMS) this.#list.push({ field, value: shown(value), problem });
  }

  get count(): number {
    return this.#total;
  }

  /** All of them; beyond 1000 a last entry counts the rest. */
  list(): readonly FieldProblem[] {
    const more = this.#total - this.#list.length;
    return more === 0 ? this.#list : [...this.#list, { field: '', value: more, problem: `${more} more problems` }];
  }
}

function shown(value: unknown): string | number | boolean | null {
  if (typeof value === 'string') return value.length > 200 ? `${value.slice(0, 200)}…` : value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'bigint') return String(value);
  return value === undefined ? 'missing' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the members of one object and reports what does not fit. Every read returns a usable value, so that reading goes
 * on to the next fault; the caller looks at `problems.count` in the end. Nothing is converted: "5" is not 5.
 */
export class FieldReader {
  readonly path: string;
  readonly #object: JsonObject;
  readonly #problems: Problems;
  readonly #isObject: boolean;

  /** Members that are not in `known` are reported. A value that is no object is reported and read as empty. */
  constructor(value: unknown, path: string, known: readonly string[], problems: Problems) {
    this.path = path;
    this.#problems = problems;
    this.#isObject = isObject(value);
    this.#object = isObject(value) ? value : {};
    if (!this.#isObject) problems.add(path, value, 'must be an object');
    for (const name of Object.keys(this.#object)) {
      if (!known.includes(name))
        problems.add(this.at(name), this.#object[name], `is not a known field; known are ${known.join(', ')}`);
    }
  }

  /** False when the value was no object: its members are then not worth reporting as missing. */
  get isObject(): boolean {
    return this.#isObject;
  }

  /** The same object with one member set; reports go to the same list, unknown members are not reported again. */
  with(name: string, value: unknown): FieldReader {
    const object = { ...this.#object, [name]: value };
    return new FieldReader(object, this.path, Object.keys(object), this.#problems);
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name) && this.#object[name] !== undefined;
  }

  raw(name: string): unknown {
    return this.has(name) ? this.#object[name] : undefined;
  }

  /** Reports a member, unless there was no object to have it: that is already reported. */
  report(name: string, problem: string): void {
    if (this.#isObject) this.#problems.add(this.at(name), this.raw(name), problem);
  }

  /** An integer in [min, max]; `fallback` when absent, and the field is required when there is none. */
  integer(name: string, min: number, max: number, fallback?: number): number {
    return this.#number(name, min, max, fallback, Number.isSafeInteger, 'an integer');
  }

  number(name: string, min: number, max: number, fallback?: number): number {
    return this.#number(name, min, max, fallback, Number.isFinite, 'a number');
  }

  /** Text that matches the pattern; `meaning` describes the pattern for people. */
  text(name: string, pattern: RegExp, meaning: string, fallback?: string): string {
    if (!this.has(name) && fallback !== undefined) return fallback;
    const value = this.raw(name);
    if (typeof value === 'string' && pattern.test(value)) return value;
    this.report(name, value === undefined ? `is missing; it must be ${meaning}` : `must be ${meaning}`);
    return fallback ?? '';
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    if (!this.has(name)) return fallback;
    const value = this.raw(name);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.report(name, `must be one of ${choices.join(', ')}`);
    return found ?? fallback;
  }

  /** The members of an array with their paths; absent is empty unless `required`. */
  array(
    name: string,
    maxLength: number,
    required = false,
  ): readonly { readonly value: unknown; readonly path: string }[] {
    const value = this.raw(name);
    if (value === undefined && !required) return [];
    if (!Array.isArray(value)) {
      this.report(name, value === undefined ? 'is missing; it must be an array' : 'must be an array');
      return [];
    }
    if (value.length > maxLength) {
      this.report(name, `must have at most ${maxLength} members`);
      return [];
    }
    return Array.from(value, (member: unknown, i) => ({ value: member, path: `${this.at(name)}[${i}]` }));
  }

  /** Free labels: at most 64, keys like names, values of at most 255 characters without control characters. */
  labels(name: string): Readonly<Record<string, string>> {
    const value = this.raw(name);
    if (value === undefined) return {};
    if (!isObject(value)) {
      this.report(name, 'must be an object of texts');
      return {};
    }
    const entries = Object.entries(value);
    if (entries.length > 64) this.report(name, 'must have at most 64 labels');
    const good = entries.filter((entry): entry is [string, string] => {
      const problem = labelProblem(entry[0], entry[1]);
      if (problem) this.#problems.add(`${this.at(name)}.${entry[0].slice(0, 100)}`, entry[1], problem);
      return problem === undefined;
    });
    return Object.fromEntries(good);
  }

  #number(
    name: string,
    min: number,
    max: number,
    fallback: number | undefined,
    fits: (n: number) => boolean,
    kind: string,
  ): number {
    if (!this.has(name) && fallback !== undefined) return fallback;
    const value = this.raw(name);
    // Adding 0 turns −0 into 0, which would not survive printing.
    if (typeof value === 'number' && fits(value) && value >= min && value <= max) return value + 0;
    this.report(name, `${value === undefined ? 'is missing; it ' : ''}must be ${kind} from ${min} to ${max}`);
    return fallback ?? min;
  }
}

function labelProblem(key: string, value: unknown): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/.test(key)) {
    return 'has a key that is not 1 to 63 letters, digits, dots, dashes, underscores or slashes';
  }
  // Control characters and lone surrogates cannot be stored as text in the database.
  if (typeof value !== 'string' || value.length > 255 || /[\p{Cc}\p{Cs}]/u.test(value)) {
    return 'must be text of at most 255 characters without control characters';
  }
  return undefined;
}
