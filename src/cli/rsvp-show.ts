import type { Command } from 'commander';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { table } from './table.ts';

interface Flow {
  readonly protocol: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** The parts of an agent's snapshot that are shown as a table; the rest is in the JSON. */
interface State {
  readonly engine: {
    readonly paths: readonly {
      readonly flow: Flow;
      readonly previousHop: string | null;
      readonly outgoingInterface: string | null;
      readonly local: string | null;
      readonly expiresInMs: number | null;
    }[];
    readonly reservations: readonly {
      readonly flow: Flow;
      readonly interface: string;
      readonly nextHop: string;
      readonly state: string;
      readonly expiresInMs: number;
    }[];
    readonly counters: Readonly<Record<'received' | 'sent' | 'dropped', Readonly<Record<string, number>>>>;
  };
}

/** `headroom rsvp show AGENT` */
export function registerRsvpShow(rsvp: Command): void {
  withConnection(rsvp.command('show'))
    .description("an agent's path and reservation state")
    .argument('<agent>', 'the name of its node')
    .action(async (agent: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      const state = (await withClient(options, (client) => client.getAgentRsvp(agent))) as State;
      print(options, state, ({ engine }) => [
        ...table(
          ['PATH', 'FROM', 'OUT', 'LOCAL', 'EXPIRES'],
          engine.paths.map((p) => [
            flowText(p.flow),
            p.previousHop ?? '-',
            p.outgoingInterface ?? '-',
            p.local ?? '-',
            seconds(p.expiresInMs),
          ]),
        ),
        '',
        ...table(
          ['RESERVATION', 'OUT', 'NEXT HOP', 'STATE', 'EXPIRES'],
          engine.reservations.map((r) => [flowText(r.flow), r.interface, r.nextHop, r.state, seconds(r.expiresInMs)]),
        ),
        '',
        ...(['received', 'sent', 'dropped'] as const).map((kind) => `${kind}: ${counts(engine.counters[kind])}`),
      ]);
    });
}

const flowText = (f: Flow): string =>
  `${f.protocol === 17 ? 'udp' : f.protocol === 6 ? 'tcp' : f.protocol} ` +
  `${f.source}:${f.sourcePort} to ${f.destination}:${f.destinationPort}`;
const seconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1000).toFixed(1)} s`);
const counts = (by: Readonly<Record<string, number>>): string =>
  Object.entries(by)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';
