import type { Command } from 'commander';
import { createLoggers } from '../telemetry/logger.ts';
import { readServerConfig } from './config.ts';
import { untilStopped } from './signals.ts';

/** `headroom server`: the control plane. */
export function registerServer(program: Command): void {
  program
    .command('server')
    .description('run the control plane; settings come from the environment')
    .action(async () => {
      const config = readServerConfig(process.env);
      // Loaded here: the command line does without database and HTTP server.
      const { startServer } = await import('./server-program.ts');
      const server = await startServer(config, createLoggers(config.log));
      process.stdout.write(
        `HTTP ${server.httpUrl}, gRPC ${server.grpcTarget}, agents ${server.agentSocket}${server.agentTarget === null ? '' : `, ${server.agentTarget}`}\n`,
      );
      await untilStopped();
      await server.stop();
    });
}
