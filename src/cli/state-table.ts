import type { Flowspec } from '../core/qos/flowspec.ts';
import { flowspecText, protocolText, tspecText } from './rsvp-line.ts';
import { table } from './table.ts';

/**
 * A part of an agent's state as lines, whatever it holds: a list of objects as a table with a column a member, an object as
 * names and values. So a part that an agent of another version has is shown, too.
 */
export function partLines(title: string, part: unknown): string[] {
  if (Array.isArray(part)) return listLines(title, part as readonly unknown[]);
  if (typeof part !== 'object' || part === null) return [`${title}: ${cellText('', part)}`];
  const members = Object.entries(part);
  if (members.length === 0) return [`${title}: none`];
  return [
    `${title}`,
    ...table(
      ['', ''],
      members.map(([name, value]) => [`  ${words(name)}`, cellText(name, value)]),
    ).slice(1),
  ];
}

function listLines(title: string, list: readonly unknown[]): string[] {
  if (list.length === 0) return [`${title}: none`];
  const rows = list.map((item) =>
    typeof item === 'object' && item !== null ? (item as Record<string, unknown>) : { value: item },
  );
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const head = names.map((name) => words(name.replace(/InMs$/, '')).toUpperCase());
  return [
    title,
    ...table(
      head,
      rows.map((row) => names.map((name) => cellText(name, row[name]))),
    ),
  ];
}

/** `previousHop` → `previous hop` */
const words = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();

/** @param name of the member; `…Ms` are milliseconds */
export function cellText(name: string, value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'number') return name.endsWith('Ms') ? `${(value / 1_000).toFixed(1)} s` : String(value);
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map((each) => cellText('', each)).join(' ');
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return typeof value === 'string' ? value : '-';
  const object = value as Record<string, unknown>;
  if ('tokenRate' in object) return tspecText(numbers(object) as never);
  if ('service' in object && 'tspec' in object) return flowspecText(flowspecOf(object));
  if ('general' in object) return adspecText(object['general'] as Record<string, unknown>);
  if ('source' in object && 'destination' in object) {
    return `${endPoint(object, 'protocol')}${String(object['source'])}:${String(object['sourcePort'])} to ${String(object['destination'])}:${String(object['destinationPort'])}`;
  }
  if ('destination' in object) {
    return `${endPoint(object, 'protocol')}${String(object['destination'])}:${String(object['destinationPort'])}`;
  }
  if ('source' in object && 'sourcePort' in object)
    return `${String(object['source'])}:${String(object['sourcePort'])}`;
  return Object.entries(object)
    .map(([key, inner]) => `${words(key)} ${cellText(key, inner)}`)
    .join(', ');
}

const endPoint = (object: Record<string, unknown>, key: string): string =>
  typeof object[key] === 'number' ? `${protocolText(object[key])} ` : '';

/** Infinity and NaN travel as text. */
function numbers(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, typeof value === 'string' ? Number(value) : value]),
  );
}

function flowspecOf(object: Record<string, unknown>): Flowspec {
  const rspec = object['rspec'];
  return {
    ...object,
    tspec: numbers(object['tspec'] as Record<string, unknown>),
    ...(typeof rspec === 'object' && rspec !== null ? { rspec: numbers(rspec as Record<string, unknown>) } : {}),
  } as unknown as Flowspec;
}

const adspecText = ({ isHops, breakBit }: Record<string, unknown>): string =>
  `${String(isHops)} hops${breakBit === true ? ', BREAK' : ''}`;
