import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { inside, Namespaces } from '../agent/kernel/namespace.ts';

const PROGRAM = resolve(import.meta.dirname, '../../dist/bin/headroom.js');

interface Findings {
  readonly findings: readonly { check: string; severity: string; what: string; mend: string | null }[];
}

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('headroom doctor', () => {
  const namespaces = new Namespaces();
  let ns: string;
  beforeAll(() => {
    ns = namespaces.add('d');
  });
  afterAll(() => namespaces.clean());

  const examined = (...more: readonly string[]) => {
    const env = { ...process.env, DATABASE_URL: '' };
    const args = ['netns', 'exec', ns, process.execPath, PROGRAM, 'doctor', '--json', ...more];
    const { status, stdout } = spawnSync('ip', args, { encoding: 'utf8', env });
    const { findings } = JSON.parse(stdout) as Findings;
    return { status, bad: findings.filter(({ severity }) => severity !== 'ok'), findings };
  };

  it('has nothing against a bare host', () => {
    const { status, findings, bad } = examined();
    expect([status, bad.filter(({ check }) => check !== 'offloads')]).toEqual([0, []]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        'rights',
        'kernel',
        'firewall',
        'marks',
        'nat',
        'flowtables',
        'qdiscs',
        'routing',
        'database',
      ]),
    );
  });

  it('finds what keeps reservations from working, and its mend works', () => {
    inside(
      ns,
      'nft',
      'table inet hostfw { chain input { type filter hook input priority filter; policy drop; iif lo accept; }; }',
    );
    inside(ns, 'ip', 'rule', 'add', 'pref', '5210', 'fwmark', '0x80000/0xff0000', 'lookup', 'main');
    inside(ns, 'ip', 'link', 'add', 'd0', 'type', 'veth', 'peer', 'name', 'd1');
    inside(ns, 'tc', 'qdisc', 'add', 'dev', 'd0', 'root', 'pfifo');
    const before = examined('--server', 'http://127.0.0.1:9');
    expect(before.status).toBe(3);
    const mend = (check: string) => before.bad.find((finding) => finding.check === check)!.mend!;
    expect(before.bad.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['firewall', 'marks', 'qdiscs', 'clock']),
    );

    inside(ns, 'sh', '-c', mend('firewall'));
    inside(ns, 'tc', 'qdisc', 'del', 'dev', 'd0', 'root');
    const after = examined('--mark-mask', /0x[0-9a-f]+/.exec(mend('marks'))![0]);
    expect(after.bad.map(({ check }) => check).filter((check) => check !== 'offloads')).toEqual([]);
    expect(after.status).toBe(0);
  });
});
