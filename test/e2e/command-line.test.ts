import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort, PROGRAM } from './headroom.ts';

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
