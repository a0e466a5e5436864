import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom, output, PROGRAM, wrote } from './headroom.ts';

const recordingOf = (node: string, folder: string): string => join(folder, `${node}.ndjson`);

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))(
  'what an agent signals can be watched, recorded and played again',
  () => {
    const headroom = new Headroom('kernel', {}, { options: (node, folder) => ['--record', recordingOf(node, folder)] });
    const NODES = ['host-a', 'r1', 'r2', 'r3', 'host-b'];
    beforeAll(() => headroom.start(), 60_000);
    afterAll(() => headroom.stop(), 30_000);

    const reserve = async (port: number): Promise<string> => {
      const { body } = await headroom.book(port, 2_000_000);
      await headroom.reaches(body.id as string, 'active', 30_000);
      return body.id as string;
    };

    it('rsvp trace shows messages while they pass, rsvp show what they made', async () => {
      const trace = spawn(process.execPath, [PROGRAM, 'rsvp', 'trace', 'r1'], {
        env: { ...process.env, HEADROOM_URL: headroom.url },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const text = output(trace);
      const [pathIn, resvOut] = [
        wrote(
          trace,
          / in {2}eth0 +Path 10\.1\.0\.2 > 10\.2\.0\.2 ttl \d+\/\d+;.* session udp 10\.2\.0\.2:6001;.* sender 10\.1\.0\.2:6001;/,
        ),
        wrote(
          trace,
          / out eth0 +Resv 10\.1\.0\.1 > 10\.1\.0\.2 ttl \d+\/\d+;.* session udp 10\.2\.0\.2:6001;.* style FF; CL 2M bucket [^;]+; filter 10\.1\.0\.2:6001/,
        ),
      ];
      await headroom.until(
        'the agent is watched',
        10_000,
        async () => (await headroom.rsvpState('r1')).body.watched === true,
      );
      await reserve(6001);
      await Promise.all([pathIn, resvOut]);
      trace.kill('SIGINT');
      expect(await text).toMatch(/^\d\d:\d\d:\d\d\.\d{6} /);
      await headroom.until(
        'nobody watches',
        10_000,
        async () => (await headroom.rsvpState('r1')).body.watched === false,
      );

      const { status, stdout } = await headroom.cli('rsvp', 'show', 'r1');
      expect(status).toBe(0);
      expect(stdout).toMatch(/^udp 10\.1\.0\.2:6001 to 10\.2\.0\.2:6001 +10\.1\.0\.2 +eth0 +eth1 /m);
      expect(stdout).toMatch(/^path refresh +1 +\d\.\d s$/m);
      expect(stdout).toMatch(/^RECORDING\n {2}file +\/.*r1\.ndjson$/m);
      expect((await headroom.cli('rsvp', 'trace', 'nowhere')).status).toBe(3);
    }, 60_000);

    it('recordings with loss, a killed agent and releases give the same outputs again, byte for byte', async () => {
      for (const node of NODES) {
        await headroom.exec(node, 'nft', 'add table ip losing');
        await headroom.exec(node, 'nft', 'add chain ip losing pre { type filter hook prerouting priority -300; }');
        await headroom.exec(
          node,
          'nft',
          'add rule ip losing pre meta l4proto 46 numgen random mod 100 < 20 counter drop',
        );
      }
      const ids = [await reserve(6002), await reserve(6003)];
      await headroom.restartAgent('r1');
      ids.push(await reserve(6004));
      for (const id of ids) await headroom.call('DELETE', `/v1/reservations/${id}`);
      for (const id of ids) await headroom.reaches(id, 'ended', 30_000);
      for (const node of NODES) await headroom.exec(node, 'nft', 'delete table ip losing');
      await headroom.lab.stop();

      for (const node of NODES) {
        const { status, stdout, stderr } = await headroom.cli('rsvp', 'replay', recordingOf(node, headroom.folder));
        expect([node, status, stderr]).toEqual([node, 0, '']);
        expect(stdout).toMatch(new RegExp(`^${node}, recorded from .* every output as it was recorded$`, 'm'));
      }
      // The one whose agent was killed has no end.
      const killed = `${recordingOf('r1', headroom.folder)}.1`;
      expect(existsSync(killed)).toBe(true);
      const { status, stdout, stderr } = await headroom.cli('rsvp', 'replay', killed, '--print');
      expect([status, stderr]).toEqual([0, expect.stringMatching(/it has no end|the last line is cut off/)]);
      expect(stdout).toMatch(/^#\d+ {2}\+\d+\.\d{3} {2}in eth0 {2}Path {2}10\.1\.0\.2 > 10\.2\.0\.2 {2}\(TTL 64/m);
    }, 120_000);

    it('a recording that was altered is found out', async () => {
      const lines = readFileSync(recordingOf('r2', headroom.folder), 'utf8').split('\n');
      const at = lines.findIndex((line) => line.includes('"type":"packet"'));
      const altered = join(headroom.folder, 'altered.ndjson');
      writeFileSync(altered, lines.with(at, lines[at]!.replace('"ttl":', '"ttl":1')).join('\n'));
      const { status, stderr } = await headroom.cli('rsvp', 'replay', altered);
      expect(status).toBe(3);
      expect(stderr).toContain(`altered.ndjson:${at + 1}: this line, or one before it, is not as it was recorded`);
    });
  },
);
