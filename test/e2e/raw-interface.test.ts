import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inside, Namespaces } from '../agent/kernel/namespace.ts';
import { requires } from '../support/requires.ts';

const SCRIPT = resolve(import.meta.dirname, 'send_path.mjs');
const DIST = resolve(import.meta.dirname, '../../dist');

/** What happens to a message that is on its way out while a link fails: the engine says eth1, routing has turned to eth2. */
describe.skipIf(requires('root', 'ip'))('a message of a raw socket', () => {
  const namespaces = new Namespaces();
  let ns: string;
  beforeAll(() => {
    ns = namespaces.add('r');
    const far = namespaces.add('f');
    inside(ns, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
    for (const n of [1, 2]) {
      namespaces.cable(ns, `eth${n}`, `10.${n}.0.1/24`, far, `eth${n}`, `10.${n}.0.2/24`);
      inside(
        ns,
        'ip',
        'neigh',
        'add',
        `10.${n}.0.2`,
        'lladdr',
        '02:00:00:00:00:01',
        'dev',
        `eth${n}`,
        'nud',
        'permanent',
      );
    }
    inside(ns, 'ip', 'route', 'add', '10.9.0.0/16', 'via', '10.2.0.2', 'dev', 'eth2');
  });
  afterAll(() => namespaces.clean());

  /** No other packet goes out: neighbours are known, and there is no IPv6. */
  const leftBy = (device: string): number => {
    const [link] = JSON.parse(inside(ns, 'ip', '-j', '-s', 'link', 'show', 'dev', device)) as {
      stats64: { tx: { packets: number } };
    }[];
    return link!.stats64.tx.packets;
  };
  const send = (name: string, flow: string): string => {
    const [link] = JSON.parse(inside(ns, 'ip', '-j', 'link', 'show', 'dev', name)) as { ifindex: number }[];
    return inside(ns, process.execPath, SCRIPT, DIST, name, String(link!.ifindex), flow).trim();
  };

  it('about a flow leaves by the interface that it names or not at all, any other as it is routed', () => {
    const before = leftBy('eth2');
    expect(send('eth1', 'none')).toBe('sent');
    expect(leftBy('eth2')).toBeGreaterThan(before);

    inside(ns, 'ip', 'link', 'set', 'eth1', 'down');
    const then = leftBy('eth2');
    expect(send('eth1', 'flow')).toMatch(/^sending to 10\.9\.0\.2 failed with errno/);
    expect(leftBy('eth2')).toBe(then);
    expect(send('eth2', 'flow')).toBe('sent');
    expect(leftBy('eth2')).toBeGreaterThan(then);
  });
});
