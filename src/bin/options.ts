import { InvalidArgumentError } from 'commander';

/** Parser of an option: milliseconds from 100 to an hour. @throws InvalidArgumentError */
export function refreshPeriod(text: string): number {
  const ms = Number(text);
  if (!Number.isInteger(ms) || ms < 100 || ms > 3_600_000) {
    throw new InvalidArgumentError('It must be a whole number of milliseconds from 100 to 3600000.');
  }
  return ms;
}

/** Parser of an option: what the names of a lab's network namespaces start with. @throws InvalidArgumentError */
export function namespacePrefix(text: string): string {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(text)) {
    throw new InvalidArgumentError(
      'It must have 1 to 63 of a-z, 0-9, ".", "_" and "-", and start with a letter or digit.',
    );
  }
  return text;
}

/** Parser of an option: megabytes from 1 to 100,000. @throws InvalidArgumentError */
export function recordMegabytes(text: string): number {
  const megabytes = Number(text);
  if (!Number.isInteger(megabytes) || megabytes < 1 || megabytes > 100_000) {
    throw new InvalidArgumentError('It must be a whole number of megabytes from 1 to 100000.');
  }
  return megabytes;
}

/** Parser of an option: a whole number, decimal or 0x…, to 2^32 − 1. @throws InvalidArgumentError */
export function wholeNumber(text: string): number {
  const number = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : NaN;
  if (!(number <= 0xffffffff))
    throw new InvalidArgumentError('It must be a whole number from 0 to 4294967295, or 0x….');
  return number;
}
