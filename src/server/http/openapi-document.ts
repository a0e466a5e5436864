import { pino } from 'pino';
import { createServerMetrics } from '../../telemetry/server-metrics.ts';
import type { Control } from '../control/api.ts';
import { createHttpApp } from './app.ts';

/** The OpenAPI document of the routes, without a server behind them; what is generated from it is committed. */
export async function openApiDocument(version: string): Promise<object> {
  const app = createHttpApp({
    control: {} as Control,
    metrics: createServerMetrics(false),
    logger: pino({ level: 'silent' }),
    access: { token: null, loopbackOnly: true },
    version,
  });
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}
