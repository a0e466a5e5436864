import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort, PROGRAM, removeData } from './headroom.ts';

describe('the command line without a server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hr-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const headroom = (
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<{ status: number; stdout: string; stderr: string }> =>
    new Promise((done) => {
      const env = { ...process.env, HEADROOM_DATA_DIR: folder, ...environment };
      execFile(process.execPath, [PROGRAM, ...args], { env }, (error, stdout, stderr) =>
        done({ status: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  it('goes on without complaint when nobody reads on', async () => {
    const file = resolve(import.meta.dirname, '../fixtures/topologies/Kdl.graphml');
    const child = spawn(process.execPath, [PROGRAM, 'topology', 'check', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout.destroy();
    expect(await new Promise((done) => child.once('close', done))).toBe(0);
    expect(errors).toBe('');
  });

  it("prints the lab's network as a file that import takes and check finds in order", async () => {
    const { stdout } = await headroom(['lab', 'topology']);
    const file = join(folder, 'lab.json');
    writeFileSync(file, stdout);
    expect(await headroom(['topology', 'check', file])).toEqual({
      status: 0,
      stdout: 'nothing inconsistent\n',
      stderr: '',
    });
  });

  it.each([
    [['reserve', '10.1.0.2', '10.2.0.2', '--rate', '1M', '--label', 'a=1', '--label', 'a=2'], 'a=2'],
    [['reserve', '10.1.0.2', '10.2.0.2', '--rate', '1M', '--from', '+275760-09-12T00:00:00Z', '--for', '9d'], '9d'],
    [['node', 'list', '--server', 'http://user:secret@127.0.0.1:1'], 'HEADROOM_TOKEN'],
    [['reservation', 'modify', 'x'], 'nothing to change'],
    [['reservation', 'modify', 'x', '--rate', 'fast'], 'fast'],
    [['reservation', 'modify', 'x', '--guaranteed', '--controlled-load'], 'exclude'],
    [['reservation', 'modify', 'x', '--bucket', '1k'], '1k'],
    [['lab', 'topology', '--lab', 'wrong.yaml'], 'nodes[0].name = "A B"'],
    [['topology', 'check', 'wrong.yaml'], 'nodes[0].name = "A B"'],
  ] as const)('%j is wrong usage and named', async (args, named) => {
    writeFileSync(join(folder, 'wrong.yaml'), 'nodes: [{name: A B, interfaces: []}]');
    const result = await headroom(args.map((each) => (each === 'wrong.yaml' ? join(folder, each) : each)));
    expect(result).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(named) });
    expect(result.stderr).not.toContain('secret');
  });

  it('a token that no header can carry is wrong usage, and is not shown', async () => {
    const result = await headroom(['node', 'list'], { HEADROOM_TOKEN: 'secret\nsecret' });
    expect(result).toMatchObject({ status: 2, stderr: expect.stringContaining('HEADROOM_TOKEN') });
    expect(result.stderr).not.toContain('secret');
  });

  it('hands times on as they were given, empty ones too', async () => {
    const bodies: unknown[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        bodies.push((JSON.parse(text) as { window?: unknown }).window);
        response.writeHead(400, { 'content-type': 'application/problem+json' }).end('{"code":"X","detail":"no"}');
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const reserve = ['reserve', '10.1.0.2', '10.2.0.2', '--rate', '1M', '--server', url];
    await headroom([...reserve, '--until', '']);
    await headroom([...reserve, '--from', '']);
    server.close();
    expect(bodies).toEqual([{ end: '' }, { start: '' }]);
  });

  it.each([
    ['topology', 'check'],
    ['topology', 'import'],
    ['lab', 'topology', '--lab'],
  ])('%s %s %s of a file that is not UTF-8 is wrong usage', async (...args) => {
    const file = join(folder, 'latin1.yaml');
    writeFileSync(file, Buffer.from('nodes: [] # caf\u00e9', 'latin1'));
    const result = await headroom([...args.filter(Boolean), file]);
    expect(result).toEqual({ status: 2, stdout: '', stderr: `headroom: ${file} is not UTF-8\n` });
  });

  it('a server on port 0 tells where it listens', async () => {
    const env = {
      ...process.env,
      HEADROOM_DATA_DIR: join(folder, 'server'),
      HEADROOM_HTTP: '127.0.0.1:0',
      HEADROOM_GRPC: '127.0.0.1:0',
      HEADROOM_LOG: 'fatal',
    };
    const child = spawn(process.execPath, [PROGRAM, 'server'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const [, url, grpc] = /HTTP (\S+), gRPC (\S+),/.exec(line.toString())!;
    const { ok } = await fetch(`${url}/healthz`);
    child.kill('SIGTERM');
    await once(child, 'exit');
    removeData(join(folder, 'server'));
    expect(ok).toBe(true);
    expect(grpc).not.toMatch(/:0$/);
  }, 60_000);

  it('every lab command that prints has --json', async () => {
    expect(JSON.parse((await headroom(['lab', 'status', '--json'])).stdout)).toBeNull();
    expect(JSON.parse((await headroom(['lab', 'down', '--json'])).stdout)).toEqual({ stopping: null });
    expect(JSON.parse((await headroom(['lab', 'topology', '--json'])).stdout)).toHaveProperty('nodes');
  });

  it('tells in one line that no server, no lab or no database is there', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    for (const [args, environment, status, message] of [
      [['node', 'list'], { HEADROOM_URL: `http://${nobody}` }, 3, 'No server answers'],
      [['lab', 'exec', 'host-a', 'true'], {}, 3, 'no lab runs'],
      [['server'], { DATABASE_URL: `postgresql://nobody@${nobody}/headroom` }, 1, 'DATABASE_URL: '],
    ] as const) {
      const result = await headroom(args, environment);
      expect(result).toMatchObject({ status, stderr: expect.stringContaining(message) });
      expect(result.stderr.trim().split('\n')).toHaveLength(1);
    }
  });
});
