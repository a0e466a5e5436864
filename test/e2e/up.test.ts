import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { freePort, PROGRAM, removeData } from './headroom.ts';

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('headroom up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hr-up-'));
  const prefix = `hru${process.pid}-`;
  let environment: NodeJS.ProcessEnv;
  beforeAll(async () => {
    const [http, grpc] = [await freePort(), await freePort()];
    environment = {
      ...process.env,
      HEADROOM_HTTP: `127.0.0.1:${http}`,
      HEADROOM_GRPC: `127.0.0.1:${grpc}`,
      HEADROOM_DATA_DIR: folder,
      HEADROOM_URL: `http://127.0.0.1:${http}`,
    };
  });
  const running = new Set<ChildProcess>();
  afterAll(async () => {
    await Promise.all([...running].map((child) => ended(child, 'SIGTERM')));
    removeData(folder);
  });

  const up = async (): Promise<{ child: ChildProcess; greeting: string }> => {
    const child = spawn(process.execPath, [PROGRAM, 'up', '--prefix', prefix], { env: environment });
    running.add(child);
    child.once('exit', () => running.delete(child));
    let text = '';
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    await new Promise<void>((ready, fail) => {
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('Ctrl-C')) ready();
      });
      child.once('exit', (code) => fail(new Error(`up ended with ${code}: ${errors}`)));
    });
    return { child, greeting: text };
  };
  const ended = (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> =>
    new Promise((done) => {
      child.once('exit', (code) => done(code));
      child.kill(signal);
    });
  const headroom = (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
    new Promise((done) => {
      execFile(process.execPath, [PROGRAM, ...args], { env: environment }, (error, stdout, stderr) =>
        done({ status: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  /** Namespaces of the lab, and processes that name the folder or the prefix. */
  const leftovers = (): string[] => {
    const namespaces = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
    const processes = execFileSync('ps', ['-eo', 'pid,args', '--no-headers'], { encoding: 'utf8' });
    const name = folder.slice(folder.lastIndexOf('/') + 1);
    return [...namespaces.split('\n'), ...processes.split('\n')].filter(
      (line) => line.includes(prefix) || line.includes(name),
    );
  };

  it('prints a command that books, and Ctrl-C leaves nothing behind', async () => {
    const { child, greeting } = await up();
    const [, line] = /npx headroom (reserve .*)/.exec(greeting)!;
    const reserved = await headroom(...line!.split(' '), '--json');
    expect(reserved.stderr).toBe('');
    expect(JSON.parse(reserved.stdout)).toMatchObject({ state: 'active', paths: [{ enforcement: 'kernel' }] });
    const { id } = JSON.parse(reserved.stdout) as { id: string };

    const again = await headroom(...line!.split(' '));
    expect([again.status, again.stderr]).toEqual([3, expect.stringContaining('ALREADY_EXISTS')]);
    const shown = await headroom('reservation', 'show', id);
    expect(shown.stdout).toContain('host-a:eth0 r1:eth1 r2:eth0');
    expect((await headroom('rsvp', 'show', 'r1')).stdout).toContain('udp 10.1.0.2:5004 to 10.2.0.2:5004');
    expect((await headroom('agent', 'list')).stdout).toMatch(/r3 +connected/);
    expect((await headroom('node', 'show', 'r1')).stdout).toContain('10.12.0.1/24');
    expect((await headroom('link', 'list', '--json')).status).toBe(0);
    const inside = await headroom('lab', 'exec', 'host-a', 'ip', '-brief', 'addr', 'show', 'eth0');
    expect(inside.stdout).toContain('10.1.0.2/24');
    const bad = await headroom('reserve', '10.1.0.2', '10.2.0.2', '--rate', '0');
    expect([bad.status, bad.stderr]).toEqual([2, expect.stringContaining('qos.tokenRateBitsPerSecond')]);
    const nowhere = await headroom('reserve', '10.9.0.2', '10.2.0.2', '--rate', '1M');
    expect(nowhere.status).not.toBe(0);
    expect(nowhere.stderr).toContain('10.9.0.2');
    expect((await headroom('reservation', 'release', id)).status).toBe(0);

    expect(await ended(child, 'SIGINT')).toBe(0);
    expect(leftovers()).toEqual([]);
  }, 60_000);

  it('cleans up at the next start what a crash left behind; what was booked is active again, then and after a stop', async () => {
    const first = await up();
    const booked = await headroom('reserve', '10.1.0.2:5005', '10.2.0.2:5005', '--rate', '10M', '--wait', '--json');
    const { id } = JSON.parse(booked.stdout) as { id: string };
    expect(await ended(first.child, 'SIGKILL')).toBeNull();
    expect(leftovers().length).toBeGreaterThan(5);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { child } = await up();
      expect((await headroom('agent', 'list')).stdout.match(/connected/g)).toHaveLength(5);
      const shown = await headroom('reservation', 'show', id, '--json');
      expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'active', stateReason: null });
      expect(await ended(child, signal)).toBe(0);
      expect(leftovers()).toEqual([]);
    }
  }, 120_000);

  it('a second one on the same namespaces, ports or folder says so and ends, and the first goes on', async () => {
    const { child } = await up();
    const other = mkdtempSync(join(tmpdir(), 'hr-up2-'));
    const [http, grpc] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const elsewhere = { HEADROOM_HTTP: http, HEADROOM_GRPC: grpc, HEADROOM_DATA_DIR: other };
    const taken = environment as { HEADROOM_HTTP: string; HEADROOM_GRPC: string; HEADROOM_DATA_DIR: string };
    for (const [different, of, message] of [
      [elsewhere, prefix, `network namespaces ${prefix}`],
      [
        { ...elsewhere, HEADROOM_HTTP: taken.HEADROOM_HTTP },
        `${prefix}b-`,
        `HTTP cannot listen on ${taken.HEADROOM_HTTP}`,
      ],
      [
        { ...elsewhere, HEADROOM_GRPC: taken.HEADROOM_GRPC },
        `${prefix}b-`,
        `gRPC cannot listen on ${taken.HEADROOM_GRPC}`,
      ],
      [{ ...elsewhere, HEADROOM_DATA_DIR: folder }, `${prefix}b-`, `is in use by process ${child.pid}`],
    ] as const) {
      const second = await new Promise<{ status: number; stderr: string }>((done) => {
        const env = { ...environment, ...different };
        execFile(process.execPath, [PROGRAM, 'up', '--prefix', of], { env }, (error, _, stderr) =>
          done({ status: error ? Number(error.code) : 0, stderr }),
        );
      });
      expect(second).toEqual({ status: 1, stderr: expect.stringContaining(message) });
      expect(second.stderr.trim().split('\n')).toHaveLength(1);
    }
    expect(leftovers().filter((line) => line.includes(`${prefix}b-`) || line.includes(other))).toEqual([]);
    expect((await headroom('agent', 'list')).stdout.match(/connected/g)).toHaveLength(5);
    removeData(other);
    expect(await ended(child, 'SIGTERM')).toBe(0);
    expect(leftovers()).toEqual([]);
  }, 120_000);

  it('Ctrl-C twice at once, as npm and a terminal hand it on, is one', async () => {
    const { child } = await up();
    child.kill('SIGINT');
    // Another signal, because the kernel would make one of two that are the same.
    expect(await ended(child, 'SIGTERM')).toBe(0);
    expect(leftovers()).toEqual([]);
  }, 60_000);

  it('Ctrl-C while the agents start ends at once and well, though it ends them, too', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'up', '--prefix', prefix], { env: environment });
    running.add(child);
    child.once('exit', () => running.delete(child));
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const agents = async (): Promise<number[]> => {
      const status = await headroom('lab', 'status', '--json');
      const lab = JSON.parse(status.stdout) as { processes: { pid: number; node: string }[] } | null;
      return (lab?.processes ?? []).filter(({ node }) => node !== 'monitor').map(({ pid }) => pid);
    };
    let pids: number[] = [];
    while (pids.length < 5) pids = await agents();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    expect([await ended(child, 'SIGINT'), errors]).toEqual([0, '']);
    expect(leftovers()).toEqual([]);
  }, 20_000);

  it('a lab that the kernel refuses leaves nothing behind', async () => {
    const file = join(folder, 'refused.json');
    const host = (name: string, address: string): unknown => ({
      name,
      interfaces: [{ name: 'lo', addresses: [address] }],
    });
    const cable = { a: { node: 'a', interface: 'lo' }, b: { node: 'b', interface: 'lo' }, capacityBitsPerSecond: 1000 };
    const nodes = [host('a', '10.0.0.1/24'), host('b', '10.0.0.2/24')];
    writeFileSync(file, JSON.stringify({ nodes, cables: [cable] }));
    const { status, stderr } = await headroom('lab', 'up', '--lab', file, '--prefix', prefix);
    expect([status, stderr]).toEqual([1, expect.stringContaining('File exists')]);
    expect(leftovers()).toEqual([]);
    expect((await headroom('lab', 'status')).stdout).toBe('no lab runs\n');
  }, 30_000);

  it('refuses settings that mean nothing, in one line', async () => {
    for (const [name, value] of [
      ['HEADROOM_HTPP', '127.0.0.1:1'],
      ['HEADROOM_HTTP', 'nowhere'],
      ['HEADROOM_HTTP', '0.0.0.0:8080'],
      ['HEADROOM_LOG', 'loud'],
      ['DATABASE_URL', 'mysql://x'],
    ] as const) {
      const result = await new Promise<{ status: number; stderr: string }>((done) => {
        const env = { ...environment, [name]: value };
        execFile(process.execPath, [PROGRAM, 'server'], { env }, (error, _, stderr) =>
          done({ status: error ? Number(error.code) : 0, stderr }),
        );
      });
      expect(result.status).toBe(2);
      expect(result.stderr).toContain(name);
      expect(result.stderr.trim().split('\n')).toHaveLength(1);
    }
  }, 30_000);

  it('refuses options that mean nothing, with status 2', async () => {
    for (const args of [
      ['up', '--prefix', 'a b'],
      ['lab', 'up', '--prefix', '../x'],
      ['lab', 'up', '--refresh-period-ms', 'soon'],
      ['up', '--lab', '/nowhere.yaml'],
      ['bogus'],
    ]) {
      const { status, stderr } = await headroom(...args);
      expect([args, status]).toEqual([args, 2]);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
  }, 30_000);
});
