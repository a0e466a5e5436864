import { POLICY_DATA, type RsvpUnknown } from '../wire/unknown.ts';
import { sameBytes } from './adspec.ts';
import { NONE } from './blocks.ts';

/** RFC 2996 2. */
export const DCLASS = 225;

const sameObject = (a: RsvpUnknown, b: RsvpUnknown): boolean =>
  a.classNumber === b.classNumber && a.cType === b.cType && sameBytes(a.body, b.body);

export const sameObjects = (a: readonly RsvpUnknown[], b: readonly RsvpUnknown[]): boolean =>
  a.length === b.length && a.every((object, i) => sameObject(object, b[i]!));

/** Of what a message carries for others only its policy data go back in an error (RFC 2205 3.1.7, 3.1.8). */
export function policyIn(forwarded: readonly RsvpUnknown[]): readonly RsvpUnknown[] {
  if (forwarded.length === 0) return NONE;
  return forwarded.filter(({ classNumber }) => classNumber === POLICY_DATA);
}

/** Every object once, and of DCLASS one with all code points: a message has room for one (RFC 2996 2). */
export function unite(lists: readonly (readonly RsvpUnknown[])[]): readonly RsvpUnknown[] {
  let union: readonly RsvpUnknown[] = NONE;
  for (const list of lists) {
    if (union.length === 0) union = list;
    else for (const object of list) if (!union.some((each) => sameObject(each, object))) union = [...union, object];
  }
  const marks = union.filter(({ classNumber }) => classNumber === DCLASS);
  if (marks.length < 2) return union;
  return [...union.filter((object) => !marks.includes(object)), mergedMarks(marks)];
}

/** The code points are one word each. */
function mergedMarks(marks: readonly RsvpUnknown[]): RsvpUnknown {
  const last = marks.flatMap(({ body }) => [...body].filter((_, i) => i % 4 === 3));
  const bytes = [...new Set(last)].sort((a, b) => a - b).flatMap((byte) => [0, 0, 0, byte]);
  return { kind: 'unknown', classNumber: DCLASS, cType: marks[0]!.cType, body: Uint8Array.from(bytes) };
}
