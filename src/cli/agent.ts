import type { Command } from 'commander';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { table } from './table.ts';

/**
 * `headroom agent list|show`. The bare `headroom agent` is the program itself, which other code registers: it hands its
 * command in.
 */
export function registerAgentQueries(agent: Command): void {
  withConnection(agent.command('list'))
    .description('agents and what they hold')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      print(options, await withClient(options, (client) => client.listAgents()), (agents) =>
        table(
          ['NODE', 'STATE', 'HOST', 'RSVP', 'ENFORCES', 'HOLDS', 'MISMATCHES'],
          agents.map((a) => [
            a.id,
            a.state,
            a.hostName ?? '-',
            a.features?.rsvpTransport ?? '-',
            a.features ? String(a.features.enforces) : '-',
            String(a.assignments),
            String(a.mismatches.length),
          ]),
        ),
      );
    });
  withConnection(agent.command('show'))
    .description('one agent')
    .argument('<node>')
    .action(async (node: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      print(options, await withClient(options, (client) => client.getAgent(node)), (a) => [
        `${a.id}  ${a.state}, last seen ${a.lastSeenAt ?? 'never'}`,
        `  host      ${a.hostName ?? '-'}, boot ${a.bootId ?? '-'}, version ${a.version ?? '-'}`,
        ...a.interfaces.map(
          (i) =>
            `  ${i.up ? 'up  ' : 'down'}      ${i.name} ${i.addresses.join(' ')} mtu ${i.mtuBytes}${rpFilter(i.rpFilter)}`,
        ),
        ...(a.features ? [`  steers    ${a.features.steeringProblem ?? 'yes'}`] : []),
        ...(a.features?.notes ?? []).map((note) => `  note      ${note}`),
        ...a.mismatches.map((mismatch) => `  mismatch  ${mismatch}`),
      ]);
    });
}

const rpFilter = (mode: number | null): string =>
  mode === null ? '' : ` rp_filter ${mode} (${['none', 'strict', 'loose'][mode] ?? 'unknown'})`;
