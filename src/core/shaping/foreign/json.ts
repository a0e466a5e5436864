/** Anything of nft's JSON (libnftables-json(5)): what is not as expected is "not known". */
export type Json = unknown;

/** The member of an object; undefined where there is none, or no object. */
export function member(value: Json, name: string): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

export const textOf = (value: Json): string | null => (typeof value === 'string' ? value : null);

export const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);

/** A number, or what nft writes in its place as text; null where it is neither. */
export function numberOf(value: Json): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(value)) return null;
  return Number(value);
}

/** The values of a set, of a list of them or of one alone, each without its time-out or comment. */
export function valuesOf(value: Json): readonly Json[] {
  const list: readonly Json[] = Array.isArray(value)
    ? value
    : Array.isArray(member(value, 'set'))
      ? listOf(member(value, 'set'))
      : [value];
  return list.map((each): Json => member(member(each, 'elem'), 'val') ?? each);
}
