import { cp, mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma, PrismaClient } from '../../../src/gen/prisma/client.ts';
import { openStore } from '../../../src/server/store/open-store.ts';
import { reservationJson } from '../../../src/server/store/reservation-row.ts';
import { isMigrated, migrate, migrationsFolder } from '../../../src/server/store/migrate.ts';
import { startTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await startTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'hrt-migrations-'));
  await cp(migrationsFolder(), folder, { recursive: true });
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('migrations', () => {
  test('twenty servers that start at once on an empty database end well, and each migration is applied once', async () => {
    const url = await database.empty();
    const applied = await Promise.all(Array.from({ length: 20 }, () => migrate(url)));
    const rows = await query<{ migration_name: string; done: boolean; applied_steps_count: number }>(
      url,
      'SELECT migration_name, finished_at IS NOT NULL AS done, applied_steps_count FROM _prisma_migrations',
    );
    expect(applied.flat()).toEqual(rows.map((row) => row.migration_name));
    expect(rows.every((row) => row.done && row.applied_steps_count === 1)).toBe(true);
    expect(await query(url, 'SELECT * FROM event_head')).toHaveLength(1);
    expect(await migrate(url)).toEqual([]);
  });

  test('a migration that changed after it was applied is refused by name', async () => {
    const url = await database.empty();
    await migrate(url, folder);
    await mkdir(join(folder, '29990101000000_later'), { recursive: true });
    const file = join(folder, '29990101000000_later', 'migration.sql');
    await writeFile(file, 'CREATE TABLE later (id int);');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    expect(await isMigrated(client, folder)).toBe(false);
    expect(await migrate(url, folder)).toEqual(['29990101000000_later']);
    expect(await isMigrated(client, folder)).toBe(true);
    await client.end();
    await writeFile(file, 'CREATE TABLE later (id bigint);');
    await expect(migrate(url, folder)).rejects.toThrow('29990101000000_later has changed since it was applied');
  });

  test('a failed migration leaves nothing of itself, is recorded, and stops every later start', async () => {
    const url = await database.empty();
    const own = await mkdtemp(join(tmpdir(), 'hrt-migrations-'));
    await mkdir(join(own, '1_broken'));
    await writeFile(join(own, '1_broken', 'migration.sql'), 'CREATE TABLE half (id int); SELECT 1 / 0;');
    await expect(migrate(url, own)).rejects.toThrow('migration 1_broken failed: division by zero');
    expect(await query(url, `SELECT to_regclass('half') AS found`)).toEqual([{ found: null }]);
    await expect(migrate(url, own)).rejects.toThrow('1_broken failed earlier');
    await rm(own, { recursive: true });
  });

  test('what was booked before there were several senders keeps its session to itself as it should', async () => {
    const own = await mkdtemp(join(tmpdir(), 'hrt-migrations-'));
    await cp(migrationsFolder(), own, { recursive: true });
    await rm(join(own, '20261126030000_several_senders'), { recursive: true });
    const url = await database.empty();
    await migrate(url, own);
    await rm(own, { recursive: true });
    const insert = (id: number, port: string, flowHash: number) =>
      query(
        url,
        `INSERT INTO reservation (id, revision, labels, state, protocol, source_address, source_port, destination_address,
           destination_port, flow_hash, service_type, token_rate_bits_per_second, token_bucket_bytes,
           min_policed_unit_bytes, max_packet_bytes, slack_micros, window_start, links, interfaces, nodes,
           booked_bits_per_second, rate_bytes_per_second, actual_hops, enforcement, counts_in_books, change,
           created_at, updated_at)
         VALUES ('01930000-0000-7000-8000-00000000000${id}', 1, '{}', 'active', 'udp', '10.1.0.2', NULL, '10.2.0.2',
           ${port}, ${flowHash}, 'controlledLoad', 8, 1, 1, 1, 0, now(), '{a:eth0}', '{eth0}', '{a,b}', '{8}', 1, '[]',
           'none', true, '{"state": "failed", "terms": {}}', now(), now())`,
      );
    await insert(1, '5004', 1);
    await insert(2, 'NULL', 2);
    expect(await migrate(url)).toContain('20261126030000_several_senders');
    const store = await openStore(url, { poolSize: 1 });
    const { reservations } = await store.books.load();
    await store.close();
    expect(reservations).toMatchObject([
      { style: 'fixedFilter', moreSenders: [], change: { terms: { moreSenders: [] } } },
      { style: 'fixedFilter', moreSenders: [] },
    ]);
    const hashes = await query<{ hash: string }>(url, 'SELECT session_hash AS hash FROM reservation ORDER BY id');
    expect(hashes.map(({ hash }) => hash)).toEqual(
      reservations.map((each) => reservationJson(each)['session_hash'] as string),
    );
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(2);
  });

  test('every model of the Prisma schema can be written and read', async () => {
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: await database.fresh() }) });
    const at = new Date('2026-11-22T10:00:00.123Z');
    const id = '01930000-0000-7000-8000-000000000001';
    await prisma.topologyHead.update({ where: { id: 1 }, data: { version: 5n, updatedAt: at } });
    await prisma.node.create({
      data: {
        ...{ name: 'a', ordinal: 0, agent: 'none', adminState: 'up', labels: { rack: '1' } },
        interfaces: { create: { name: 'eth0', ordinal: 0, addresses: ['10.0.0.1/24'], mtuBytes: 1500n } },
      },
    });
    await prisma.link.create({
      data: {
        ...{ id: 'a:eth0', ordinal: 0, fromNode: 'a', fromInterface: 'eth0', toNode: 'b', toInterface: 'eth0' },
        ...{ capacityBitsPerSecond: 9_007_199_254_740_991n, reservableShare: 0.75, overheadBytes: 14n, cost: 1n },
        ...{ delayMicros: 0n, mtuBytes: 1500n, riskGroups: ['duct'], labels: {}, adminState: 'up' },
      },
    });
    await prisma.linkLedger.create({ data: { linkId: 'a:eth0', version: 1n } });
    await prisma.linkDelta.create({ data: { linkId: 'a:eth0', version: 1n, reservations: [id] } });
    await prisma.reservation.create({
      data: {
        ...{ id, revision: 1, name: 'n', labels: { a: 'b' }, state: 'active', failure: Prisma.DbNull, protocol: 'udp' },
        ...{ sourceAddress: '10.0.0.1', sourcePort: 1, destinationAddress: '10.0.0.2', destinationPort: 2 },
        ...{
          flowHash: 1n,
          sessionHash: 1n,
          serviceType: 'controlledLoad',
          tokenRateBitsPerSecond: 1n,
          tokenBucketBytes: 1n,
        },
        ...{ minPolicedUnitBytes: 1n, maxPacketBytes: 1n, slackMicros: 0n, windowStart: at, links: ['a:eth0'] },
        ...{ interfaces: ['eth0'], nodes: ['a', 'b'], bookedBitsPerSecond: [1n], rateBytesPerSecond: 0.125 },
        ...{ actualHops: [], enforcement: 'none', countsInBooks: true, createdAt: at, updatedAt: at },
      },
    });
    await prisma.idempotencyKey.create({
      data: { key: 'k', bodyHash: new Uint8Array([1]), reservationId: id, createdAt: at },
    });
    await prisma.event.create({ data: { firstId: 1n, count: 1, time: at, token: id, items: [], links: {} } });
    await prisma.eventHead.update({ where: { id: 1 }, data: { last: 1n } });
    await prisma.agentGeneration.create({ data: { node: 'a', counter: 3n } });
    await prisma.controlEpoch.update({ where: { id: 1 }, data: { createdAt: at } });

    const node = 'n1';
    await prisma.agentAuthority.create({
      data: {
        id: '0193b1e0-0000-7000-8000-0000000000aa',
        certificate: 'pem',
        sealedKey: Uint8Array.of(1),
        createdAt: at,
        signs: true,
      },
    });
    await prisma.agentEnrolToken.create({ data: { tokenHash: Uint8Array.of(2), node, expiresAt: at } });
    await prisma.agentCertificate.create({ data: { fingerprint: 'f', node, keyFingerprint: 'k', notAfter: at } });

    // Found through the client's own list of models, so that one added later and not written above fails here.
    const found: Record<string, number> = {};
    for (const model of Object.values(Prisma.ModelName)) {
      const name = (model[0]!.toLowerCase() + model.slice(1)) as 'node';
      found[model] = (await prisma[name].findMany()).length;
    }
    expect(found).toEqual(Object.fromEntries(Object.values(Prisma.ModelName).map((model) => [model, 1])));
    expect((await prisma.reservation.findFirstOrThrow()).windowStart).toEqual(at);
    expect((await prisma.link.findFirstOrThrow()).capacityBitsPerSecond).toBe(9_007_199_254_740_991n);
    await prisma.$disconnect();
  });
});
