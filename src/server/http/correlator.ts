import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { badField } from './problem.ts';

const PATTERN = /^[\w:;./<>{}-]{1,256}$/;

/** The caller's `x-correlator` if it can be echoed, else one of ours. */
export function correlator(request: IncomingMessage): string {
  const given = request.headers['x-correlator'];
  return typeof given === 'string' && PATTERN.test(given) ? given : randomUUID();
}

/** @throws ControlError INVALID_ARGUMENT for one that cannot be echoed. */
export function checkCorrelator(given: string | string[] | undefined): void {
  if (given === undefined || (typeof given === 'string' && PATTERN.test(given))) return;
  throw badField('x-correlator', String(given), 'must be 1 to 256 letters, digits or any of -_:;./<>{}');
}
