import { describe, expect, it } from 'vitest';
import type { Answer, Request } from '../../src/agent/kernel/calls.ts';
import { RemoteKernel, type KernelFeatures, type Link } from '../../src/agent/kernel/kernel.ts';
import { ok } from '../../src/core/base/result.ts';
import { BitsPerSecond, Bytes } from '../../src/core/base/units.ts';
import type { ShapedFlow } from '../../src/core/shaping/desired.ts';
import { ip } from '../support/network.ts';

const features = { tc: true, nft: 'library', missing: [] } as unknown as KernelFeatures;
const flow: ShapedFlow = {
  key: 'a',
  classMinor: 16,
  interface: 'eth0',
  filters: [{ protocol: 17, source: null, sourcePort: null, destination: ip('10.0.0.1'), destinationPort: null }],
  rateBitsPerSecond: BitsPerSecond(1_000_000),
  burstBytes: Bytes(15_000),
  peakBitsPerSecond: null,
  maxFrameBytes: Bytes(1514),
};

/** A worker that the test lets answer, or end. */
class FakeWorker implements Link {
  readonly asked: Request[] = [];
  #answer: (answer: Answer) => void = () => undefined;
  #end: (reason: string) => void = () => undefined;
  #next: (request: Request) => void = () => undefined;
  ended = false;

  post(request: Request): void {
    this.asked.push(request);
    this.#next(request);
  }
  onAnswer(listener: (answer: Answer) => void): void {
    this.#answer = listener;
  }
  onEnd(listener: (reason: string) => void): void {
    this.#end = listener;
  }
  end(): Promise<void> {
    this.ended = true;
    return Promise.resolve();
  }
  becomesReady(): void {
    this.#answer({ ready: features });
  }
  dies(reason: string): void {
    this.#end(reason);
    this.#end('and its exit as well');
  }
  /** The next request that is not answered yet. */
  async request(): Promise<Request> {
    return this.asked.shift() ?? new Promise((resolve) => (this.#next = resolve)).then(() => this.asked.shift()!);
  }
  async answersApply(): Promise<void> {
    const { id, call } = await this.request();
    expect(call).toBe('apply');
    this.#answer({ id, value: { install: [ok(undefined)], remove: [] } });
  }
  async answersReconcile(): Promise<Request> {
    const request = await this.request();
    expect(request.call).toBe('reconcile');
    this.#answer({ id: request.id, value: ok({ tcCommands: 0, filterChanges: 0, adopted: 0, problems: [] }) });
    return request;
  }
}

class Workers {
  readonly #made: FakeWorker[] = [];
  #next: (() => void) | null = null;
  readonly make = (): Link => {
    const worker = new FakeWorker();
    this.#made.push(worker);
    queueMicrotask(() => this.#next?.());
    return worker;
  };
  async one(): Promise<FakeWorker> {
    const there = this.#made.shift();
    if (there) return there;
    await new Promise<void>((resolve) => (this.#next = resolve));
    return this.#made.shift()!;
  }
}

const desired = { interfaces: [], flows: [flow] };

async function started(): Promise<{ kernel: RemoteKernel; first: FakeWorker; workers: Workers; trouble: string[] }> {
  const workers = new Workers();
  const trouble: string[] = [];
  const kernel = new RemoteKernel(workers.make, { desired: () => desired, onTrouble: (what) => trouble.push(what) });
  const first = await workers.one();
  first.becomesReady();
  await kernel.ready;
  return { kernel, first, workers, trouble };
}

describe('a kernel worker that ends', () => {
  it('is replaced: the next one compares first, then carries out what the first had not answered', async () => {
    const { kernel, first, workers, trouble } = await started();
    const installed = kernel.install(flow);
    await first.request();
    first.dies('out of memory');
    const second = await workers.one();
    second.becomesReady();
    expect((await second.answersReconcile()).argument).toEqual(desired);
    await second.answersApply();
    expect(await installed).toEqual(ok(undefined));
    expect(trouble).toEqual(['out of memory; starting another one', 'another kernel worker is at work']);
  });

  it('gives up what has ended two workers, and goes on with the rest', async () => {
    const { kernel, first, workers } = await started();
    const poison = kernel.install(flow);
    await first.request();
    first.dies('first');
    const second = await workers.one();
    second.becomesReady();
    await second.answersReconcile();
    await second.request();
    second.dies('second');
    expect(await poison).toMatchObject({ ok: false, error: { code: 'failed', detail: 'second' } });
    const third = await workers.one();
    third.becomesReady();
    await third.answersReconcile();
    const next = kernel.install({ ...flow, key: 'b' });
    await third.answersApply();
    expect(await next).toEqual(ok(undefined));
  });

  it('is replaced again when its successor cannot start; what waited meanwhile is told', async () => {
    const { kernel, first, workers } = await started();
    first.dies('first');
    const waiting = kernel.install(flow);
    (await workers.one()).dies('no threads left');
    expect(await waiting).toMatchObject({ ok: false, error: { detail: 'no threads left' } });
    const third = await workers.one();
    third.becomesReady();
    await third.answersReconcile();
    const installed = kernel.install(flow);
    await third.answersApply();
    expect(await installed).toEqual(ok(undefined));
  });

  it('does not keep the agent from stopping', async () => {
    const { kernel, first } = await started();
    first.dies('first');
    await kernel.close({ remove: false });
    expect(first.ended).toBe(true);
  });
});
