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
        ...a.findings.flatMap(({ severity, object, detail, mend }) => [
          `  ${severity.padEnd(8)}  ${object}`,
          `            ${detail}; to mend it: ${mend}`,
        ]),
      ]);
    });
}

/** `headroom agent enrol|revoke`. */
export function registerAgentTrust(agent: Command): void {
  withConnection(agent.command('enrol'))
    .description('a one-time token (1 h) for the agent of a node, and the command to paste on that host')
    .argument('<node>')
    .action(async (node: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      print(options, await withClient(options, (client) => client.enrolAgent(node)), (e) => [
        `On the host that is ${e.node}, until ${e.expiresAt}, as root:`,
        '',
        `  HEADROOM_ENROL_TOKEN=${e.token} headroom agent --node ${e.node} --server ${e.server}`,
        '',
        'or, so that the token is in no environment:',
        '',
        `  headroom agent --node ${e.node} --server ${e.server} --enrol -`,
        `  ${e.token}`,
        '',
        `The token works once. It names the authority with the fingerprint ${e.authorityFingerprint}.`,
      ]);
    });
  withConnection(agent.command('revoke'))
    .description("end the certificates, the tokens and the stream of a node's agent")
    .argument('<node>')
    .action(async (node: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      print(options, await withClient(options, (client) => client.revokeAgent(node)), ({ certificates }) => [
        `${node}: ${certificates} certificate${certificates === 1 ? '' : 's'} revoked`,
      ]);
    });
}

const rpFilter = (mode: number | null): string =>
  mode === null ? '' : ` rp_filter ${mode} (${['none', 'strict', 'loose'][mode] ?? 'unknown'})`;
