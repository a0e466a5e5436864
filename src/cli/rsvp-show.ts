import type { Command } from 'commander';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { partLines } from './state-table.ts';
import { table } from './table.ts';

type Counts = Readonly<Record<string, number>>;

/** What is shown in a form of its own; the other parts of the engine's state come as they are. */
interface State {
  readonly node: string;
  readonly engine: Readonly<Record<string, unknown>> & {
    readonly counters: Readonly<Record<'received' | 'sent' | 'dropped', Counts>>;
  };
  readonly transport?: unknown;
  readonly recording?: unknown;
}

/** Parts of the engine's state that have a longer name. */
const TITLES: Readonly<Record<string, string>> = { paths: 'PATH STATE', reservations: 'RESERVATION STATE' };

/** `headroom rsvp show AGENT` */
export function registerRsvpShow(rsvp: Command): void {
  withConnection(rsvp.command('show'))
    .description("an agent's path and reservation state, neighbours, timers and counters")
    .argument('<agent>', 'the name of its node')
    .action(async (agent: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      const state = (await withClient(options, (client) => client.getAgentRsvp(agent))) as State;
      print(options, state, stateLines);
    });
}

/** A table for each part of the engine's state, then its counters, then what carries its messages. */
export function stateLines({ engine, transport, recording }: State): string[] {
  const { counters, ...parts } = engine;
  const lines = Object.entries(parts).flatMap(([name, part]) => [
    ...partLines(TITLES[name] ?? name.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase(), part),
    '',
  ]);
  return [
    ...lines,
    ...messageLines(counters.received, counters.sent),
    '',
    ...dropLines(counters.dropped),
    ...(transport == null ? [] : ['', ...partLines('TRANSPORT', transport)]),
    ...(recording == null ? [] : ['', ...partLines('RECORDING', recording)]),
  ];
}

function messageLines(received: Counts, sent: Counts): string[] {
  const types = [...new Set([...Object.keys(received), ...Object.keys(sent)])];
  if (types.length === 0) return ['MESSAGES: none'];
  const rows = types.map((type) => [type, String(received[type] ?? 0), String(sent[type] ?? 0)]);
  return ['MESSAGES', ...table(['TYPE', 'RECEIVED', 'SENT'], rows)];
}

function dropLines(dropped: Counts): string[] {
  const reasons = Object.entries(dropped).sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return ['DROPPED: none'];
  return [
    'DROPPED',
    ...table(
      ['REASON', 'COUNT'],
      reasons.map(([reason, count]) => [reason, String(count)]),
    ),
  ];
}
