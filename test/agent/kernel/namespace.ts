import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Bytes, BitsPerSecond } from '../../../src/core/base/units.ts';
import type { KernelCalls } from '../../../src/agent/kernel/calls.ts';
import type { KernelFeatures, KernelOptions, KernelProblem } from '../../../src/agent/kernel/kernel.ts';
import type { Result } from '../../../src/core/base/result.ts';
import type { ShapedFlow, ShapedInterface, SteeredFlow } from '../../../src/core/shaping/desired.ts';
import { ip } from '../../support/network.ts';

/** A worker cannot load TypeScript; the tests' global setup has compiled this. */
const BUILT = join(import.meta.dirname, '../../../dist/agent/kernel/kernel.js');

let counter = 0;

/** Network namespaces of one test, removed with everything in them by `clean`. */
export class Namespaces {
  readonly #names: string[] = [];

  add(purpose: string): string {
    const name = `hrt-${process.pid}-${purpose}${counter++}`;
    run('ip', 'netns', 'add', name);
    this.#names.push(name);
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }

  /** A veth pair between two namespaces with an address at each end. */
  cable(a: string, aName: string, aAddress: string, b: string, bName: string, bAddress: string): void {
    run('ip', '-n', a, 'link', 'add', aName, 'type', 'veth', 'peer', 'name', bName, 'netns', b);
    for (const [ns, dev, address] of [
      [a, aName, aAddress],
      [b, bName, bAddress],
    ] as const) {
      run('ip', '-n', ns, 'addr', 'add', address, 'dev', dev);
      run('ip', '-n', ns, 'link', 'set', dev, 'up');
    }
  }

  clean(): void {
    for (const name of this.#names.splice(0)) run('ip', 'netns', 'del', name);
  }
}

export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program in a namespace. @throws Error when it fails. */
export const inside = (ns: string, ...command: string[]): string => run('ip', 'netns', 'exec', ns, ...command);

interface SessionCalls extends KernelCalls {
  installEach: { argument: readonly ShapedFlow[]; answer: readonly Result<void, KernelProblem>[] };
  steerEach: { argument: readonly SteeredFlow[]; answer: readonly Result<void, KernelProblem>[] };
  unsteerEach: { argument: readonly string[]; answer: readonly Result<void, KernelProblem>[] };
  removeEach: { argument: readonly string[]; answer: readonly Result<void, KernelProblem>[] };
  installTimed: { argument: readonly ShapedFlow[]; answer: readonly number[] };
}

/** The built kernel part, worker and all, running in a namespace. */
export class KernelProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #next = 1;
  #said = '';

  private constructor(ns: string, options: KernelOptions) {
    const script = join(import.meta.dirname, 'session.mjs');
    const args = ['netns', 'exec', ns, process.execPath, script, BUILT, JSON.stringify(options)];
    this.#child = spawn('ip', args);
    this.#child.stderr.on('data', (chunk) => (this.#said += String(chunk)));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as { id: number; value?: unknown; error?: string };
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if (answer.error === undefined) pending?.resolve(answer.value as never);
      else pending?.reject(new Error(answer.error));
    });
    this.#child.on('close', () => {
      for (const pending of this.#pending.values())
        pending.reject(new Error(`the kernel process ended: ${this.#said}`));
      this.#pending.clear();
    });
  }

  static async start(
    ns: string,
    options: KernelOptions = {},
  ): Promise<{ kernel: KernelProcess; features: KernelFeatures }> {
    const kernel = new KernelProcess(ns, options);
    const features = await new Promise<KernelFeatures>((resolve, reject) => {
      kernel.#pending.set(0, { resolve, reject });
    });
    return { kernel, features };
  }

  call<C extends keyof SessionCalls>(
    call: C,
    argument: SessionCalls[C]['argument'],
  ): Promise<SessionCalls[C]['answer']> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, call, argument })}\n`);
    });
  }

  close(remove: boolean): Promise<null> {
    return this.call('close', { remove });
  }

  /** Ends the process the hard way. */
  kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.on('close', () => {
        resolve();
      });
      this.#child.kill('SIGKILL');
    });
  }
}

export const iface = (name: string, capacity: number): ShapedInterface => ({
  name,
  capacityBitsPerSecond: BitsPerSecond(capacity),
  mtuBytes: Bytes(1500),
  overheadBytes: Bytes(14),
});

/** A UDP flow from 10.1.0.2 to 10.2.0.2 on the given port. */
export const flow = (minor: number, rate: number, change: Partial<ShapedFlow> = {}): ShapedFlow => ({
  key: `flow-${minor}`,
  classMinor: minor,
  interface: 'eth1',
  filters: [
    {
      protocol: 17,
      source: ip('10.1.0.2'),
      sourcePort: 4000,
      destination: ip('10.2.0.2'),
      destinationPort: 5000 + (minor % 50_000),
    },
  ],
  rateBitsPerSecond: BitsPerSecond(rate),
  burstBytes: Bytes(Math.max(3000, rate / 800)),
  peakBitsPerSecond: null,
  maxFrameBytes: Bytes(1514),
  ...change,
});
