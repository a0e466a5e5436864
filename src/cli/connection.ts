import type { Command } from 'commander';
import { createClient, ProblemError, type HeadroomClient } from '../client/client.ts';
import { RefusalError, UsageError } from './errors.ts';
import { alternativeLine, fieldLine, reasonLine } from './refusal-lines.ts';

/** Options that every command that talks to a server takes. */
export interface ConnectionOptions {
  readonly server?: string;
  readonly json?: boolean;
}

/** Adds `--server` and `--json`. */
export const withConnection = (command: Command): Command =>
  command
    .option('--server <url>', 'of the server (default: HEADROOM_URL, else http://127.0.0.1:8080)')
    .option('--json', 'print JSON');

/**
 * Runs a command against the server that the options or the environment name; the token comes from HEADROOM_TOKEN.
 * @throws UsageError (exit status 2) for what the server calls malformed, RefusalError (3) for what it refuses.
 */
export async function withClient<T>(
  options: ConnectionOptions,
  call: (client: HeadroomClient) => Promise<T>,
): Promise<T> {
  const baseUrl = options.server ?? (process.env['HEADROOM_URL'] || 'http://127.0.0.1:8080');
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new UsageError(`"${baseUrl}" is not the URL of a server, like http://127.0.0.1:8080`);
  }
  const { username, password } = new URL(baseUrl);
  if (username !== '' || password !== '') {
    throw new UsageError('the URL of the server must not hold a user or password: set HEADROOM_TOKEN');
  }
  const token = process.env['HEADROOM_TOKEN'];
  // What a header cannot carry; the token itself is not shown.
  if (token && /[^\x21-\x7e]/.test(token)) {
    throw new UsageError('HEADROOM_TOKEN: must be printable ASCII characters without blanks');
  }
  try {
    return await call(createClient({ baseUrl, ...(token ? { token } : {}) }));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.fields.length > 0 && error.reasons.length === 0) {
      // What is wrong with the body as a whole stands in the message.
      const named = error.fields.filter(({ field }) => field !== '');
      throw new UsageError([error.message, ...named.map((field) => `  ${fieldLine(field)}`)].join('\n'));
    }
    throw new RefusalError(`${error.code}: ${error.message}`, [
      ...error.reasons.map(reasonLine),
      ...error.alternatives.map(alternativeLine),
    ]);
  }
}

/** Prints a value as JSON, or what `lines` makes of it. */
export function print<T>(options: ConnectionOptions, value: T, lines: (value: T) => readonly string[]): void {
  const text = options.json ? JSON.stringify(value) : lines(value).join('\n');
  if (text !== '') process.stdout.write(`${text}\n`);
}
