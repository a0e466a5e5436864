import { createHash, timingSafeEqual } from 'node:crypto';
import { ControlError } from '../control/errors.ts';

/**
 * Judges the Authorization header (or metadata entry) of a call; both edges use the same one.
 * @throws ControlError UNAUTHENTICATED from the returned function, unless no token is configured or the right one is given.
 */
export function createBearerCheck(token: string | null): (authorization: string | undefined) => void {
  if (token === null) return () => {};
  const expected = digest(token);
  return (authorization) => {
    if (authorization === undefined) {
      throw new ControlError('UNAUTHENTICATED', 'This server wants a bearer token: `Authorization: Bearer …`');
    }
    const given = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    // Equal lengths and constant time: neither the token's length nor its beginning can be measured.
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      throw new ControlError('UNAUTHENTICATED', 'The bearer token is not the one that this server was given');
    }
  };
}

/**
 * For calls that hand out or end trust: they want a token on loopback, too, where any program of the machine could call.
 * @throws ControlError PERMISSION_DENIED where none is configured; that the right one was shown is judged as ever
 */
export function requireConfiguredToken(token: string | null): void {
  if (token !== null) return;
  throw new ControlError(
    'PERMISSION_DENIED',
    'Agents are enrolled and revoked only where the server has a bearer token: set HEADROOM_TOKEN and start it again',
  );
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
