import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom } from './headroom.ts';

/** What many a host has: nothing comes in that is not answered, logged in to, or asked for. */
const DENY =
  'table inet hostfw { chain input { type filter hook input priority filter; policy drop; iif lo accept; ' +
  'ct state established,related accept; ip protocol icmp accept; tcp dport 22 accept; }; }';

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('a host whose firewall drops RSVP', () => {
  const headroom = new Headroom('kernel');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  it('is named within seconds, with the rule that lets it in; with that rule it is booked', async () => {
    await headroom.exec('host-b', 'nft', DENY);
    const before = performance.now();
    const { body } = await headroom.book(5004, 5_000_000);
    const ended = await headroom.reaches(body.id as string, 'ended', 20_000);
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(ended.stateReason).toMatch(/^host-b hears no PATH from r2, .*IP protocol 46/);
    expect(ended.failure).toMatchObject({ errorNode: 'host-b' });
    const mismatches = async () => (await headroom.call('GET', '/v1/agents/host-b')).body.mismatches as string[];
    expect(await mismatches()).toContainEqual(ended.stateReason);

    await headroom.exec('host-b', 'nft', 'insert', 'rule', 'inet', 'hostfw', 'input', 'ip', 'protocol', '46', 'accept');
    const next = await headroom.book(5005, 5_000_000);
    await headroom.reaches(next.body.id as string, 'active');
    expect(await mismatches()).toEqual([]);
  }, 60_000);

  it('is named too where it is a router that hears no RESV', async () => {
    await headroom.exec('r2', 'nft', DENY.replace('policy drop;', 'policy accept; iif eth0 ip protocol 46 drop;'));
    const { body } = await headroom.book(5006, 5_000_000);
    const ended = await headroom.reaches(body.id as string, 'ended', 20_000);
    expect(ended.stateReason).toMatch(/^r2 hears no RESV from host-b, /);
    await headroom.exec('r2', 'nft', 'delete', 'table', 'inet', 'hostfw');
  }, 60_000);
});
