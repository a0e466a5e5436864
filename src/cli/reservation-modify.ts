import type { Command } from 'commander';
import { ProblemError, type HeadroomClient, type Reservation, type ReservationPatch } from '../client/client.ts';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { RefusalError, UsageError } from './errors.ts';
import { follow } from './follow.ts';
import { addLabel, bytes } from './option-values.ts';
import { formatRate, parseDuration, parseRate } from './rate.ts';
import { reservationLines } from './reservation-lines.ts';

interface ModifyOptions extends ConnectionOptions {
  readonly rate?: string;
  readonly guaranteed?: boolean;
  readonly controlledLoad?: boolean;
  readonly delay?: string | false;
  readonly bucket?: string | false;
  readonly peak?: string | false;
  readonly minPacket?: string;
  readonly maxPacket?: string;
  readonly name?: string | false;
  readonly label?: Readonly<Record<string, string>>;
  readonly removeLabel?: readonly string[];
  readonly ifMatch?: string;
  readonly wait?: boolean;
}

/** News of agents move the tag as well: without one of the caller's own it is read again this often. */
const ATTEMPTS = 10;

/** `headroom reservation modify ID --rate 20M` */
export function registerReservationModify(reservation: Command): void {
  withConnection(reservation.command('modify'))
    .description('change rate, delay, name or labels in place')
    .argument('<id>')
    .option('--rate <rate>', 'token rate of the IP packets: 10M, 1.5G, 64000')
    .option('--controlled-load', '(RFC 2211)')
    .option('--guaranteed', 'guaranteed service (RFC 2212)')
    .option('--delay <duration>', 'end-to-end bound of guaranteed service: 20ms')
    .option('--no-delay', 'without a bound')
    .option('--bucket <bytes>', 'token bucket')
    .option('--no-bucket', 'the default for the rate')
    .option('--peak <rate>', 'peak rate')
    .option('--no-peak', 'unlimited')
    .option('--min-packet <bytes>', 'minimum policed unit')
    .option('--max-packet <bytes>', 'largest packet')
    .option('--name <name>')
    .option('--no-name', 'without a name')
    .option('--label <key=value>', 'may be given several times', addLabel)
    .option('--remove-label <key...>', 'take labels away')
    .option('--if-match <etag>', 'only if the reservation is still the one with this etag')
    .option('--wait', 'until the change is in force, with progress')
    .action(async (id: string, options: ModifyOptions) => {
      const patch = patchOf(options);
      await withClient(options, async (client) => {
        const modified = await modify(client, id, patch, options.ifMatch);
        print(options, options.wait ? await waitUntilSettled(client, modified, options) : modified, reservationLines);
      });
    });
}

function patchOf(options: ModifyOptions): ReservationPatch {
  if (options.guaranteed && options.controlledLoad)
    throw new UsageError('--guaranteed and --controlled-load exclude each other');
  const { rate, delay, bucket, peak, minPacket, maxPacket, name } = options;
  const qos: NonNullable<ReservationPatch['qos']> = {
    ...(options.guaranteed ? { serviceType: 'guaranteed' } : {}),
    // What only guaranteed service has goes with it.
    ...(options.controlledLoad ? { serviceType: 'controlledLoad', maxDelayMicros: null, slackMicros: null } : {}),
    ...(rate === undefined ? {} : { tokenRateBitsPerSecond: parseRate('--rate', rate) }),
    ...given('maxDelayMicros', delay, (text) => parseDuration('--delay', text)),
    ...given('tokenBucketBytes', bucket, (text) => bytes('--bucket', text)),
    ...given('peakRateBitsPerSecond', peak, (text) => parseRate('--peak', text)),
    ...given('minPolicedUnitBytes', minPacket, (text) => bytes('--min-packet', text)),
    ...given('maxPacketBytes', maxPacket, (text) => bytes('--max-packet', text)),
  };
  const labels = { ...options.label, ...Object.fromEntries((options.removeLabel ?? []).map((key) => [key, null])) };
  const patch: ReservationPatch = {
    ...given('name', name, (text) => text),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(qos).length > 0 ? { qos } : {}),
  };
  if (Object.keys(patch).length === 0) throw new UsageError('nothing to change: give --rate or another option');
  return patch;
}

/** `--no-x` is null: back to the default. */
function given<K extends string, T>(
  member: K,
  value: string | false | undefined,
  parse: (text: string) => T,
): { [N in K]?: T | null } {
  if (value === undefined) return {};
  return { [member]: value === false ? null : parse(value) } as { [N in K]?: T | null };
}

async function modify(
  client: HeadroomClient,
  id: string,
  patch: ReservationPatch,
  ifMatch: string | undefined,
): Promise<Reservation> {
  if (ifMatch !== undefined) return client.modifyReservation(id, patch, { ifMatch });
  for (let attempt = 1; ; attempt++) {
    const { etag } = await client.getReservation(id);
    try {
      return await client.modifyReservation(id, patch, { ifMatch: etag ?? '*' });
    } catch (error) {
      const moved = error instanceof ProblemError && error.code === 'CONCURRENT_UPDATE';
      if (!moved || attempt >= ATTEMPTS) throw error;
    }
  }
}

async function waitUntilSettled(
  client: HeadroomClient,
  modified: Reservation,
  options: ConnectionOptions,
): Promise<Reservation> {
  let told = '';
  const settled = await follow(
    client,
    modified,
    ({ change, state }) => change === null || change.state === 'failed' || state === 'releasing' || state === 'ended',
    ({ id, change, state, qos }) => {
      const line =
        change === null ? `${state}, ${formatRate(qos.tokenRateBitsPerSecond)}` : `${state}, ${change.state}`;
      if (!options.json && line !== told) process.stderr.write(`${id} ${line}\n`);
      told = line;
    },
  );
  if (settled.change === null && settled.state !== 'releasing' && settled.state !== 'ended') return settled;
  const reasons = settled.change?.reasons.map(({ detail }) => detail) ?? [];
  throw new RefusalError(`the change of ${settled.id} did not come about`, reasons);
}
