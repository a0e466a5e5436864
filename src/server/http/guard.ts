import type { FastifyRequest } from 'fastify';
import { createBearerCheck } from '../auth/bearer.ts';
import { ControlError } from '../control/errors.ts';
import { badField } from './problem.ts';

export interface AccessSettings {
  /** The static bearer token; null = none is wanted. */
  readonly token: string | null;
  /** Listening on loopback without a token: only pages and programs of this machine may call. */
  readonly loopbackOnly: boolean;
}

/**
 * Judges who may call, before the body is read. A browser on this machine shows pages of strangers: the Host check keeps
 * names that were rebound to 127.0.0.1 out, the Origin check keeps their scripts out.
 * @throws ControlError UNAUTHENTICATED, PERMISSION_DENIED, or INVALID_ARGUMENT for two Host headers
 */
export function createGuard(access: AccessSettings): (request: FastifyRequest) => void {
  const checkBearer = createBearerCheck(access.token);
  return (request) => {
    checkOneHost(request.raw.rawHeaders);
    if (access.loopbackOnly) checkLocal(request.headers.host, request.headers.origin);
    if (request.routeOptions.config.open !== true) checkBearer(request.headers.authorization);
  };
}

/** RFC 9112 3.2. Node would go by the first, something before or behind it by the other. */
function checkOneHost(rawHeaders: readonly string[]): void {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'host');
  if (hosts.length > 1) throw badField('Host', hosts.join(', '), 'must be given once');
}

function checkLocal(host: string | undefined, origin: string | undefined): void {
  const name = host === undefined ? undefined : hostName(host);
  if (name === undefined || !isLoopbackName(name)) {
    throw new ControlError('PERMISSION_DENIED', `Host "${host ?? ''}" is not a name of this machine`, {
      fields: [{ field: 'Host', value: host, code: 'INVALID_ARGUMENT', problem: 'must be a loopback name' }],
    });
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw new ControlError('PERMISSION_DENIED', `A page of "${origin}" may not call this server`, {
      fields: [{ field: 'Origin', value: origin, code: 'INVALID_ARGUMENT', problem: 'must be this server' }],
    });
  }
}

/** Without the port; IPv6 in brackets. */
const hostName = (host: string): string | undefined => /^(\[[0-9a-f:.]+\]|[^:[\]]+)(:\d{1,5})?$/i.exec(host)?.[1];

const isLoopbackName = (name: string): boolean =>
  /^(localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/i.test(name);
