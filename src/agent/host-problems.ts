/** What is amiss on this host, as its server is told: a sentence each, by where it comes from. */
export class HostProblems {
  readonly #bySource = new Map<Source, readonly string[]>();
  readonly #changed: (problems: readonly string[]) => void;

  constructor(changed: (problems: readonly string[]) => void) {
    this.#changed = changed;
  }

  set(source: Source, problems: readonly string[]): void {
    this.#bySource.set(source, problems);
    this.#changed(this.all());
  }

  all(): readonly string[] {
    return [...this.#bySource.values()].flat();
  }
}

type Source = 'kernel' | 'journal' | 'identity' | 'damage';
