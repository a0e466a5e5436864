import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TopologyInput } from '../../src/core/network/document.ts';
import { parseTopology } from '../../src/core/network/validate.ts';
import { buildNamespaces, namespaceOf, removeNamespaces } from '../../src/lab/namespaces.ts';
import { run } from '../../src/lab/commands.ts';
import { must } from '../support/network.ts';
import { requires } from '../support/requires.ts';
import { PROGRAM } from './headroom.ts';

const PREFIX = `hrtcp${process.pid}-`;
const NODES = ['a', 'r', 'b'] as const;
const end = (node: string, name: string) => ({ node, interface: name });
const TOPOLOGY: TopologyInput = {
  nodes: [
    { name: 'a', agent: 'required', interfaces: [{ name: 'eth0', addresses: ['10.1.0.2/24'] }] },
    {
      name: 'r',
      agent: 'required',
      interfaces: [
        { name: 'eth0', addresses: ['10.1.0.1/24'] },
        { name: 'eth1', addresses: ['10.2.0.1/24'] },
      ],
    },
    { name: 'b', agent: 'required', interfaces: [{ name: 'eth0', addresses: ['10.2.0.2/24'] }] },
  ],
  cables: [
    { a: end('a', 'eth0'), b: end('r', 'eth0'), capacityBitsPerSecond: 100_000_000 },
    { a: end('r', 'eth1'), b: end('b', 'eth0'), capacityBitsPerSecond: 100_000_000 },
  ],
};
const TOKEN = 'a token of enough length';

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('agents on hosts of their own, over TCP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hrtcp-'));
  const processes = new Map<string, ChildProcess>();
  const inside = (node: string, ...command: string[]): [string, string[]] => [
    'ip',
    ['netns', 'exec', namespaceOf(PREFIX, node), ...command],
  ];
  const environment = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
    ...process.env,
    HEADROOM_HTTP: '127.0.0.1:8080',
    HEADROOM_GRPC: '127.0.0.1:9090',
    HEADROOM_DATA_DIR: join(folder, 'server'),
    HEADROOM_TOKEN: TOKEN.replaceAll(' ', '-'),
    ...more,
  });

  const startServer = async (): Promise<void> => {
    // On the router, whose two addresses the agents of both hosts reach over the network that they serve.
    const server = spawn(...inside('r', process.execPath, PROGRAM, 'server'), {
      env: environment({
        HEADROOM_AGENTS: '0.0.0.0:7400',
        HEADROOM_AGENTS_ADVERTISE: '10.1.0.1:7400',
        HEADROOM_SECRET: 'a secret of enough length',
        HEADROOM_LOG: 'warn',
      }),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    processes.set('server', server);
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    expect(line.toString()).toContain('10.1.0.1:7400');
  };
  const stop = async (name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const child = processes.get(name);
    processes.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const cli = async (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> => {
    const child = spawn(...inside('r', process.execPath, PROGRAM, ...args), {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    const [status] = (await once(child, 'close')) as [number];
    return { status, stdout, stderr };
  };
  const startAgent = (node: string, token: string | null): ChildProcess => {
    const log = openSync(join(folder, `${node}.log`), 'a');
    const args = ['agent', '--node', node, '--server', '10.1.0.1:7400', '--state-dir', join(folder, node)];
    args.push('--refresh-period-ms', '1000', ...(token === null ? [] : ['--enrol', '-']));
    const child = spawn(...inside(node, process.execPath, PROGRAM, ...args), {
      env: environment(),
      stdio: ['pipe', log, log],
    });
    child.stdin!.end(token === null ? '' : `${token}\n`);
    processes.set(node, child);
    return child;
  };
  const until = async (what: string, timeoutMs: number, condition: () => Promise<boolean>): Promise<void> => {
    const limit = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > limit) throw new Error(`${what}: not within ${timeoutMs} ms`);
      await new Promise((next) => setTimeout(next, 20));
    }
  };
  const stateOf = async (node: string): Promise<string> =>
    (JSON.parse((await cli('agent', 'show', node, '--json')).stdout) as { state: string }).state;
  const enrol = async (node: string): Promise<string> => {
    const { status, stdout } = await cli('agent', 'enrol', node, '--json');
    expect(status).toBe(0);
    return (JSON.parse(stdout) as { token: string }).token;
  };
  const logOf = (node: string): string => readFileSync(join(folder, `${node}.log`), 'utf8');

  beforeAll(async () => {
    await buildNamespaces(must(parseTopology(TOPOLOGY)), PREFIX);
    writeFileSync(join(folder, 'network.json'), JSON.stringify(TOPOLOGY));
    await startServer();
    expect(await cli('topology', 'import', join(folder, 'network.json'))).toMatchObject({ status: 0 });
  }, 90_000);
  afterAll(async () => {
    for (const name of [...processes.keys()]) await stop(name);
    await removeNamespaces(NODES.map((node) => namespaceOf(PREFIX, node)));
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('change nothing in the kernel before a server has taken them, and say why there is none', async () => {
    await stop('server');
    const token = `hr1_${'A'.repeat(86)}`;
    startAgent('b', token);
    await until('the agent says why', 10_000, async () => logOf('b').includes('not enrolled yet'));
    expect(logOf('b')).toContain('ECONNREFUSED');
    expect(await run(...inside('b', 'nft', 'list', 'ruleset'))).toBe('');
    expect(await run(...inside('b', 'tc', 'qdisc', 'show', 'dev', 'eth0'))).not.toContain('htb');
    await stop('b');
    await startServer();
  }, 60_000);

  it('enrol as the command line says, and carry a reservation', async () => {
    const pasted = await cli('agent', 'enrol', 'a');
    expect(pasted.stdout).toMatch(/HEADROOM_ENROL_TOKEN=hr1_\S{86} headroom agent --node a --server 10\.1\.0\.1:7400/);
    for (const node of NODES) startAgent(node, await enrol(node));
    for (const node of NODES) {
      await until(`${node} is connected`, 20_000, async () => (await stateOf(node)) === 'connected');
    }
    const booked = await cli('reserve', '10.1.0.2:5004', '10.2.0.2:5004', '--rate', '10M', '--wait', '--json');
    expect(booked.status).toBe(0);
    expect(await run(...inside('r', 'tc', 'class', 'show', 'dev', 'eth1'))).toMatch(/rate 10\.?\d*Mbit/);
  }, 90_000);

  it('go on over a restart of the server, without a token', async () => {
    await stop('server', 'SIGKILL');
    expect(await run(...inside('r', 'tc', 'class', 'show', 'dev', 'eth1'))).toMatch(/rate 10\.?\d*Mbit/);
    await startServer();
    for (const node of NODES) {
      await until(`${node} is back`, 20_000, async () => (await stateOf(node)) === 'connected');
    }
    const { stdout } = await cli('reservation', 'list', '--json');
    expect(stdout).toContain('"active"');
    await stop('b');
    startAgent('b', null);
    await until('b is back', 20_000, async () => (await stateOf('b')) === 'connected');
  }, 90_000);

  it('are shut out by a revocation, are told so, and come back by a new token', async () => {
    const revoked = await cli('agent', 'revoke', 'b');
    expect(revoked).toMatchObject({ status: 0, stdout: 'b: 1 certificate revoked\n' });
    await until('b is gone', 5_000, async () => (await stateOf('b')) === 'silent');
    await until('b is told', 5_000, async () => logOf('b').includes('REVOKED'));
    await stop('b');
    startAgent('b', await enrol('b'));
    await until('b is back', 20_000, async () => (await stateOf('b')) === 'connected');
  }, 90_000);

  it('with a used token end at once, with the reason', async () => {
    const token = await enrol('b');
    await stop('b');
    startAgent('b', token);
    await until('b is back', 20_000, async () => (await stateOf('b')) === 'connected');
    await stop('b');
    rmSync(join(folder, 'b'), { recursive: true });
    const agent = startAgent('b', token);
    const [status] = (await once(agent, 'exit')) as [number];
    processes.delete('b');
    expect(status).toBe(1);
    expect(logOf('b')).toContain(
      'The enrolment token is unknown, for another node than "b", used or older than an hour',
    );
  }, 60_000);

  it('leave no rule against RSVP behind when they stop in order', async () => {
    expect(await run(...inside('r', 'nft', 'list', 'ruleset'))).toContain('ip option ra exists drop');
    await stop('r');
    const rules = await run(...inside('r', 'nft', 'list', 'ruleset'));
    expect(rules).not.toContain('ip option ra exists drop');
    // What protects traffic stays.
    expect(await run(...inside('r', 'tc', 'class', 'show', 'dev', 'eth1'))).toMatch(/rate 10\.?\d*Mbit/);
  }, 30_000);
});
