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

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
