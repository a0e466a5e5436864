import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes } from '../../../src/core/base/units.ts';
import { parseNft } from '../../../src/core/shaping/nft.ts';
import type { ObservedFilter, ObservedInterface } from '../../../src/core/shaping/observed.ts';
import { parseTc } from '../../../src/core/shaping/tc.ts';
import { ip } from '../../support/network.ts';
import { requires } from '../../support/requires.ts';
import { flow, iface, inside, KernelProcess, Namespaces, run } from './namespace.ts';

const M = 1_000_000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('the kernel', () => {
  const namespaces = new Namespaces();
  let ns: string;
  let far: string;
  let running: KernelProcess[] = [];

  const start = async (options = {}): Promise<KernelProcess> => {
    const { kernel } = await KernelProcess.start(ns, options);
    running.push(kernel);
    return kernel;
  };
  const queues = (dev = 'eth1'): ObservedInterface =>
    parseTc(
      dev,
      inside(ns, 'tc', '-d', '-raw', 'qdisc', 'show', 'dev', dev),
      inside(ns, 'tc', '-d', 'class', 'show', 'dev', dev),
    );
  const filter = (): ObservedFilter => parseNft(inside(ns, 'nft', '-n', '-j', 'list', 'table', 'inet', 'headroom'));
  const minors = (dev?: string): number[] => [...queues(dev).classes.keys()].sort((a, b) => a - b);
  const childSum = (dev?: string): number =>
    [...queues(dev).classes.values()]
      .filter((c) => c.class.parent === 1)
      .reduce((sum, c) => sum + c.class.rateBitsPerSecond, 0);

  beforeEach(() => {
    ns = namespaces.add('k');
    far = namespaces.add('f');
    namespaces.cable(ns, 'eth1', '10.2.0.1/24', far, 'eth0', '10.2.0.2/24');
    namespaces.cable(ns, 'eth2', '10.3.0.1/24', far, 'eth1', '10.3.0.2/24');
    running = [];
  });
  afterEach(async () => {
    for (const kernel of running) await kernel.kill();
    namespaces.clean();
  });

  it('finds out what this machine can do', async () => {
    const { kernel, features } = await KernelProcess.start(ns);
    running.push(kernel);
    expect(features).toMatchObject({
      tc: true,
      nft: 'library',
      htb: true,
      bfifo: true,
      classifier: true,
      routerAlertGuard: true,
    });
    expect(features.missing).toEqual([]);
  });

  it.each(['library', 'program'] as const)(
    'installs, changes and removes a flow, nftables through the %s',
    async (nft) => {
      const kernel = await start({ nft });
      await kernel.call('reconcile', { interfaces: [], flows: [] });
      expect(await kernel.call('setInterfaces', [iface('eth1', 100 * M), iface('eth2', 1000 * M)])).toEqual({
        ok: true,
      });
      expect(minors()).toEqual([1, 2, 3]);
      expect(childSum()).toBe(100 * M);
      expect(filter()).toMatchObject({ sound: true, guard: true, rules: [], interfaces: new Set(['eth1', 'eth2']) });

      expect(await kernel.call('installEach', [flow(0x10, 20 * M)])).toEqual([{ ok: true }]);
      const found = queues().classes.get(0x10);
      expect(found?.class).toMatchObject({
        parent: 1,
        rateBitsPerSecond: 20 * M,
        ceilBitsPerSecond: 20 * M,
        priority: 1,
        quantumBytes: 1514,
      });
      expect(found?.leaf).toMatchObject({ kind: 'tbf', peak: null, limitBytes: 250_000 });
      expect(childSum()).toBe(100 * M);
      expect(filter().rules).toEqual(['v4_full']);
      expect([...filter().elements]).toEqual([['v4_full|17 . 10.1.0.2 . 4000 . 10.2.0.2 . 5016', 0x10]]);

      expect(
        await kernel.call('installEach', [flow(0x10, 30 * M, { peakBitsPerSecond: BitsPerSecond(40 * M) })]),
      ).toEqual([{ ok: true }]);
      expect(queues().classes.get(0x10)?.class.rateBitsPerSecond).toBe(30 * M);
      expect(queues().classes.get(0x10)?.leaf).toMatchObject({ peak: { rateBitsPerSecond: 40 * M } });
      expect(childSum()).toBe(100 * M);

      expect(await kernel.call('removeEach', ['flow-16', 'never-there'])).toEqual([{ ok: true }, { ok: true }]);
      expect(minors()).toEqual([1, 2, 3]);
      expect(filter()).toMatchObject({ rules: [], elements: new Map() });
      expect(childSum()).toBe(100 * M);

      await kernel.close(true);
      expect(queues()).toMatchObject({ root: { kind: 'default' } });
      expect(inside(ns, 'nft', 'list', 'tables')).toBe('');
    },
  );

  it('puts every form of filter into its map, most specific first', async () => {
    const kernel = await start();
    await kernel.call('setInterfaces', [iface('eth1', 100 * M)]);
    const [a, b, v6] = [ip('10.1.0.2'), ip('10.2.0.2'), ip('2001:db8::2')];
    const any = { sourcePort: null, destinationPort: null };
    const filters = [
      { protocol: 17, source: null, destination: b, ...any },
      { protocol: 6, source: null, destination: b, sourcePort: null, destinationPort: 80 },
      { protocol: 47, source: a, destination: b, ...any },
      { protocol: 17, source: a, destination: b, sourcePort: null, destinationPort: 80 },
      { protocol: 17, source: ip('2001:db8::1'), destination: v6, sourcePort: 1, destinationPort: 80 },
      { protocol: 132, source: a, destination: b, sourcePort: 1, destinationPort: 80 },
    ];
    expect(await kernel.call('installEach', [flow(0x10, M, { filters })])).toEqual([{ ok: true }]);
    expect(filter().rules).toEqual(['v4_full', 'v4_from_to_port', 'v4_from_to', 'v4_to_port', 'v4_to', 'v6_full']);
    expect(new Map([...filter().elements].sort())).toEqual(
      new Map([
        ['v4_from_to_port|17 . 10.1.0.2 . 10.2.0.2 . 80', 0x10],
        ['v4_from_to|47 . 10.1.0.2 . 10.2.0.2', 0x10],
        ['v4_full|132 . 10.1.0.2 . 1 . 10.2.0.2 . 80', 0x10],
        ['v4_to_port|6 . 10.2.0.2 . 80', 0x10],
        ['v4_to|17 . 10.2.0.2', 0x10],
        ['v6_full|17 . 2001:db8::1 . 1 . 2001:db8::2 . 80', 0x10],
      ]),
    );
    expect(
      await kernel.call('reconcile', { interfaces: [iface('eth1', 100 * M)], flows: [flow(0x10, M, { filters })] }),
    ).toMatchObject({
      ok: true,
      value: { tcCommands: 0, filterChanges: 0, adopted: 1 },
    });
  });

  it('adopts what a killed predecessor left, and mends what is wrong', async () => {
    const interfaces = [iface('eth1', 100 * M), iface('eth2', 7_777_777_777)];
    const flows = [
      flow(0x10, 20 * M),
      flow(0x11, 3_333_333),
      flow(0x12, 2_345_678_901, { interface: 'eth2', burstBytes: Bytes(123_456), maxFrameBytes: Bytes(9014) }),
      flow(0x13, 5 * M, { peakBitsPerSecond: BitsPerSecond(9 * M) }),
      flow(0x14, 64_000, { burstBytes: Bytes(1) }),
    ];
    const first = await start();
    await first.call('setInterfaces', interfaces);
    expect(await first.call('installEach', flows)).toEqual(flows.map(() => ({ ok: true })));
    await first.kill();

    const second = await start();
    // Before the first comparison nothing that was left is touched.
    expect(await second.call('setInterfaces', interfaces)).toEqual({ ok: true });
    expect(minors()).toEqual([1, 2, 3, 0x10, 0x11, 0x13, 0x14]);
    expect(filter().elements.size).toBe(5);
    expect(filter().rules).toEqual(['v4_full']);
    expect(await second.call('reconcile', { interfaces, flows })).toEqual({
      ok: true,
      value: { tcCommands: 0, filterChanges: 0, steeringChanges: 0, adopted: 5, problems: [], disturbances: [] },
    });

    inside(ns, 'tc', 'class', 'del', 'dev', 'eth1', 'classid', 'fff0:10');
    inside(
      ns,
      'tc',
      'class',
      'change',
      'dev',
      'eth1',
      'parent',
      'fff0:1',
      'classid',
      'fff0:11',
      'htb',
      'rate',
      '90mbit',
    );
    inside(ns, 'tc', 'class', 'add', 'dev', 'eth1', 'parent', 'fff0:1', 'classid', 'fff0:99', 'htb', 'rate', '9mbit');
    inside(ns, 'nft', 'flush', 'chain', 'inet', 'headroom', 'classify');
    const mended = await second.call('reconcile', { interfaces, flows });
    expect(mended).toMatchObject({ ok: true, value: { adopted: 3, problems: [] } });
    expect(minors()).toEqual([1, 2, 3, 0x10, 0x11, 0x13, 0x14]);
    expect(childSum()).toBeLessThanOrEqual(100 * M);
    expect(filter()).toMatchObject({ sound: true, rules: ['v4_full'] });
    expect(await second.call('reconcile', { interfaces, flows })).toMatchObject({
      value: { tcCommands: 0, filterChanges: 0 },
    });

    // What is no longer desired goes, an interface too.
    expect(
      await second.call('reconcile', { interfaces: interfaces.slice(0, 1), flows: flows.slice(0, 1) }),
    ).toMatchObject({ ok: true });
    expect(minors()).toEqual([1, 2, 3, 0x10]);
    expect(queues('eth2').root).toEqual({ kind: 'default' });
    expect(filter()).toMatchObject({ interfaces: new Set(['eth1']) });
    expect(filter().elements.size).toBe(1);
  });

  it('notices at the next installation that somebody removed its queues or its table', async () => {
    const kernel = await start();
    await kernel.call('reconcile', { interfaces: [iface('eth1', 100 * M)], flows: [flow(0x10, 20 * M)] });
    inside(ns, 'tc', 'qdisc', 'del', 'dev', 'eth1', 'root');
    inside(ns, 'nft', 'delete', 'table', 'inet', 'headroom');
    expect(await kernel.call('installEach', [flow(0x11, 10 * M)])).toEqual([{ ok: true }]);
    expect(queues().classes.get(0x11)?.class.parent).toBe(1);
    expect(filter().elements.size).toBe(2);
    // A tree without its inner class: a new class would hang at the root, above the capacity.
    inside(ns, 'tc', 'qdisc', 'del', 'dev', 'eth1', 'root');
    inside(ns, 'tc', 'qdisc', 'add', 'dev', 'eth1', 'root', 'handle', 'fff0:', 'htb', 'default', '2');
    expect(await kernel.call('installEach', [flow(0x12, 10 * M)])).toEqual([{ ok: true }]);
    expect(queues().classes.get(0x12)?.class.parent).toBe(1);
    expect(childSum()).toBe(100 * M);
  });

  it('refuses without harm to others', async () => {
    inside(ns, 'tc', 'qdisc', 'add', 'dev', 'eth2', 'root', 'handle', '77:', 'htb');
    const kernel = await start();
    const set = await kernel.call('setInterfaces', [
      iface('eth1', 100 * M),
      iface('eth2', 100 * M),
      iface('nope0', 10 * M),
    ]);
    expect(set).toMatchObject({ ok: false });
    expect(JSON.stringify(set)).toMatch(/eth2 has a root qdisc that is not ours: qdisc htb 77:.*nope0 does not exist/);
    expect(inside(ns, 'tc', 'qdisc', 'show', 'dev', 'eth2')).toContain('htb 77: root');

    const ok = { ok: true };
    const refused = (code: string, detail: RegExp): object => ({
      ok: false,
      error: { code, detail: expect.stringMatching(detail) as string },
    });
    const filters = flow(0x10, M).filters;
    const results = await kernel.call('installEach', [
      flow(0x10, 20 * M),
      flow(0x11, M, { interface: 'eth2' }),
      flow(0x12, M, { interface: 'nope0' }),
      flow(0x13, M, { interface: 'eth9' }),
      flow(0x14, 79 * M),
      flow(15, M),
      flow(0x16, NaN),
      flow(0x17, M, { burstBytes: Bytes(40_000_000) }),
      flow(0x10, M, { key: 'another' }),
      flow(0x18, M, { filters: [{ ...filters[0]!, destinationPort: null }] }),
      flow(0x19, M, { filters: [{ ...filters[0]!, source: ip('::1') }] }),
      flow(0x1a, M, { peakBitsPerSecond: BitsPerSecond(1000) }),
      flow(0x1b, 5 * M),
    ]);
    expect(results).toEqual([
      ok,
      refused('foreignQdisc', /eth2 has a root qdisc that is not ours/),
      refused('interfaceMissing', /nope0 does not exist/),
      refused('unknownInterface', /"eth9" is not among/),
      refused('noRoom', /79000000 does not fit on eth1: 20000000 of 98000000 are taken/),
      refused('invalid', /classMinor 15/),
      refused('invalid', /rateBitsPerSecond NaN|rateBitsPerSecond null/),
      refused('invalid', /burstBytes 40000000 is more than 250 s/),
      refused('invalid', /classMinor 16 is in use on eth1 by flow-16/),
      refused('invalid', /sourcePort 4000 without destinationPort/),
      refused('invalid', /different families/),
      refused('invalid', /peakBitsPerSecond 1000 is below/),
      ok,
    ]);
    expect(minors()).toEqual([1, 2, 3, 0x10, 0x1b]);
    expect(filter().elements.size).toBe(2);
    // A refused change leaves the flow as it was.
    expect((await kernel.call('installEach', [flow(0x10, 99 * M)]))[0]).toMatchObject({ ok: false });
    expect(queues().classes.get(0x10)?.class.rateBitsPerSecond).toBe(20 * M);
    await kernel.close(true);
    expect(inside(ns, 'tc', 'qdisc', 'show', 'dev', 'eth2')).toContain('htb 77: root');
  });

  it('gives the room of what is removed to what is added in the same batch', async () => {
    const kernel = await start();
    await kernel.call('reconcile', { interfaces: [iface('eth1', 100 * M)], flows: [flow(0x10, 90 * M)] });
    const same = flow(0x10, 1).filters;
    expect(
      await kernel.call('apply', { remove: ['flow-16'], install: [flow(0x11, 95 * M, { filters: same })] }),
    ).toEqual({
      remove: [{ ok: true }],
      install: [{ ok: true }],
    });
    expect(minors()).toEqual([1, 2, 3, 0x11]);
    expect([...filter().elements.values()]).toEqual([0x11]);
    expect(childSum()).toBe(100 * M);
  });

  it('carries a thousand flows', async () => {
    const kernel = await start();
    await kernel.call('setInterfaces', [iface('eth1', 1000 * M)]);
    const flows = Array.from({ length: 1000 }, (_, i) => flow(16 + i, 900_000));
    const results = await kernel.call('installEach', flows);
    expect(results.filter((result) => result.ok)).toHaveLength(1000);
    expect(minors()).toHaveLength(1003);
    expect(childSum()).toBe(1000 * M);
    expect(filter().elements.size).toBe(1000);
    await kernel.call(
      'removeEach',
      flows.slice(1).map((one) => one.key),
    );
    expect(minors()).toEqual([1, 2, 3, 16]);
    expect(filter().elements.size).toBe(1);
  });

  it('says what became of an interface that is pulled out', async () => {
    const kernel = await start();
    await kernel.call('reconcile', {
      interfaces: [iface('eth1', 100 * M), iface('eth2', 100 * M)],
      flows: [flow(0x10, M)],
    });
    run('ip', '-n', ns, 'link', 'del', 'eth1');
    expect(await kernel.call('installEach', [flow(0x11, M), flow(0x12, M, { interface: 'eth2' })])).toMatchObject([
      { ok: false, error: { code: 'interfaceMissing' } },
      { ok: true },
    ]);
    expect(await kernel.call('removeEach', ['flow-16'])).toEqual([{ ok: true }]);
    namespaces.cable(ns, 'eth1', '10.2.0.1/24', far, 'eth0', '10.2.0.2/24');
    expect(await kernel.call('installEach', [flow(0x11, M)])).toEqual([{ ok: true }]);
    expect(minors()).toEqual([1, 2, 3, 0x11]);
  });
});
