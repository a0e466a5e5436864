import type { Tspec } from '../../qos/flowspec.ts';
import { sameAdspec } from './adspec.ts';
import type { PathContents, Way } from './blocks.ts';
import { sameFlowspec, sameTspec } from './merge.ts';
import { sameRouteObjects } from './route-objects.ts';
import { sameHop } from './session.ts';
import { Shared, type SharedValues } from './shared.ts';
import { sameObjects } from './unknown-objects.ts';

export const createShared = (): SharedValues => ({
  contents: new Shared(({ tspec, adspec }) => mix(hashOfTspec(tspec), adspec?.general.isHops ?? 0), sameContents),
  hops: new Shared(({ address }) => hashOfText(address), sameHop),
  ways: new Shared(({ branches }) => hashOfText(branches[0]?.gateway ?? ''), sameUnicastWay),
  flowspecs: new Shared(
    (flowspec) =>
      mix(
        hashOfTspec(flowspec.tspec),
        flowspec.service === 'guaranteed' ? flowspec.rspec.rate : flowspec.tspec.peakRate,
      ),
    sameFlowspec,
  ),
});

/** All that PATH said is the same. */
export const sameContents = (a: PathContents, b: PathContents): boolean =>
  a === b ||
  (a.sessionFlags === b.sessionFlags &&
    a.nonRsvpHop === b.nonRsvpHop &&
    sameTspec(a.tspec, b.tspec) &&
    sameAdspec(a.adspec, b.adspec) &&
    sameObjects(a.forwarded, b.forwarded) &&
    sameRouteObjects(a, b));

/** Ways of groups, which have several branches, are each their own. */
const sameUnicastWay = (a: Way, b: Way): boolean =>
  a.branches.length <= 1 &&
  a.branches.length === b.branches.length &&
  a.incoming === b.incoming &&
  a.local === b.local &&
  a.branches[0]?.interface === b.branches[0]?.interface &&
  a.branches[0]?.gateway === b.branches[0]?.gateway;

const hashOfTspec = ({ tokenRate, tokenBucket }: Tspec): number => mix(mix(0, tokenRate), tokenBucket);

/** Of the last characters, which differ where addresses do. */
function hashOfText(text: string): number {
  let hash = 0;
  for (let i = Math.max(0, text.length - 6); i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return hash;
}

/** The upper bits, which are the better ones, go into the lower ones, by which the slot is chosen. */
function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e37_79b1);
  return product ^ (product >>> 15);
}
