import { fromBase64, toBase64 } from '../../base/base64.ts';

/**
 * Plain data as one line of JSON that gives exactly the same data back: JSON has no bytes, no infinity, no NaN, no negative
 * zero and no integers of 64 bits, so these become objects with one member whose name starts with `$`.
 * Members that are undefined are left out, as are functions, which are no data.
 */
export const plainText = (value: unknown): string => JSON.stringify(toJson(value));

/** @throws SyntaxError for text that `plainText` did not write. */
export const fromPlainText = (text: string): unknown => fromJson(JSON.parse(text));

export function toJson(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $bigint: value.toString() };
    case 'object': {
      if (value === null) return null;
      if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
      if (Array.isArray(value)) return value.map(toJson);
      if (value instanceof Map) return { $map: [...value].map(toJson) };
      if (value instanceof Set) return { $set: [...value].map(toJson) };
      const json: Record<string, unknown> = {};
      for (const [name, member] of Object.entries(value)) if (isData(member)) json[name] = toJson(member);
      return json;
    }
    default:
      return isData(value) ? value : null;
  }
}

const isData = (value: unknown): boolean => value !== undefined && typeof value !== 'function';

/** @throws SyntaxError */
export function fromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const members = Object.entries(json);
  const [name, inner] = members[0] ?? [];
  if (members.length === 1 && name?.startsWith('$')) return special(name, inner);
  return Object.fromEntries(members.map(([key, member]) => [key, fromJson(member)]));
}

function special(name: string, inner: unknown): unknown {
  switch (name) {
    case '$bytes': {
      const bytes = typeof inner === 'string' ? fromBase64(inner) : null;
      if (bytes !== null) return bytes;
      break;
    }
    case '$number':
      if (inner === '-0' || inner === 'Infinity' || inner === '-Infinity' || inner === 'NaN') return Number(inner);
      break;
    case '$bigint':
      if (typeof inner === 'string' && /^-?\d+$/.test(inner)) return BigInt(inner);
      break;
    case '$map':
      if (Array.isArray(inner)) return new Map(inner.map(fromJson) as [unknown, unknown][]);
      break;
    case '$set':
      if (Array.isArray(inner)) return new Set(inner.map(fromJson));
      break;
  }
  throw new SyntaxError(`${name} with such a value is nothing that is recorded`);
}
