import { objectOf } from '../wire/codec.ts';
import { POLICY_DATA, type RsvpUnknown } from '../wire/unknown.ts';
import type { Carried } from './types.ts';
import { DCLASS } from './unknown-objects.ts';

/** RSVP passes these objects on byte for byte; this reads them for whoever decides by them. */
export function carriedBy(forwarded: readonly RsvpUnknown[]): Carried {
  if (forwarded.length === 0) return {};
  const known = forwarded
    .filter(({ classNumber }) => classNumber === POLICY_DATA || classNumber === DCLASS)
    .map(objectOf);
  const policyData = known.filter((object) => object.kind === 'policyData');
  const codePoints = known.flatMap((object) => (object.kind === 'dclass' ? object.codePoints : []));
  return {
    ...(policyData.length > 0 ? { policyData } : {}),
    ...(codePoints.length > 0 ? { dclass: [...new Set(codePoints)] } : {}),
  };
}
