/** A refused value for people and logs: scalars as they are, long text cut, everything else named by its kind. */
export function shownValue(value: unknown): string | number | boolean | null {
  switch (typeof value) {
    case 'string':
      return value.length > 200 ? `${value.slice(0, 200)}…` : value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return String(value);
    case 'undefined':
      return 'missing';
    default:
      if (value === null) return null;
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
  }
}
