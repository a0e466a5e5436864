/** Why a configuration is refused: a sentence that names the field. */
export class Problem extends Error {
  override readonly name = 'Problem';
}

/** An object of a parsed configuration, read field by field; what is left over in the end is refused. */
export class ConfigObject {
  readonly #fields: Map<string, unknown>;
  readonly #path: string;

  private constructor(fields: object, path: string) {
    this.#fields = new Map(Object.entries(fields));
    this.#path = path;
  }

  /** @throws Problem */
  static of(value: unknown, path: string): ConfigObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Problem(`${path === '' ? 'the document' : path} must be an object`);
    }
    return new ConfigObject(value, path);
  }

  problem(name: string, what: string): Problem {
    return new Problem(`${this.#at(name)} ${what}`);
  }

  boolean(name: string): boolean | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    if (typeof value !== 'boolean') throw this.problem(name, `is ${JSON.stringify(value)}, not true or false`);
    return value;
  }

  integer(name: string, least: number, most: number): number | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw this.problem(name, `is ${JSON.stringify(value)}, not a whole number from ${least} to ${most}`);
    }
    return value;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === null) throw this.problem(name, 'is missing');
    return value;
  }

  /** The value is not repeated in a problem: it may be a secret. */
  optionalText(name: string): string | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    if (typeof value !== 'string' || value === '') throw this.problem(name, 'must be a text that is not empty');
    return value;
  }

  object(name: string): ConfigObject | null {
    const value = this.#take(name);
    return value === undefined ? null : ConfigObject.of(value, this.#at(name));
  }

  list(name: string): ConfigObject[] {
    const value = this.#take(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.problem(name, 'must be a list');
    return value.map((each, i) => ConfigObject.of(each, `${this.#at(name)}[${i}]`));
  }

  /** @throws Problem for a field that nobody asked for. */
  end(): void {
    for (const name of this.#fields.keys()) throw this.problem(name, 'is not known');
  }

  #take(name: string): unknown {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}
