import { decideChange } from '../../core/admission/decide-change.ts';
import type { World } from '../../core/admission/world.ts';
import type { LinkId } from '../../core/network/topology.ts';
import { applyPatches } from '../../core/qos/parse-patch.ts';
import type { Qos } from '../../core/qos/request.ts';
import { changed, isChanging, termsOf } from '../../core/reservation/change.ts';
import { isLive } from '../../core/reservation/life-cycle.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import { badRequest } from './bad-request.ts';
import { ControlError } from './errors.ts';
import type { ModifyItem } from './group-items.ts';
import { alreadyExists, refusal } from './refusal.ts';

/** What becomes of a caller's change, and the links that were looked at for it. */
export type Modification =
  | { readonly after: Reservation; readonly touched: readonly LinkId[] }
  | { readonly refused: ControlError; readonly touched: readonly LinkId[] };

/** What a decision must know besides the reservation. */
export interface ModifyFacts {
  readonly world: World;
  /** Nobody has to be waited for before the new terms are in force. */
  readonly atOnce: boolean;
  /** Id of the live reservation that has the name. */
  readonly holderOf: (name: string) => string | null;
}

/** Decides one change on the reservation as it is now; `after` is `before` itself where nothing would be different. */
export function decideModify(before: Reservation, item: ModifyItem, facts: ModifyFacts): Modification {
  const refuse = (refused: ControlError, touched: readonly LinkId[] = []): Modification => ({ refused, touched });
  const etag = `"${before.revision}"`;
  if (item.ifMatch !== '*' && item.ifMatch !== etag) {
    return refuse(new ControlError('CONCURRENT_UPDATE', `If-Match is ${item.ifMatch}, the reservation is ${etag}`));
  }
  if (!isLive(before)) return refuse(incompatible(`the reservation is ${before.state}`));
  const patched = applyPatches(before, item.patches);
  if (!patched.ok) return refuse(badRequest(patched.error));
  const { name, labels, qos } = patched.value;
  const other = name === null || name === before.name ? null : facts.holderOf(name);
  if (other !== null) return refuse(alreadyExists('name', other));
  const { world, atOnce } = facts;
  const same = sameQos(before.qos, qos);
  if (same && name === before.name && sameLabels(before.labels, labels)) return { after: before, touched: [] };
  if (same) return { after: changed(before, { name, labels }, null, atOnce, world.now), touched: [] };
  if (isChanging(before)) {
    const since = new Date(before.change!.requestedAt).toISOString();
    return refuse(incompatible(`a change of ${since} is still ${before.change!.state}; the next one must wait for it`));
  }
  const decision = decideChange(before, qos, world);
  if (!decision.admitted) return refuse(refusal(decision), decision.touched);
  const after = changed(before, { name, labels }, termsOf(qos, decision.path, decision.morePaths), atOnce, world.now);
  return { after, touched: decision.touched };
}

const incompatible = (detail: string): ControlError => new ControlError('INCOMPATIBLE_STATE', detail);

const sameQos = (a: Qos, b: Qos): boolean =>
  (Object.keys(a) as (keyof Qos)[]).every((member) => a[member] === b[member]);

const sameLabels = (a: Reservation['labels'], b: Reservation['labels']): boolean =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(a).every(([key, value]) => Object.hasOwn(b, key) && b[key] === value);
