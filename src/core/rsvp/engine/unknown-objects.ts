import type { RsvpUnknown } from '../wire/unknown.ts';
import { sameBytes } from './adspec.ts';
import { NONE } from './blocks.ts';

const sameObject = (a: RsvpUnknown, b: RsvpUnknown): boolean =>
  a.classNumber === b.classNumber && a.cType === b.cType && sameBytes(a.body, b.body);

export const sameObjects = (a: readonly RsvpUnknown[], b: readonly RsvpUnknown[]): boolean =>
  a.length === b.length && a.every((object, i) => sameObject(object, b[i]!));

/** Every object once. */
export function unite(lists: readonly (readonly RsvpUnknown[])[]): readonly RsvpUnknown[] {
  let union: readonly RsvpUnknown[] = NONE;
  for (const list of lists) {
    if (union.length === 0) union = list;
    else for (const object of list) if (!union.some((each) => sameObject(each, object))) union = [...union, object];
  }
  return union;
}
