import { Type, type Static, type TSchema } from 'typebox';

/** A closed object: unknown members are refused. */
export const Closed = <P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

/** A reference to a schema that has an `$id`; it becomes a named component of the OpenAPI document. */
export const Ref = <T extends TSchema>(schema: T) => {
  const id = (schema as { $id?: string }).$id;
  if (id === undefined) throw new TypeError('only a schema with $id can be referred to');
  return Type.Unsafe<Static<T>>({ $ref: `${id}#` });
};

export const NullableString = (options: Record<string, unknown> = {}) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });

export const NullableNumber = (options: Record<string, unknown> = {}) =>
  Type.Unsafe<number | null>({ type: ['number', 'null'], ...options });

export const NullableInteger = (options: Record<string, unknown> = {}) =>
  Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options });

export const Choice = <const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });

export const NullableChoice = <const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}) =>
  Type.Unsafe<T[number] | null>({ type: ['string', 'null'], enum: [...values, null], ...options });

/** Free labels of the operator or caller. */
export const Labels = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Free text by key, at most 64',
});

export const Time = (description: string) => Type.String({ format: 'date-time', description });
export const NullableTime = (description: string) => NullableString({ format: 'date-time', description });

/** For calls that take no query parameters: any is refused. */
export const NoQuery = Closed({});

export const IdParams = (description: string) => Closed({ id: Type.String({ description }) });
