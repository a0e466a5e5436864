import type { Logger } from '../../telemetry/logger.ts';
import type { ServerMetrics } from '../../telemetry/server-metrics.ts';
import type { Control } from '../control/api.ts';
import type { AccessSettings } from './guard.ts';

/** What the HTTP edge is made of. */
export interface HttpSettings {
  readonly control: Control;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
  readonly access: AccessSettings;
  /** Of the program, as GET /v1/version answers it. */
  readonly version: string;
  /** PEM texts; absent = plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Event streams. */
  readonly events?: {
    /** Between comment lines on a quiet stream; default 15,000. */
    readonly heartbeatMs?: number;
    /** How long a full connection may stay full before it is closed; default 10,000. */
    readonly stallMs?: number;
  };
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without credentials. */
    open?: boolean;
  }
  interface FastifyRequest {
    /** Code of the catalogue when the answer is a problem. */
    problemCode: string | null;
  }
}
