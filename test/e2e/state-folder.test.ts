import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { SmallDisk } from '../support/state-folder.ts';
import { Headroom } from './headroom.ts';

const RATE = 2_000_000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('the state folder of r1', () => {
  const headroom = new Headroom('kernel');
  const folder = (): string => join(headroom.folder, 'lab', 'agents', 'r1');
  const ids: string[] = [];
  let port = 7000;
  let disk: SmallDisk | null = null;
  beforeAll(() => headroom.start(), 60_000);
  afterAll(async () => {
    disk?.remove();
    await headroom.stop();
  }, 30_000);

  const active = async (): Promise<string> => {
    const booked = await headroom.book(++port, RATE);
    expect([booked.status, booked.body]).toMatchObject([201, {}]);
    const id = booked.body.id as string;
    ids.push(id);
    await headroom.reaches(id, 'active');
    return id;
  };
  const lines = (text: string): readonly string[] =>
    headroom
      .agentLog('r1')
      .split('\n')
      .filter((line) => line.includes(text));
  const mismatches = async (): Promise<readonly string[]> =>
    (await headroom.call('GET', '/v1/agents/r1')).body.mismatches as string[];
  const journalState = async () => (await headroom.rsvpState('r1')).body.journal;
  /** Bytes that each class of a reservation has sent: they begin anew for one that is made anew. */
  const sent = async (): Promise<ReadonlyMap<string, number>> => {
    const text = await headroom.exec('r1', 'tc', '-s', 'class', 'show', 'dev', 'eth1');
    const found = text.matchAll(/^class htb (fff0:[1-9a-f][0-9a-f]+) .*\n Sent (\d+) bytes/gm);
    return new Map([...found].flatMap(([, id, bytes]) => (Number(bytes) > 0 ? [[id!, Number(bytes)] as const] : [])));
  };
  const send = async (to: number): Promise<void> => {
    const source = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.1.0.2", ${to}))
for _ in range(50): s.sendto(bytes(1000), ("10.2.0.2", ${to}))`;
    await headroom.exec('host-a', '/usr/bin/python3', '-c', source);
  };

  it('with a journal of garbage: set aside, told, and rebuilt around what the kernel goes on with', async () => {
    for (let i = 0; i < 2; i++) {
      await active();
      await send(port);
    }
    const before = await sent();
    expect(before.size).toBe(2);
    await headroom.killAgent('r1');
    writeFileSync(join(folder(), 'journal'), Buffer.alloc(50_000, 0xa5));
    headroom.lab.startAgent('r1');
    await headroom.until('r1 has rebuilt its state', 20_000, async () => {
      const { status, body } = await headroom.rsvpState('r1');
      return status === 200 && body.journal.rebuilding === false;
    });
    for (const id of ids) await headroom.reaches(id, 'active');
    await headroom.until('nothing is amiss', 15_000, async () => (await mismatches()).length === 0);
    const after = await sent();
    for (const [id, bytes] of before) expect(after.get(id)).toBeGreaterThanOrEqual(bytes);
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(2);
    expect(lines('the journal is damaged')).toHaveLength(1);
    expect(readdirSync(folder())).toContain('journal.damaged-1');
    await active();
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(3);
  }, 60_000);

  it('on a full disk: everything goes on, over a restart too, and is kept when there is room', async () => {
    await headroom.killAgent('r1');
    const kept = `${folder()}-kept`;
    cpSync(folder(), kept, { recursive: true });
    disk = new SmallDisk(256, folder());
    cpSync(kept, folder(), { recursive: true });
    headroom.lab.startAgent('r1');
    await headroom.until('r1 is back', 20_000, async () => (await headroom.rsvpState('r1')).status === 200);
    disk.fill();
    const isTold = async (): Promise<boolean> =>
      (await mismatches()).some((each) => /journal cannot be written \(ENOSPC/.test(each));
    // The last page of the file may take one more, and not many.
    for (let i = 0; i < 6 && !(await isTold()); i++) await active();
    await headroom.until('the server is told', 15_000, isTold);
    const fresh = await active();
    const classes = ids.length;
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(classes);
    const journal = readFileSync(join(folder(), 'journal'), 'utf8');
    expect(journal).not.toContain(fresh);

    await headroom.restartAgent('r1');
    for (const id of ids) await headroom.reaches(id, 'active');
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(classes);
    expect(await journalState()).toMatchObject({ damage: null, failing: true });
    await headroom.call('DELETE', `/v1/reservations/${ids[0]}`);
    await headroom.reaches(ids[0]!, 'ended');
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(classes - 1);

    disk.free();
    await headroom.until('the journal is whole', 60_000, async () => !(await journalState()).failing);
    const whole = readFileSync(join(folder(), 'journal'), 'utf8');
    expect([whole.includes(fresh), whole.includes(ids[0]!)]).toEqual([true, false]);
    await headroom.until('nothing is amiss', 15_000, async () => (await mismatches()).length === 0);
    expect(lines('cannot be written').length).toBeLessThanOrEqual(2);
  }, 120_000);
});
