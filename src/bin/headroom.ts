#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { registerCommands } from '../cli/commands.ts';
import { RefusalError, UsageError } from '../cli/errors.ts';
import { registerAgent } from './agent-command.ts';
import { ConfigError } from './config.ts';
import { registerDoctor } from './doctor-command.ts';
import { registerLab } from './lab-command.ts';
import { registerServer } from './server-command.ts';
import { registerUp } from './up-command.ts';
import { VERSION } from './version.ts';

const program = new Command('headroom')
  .description('books bandwidth between hosts, signals it with RSVP, enforces it in the Linux kernel')
  .version(VERSION)
  .enablePositionalOptions()
  .exitOverride();
for (const register of [registerUp, registerServer, registerAgent, registerLab, registerDoctor, registerCommands])
  register(program);

// A reader that has seen enough, as `head` does, is no fault: what is left is not shown.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitStatus(error);
}

/** 2 on wrong usage or settings, 3 on a refusal, 1 on what should not happen. */
function exitStatus(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const line = error instanceof Error ? error.message : String(error);
  process.stderr.write(`headroom: ${line}\n`);
  if (error instanceof RefusalError) {
    for (const reason of error.reasons) process.stderr.write(`  ${reason}\n`);
    return 3;
  }
  return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
}
