import { cut } from './finding.ts';
import { listOf, member, textOf, type Json } from './json.ts';

/** A rule as `nft list ruleset` shows it, as near as its JSON tells, with where it stands. */
export const ruleText = (chain: string, expressions: readonly Json[]): string =>
  cut(
    `nft rule in ${chain}: ${expressions
      .map(statementText)
      .filter((text) => text !== '')
      .join(' ')}`,
  );

function statementText(statement: Json): string {
  const match = member(statement, 'match');
  if (match !== undefined) {
    const operator = textOf(member(match, 'op')) ?? '==';
    return `${valueText(member(match, 'left'))} ${operator} ${valueText(member(match, 'right'))}`;
  }
  const mangle = member(statement, 'mangle');
  if (mangle !== undefined) return `${valueText(member(mangle, 'key'))} set ${valueText(member(mangle, 'value'))}`;
  for (const verdict of ['jump', 'goto']) {
    const target = textOf(member(member(statement, verdict), 'target'));
    if (target !== null) return `${verdict} ${target}`;
  }
  for (const nat of ['snat', 'dnat', 'redirect', 'masquerade']) {
    const value = member(statement, nat);
    if (value === undefined) continue;
    const address = member(value, 'addr');
    const port = member(value, 'port');
    return [nat, ...(address === undefined && port === undefined ? [] : ['to'])]
      .join(' ')
      .concat(address === undefined ? '' : ` ${valueText(address)}`, port === undefined ? '' : ` :${valueText(port)}`);
  }
  const table = textOf(member(member(statement, 'flow'), 'flowtable'));
  if (table !== null) return `flow add ${table}`;
  const vmap = member(statement, 'vmap');
  if (vmap !== undefined) return `${valueText(member(vmap, 'key'))} vmap ${valueText(member(vmap, 'data'))}`;
  const name = typeof statement === 'object' && statement !== null ? (Object.keys(statement)[0] ?? '') : '';
  if (name === 'xt') return ['xt', member(member(statement, 'xt'), 'name')].filter((part) => part).join(' ');
  return name === 'counter' ? '' : name;
}

function valueText(value: Json): string {
  if (typeof value === 'number') return value > 0xffff ? `0x${value.toString(16)}` : String(value);
  if (typeof value === 'string') return value;
  const key = textOf(member(member(value, 'meta'), 'key'));
  if (key !== null) return /^[io]if/.test(key) ? key : `meta ${key}`;
  const payload = member(value, 'payload');
  if (payload !== undefined)
    return `${textOf(member(payload, 'protocol')) ?? 'raw'} ${textOf(member(payload, 'field')) ?? '?'}`;
  const ct = textOf(member(member(value, 'ct'), 'key'));
  if (ct !== null) return `ct ${ct}`;
  for (const operator of ['&', '|', '^', '<<', '>>']) {
    const sides = member(value, operator);
    if (Array.isArray(sides)) return sides.map(valueText).join(` ${operator} `);
  }
  const prefix = member(value, 'prefix');
  if (prefix !== undefined) return `${valueText(member(prefix, 'addr'))}/${valueText(member(prefix, 'len'))}`;
  const range = member(value, 'range');
  if (range !== undefined) return listOf(range).map(valueText).join('-');
  const set = member(value, 'set');
  if (Array.isArray(set)) {
    const shown = set.slice(0, 8).map(valueText).join(', ');
    return `{ ${shown}${set.length > 8 ? ', …' : ''} }`;
  }
  return (JSON.stringify(value) ?? '?').slice(0, 80);
}
