import type { Command } from 'commander';
import type { HeadroomClient, Reservation, ReservationRequest } from '../client/client.ts';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { RefusalError, UsageError } from './errors.ts';
import { follow } from './follow.ts';
import { addLabel, bytes } from './option-values.ts';
import { parseDuration, parseRate } from './rate.ts';
import { reservationLines } from './reservation-lines.ts';

interface ReserveOptions extends ConnectionOptions {
  readonly rate: string;
  readonly tcp?: boolean;
  readonly udp?: boolean;
  readonly guaranteed?: boolean;
  readonly controlledLoad?: boolean;
  readonly delay?: string;
  readonly bucket?: string;
  readonly peak?: string;
  readonly minPacket?: string;
  readonly maxPacket?: string;
  readonly from?: string;
  readonly until?: string;
  readonly for?: string;
  readonly allowUnpinned?: boolean;
  readonly style?: string;
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

/** `headroom reserve SRC[:PORT][,SRC[:PORT]…] DST[:PORT] --rate 10M` */
export function registerReserve(program: Command): void {
  withConnection(program.command('reserve'))
    .description('book bandwidth from one address, or several, to another')
    .argument('<source>', 'address, or address:port; several with commas between')
    .argument('<destination>', 'address, or address:port')
    .requiredOption('--rate <rate>', 'token rate of the IP packets: 10M, 1.5G, 64000')
    .option('--udp', 'the default')
    .option('--tcp')
    .option('--controlled-load', 'the default (RFC 2211)')
    .option('--guaranteed', 'guaranteed service (RFC 2212)')
    .option('--delay <duration>', 'end-to-end bound with --guaranteed: 20ms')
    .option('--bucket <bytes>', 'token bucket')
    .option('--peak <rate>', 'peak rate')
    .option('--min-packet <bytes>', 'minimum policed unit')
    .option('--max-packet <bytes>', 'largest packet')
    .option('--from <time>', 'RFC 3339 with zone (default: now)')
    .option('--until <time>', 'RFC 3339 with zone (default: until released)')
    .option('--for <duration>', 'instead of --until: 2h')
    .option('--allow-unpinned', 'also a path that not every agent on it can keep the flow on')
    .option(
      '--style <style>',
      'shared (one part for all sources), wildcard (for whoever sends) or fixed (one for each)',
    )
    .option('--name <name>')
    .option('--label <key=value>', 'may be given several times', addLabel)
    .option('--dry-run', 'decide and answer, book nothing')
    .option('--wait', 'until it is active, with progress')
    .action(async (source: string, destination: string, options: ReserveOptions) => {
      const request = requestOf(source, destination, options);
      await withClient(options, async (client) => {
        const booked = await client.reserve(request, { validateOnly: options.dryRun ?? false });
        const reservation = options.wait && !options.dryRun ? await waitForActive(client, booked, options) : booked;
        print(options, reservation, reservationLines);
      });
    });
}

function requestOf(source: string, destination: string, options: ReserveOptions): ReservationRequest {
  if (options.tcp && options.udp) throw new UsageError('--tcp and --udp exclude each other');
  if (options.guaranteed && options.controlledLoad)
    throw new UsageError('--guaranteed and --controlled-load exclude each other');
  if (options.until !== undefined && options.for !== undefined)
    throw new UsageError('--until and --for exclude each other');
  const end = options.for === undefined ? options.until : endAfter(options.from, options.for);
  return {
    flow: {
      protocol: options.tcp ? 'tcp' : 'udp',
      ...(source.includes(',') ? { sources: source.split(',').map(endpoint) } : { source: endpoint(source) }),
      destination: endpoint(destination),
    },
    qos: {
      serviceType: options.guaranteed ? 'guaranteed' : 'controlledLoad',
      tokenRateBitsPerSecond: parseRate('--rate', options.rate),
      ...(options.bucket === undefined ? {} : { tokenBucketBytes: bytes('--bucket', options.bucket) }),
      ...(options.peak === undefined ? {} : { peakRateBitsPerSecond: parseRate('--peak', options.peak) }),
      ...(options.minPacket === undefined ? {} : { minPolicedUnitBytes: bytes('--min-packet', options.minPacket) }),
      ...(options.maxPacket === undefined ? {} : { maxPacketBytes: bytes('--max-packet', options.maxPacket) }),
      ...(options.delay === undefined ? {} : { maxDelayMicros: parseDuration('--delay', options.delay) }),
    },
    ...(options.from === undefined && end === undefined
      ? {}
      : {
          window: {
            ...(options.from === undefined ? {} : { start: options.from }),
            ...(end === undefined ? {} : { end }),
          },
        }),
    ...(options.allowUnpinned ? { constraints: { allowUnpinned: true } } : {}),
    ...(options.style === undefined ? {} : { signaling: { style: styleOf(options.style) } }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.label === undefined ? {} : { labels: { ...options.label } }),
  };
}

const STYLES: Readonly<Record<string, string>> = {
  fixed: 'fixedFilter',
  shared: 'sharedExplicit',
  wildcard: 'wildcardFilter',
};

function styleOf(text: string): string {
  const style = Object.hasOwn(STYLES, text) ? STYLES[text] : Object.values(STYLES).find((each) => each === text);
  if (style !== undefined) return style;
  throw new UsageError(`--style: "${text}" is none of ${Object.keys(STYLES).join(', ')}`);
}

/** `10.1.0.2`, `10.1.0.2:5004`, `[2001:db8::1]:5004` */
function endpoint(text: string): { address: string; port?: number } {
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text);
  if (match) return { address: match[1]!, ...(match[2] === undefined ? {} : { port: Number(match[2]) }) };
  if (text.split(':').length > 2) return { address: text };
  throw new UsageError(`"${text}" is not an address or address:port`);
}

function endAfter(from: string | undefined, duration: string): string {
  const start = from === undefined ? Date.now() : Date.parse(from);
  if (Number.isNaN(start)) throw new UsageError(`--from: "${from}" is not a time like 2026-11-22T14:00:00Z`);
  const end = new Date(start + parseDuration('--for', duration) / 1000);
  if (Number.isNaN(end.getTime())) throw new UsageError(`--for: "${duration}" after --from lies beyond all dates`);
  return end.toISOString();
}

/** Progress goes to standard error, a line a state. */
async function waitForActive(
  client: HeadroomClient,
  booked: Reservation,
  options: ConnectionOptions,
): Promise<Reservation> {
  let told = '';
  const reached = await follow(
    client,
    booked,
    ({ state }) => state === 'active' || state === 'releasing' || state === 'ended',
    ({ id, state, stateReason }) => {
      if (!options.json && state !== told) {
        process.stderr.write(`${id} ${state}${stateReason ? ` (${stateReason})` : ''}\n`);
      }
      told = state;
    },
  );
  if (reached.state === 'active') return reached;
  const why = reached.failure ? [`${reached.failure.errorNode}: ${reached.failure.detail}`] : [];
  throw new RefusalError(`${reached.id} is ${reached.state}: ${reached.endReason ?? ''}`, why);
}
