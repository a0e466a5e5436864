import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom, output, type Answer } from './headroom.ts';

/** Fills the routed way r1–r2 so far that what follows has to go round by r3. */
const FILLING = 70_000_000;
/** More than send_datagrams.py sends in a second: its own host drops none of it. */
const RATE = 12_000_000;
const USUAL_BITS = 0x00ff0000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('rules of others in the kernels of a path', () => {
  const headroom = new Headroom('kernel', { log: 'error' });
  const booked = new Set<string>();
  let port = 7000;
  beforeAll(async () => {
    await headroom.start();
    await headroom.reaches((await headroom.book(++port, FILLING)).body.id as string, 'active');
  }, 60_000);
  afterAll(() => headroom.stop(), 30_000);
  afterEach(async () => {
    await Promise.all([...booked].map(release));
  }, 30_000);

  const book = async (): Promise<Answer> => {
    const answer = await headroom.book(++port, RATE);
    if (answer.status === 201) booked.add(answer.body.id as string);
    return answer;
  };
  const pinned = async (): Promise<string> => {
    const { status, body } = await book();
    expect([status, body]).toMatchObject([201, { paths: [{ pinning: 'pinned' }] }]);
    await headroom.reaches(body.id as string, 'active');
    return body.id as string;
  };
  const release = async (id: string): Promise<void> => {
    await headroom.call('DELETE', `/v1/reservations/${id}`);
    await headroom.reaches(id, 'ended');
    booked.delete(id);
  };
  const findings = async (node: string): Promise<Answer['body']> =>
    (await headroom.call('GET', `/v1/agents/${node}`)).body.findings;
  const bits = async (): Promise<number> => (await headroom.rsvpState('r1')).body.kernel.markMask as number;
  /** Marks and masks of our rules and chains on r1. */
  const marks = async (): Promise<readonly number[]> => {
    const rules = (await headroom.exec('r1', 'ip', 'rule')).split('\n').filter((line) => line.includes('proto 72'));
    const table = await headroom.exec('r1', 'nft', 'list', 'table', 'inet', 'headroom_steering').catch(() => '');
    const set = [...table.matchAll(/ mark set (?:meta )?mark (?:& (0x[0-9a-f]+) )?\| (0x[0-9a-f]+)/g)];
    return [
      ...rules.flatMap((line) => [...line.matchAll(/0x[0-9a-f]+/g)].map(([hex]) => Number(hex))),
      ...set.map(([, , value]) => Number(value)),
    ];
  };
  const states = async (id: string, last: string): Promise<readonly string[]> => {
    const events = await headroom.eventsOf(id, ({ reservation }) => reservation.state === last);
    return events.map(({ reservation }) => reservation.state);
  };
  const r1 = (command: string): Promise<string> => headroom.exec('r1', 'sh', '-ec', command);

  it('bits outside theirs are chosen, eight pins get none of theirs, and a restarted agent keeps its own', async () => {
    await r1(`
      ip rule add pref 5210 fwmark 0x80000/0xff0000 lookup main
      ip rule add pref 5230 fwmark 0x80000/0xff0000 lookup default
      ip rule add pref 5250 fwmark 0x80000/0xff0000 unreachable
      nft add table ip ts
      nft add chain ip ts post '{ type nat hook postrouting priority srcnat; }'
      nft add rule ip ts post meta mark '&' 0xff0000 == 0x40000 masquerade`);
    await headroom.until('r1 has other bits', 10_000, async () => ((await bits()) & USUAL_BITS) === 0);
    for (let i = 0; i < 8; i++) {
      const id = await pinned();
      const ours = await marks();
      expect(ours.length).toBeGreaterThanOrEqual(3);
      for (const mark of ours) expect(mark & USUAL_BITS).toBe(0);
      await release(id);
    }
    const before = await bits();
    await headroom.restartAgent('r1');
    expect(await bits()).toBe(before);
    // Whether the rule for a mark of theirs matches a flow nobody can tell: it is told, and hurts nothing.
    expect(await findings('r1')).toMatchObject([
      {
        code: 'addressTranslated',
        severity: 'warning',
        object: expect.stringMatching(/ip ts post.*0x40000 masquerade/),
      },
    ]);
  }, 60_000);

  it('a rule that names our bits later: the pin is moved, no packet leaves it', async () => {
    const id = await pinned();
    const before = await bits();
    await r1(`
      nft add table ip seen
      nft add chain ip seen out '{ type filter hook postrouting priority 300; }'
      nft add rule ip seen out oifname eth1 udp dport ${port} counter
      nft add rule ip seen out oifname eth2 udp dport ${port} counter`);
    const script = join(import.meta.dirname, 'send_datagrams.py');
    const sending = headroom.spawn('host-a', 'python3', script, '10.1.0.2', '10.2.0.2', String(port), '2000');
    const sent = output(sending);
    await r1(`ip rule add pref 30000 fwmark ${before}/${before} lookup main`);
    await headroom.until('r1 has other bits', 10_000, async () => ((await bits()) & before) === 0);
    await headroom.until('the former are gone', 5_000, async () =>
      (await marks()).every((mark) => (mark & before) === 0),
    );
    await sent;
    const counted = async (): Promise<readonly number[]> =>
      [...(await r1('nft list chain ip seen out')).matchAll(/counter packets (\d+)/g)].map((found) => Number(found[1]));
    await headroom.until('all have left r1', 5_000, async () => (await counted()).reduce((a, b) => a + b) === 2000);
    expect(await counted()).toEqual([0, 2000]);
    await r1('nft delete table ip seen; ip rule del pref 30000');
    expect(await states(id, 'active')).not.toContain('degraded');
    expect((await headroom.call('GET', `/v1/reservations/${id}`)).body.state).toBe('active');
  }, 30_000);

  it('no bit free: what is pinned is degraded with the reason, new pins are refused with it', async () => {
    const id = await pinned();
    await r1(
      'ip rule add pref 30001 fwmark 0/0xffff0000 lookup main; ip rule add pref 30002 fwmark 0x1/0xffff lookup main',
    );
    expect((await headroom.reaches(id, 'degraded')).stateReason).toMatch(/name every bit of packet marks/);
    expect(await findings('r1')).toContainEqual(expect.objectContaining({ code: 'noMarkBits', severity: 'error' }));
    const refused = await book();
    expect(refused.status).toBe(409);
    expect(JSON.stringify(refused.body)).toMatch(/name every bit of packet marks/);
    await r1('ip rule del pref 30001; ip rule del pref 30002');
    await headroom.reaches(id, 'active');
  }, 60_000);

  it('an address that is translated: degraded and told, refused for a new booking, active when the rule is gone', async () => {
    const id = await pinned();
    await r1(`
      nft add table ip nat
      nft add chain ip nat post '{ type nat hook postrouting priority srcnat; }'
      nft add rule ip nat post oifname eth2 ip saddr 10.1.0.0/24 masquerade`);
    expect((await headroom.reaches(id, 'degraded')).stateReason).toMatch(
      /an address of the flow is translated.*masquerade/,
    );
    const shown = await headroom.cli('agent', 'show', 'r1');
    expect(shown.stdout).toMatch(/error +nft rule in ip nat post: oifname == eth2 .*masquerade/);
    expect((await headroom.cli('topology', 'check')).stdout).toMatch(/r1.*ip nat post.*is translated/);
    const next = await book();
    expect(next.status === 201 ? '' : JSON.stringify(next.body)).toBe('');
    expect((await headroom.reaches(next.body.id as string, 'ended')).stateReason).toMatch(/is translated/);
    booked.delete(next.body.id as string);
    await r1('nft delete table ip nat');
    await headroom.reaches(id, 'active');

    // On the sender's own host, where a masquerade to the same address would change nothing.
    const nat = 'nft add table ip nat; nft add chain ip nat post "{ type nat hook postrouting priority srcnat; }"';
    await headroom.exec('host-a', 'sh', '-ec', `${nat}; nft add rule ip nat post oifname eth0 masquerade`);
    await headroom.exec('host-a', 'sh', '-ec', 'nft add rule ip nat post counter');
    await headroom.exec(
      'host-a',
      'sh',
      '-ec',
      'nft flush chain ip nat post; nft add rule ip nat post udp dport 7000-8000 snat to 10.1.0.9',
    );
    expect((await headroom.reaches(id, 'degraded')).stateReason).toMatch(/snat to 10\.1\.0\.9/);
    await headroom.exec('host-a', 'nft', 'delete', 'table', 'ip', 'nat');
    await headroom.reaches(id, 'active');
  }, 60_000);
});
