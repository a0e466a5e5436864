import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from '../../telemetry/logger.ts';
import type { ServerMetrics } from '../../telemetry/server-metrics.ts';
import type { Control } from '../control/api.ts';

/** What the gRPC edge is made of. */
export interface GrpcSettings {
  readonly control: Control;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
  /** The static bearer token, wanted as metadata `authorization: Bearer …`; null = none is wanted. */
  readonly token: string | null;
  /** PEM texts; absent = plain. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Services of others to be served beside the public ones. */
  readonly extra?: readonly ExtraService[];
  /** How long an event stream may stay full before it is closed; default 10,000. */
  readonly stallMs?: number;
}

export interface ExtraService {
  readonly definition: ServiceDefinition<UntypedServiceImplementation>;
  readonly implementation: UntypedServiceImplementation;
}
