import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom } from './headroom.ts';

const CLOCK = resolve(import.meta.dirname, 'stepped-clock.mjs');
const HOUR_MS = 3_600_000;
const RATE = 2_000_000;
const WINDOW_MS = 8_000;
/** Of the end of a window, by the events' own times, on a loaded machine. */
const LATE_MS = 3_000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))(
  'wall clocks that are set by hours, of agents and of the server',
  () => {
    const headroom = new Headroom('kernel', { log: 'error' });
    const file = join(headroom.folder, 'clock');
    const { NODE_OPTIONS: before } = process.env;
    beforeAll(() => {
      process.env['NODE_OPTIONS'] = `${before ?? ''} --import ${CLOCK}`;
      process.env['STEPPED_CLOCK_FILE'] = file;
      return headroom.start();
    }, 60_000);
    afterAll(async () => {
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
      await headroom.stop();
    }, 30_000);

    const nodes = ['host-a', 'host-b', 'r1', 'r2', 'r3'] as const;
    const refreshes = async (node: string): Promise<number> => {
      const { received } = (await headroom.rsvpState(node)).body.engine.counters as {
        received: Record<string, number>;
      };
      return Object.values(received).reduce((sum, each) => sum + each, 0);
    };
    /** Every process knows the other time, and RSVP has been refreshed for more than a lifetime of its state since. */
    const step = async (hours: number): Promise<void> => {
      writeFileSync(file, String(hours * HOUR_MS));
      const seen = await Promise.all(nodes.map(refreshes));
      for (const node of nodes) headroom.lab.agent(node)!.kill('SIGUSR2');
      headroom.serverProcess.kill('SIGUSR2');
      await headroom.until('RSVP is refreshed', 30_000, async () => {
        const now = await Promise.all(['r1', 'r2'].map(refreshes));
        return now.every((count, i) => count > seen[nodes.indexOf(i === 0 ? 'r1' : 'r2')]! + 12);
      });
    };

    it('end nothing, open nothing and lose nothing', async () => {
      const booked = await headroom.book(5004, RATE);
      const id = booked.body.id as string;
      await headroom.reaches(id, 'active');
      let steppedAt = Infinity;
      for (const hours of [6, -12]) {
        const start = Date.now();
        const end = new Date(start + WINDOW_MS).toISOString();
        const short = await headroom.book(5006 + hours, RATE, {
          window: { start: new Date(start).toISOString(), end },
        });
        const later = await headroom.book(5106 + hours, RATE, {
          window: { start: new Date(start + HOUR_MS).toISOString(), end: null },
        });
        expect([short.status, later.status]).toEqual([201, 201]);
        await headroom.reaches(short.body.id as string, 'active');
        steppedAt = Math.min(steppedAt, Date.now());
        await step(hours);
        const events = await headroom.eventsOf(
          short.body.id as string,
          ({ reservation }) => reservation.state === 'ended',
        );
        const releasing = events.find(({ reservation }) => reservation.state === 'releasing')!;
        const late = Date.parse(releasing.time) - Date.parse(end);
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThan(LATE_MS);
        await headroom.reaches(later.body.id as string, 'scheduled');
      }
      const { body: now } = await headroom.call('GET', `/v1/reservations/${id}`);
      expect(now).toMatchObject({ state: 'active', stateReason: null });
      expect(Date.parse(now.updatedAt as string)).toBeLessThan(steppedAt);

      // Server and agents find each other again, whatever their clocks say, and set something up.
      await headroom.stopServer('SIGKILL');
      await headroom.startServer();
      await headroom.agentsConnected();
      const fresh = await headroom.book(5200, RATE);
      await headroom.reaches(fresh.body.id as string, 'active');
      await headroom.reaches(id, 'active');
    }, 120_000);

    it('mislead no agent that starts again while its server is away', async () => {
      const start = Date.now() + HOUR_MS;
      const ends = await headroom.book(5300, RATE, {
        window: { start: new Date(Date.now()).toISOString(), end: new Date(start).toISOString() },
      });
      const begins = await headroom.book(5301, RATE, { window: { start: new Date(start).toISOString(), end: null } });
      expect([ends.status, begins.status]).toEqual([201, 201]);
      await headroom.reaches(ends.body.id as string, 'active');
      const paths = async (): Promise<number> => {
        const { body } = await headroom.rsvpState('host-a');
        return (body.engine.paths as unknown[]).length;
      };
      const before = await paths();
      await headroom.stopServer('SIGKILL');
      await headroom.killAgent('host-a');
      writeFileSync(file, String(6 * HOUR_MS));
      headroom.lab.startAgent('host-a');
      await headroom.startServer();
      await headroom.agentsConnected();
      await headroom.until('host-a answers', 15_000, async () => (await headroom.rsvpState('host-a')).status === 200);
      expect(await paths()).toBe(before);
      await headroom.reaches(ends.body.id as string, 'active');
      await headroom.reaches(begins.body.id as string, 'scheduled');
    }, 60_000);
  },
);
