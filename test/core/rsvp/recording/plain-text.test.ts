import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from '../../../../src/core/base/base64.ts';
import { fromPlainText, plainText } from '../../../../src/core/rsvp/recording/plain-text.ts';

describe('base64', () => {
  it('is what Node writes and reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  it.each(['A', 'AAA', 'A===', 'AA=A', '####', 'AAAA=', 'AA==AAAA'])('refuses %s', (text) => {
    expect(fromBase64(text)).toBeNull();
  });
});

describe('plain data as text', () => {
  const data = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.double(),
      fc.constantFrom(Infinity, -Infinity, NaN, -0, 0),
      fc.bigInt(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]*$/), tie('value'), { maxKeys: 4, noNullPrototype: true }),
      fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
      fc.array(fc.string(), { maxLength: 3 }).map((entries) => new Set(entries)),
    ),
  })).value;

  it('comes back as it was, infinities, NaN, negative zero, bytes and 64 bits included, on one line', () => {
    fc.assert(
      fc.property(data, (value) => {
        const text = plainText(value);
        expect(text).not.toContain('\n');
        expect(fromPlainText(text)).toEqual(value);
      }),
    );
  });

  it('takes a Node Buffer for the bytes it is', () => {
    expect(fromPlainText(plainText(Buffer.from([1, 2, 255])))).toEqual(new Uint8Array([1, 2, 255]));
  });

  it('leaves out what is no data', () => {
    expect(plainText({ a: undefined, digest: () => 1, b: 2 })).toBe('{"b":2}');
  });

  it.each(['{"$bytes":"A"}', '{"$number":"7"}', '{"$bigint":"x"}', '{"$map":1}', '{"$odd":1}'])(
    'refuses %s, which it never writes',
    (text) => expect(() => fromPlainText(text)).toThrow(SyntaxError),
  );
});
