import { UsageError } from './errors.ts';

/** @throws UsageError naming the option and the text. */
export function bytes(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${option}: "${text}" is not a number of bytes`);
  return Number(text);
}

/** Collects `--label key=value`. @throws UsageError */
export function addLabel(text: string, labels: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--label: "${text}" is not key=value`);
  const key = text.slice(0, at);
  if (Object.hasOwn(labels, key)) throw new UsageError(`--label: "${text}" is a second value for ${key}`);
  return { ...labels, [key]: text.slice(at + 1) };
}
