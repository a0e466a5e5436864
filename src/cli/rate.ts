import { UsageError } from './errors.ts';

const SCALE = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 } as const;

/** `10M`, `1.5G`, `800k`, `64000`: bits per second. @throws UsageError naming the option and the text. */
export function parseRate(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kKMGT]?)(?:bit(?:\/s|ps)?)?$/.exec(text);
  const bits = match ? Math.round(Number(match[1]) * SCALE[match[2] as keyof typeof SCALE]) : NaN;
  if (!Number.isSafeInteger(bits)) throw new UsageError(`${option}: "${text}" is not a rate like 10M, 1.5G or 64000`);
  return bits;
}

/** With three digits and a decimal unit. */
export function formatRate(bitsPerSecond: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];
  let value = bitsPerSecond;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))} ${units[unit]}`;
}

const DURATION_MICROS = { us: 1, ms: 1e3, s: 1e6, m: 60e6, min: 60e6, h: 3600e6, d: 86_400e6 } as const;

/** `20ms`, `2h`, `90s`: microseconds. @throws UsageError naming the option and the text. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|min|m|h|d)$/.exec(text);
  const micros = match ? Math.round(Number(match[1]) * DURATION_MICROS[match[2] as keyof typeof DURATION_MICROS]) : NaN;
  if (!Number.isSafeInteger(micros))
    throw new UsageError(`${option}: "${text}" is not a duration like 20ms, 90s or 2h`);
  return micros;
}
