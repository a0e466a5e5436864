import type { Command } from 'commander';
import type { ReservationFilter } from '../client/client.ts';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { formatRate } from './rate.ts';
import { flowText, reservationLines } from './reservation-lines.ts';
import { registerReservationModify } from './reservation-modify.ts';
import { table } from './table.ts';

interface ListOptions extends ConnectionOptions {
  readonly state?: string[];
  readonly source?: string;
  readonly destination?: string;
  readonly node?: string;
  readonly link?: string;
  readonly pageSize?: string;
  readonly pageToken?: string;
}

/** `headroom reservation list|show|modify|release` */
export function registerReservation(program: Command): void {
  const reservation = program.command('reservation').description('what is booked');
  withConnection(reservation.command('list'))
    .option('--state <state...>', 'any of these')
    .option('--source <address>', 'of any sender')
    .option('--destination <address>')
    .option('--node <name>', 'on the path')
    .option('--link <id>', 'on the path')
    .option('--page-size <n>', '1 … 500')
    .option('--page-token <token>', 'where the page before ended')
    .action(async (options: ListOptions) => {
      const { state, source, destination, node, link, pageSize, pageToken } = options;
      const filter = Object.fromEntries(
        Object.entries({ state, source, destination, node, link, pageSize: number(pageSize), pageToken }).filter(
          ([, value]) => value !== undefined,
        ),
      ) as ReservationFilter;
      const page = await withClient(options, (client) => client.listReservations(filter));
      print(options, page, ({ items, nextPageToken }) => [
        ...table(
          ['ID', 'STATE', 'FLOW', 'RATE', 'END'],
          items.map((r) => [
            r.id ?? '',
            r.state,
            flowText(r),
            formatRate(r.qos.tokenRateBitsPerSecond),
            r.window.end ?? '-',
          ]),
        ),
        ...(nextPageToken === null ? [] : [`more: --page-token ${nextPageToken}`]),
      ]);
    });
  withConnection(reservation.command('show'))
    .argument('<id>')
    .action(async (id: string, options: ConnectionOptions) => {
      print(options, await withClient(options, (client) => client.getReservation(id)), reservationLines);
    });
  registerReservationModify(reservation);
  withConnection(reservation.command('release'))
    .argument('<id>')
    .option('--if-match <etag>', 'only if the reservation is still the one with this etag')
    .action(async (id: string, options: ConnectionOptions & { readonly ifMatch?: string }) => {
      const { ifMatch } = options;
      await withClient(options, (client) => client.releaseReservation(id, ifMatch === undefined ? {} : { ifMatch }));
      print(options, { id, released: true }, () => [`${id} released`]);
    });
}

const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
