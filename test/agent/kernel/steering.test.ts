import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FlowFilter, SteeredFlow } from '../../../src/core/shaping/desired.ts';
import { DEFAULT_STEERING } from '../../../src/core/shaping/steering.ts';
import { absentSteering, parseSteering, type SteeringTable } from '../../../src/core/shaping/steering-nft.ts';
import { ip } from '../../support/network.ts';
import { requires } from '../../support/requires.ts';
import { flow, iface, inside, KernelProcess, Namespaces } from './namespace.ts';

const M = 1_000_000;
const filter = (port: number, more: Partial<FlowFilter> = {}): FlowFilter => ({
  ...{ protocol: 17, source: ip('10.1.0.2'), sourcePort: port },
  ...{ destination: ip('10.2.0.2'), destinationPort: port },
  ...more,
});
const steered = (port: number, neighbour: number, more: Partial<FlowFilter> = {}): SteeredFlow => ({
  key: `flow ${port}`,
  filter: filter(port, more),
  neighbour,
});

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('marks in the kernel', () => {
  const namespaces = new Namespaces();
  let ns: string;
  let running: KernelProcess[] = [];
  const start = async (options = {}): Promise<KernelProcess> => {
    const { kernel, features } = await KernelProcess.start(ns, options);
    expect(features).toMatchObject({ steering: true, missing: [] });
    running.push(kernel);
    return kernel;
  };
  const tables = (): string => inside(ns, 'nft', 'list', 'tables');
  const list = (): string => inside(ns, 'nft', '-n', '-j', '-a', 'list', 'table', 'inet', 'headroom_steering');
  const table = (): SteeringTable =>
    tables().includes('headroom_steering') ? parseSteering(list(), DEFAULT_STEERING) : absentSteering();
  const good = { ok: true };

  beforeEach(() => {
    ns = namespaces.add('s');
    running = [];
  });
  afterEach(async () => {
    for (const kernel of running) await kernel.kill();
    namespaces.clean();
  });

  it.each(['library', 'program'] as const)(
    'are what was asked for, in every form of filter, by the %s',
    async (nft) => {
      const kernel = await start({ nft });
      const flows = [
        steered(1, 1),
        steered(2, 2, { sourcePort: null }),
        steered(3, 255, { sourcePort: null, destinationPort: null, protocol: 6 }),
        steered(4, 1, { source: null, sourcePort: null }),
        steered(5, 3, { source: null, sourcePort: null, destinationPort: null, protocol: 132 }),
      ];
      expect(await kernel.call('steerEach', flows)).toEqual(flows.map(() => good));
      expect(table()).toEqual({
        sound: true,
        present: true,
        elements: new Map([
          ['v4_full|17 . 10.1.0.2 . 1 . 10.2.0.2 . 1', 1],
          ['v4_from_to_port|17 . 10.1.0.2 . 10.2.0.2 . 2', 2],
          ['v4_from_to|6 . 10.1.0.2 . 10.2.0.2', 255],
          ['v4_to_port|17 . 10.2.0.2 . 4', 1],
          ['v4_to|132 . 10.2.0.2', 3],
        ]),
        chains: new Set([1, 2, 3, 255]),
        rules: ['v4_full', 'v4_from_to_port', 'v4_from_to', 'v4_to_port', 'v4_to'],
      });
      // To another neighbour in place; the chain of the last that left goes.
      expect(
        await kernel.call('steerEach', [steered(3, 2, { sourcePort: null, destinationPort: null, protocol: 6 })]),
      ).toEqual([good]);
      expect(table().chains).toEqual(new Set([1, 2, 3]));
      expect(
        await kernel.call(
          'unsteerEach',
          flows.map(({ key }) => key),
        ),
      ).toEqual(flows.map(() => good));
      expect(tables()).not.toContain('steering');
      expect(await kernel.call('unsteerEach', ['never was'])).toEqual([good]);
    },
  );

  it('refuse what is no flow, alone', async () => {
    const kernel = await start();
    const [bad] = await kernel.call('steerEach', [steered(1, 1, { protocol: 0 })]);
    expect(bad).toMatchObject({ ok: false, error: { code: 'invalid' } });
    expect(await kernel.call('steerEach', [steered(2, 1)])).toEqual([good]);
    expect([...table().elements.keys()]).toEqual(['v4_full|17 . 10.1.0.2 . 2 . 10.2.0.2 . 2']);
  });

  it('of a killed predecessor are adopted as they are, and what is not wanted goes with the comparison', async () => {
    const first = await start();
    const interfaces: never[] = [];
    await first.call('reconcile', { interfaces, flows: [], steered: [steered(1, 1), steered(2, 2)] });
    const before = list();
    await first.kill();
    const second = await start();
    // Before the comparison nothing of the predecessor is touched, even where something new is asked for.
    await second.call('steerEach', [steered(3, 2)]);
    expect(table().elements.size).toBe(3);
    const same = { interfaces, flows: [], steered: [steered(1, 1), steered(2, 2)] };
    expect(await second.call('reconcile', same)).toMatchObject({ ok: true, value: { steeringChanges: 1 } });
    expect(table()).toEqual(parseSteering(before, DEFAULT_STEERING));
    expect(await second.call('reconcile', same)).toMatchObject({ ok: true, value: { steeringChanges: 0 } });
    expect(await second.call('reconcile', { interfaces, flows: [] })).toMatchObject({ ok: true });
    expect(tables()).not.toContain('steering');
  });

  it.each([
    ['a rule flushed', 'flush chain inet headroom_steering output'],
    ['a rule of somebody', 'add rule inet headroom_steering prerouting counter'],
    ['another mark', 'flush chain inet headroom_steering to_1; add rule inet headroom_steering to_1 meta mark set 7'],
    ['an element taken', 'flush map inet headroom_steering v4_full'],
    ['the table deleted', 'delete table inet headroom_steering'],
  ])('are mended: %s', async (_, damage) => {
    const kernel = await start();
    const desired = { interfaces: [], flows: [], steered: [steered(1, 1), steered(2, 2)] };
    await kernel.call('reconcile', desired);
    const right = table();
    inside(ns, 'nft', damage);
    expect(table()).not.toEqual(right);
    expect(await kernel.call('reconcile', desired)).toMatchObject({ ok: true });
    expect(table()).toEqual(right);
    // Also where it is found out by the next change.
    inside(ns, 'nft', 'delete table inet headroom_steering');
    expect(await kernel.call('steerEach', [steered(3, 1)])).toEqual([good]);
    expect(table()).toMatchObject({ sound: true });
    expect(table().elements.size).toBe(3);
  });

  it('leave the classifier alone, and go with it at an orderly end', async () => {
    const far = namespaces.add('f');
    namespaces.cable(ns, 'eth1', '10.2.0.1/24', far, 'eth0', '10.2.0.2/24');
    const kernel = await start();
    const desired = { interfaces: [iface('eth1', 100 * M)], flows: [flow(16, M)], steered: [steered(1, 1)] };
    await kernel.call('reconcile', desired);
    const classifier = inside(ns, 'nft', '-a', 'list', 'table', 'inet', 'headroom');
    await kernel.call('unsteerEach', ['flow 1']);
    await kernel.call('steerEach', [steered(2, 1)]);
    expect(inside(ns, 'nft', '-a', 'list', 'table', 'inet', 'headroom')).toBe(classifier);
    await kernel.close(true);
    expect(tables()).toBe('');
  });

  it('of thousands of flows are as many elements', async () => {
    const kernel = await start();
    const flows = Array.from({ length: 5_000 }, (_, i) => steered(1 + i, 1 + (i % 200)));
    expect((await kernel.call('steerEach', flows)).every((each) => each.ok)).toBe(true);
    expect(table()).toMatchObject({ sound: true });
    expect(table().elements.size).toBe(5_000);
    await kernel.call(
      'unsteerEach',
      flows.map(({ key }) => key),
    );
    expect(tables()).not.toContain('steering');
  });
});
