import { statSync } from 'node:fs';
import { DEFAULT_RSVP_CONFIG, holdsKeys, parseRsvpConfig, type RsvpConfig } from '../agent/rsvp-config.ts';
import { UsageError } from '../cli/errors.ts';
import { readTextFile } from '../cli/text-file.ts';

const OTHERS = 0o077;

/** @throws UsageError for a file that cannot be read, says something impossible, or shows keys to others than its owner. */
export function readRsvpConfig(file: string | undefined): RsvpConfig {
  if (file === undefined) return DEFAULT_RSVP_CONFIG;
  const config = parseRsvpConfig(readTextFile(file));
  if (!config.ok) throw new UsageError(`${file}: ${config.error}`);
  const mode = statSync(file).mode & 0o777;
  if (holdsKeys(config.value) && (mode & OTHERS) !== 0) {
    throw new UsageError(`${file} holds keys and has mode ${mode.toString(8).padStart(4, '0')}: it must be 0600`);
  }
  return config.value;
}
