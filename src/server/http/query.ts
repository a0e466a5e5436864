import type { TSchema } from 'typebox';
import type { FieldProblem } from '../../core/qos/request.ts';

interface Property {
  readonly type?: string;
}

/**
 * Query parameters are text; this reads each as the type that its schema declares, and nothing looser: an integer is
 * decimal digits, a boolean is `true` or `false`, a list is the parameter repeated. Anything else, unknown names
 * included, is a problem.
 */
export function readQuery(
  schema: TSchema,
  raw: Readonly<Record<string, string | string[]>> | null,
): { readonly value: Readonly<Record<string, unknown>>; readonly problems: readonly FieldProblem[] } {
  const properties = (schema as { properties?: Record<string, Property> }).properties ?? {};
  const value: Record<string, unknown> = {};
  const problems: FieldProblem[] = [];
  const report = (field: string, found: unknown, problem: string): void => {
    problems.push({ field: field.slice(0, 100), value: found, code: 'INVALID_ARGUMENT', problem });
  };
  for (const [name, given] of Object.entries(raw ?? {})) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property === undefined) {
      report(name, given, 'is not a known query parameter');
    } else if (property.type === 'array') {
      value[name] = [given].flat();
    } else if (Array.isArray(given)) {
      report(name, given.join(', '), 'must be given once');
    } else {
      const read = readScalar(property.type, given);
      if (read === undefined)
        report(name, given, `must be ${property.type === 'boolean' ? 'true or false' : 'an integer'}`);
      else value[name] = read;
    }
  }
  return { value, problems };
}

function readScalar(type: string | undefined, text: string): unknown {
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (type === 'integer') {
    const number = Number(text);
    return /^-?\d{1,16}$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
  }
  return text;
}
