import { err, ok, type Result } from './result.ts';
import { EpochMs } from './units.ts';

const FORM = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Parses an RFC 3339 `date-time`: date, time and zone (`Z` or `+01:00`), all of them. What is finer than a millisecond is
 * dropped. A leap second (23:59:60 UTC at the end of a month, RFC 3339 5.7) is the second after it, as in POSIX time.
 * The error is a sentence fragment for people.
 */
export function parseRfc3339(text: string): Result<EpochMs, string> {
  const match = FORM.exec(text);
  if (!match) return err('must be a time with zone as in RFC 3339, for example 2026-11-22T10:00:00Z');
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [zoneHour, zoneMinute] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return err('names a day that does not exist');
  if (hour > 23 || minute > 59 || second > 60 || zoneHour > 23 || zoneMinute > 59) {
    return err('names a time of day that does not exist');
  }
  const zoneMinutes = (match[8] === '-' ? -1 : 1) * (zoneHour * 60 + zoneMinute);
  const millis = Number(`${match[7] ?? '.'}000`.slice(1, 4));
  const date = new Date(0);
  // Date.UTC would read the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - zoneMinutes, second, second === 60 ? 0 : millis);
  if (second === 60 && !isStartOfMonth(date)) return err('names a leap second where there is none');
  const shownYear = date.getUTCFullYear();
  if (shownYear < 0 || shownYear > 9999) return err('lies, in UTC, beyond the years 0000 to 9999');
  return ok(EpochMs(date.getTime()));
}

const isStartOfMonth = (date: Date): boolean =>
  date.getUTCDate() === 1 && date.getUTCHours() === 0 && date.getUTCMinutes() === 0;

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
