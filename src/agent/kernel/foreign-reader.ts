import { readRuleset, type ForeignRuleset } from '../../core/shaping/foreign/ruleset.ts';
import { listOf, member, textOf } from '../../core/shaping/foreign/json.ts';
import { TABLE } from '../../core/shaping/nft.ts';
import { STEERING_TABLE } from '../../core/shaping/steering-nft.ts';
import type { NftSession } from './nft-session.ts';

/** A table whose JSON is longer than this is told as not read. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Families whose rules see packets that may be a booked flow's; others' tables are passed over. */
const FAMILIES: ReadonlySet<string> = new Set(['ip', 'inet', 'ip6', 'netdev', 'bridge']);
/** What can be written into a command of nft without quotes. */
const NAME = /^[A-Za-z_][A-Za-z0-9_./\\-]*$/;

/** Everything in nftables that is not ours, table by table: ours may be long, and are known. */
export async function readForeign(nft: NftSession): Promise<ForeignRuleset> {
  const tables: unknown[] = [];
  const unread: string[] = [];
  let characters = 0;
  for (const name of await foreignTables(nft)) {
    if (!NAME.test(name.split(' ')[1] ?? '')) {
      unread.push(`table ${name} has a name that cannot be asked for`);
      continue;
    }
    try {
      const text = await nft.list(name);
      // Gone since it was listed.
      if (text === null) continue;
      characters += text.length;
      if (characters > MAX_CHARACTERS) unread.push(`table ${name} is too long to be read`);
      else tables.push(JSON.parse(text));
    } catch (error) {
      unread.push(`table ${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return readRuleset(tables, unread);
}

async function foreignTables(nft: NftSession): Promise<readonly string[]> {
  const items = listOf(member(JSON.parse(await nft.tables()), 'nftables'));
  return items.flatMap((item) => {
    const table = member(item, 'table');
    const family = textOf(member(table, 'family'));
    const name = textOf(member(table, 'name'));
    if (family === null || name === null || !FAMILIES.has(family)) return [];
    const text = `${family} ${name}`;
    return text === TABLE || text === STEERING_TABLE ? [] : [text];
  });
}
