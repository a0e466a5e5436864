import { err, ok, type Result } from '../core/base/result.ts';
import type { FieldProblem } from '../core/qos/request.ts';
import type { Qos, ReservationSpec, UpdateReservationRequest } from '../gen/headroom/v1/reservation_pb.ts';
import { numberOf } from './numbers.ts';

type Patch = Readonly<Record<string, unknown>>;

const QOS_MEMBERS = {
  service_type: 'serviceType',
  token_rate_bits_per_second: 'tokenRateBitsPerSecond',
  token_bucket_bytes: 'tokenBucketBytes',
  peak_rate_bits_per_second: 'peakRateBitsPerSecond',
  min_policed_unit_bytes: 'minPolicedUnitBytes',
  max_packet_bytes: 'maxPacketBytes',
  max_delay_micros: 'maxDelayMicros',
  slack_micros: 'slackMicros',
} as const satisfies Record<string, keyof Qos>;

type QosMember = (typeof QOS_MEMBERS)[keyof typeof QOS_MEMBERS];

const PATHS = `name, labels, labels.KEY, qos or qos.${Object.keys(QOS_MEMBERS).join(', qos.')}`;

/**
 * What an update mask says (AIP-134), as the merge patches that HTTP takes: a member that is named and has no value is taken
 * away. Without a mask: everything that has a value.
 */
export function reservationPatches(
  request: Pick<UpdateReservationRequest, 'reservation' | 'updateMask'>,
): Result<readonly Patch[], readonly FieldProblem[]> {
  const { reservation: spec, updateMask } = request;
  const problems: FieldProblem[] = [];
  const paths = updateMask?.paths.length ? updateMask.paths : populated(spec);
  const patches = paths.flatMap((path) => {
    const patch = patchOf(path, spec, problems);
    if (patch !== null) return patch;
    problems.push({ field: 'updateMask', value: path, code: 'INVALID_ARGUMENT', problem: `must name ${PATHS}` });
    return [];
  });
  return problems.length > 0 ? err(problems) : ok(patches);
}

const populated = (spec: ReservationSpec | undefined): readonly string[] => [
  ...(spec?.name === undefined ? [] : ['name']),
  ...(spec && Object.keys(spec.labels).length > 0 ? ['labels'] : []),
  ...(spec?.qos ? ['qos'] : []),
];

function patchOf(path: string, spec: ReservationSpec | undefined, problems: FieldProblem[]): readonly Patch[] | null {
  if (path === 'name') return [{ name: spec?.name ?? null }];
  // All of them: what is not there any more goes.
  if (path === 'labels') return [{ labels: null }, { labels: spec?.labels ?? {} }];
  if (path.startsWith('labels.')) {
    const key = path.slice('labels.'.length);
    const value = spec && Object.hasOwn(spec.labels, key) ? spec.labels[key] : null;
    return [{ labels: Object.fromEntries([[key, value]]) }];
  }
  if (path === 'qos') return [{ qos: qosPatch(Object.values(QOS_MEMBERS), spec?.qos, problems) }];
  const member = Object.entries(QOS_MEMBERS).find(([name]) => path === `qos.${name}`)?.[1];
  return member === undefined ? null : [{ qos: qosPatch([member], spec?.qos, problems) }];
}

function qosPatch(members: readonly QosMember[], qos: Qos | undefined, problems: FieldProblem[]): Patch {
  return Object.fromEntries(
    members.map((member) => {
      const value = qos?.[member];
      if (value === undefined || value === '') return [member, null];
      return [member, typeof value === 'bigint' ? numberOf(`qos.${member}`, value, problems) : value];
    }),
  );
}
