import { isObject, mergePatch } from '../base/merge-patch.ts';
import { err, ok, type Result } from '../base/result.ts';
import { FieldProblems } from './field-problems.ts';
import { parseQos } from './parse-qos.ts';
import { parseLabels, parseName } from './parse-request.ts';
import type { ReservationInput } from './request-input.ts';
import type { FieldProblem, ReservationRequest } from './request.ts';

/** What of a reservation can be changed. */
export type Changeable = Pick<ReservationRequest, 'name' | 'labels' | 'qos'>;

const CHANGEABLE: readonly string[] = ['name', 'labels', 'qos'];
/** Shown by the same name, but fixed once it is booked. */
const FIXED: readonly string[] = [
  ...[
    'id',
    'state',
    'stateReason',
    'flow',
    'window',
    'paths',
    'constraints',
    'signaling',
    'change',
    'endReason',
    'failure',
  ],
  ...['createdAt', 'updatedAt', 'etag'],
];
const QOS: readonly string[] = [
  ...['serviceType', 'tokenRateBitsPerSecond', 'tokenBucketBytes', 'peakRateBitsPerSecond', 'minPolicedUnitBytes'],
  ...['maxPacketBytes', 'maxDelayMicros', 'slackMicros'],
];

/**
 * Applies merge patches (RFC 7396), one after the other, to what a reservation is now, and judges the outcome as a request is
 * judged. A member of `qos` that is removed gets the default of the public contract again.
 *
 * @param patches JSON as the caller wrote it: nothing is taken for granted.
 * @returns what the reservation is to become, or everything that is wrong with it.
 */
export function applyPatches(
  current: Changeable,
  patches: readonly unknown[],
): Result<Changeable, readonly FieldProblem[]> {
  const unfit = patchProblems(patches);
  if (unfit.length > 0) return err(unfit);
  const problems = new FieldProblems();
  const { name, labels, qos } = current;
  const patched = patches.reduce(mergePatch, { name, labels, qos }) as {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly qos: ReservationInput['qos'];
  };
  const next = {
    name: parseName(patched.name ?? null, problems),
    labels: parseLabels(patched.labels ?? {}, problems),
    qos: parseQos(patched.qos, problems),
  };
  return next.qos === null || problems.list.length > 0 ? err(problems.list) : ok({ ...next, qos: next.qos });
}

/** What is wrong with patches whatever they are applied to: members that are unknown, fixed or of another kind. */
export function patchProblems(patches: readonly unknown[]): readonly FieldProblem[] {
  const problems = new FieldProblems();
  for (const patch of patches) checkMembers(patch, problems);
  return problems.list;
}

function checkMembers(patch: unknown, problems: FieldProblems): void {
  if (!isObject(patch)) return problems.invalid('body', patch, 'must be an object');
  for (const [member, value] of Object.entries(patch)) {
    if (FIXED.includes(member)) problems.invalid(member, value, 'cannot be changed');
    else if (!CHANGEABLE.includes(member)) problems.invalid(member, value, 'is not a known field');
  }
  const { qos, labels } = patch;
  if (labels !== undefined && labels !== null && !isObject(labels)) {
    problems.invalid('labels', labels, 'must be an object or null');
  }
  if (qos === undefined) return;
  if (!isObject(qos)) return problems.invalid('qos', qos, 'must be an object');
  for (const [member, value] of Object.entries(qos)) {
    if (!QOS.includes(member)) problems.invalid(`qos.${member}`, value, 'is not a known field');
  }
}
