import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/core/base/ip.ts';
import { Bytes } from '../../../src/core/base/units.ts';
import type { FlowFilter, ShapedFlow } from '../../../src/core/shaping/desired.ts';
import { ip } from '../../support/network.ts';
import { requires } from '../../support/requires.ts';
import { flow, iface, inside, KernelProcess, Namespaces } from './namespace.ts';

const M = 1_000_000;
const PORT = 5004;
const SEND = join(import.meta.dirname, '../../e2e/send_datagrams.py');
const [ONE, TWO, THREE, RECEIVER] = ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.2.0.2'].map(ip) as [
  IpAddress,
  IpAddress,
  IpAddress,
  IpAddress,
];

const from = (source: IpAddress | null): FlowFilter => ({
  protocol: 17,
  source,
  sourcePort: source && PORT,
  destination: RECEIVER,
  destinationPort: PORT,
});
const shared = (minor: number, ...sources: (IpAddress | null)[]): ShapedFlow =>
  flow(minor, 10 * M, { filters: sources.map(from), burstBytes: Bytes(100_000) });

/** Three senders in one namespace, a router that is shaped, a receiver. */
describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('a class that several senders share', () => {
  const namespaces = new Namespaces();
  let senders: string;
  let router: string;
  let kernel: KernelProcess;
  const interfaces = [iface('eth1', 100 * M)];

  beforeAll(() => {
    senders = namespaces.add('s');
    router = namespaces.add('r');
    const receiver = namespaces.add('b');
    namespaces.cable(senders, 'eth0', `${ONE}/24`, router, 'eth0', '10.1.0.1/24');
    namespaces.cable(router, 'eth1', '10.2.0.1/24', receiver, 'eth0', `${RECEIVER}/24`);
    for (const other of [TWO, THREE]) inside(senders, 'ip', 'addr', 'add', `${other}/24`, 'dev', 'eth0');
    inside(senders, 'ip', 'route', 'add', 'default', 'via', '10.1.0.1');
    inside(receiver, 'ip', 'route', 'add', 'default', 'via', '10.2.0.1');
    inside(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  });
  beforeEach(async () => {
    ({ kernel } = await KernelProcess.start(router));
    await kernel.call('reconcile', { interfaces, flows: [] });
  });
  afterEach(() => kernel.close(true));
  afterAll(() => namespaces.clean());

  const send = (source: IpAddress, count: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const args = ['netns', 'exec', senders, 'python3', SEND, source, RECEIVER, String(PORT), String(count)];
      spawn('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] }).on('close', (status) =>
        status === 0 ? resolve() : reject(new Error(`the sender ended with ${status}`)),
      );
    });
  const packets = async (minor: number): Promise<number> => {
    const found = (await kernel.call('stats', null)).find((one) => one.minor === minor);
    if (!found) throw new Error(`no class ${minor}`);
    expect(found.droppedPackets).toBe(0);
    return found.sentPackets;
  };
  const install = async (...flows: ShapedFlow[]): Promise<void> =>
    expect(await kernel.call('installEach', flows)).toEqual(flows.map(() => ({ ok: true })));

  it('takes the packets of those that are named and of no other', async () => {
    await install(shared(16, ONE, TWO));
    await send(ONE, 30);
    await send(TWO, 50);
    await send(THREE, 70);
    expect(await packets(16)).toBe(80);
    // What is not classified is best effort, with whatever else the router sends.
    expect(await packets(2)).toBeGreaterThanOrEqual(70);
  });

  it('takes those of all senders with a wildcard, but for one that has a filter of its own', async () => {
    await install(shared(16, null));
    for (const [source, count] of [
      [ONE, 20],
      [TWO, 30],
      [THREE, 40],
    ] as const)
      await send(source, count);
    expect(await packets(16)).toBe(90);
    await install(shared(17, TWO));
    await send(TWO, 50);
    await send(THREE, 60);
    expect([await packets(16), await packets(17)]).toEqual([150, 50]);
    await kernel.call('removeEach', ['flow-17']);
    await send(TWO, 10);
    expect(await packets(16)).toBe(160);
  });

  it('gets and loses senders while another sends, which misses not one packet of its share', async () => {
    await install(shared(16, ONE));
    const sending = send(ONE, 1_000);
    let done = false;
    void sending.finally(() => (done = true));
    let rounds = 0;
    for (; !done; rounds++) {
      await install(shared(16, ONE, TWO));
      await install(shared(16, ONE, TWO, THREE));
      await install(shared(16, ONE));
    }
    await sending;
    expect(rounds).toBeGreaterThan(3);
    // A class that was made anew would have begun to count again.
    expect(await packets(16)).toBe(1_000);
    await send(TWO, 10);
    expect(await packets(16)).toBe(1_000);
  });

  it('is taken over from a predecessor that was killed as it is, or with the filters that have come meanwhile', async () => {
    const before = shared(16, ONE, TWO);
    await install(before);
    await send(TWO, 10);
    await kernel.kill();
    ({ kernel } = await KernelProcess.start(router));
    expect(await kernel.call('reconcile', { interfaces, flows: [before] })).toMatchObject({
      ok: true,
      value: { tcCommands: 0, filterChanges: 0, adopted: 1, problems: [] },
    });
    const flows = [shared(16, ONE, THREE)];
    expect(await kernel.call('reconcile', { interfaces, flows })).toMatchObject({
      ok: true,
      value: { tcCommands: 0, filterChanges: 2, adopted: 1, problems: [] },
    });
    await send(TWO, 20);
    await send(THREE, 30);
    expect(await packets(16)).toBe(40);
  });
});
