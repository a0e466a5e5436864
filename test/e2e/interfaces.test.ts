import { afterAll, beforeAll, describe, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom } from './headroom.ts';

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('interfaces and routes that change under running agents', () => {
  const headroom = new Headroom('kernel');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  it('an interface that was renamed away and is back is shaped again', async () => {
    const queues = (): Promise<string> => headroom.exec('r1', 'tc', 'qdisc', 'show', 'dev', 'eth2');
    const shaped = async (): Promise<boolean> => (await queues()).includes('htb fff0:');
    // An agent that is connected is told its capacities next.
    await headroom.until('eth2 is shaped', 15_000, shaped);
    await headroom.exec('r1', 'ip', 'link', 'set', 'eth2', 'down');
    await headroom.exec('r1', 'ip', 'link', 'set', 'eth2', 'name', 'away');
    await headroom.exec('r1', 'tc', 'qdisc', 'del', 'dev', 'away', 'root');
    await headroom.exec('r1', 'ip', 'link', 'set', 'away', 'name', 'eth2');
    await headroom.exec('r1', 'ip', 'link', 'set', 'eth2', 'up');
    await headroom.until('eth2 is shaped again', 15_000, shaped);
  }, 60_000);

  it('addresses and routes that come and go end no agent', async () => {
    for (let i = 0; i < 20; i++) {
      await headroom.exec('r1', 'ip', 'address', 'add', `10.99.${i}.1/24`, 'dev', 'eth0');
      await headroom.exec('r1', 'ip', 'route', 'add', `10.98.${i}.0/24`, 'via', '10.12.0.2');
    }
    for (let i = 0; i < 20; i++) {
      await headroom.exec('r1', 'ip', 'route', 'del', `10.98.${i}.0/24`);
      await headroom.exec('r1', 'ip', 'address', 'del', `10.99.${i}.1/24`, 'dev', 'eth0');
    }
    const { body } = await headroom.book(5005, 5_000_000);
    await headroom.reaches(body.id as string, 'active');
  }, 60_000);
});
