import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRfc3339 } from '../../../src/core/base/rfc3339.ts';

const parsed = (text: string): string => {
  const time = parseRfc3339(text);
  return time.ok ? new Date(time.value).toISOString() : time.error;
};

describe('RFC 3339 times', () => {
  it.each([
    // The examples of RFC 3339 5.8.
    ['1985-04-12T23:20:50.52Z', '1985-04-12T23:20:50.520Z'],
    ['1996-12-19T16:39:57-08:00', '1996-12-20T00:39:57.000Z'],
    ['1990-12-31T23:59:60Z', '1991-01-01T00:00:00.000Z'],
    ['1990-12-31T15:59:60-08:00', '1991-01-01T00:00:00.000Z'],
    ['1937-01-01T12:00:27.87+00:20', '1937-01-01T11:40:27.870Z'],
    ['2026-11-22t10:00:00z', '2026-11-22T10:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['2026-11-22T10:00:00.9999999Z', '2026-11-22T10:00:00.999Z'],
    ['2026-11-22T10:00:00.1Z', '2026-11-22T10:00:00.100Z'],
    ['2026-11-22T00:30:00+01:00', '2026-11-21T23:30:00.000Z'],
    ['0050-01-01T00:00:00Z', '0050-01-01T00:00:00.000Z'],
    ['2026-06-30T23:59:60.5Z', '2026-07-01T00:00:00.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(parsed(text)).toBe(instant);
  });

  it.each([
    ['2026-11-22T10:00:00', /zone/],
    ['2026-11-22', /zone/],
    ['2026-11-22 10:00:00Z', /zone/],
    ['2026-11-22T10:00Z', /zone/],
    ['2026-11-22T10:00:00.Z', /zone/],
    ['2026-11-22T10:00:00+0100', /zone/],
    [' 2026-11-22T10:00:00Z', /zone/],
    ['2026-11-22T10:00:00Z\n', /zone/],
    ['tomorrow', /zone/],
    ['', /zone/],
    ['2026-02-29T00:00:00Z', /day that does not exist/],
    ['1900-02-29T00:00:00Z', /day that does not exist/],
    ['2026-13-01T00:00:00Z', /day that does not exist/],
    ['2026-04-31T00:00:00Z', /day that does not exist/],
    ['2026-00-10T00:00:00Z', /day that does not exist/],
    ['2026-11-22T24:00:00Z', /time of day that does not exist/],
    ['2026-11-22T10:60:00Z', /time of day that does not exist/],
    ['2026-11-22T10:00:61Z', /time of day that does not exist/],
    ['2026-11-22T10:00:00+24:00', /time of day that does not exist/],
    ['2026-11-22T23:59:60Z', /leap second where there is none/],
    ['2026-12-31T12:00:60Z', /leap second where there is none/],
    ['0000-01-01T00:00:00+00:01', /beyond the years/],
    ['9999-12-31T23:59:59-00:01', /beyond the years/],
  ])('%j is refused', (text, problem) => {
    expect(parsed(text)).toMatch(problem);
  });

  it('reads every instant back from its own text', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true }),
        (date) => {
          expect(parseRfc3339(date.toISOString())).toEqual({ ok: true, value: date.getTime() });
        },
      ),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseRfc3339(text)));
  });
});
