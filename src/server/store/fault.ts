import { StoreFault } from '../control/ports.ts';

const RETRYABLE = new Set(['40001', '40P01', '55P03']);

/** What PostgreSQL or the connection said, in the terms of control. */
export function asFault(error: unknown, commitSent = false): StoreFault {
  if (error instanceof StoreFault) return error;
  const code = (error as { code?: unknown } | null)?.code;
  // Five letters without a digit are an error of the socket: EPIPE.
  if (typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)) {
    if (RETRYABLE.has(code)) return new StoreFault('retry', error, { lockTimeout: code === '55P03' });
    // The connection's end (57P01 … 57P03: shut down, crashed, starting), no room for another one, out of resources.
    if (!/^(08|57P|53)/.test(code)) return new StoreFault('refused', error, { taken: code === '23505' });
  }
  return new StoreFault(commitSent ? 'inDoubt' : 'away', error);
}
