import { createHttpApp } from '../../../src/server/http/app.ts';
import type { HttpSettings } from '../../../src/server/http/context.ts';
import { createLoggers } from '../../../src/telemetry/logger.ts';
import { createServerMetrics } from '../../../src/telemetry/server-metrics.ts';
import { onTestFinished } from 'vitest';
import { edgeControl, type EdgeControl } from '../edge-control.ts';

/** The HTTP edge over a control made for the test; closed with it. `log` collects its lines. */
export function buildApp(over: Partial<HttpSettings> & { readonly control?: EdgeControl } = {}) {
  const log: string[] = [];
  const loggers = createLoggers({ base: 'trace', bySubsystem: new Map() }, { write: (line) => void log.push(line) });
  const control = over.control ?? edgeControl();
  const metrics = createServerMetrics(false);
  const app = createHttpApp({
    metrics,
    logger: loggers('http'),
    access: { token: null, loopbackOnly: true },
    version: '0.1.0',
    ...over,
    control,
  });
  onTestFinished(() => app.close());
  return { app, control, metrics, log };
}
