import { describe, expect, it } from 'vitest';
import { TimerQueue } from '../../../../src/core/rsvp/engine/timer-queue.ts';
import { newTimer, type Timer, type TimerKind } from '../../../../src/core/rsvp/engine/timer.ts';
import { lifetime, refreshDelay } from '../../../../src/core/rsvp/engine/timers.ts';
import { Millis, MonotonicMs } from '../../../../src/core/base/units.ts';
import { seededRandom } from '../../../../src/core/base/random.ts';
import { controlledLoad, establish, flow, lab, L, R, tspec } from './network.ts';

const HOUR = 3_600_000;

describe('soft state', () => {
  it('stays for hours, and refreshes say nothing, install nothing and journal nothing', () => {
    const world = lab();
    establish(world);
    const before = world.nodes.map((node) => [node.events.length, node.installs.length, [...node.journal.keys()]]);
    world.network.run(6 * HOUR);
    expect(world.nodes.map((node) => [node.events.length, node.installs.length, [...node.journal.keys()]])).toEqual(
      before,
    );
    expect(world.onPath.map((node) => node.paths.length)).toEqual([1, 1, 1, 1]);
    expect([world.hostA, world.r1, world.r2].map((node) => node.kernel.size)).toEqual([1, 1, 1]);
  });

  it('is refreshed with a period in [0.5R, 1.5R] after the fast start', () => {
    const world = lab();
    establish(world);
    world.network.run(2 * R);
    const from = world.network.now;
    world.network.run(HOUR);
    for (const kind of ['path', 'resv'] as const) {
      const times = world.network
        .messages(kind, 'r1')
        .filter(({ at }) => at >= from)
        .map(({ at }) => at);
      const gaps = times.slice(1).map((at, i) => at - times[i]!);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.5 * R);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1.5 * R);
      expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(0.5 * R);
    }
  });

  it.each([
    [L - 1, 1],
    [L, 0],
    [L + 1, 0],
  ])('of a path: %d ms after the last PATH there are %d', (after, left) => {
    const world = lab();
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(50);
    world.hostA.kill();
    const arrived = world.network.messages('path', 'host-a').at(-1)!.at + world.links.hostA.latency;
    world.network.run(arrived + after - world.network.now);
    expect(world.r1.paths).toHaveLength(left);
    expect(world.r1.eventsOf('pathDown')).toMatchObject(left ? [] : [{ cause: 'timeout' }]);
  });

  it.each([
    [L - 1, 1],
    [L, 0],
  ])('of a reservation: %d ms after the last RESV there are %d', (after, left) => {
    const world = lab();
    establish(world);
    world.hostB.kill();
    const arrived = world.network.messages('resv', 'host-b').at(-1)!.at + world.links.hostB.latency;
    world.network.run(arrived + after - world.network.now);
    expect(world.r2.reservations).toHaveLength(left);
    expect(world.r2.kernel.size).toBe(left);
    expect(world.r2.eventsOf('resvDown')).toMatchObject(left ? [] : [{ cause: 'timeout' }]);
  });

  it('follows the R that the neighbour announces, not its own', () => {
    const world = lab({ refreshPeriod: 1_000 });
    establish(world);
    expect(world.r1.paths[0]!.expiresInMs).toBeLessThanOrEqual(5_250);
    expect(world.r1.paths[0]!.expiresInMs).toBeGreaterThan(4_000);
  });

  it("leaves nothing on the other nodes when the sender's host dies", () => {
    const world = lab();
    establish(world);
    world.hostA.kill();
    world.hostB.input({ type: 'closeReceiver', flow: flow(99) });
    world.network.run(L + 100);
    expect(world.r1.isEmpty && world.r2.isEmpty && world.hostB.isEmpty).toBe(true);
    expect(world.hostB.eventsOf('pathDown')).toMatchObject([{ cause: 'tear' }]);
  });

  it("leaves no reservation anywhere when the receiver's host dies", () => {
    const world = lab();
    establish(world);
    world.hostB.kill();
    world.network.run(L + 100);
    expect(world.onPath.slice(0, 3).map((node) => node.kernel.size)).toEqual([0, 0, 0]);
    expect(world.hostA.eventsOf('resvDown')).toMatchObject([{ cause: 'tear' }]);
    expect(world.hostA.paths).toHaveLength(1);
  });

  it('times out elsewhere when a cable is pulled', () => {
    const world = lab();
    establish(world);
    world.network.setLink(world.links.hostA, false);
    expect(world.hostA.kernel.size).toBe(0);
    expect(world.hostA.eventsOf('resvDown')).toMatchObject([{ cause: 'interface' }]);
    world.network.run(L + 100);
    expect(world.r1.isEmpty && world.r2.isEmpty && world.hostB.isEmpty).toBe(true);
    expect(world.r1.eventsOf('pathDown')).toMatchObject([{ cause: 'interface' }]);
  });

  it('converges and stays over links that lose 30 % of the packets', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = lab({ seed });
      for (const link of world.network.links) link.loss = 0.3;
      establish(world, flow(), 1_000_000);
      world.network.run(4 * R);
      expect([world.hostA, world.r1, world.r2].map((node) => [...node.kernel.values()])).toEqual(
        Array(3).fill([controlledLoad(1_000_000)]),
      );
      // The question and its answer must both get through three links; it is asked once a refresh.
      world.network.run(200 * R);
      expect(world.hostB.eventsOf('confirmed'), `seed ${seed}`).toHaveLength(1);
      world.hostA.input({ type: 'closeSender', flow: flow() });
      world.network.run(3 * L);
      expect(world.nodes.every((node) => node.isEmpty)).toBe(true);
    }
  });
});

describe('timers', () => {
  it('computes L = (K + 0.5) · 1.5 · R, with the own R for a neighbour that names none', () => {
    expect(lifetime(Millis(30_000), Millis(1))).toBe(157_500);
    expect(lifetime(Millis(0), Millis(1_000))).toBe(5_250);
    expect(lifetime(Millis(0xffff_ffff), Millis(1_000))).toBe(5.25 * 3_600_000);
  });

  it.each([
    [30_000, [250, 500, 1_000, 2_000, 4_000, 30_000, 30_000]],
    [3_000, [250, 500, 1_000, 3_000, 3_000]],
    [501, [250, 501]],
    [500, [500, 500]],
  ])('repeats quickly at first, as far as R = %d ms does not make that pointless', (period, gaps) => {
    const random = seededRandom(7);
    for (const [step, gap] of gaps.entries()) {
      for (let i = 0; i < 100; i++) {
        const delay = refreshDelay(step, Millis(period), random);
        expect(delay).toBeGreaterThanOrEqual(0.5 * gap);
        expect(delay).toBeLessThanOrEqual(1.5 * gap);
      }
    }
  });

  /** Writes its subject to the list that is handed to `runDue`. */
  const tell: TimerKind<string[], string> = { name: 'tell', fire: (fired, subject) => void fired.push(subject) };

  it('fires in order of deadline, moved and cancelled ones included', () => {
    const queue = new TimerQueue<string[]>();
    const fired: string[] = [];
    const [a, b, c] = [newTimer(tell, 'a'), newTimer(tell, 'b'), newTimer(tell, 'c')];
    queue.set(a, 10);
    queue.set(b, 20);
    queue.set(c, 30);
    queue.set(a, 40);
    queue.set(c, 5);
    queue.cancel(b);
    expect(queue.next()).toBe(5);
    expect(queue.armed()).toEqual(new Map([['tell', { count: 2, next: 5 }]]));
    queue.runDue(MonotonicMs(39), fired);
    expect(fired).toEqual(['c']);
    expect(queue.next()).toBe(40);
    queue.runDue(MonotonicMs(40), fired);
    expect(fired).toEqual(['c', 'a']);
    expect(queue.next()).toBeNull();
  });

  it('does what a sorted list does, whatever is set, moved and cancelled', () => {
    const random = seededRandom(11);
    const queue = new TimerQueue<string[]>();
    const timers = Array.from({ length: 200 }, (_, i) => newTimer(tell, String(i)));
    const armed = new Map<Timer, number>();
    let now = 0;
    for (let step = 0; step < 20_000; step++) {
      const timer = timers[Math.floor(random() * timers.length)]!;
      if (random() < 0.3) {
        queue.cancel(timer);
        armed.delete(timer);
      } else {
        // Fractions, so that no two are due at once: their order would be open.
        const at = now + random() * 50;
        queue.set(timer, at);
        armed.set(timer, at);
      }
      if (random() < 0.2) {
        now += random() * 10;
        const due = [...armed].filter(([, at]) => at <= now).sort(([, a], [, b]) => a - b);
        const fired: string[] = [];
        queue.runDue(MonotonicMs(now), fired);
        expect(fired).toEqual(due.map(([{ subject }]) => subject));
        for (const [each] of due) armed.delete(each);
      }
      expect(queue.next()).toBe(armed.size === 0 ? null : Math.min(...armed.values()));
    }
  });

  it('holds nothing of a timer that was cancelled', () => {
    const queue = new TimerQueue<string[]>();
    const timers = Array.from({ length: 50 }, (_, i) => newTimer(tell, String(i)));
    for (const [i, timer] of timers.entries()) queue.set(timer, 1_000 + i);
    for (const timer of timers) queue.cancel(timer);
    expect(timers.map(({ shelf }) => shelf)).toEqual(timers.map(() => null));
    expect(queue.next()).toBeNull();
  });
});
