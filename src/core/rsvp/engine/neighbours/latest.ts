import type { ResvMessage, ResvTearMessage, ValidMessage } from '../../wire/message-views.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF } from '../../wire/style.ts';
import type { Psb } from '../blocks.ts';
import { flowOf } from '../messages.ts';
import type { EngineState } from '../state.ts';
import { flowKeyText, sessionKeyText, type SessionKey } from '../types.ts';
import type { Neighbour } from './neighbour.ts';

const STYLE_BITS = 0x1f;

/**
 * The state that a message is about, as far as ids are concerned. Resv: fixed filters stand for themselves, a shared style
 * has one state for the session.
 */
export function keysOf(view: ValidMessage): string[] {
  switch (view.kind) {
    case 'path':
    case 'pathTear':
      return [`path ${flowKeyText(flowOf(view.session, view.senderTemplate))}`];
    case 'resv':
    case 'resvTear':
      return resvKeys(view);
    default:
      return [];
  }
}

function resvKeys({ session, style, flowDescriptors }: ResvMessage | ResvTearMessage): string[] {
  if ((style.optionVector & STYLE_BITS) !== STYLE_FF) {
    return [sharedKey(session, style.optionVector & STYLE_BITS)];
  }
  return flowDescriptors.flatMap(({ filters }) =>
    filters.map((filter) => `resv ${flowKeyText(flowOf(session, filter))}`),
  );
}

const sharedKey = (session: SessionKey, style: number): string => `resv ${sessionKeyText(session)} style ${style}`;

/** A later message about the state took its place. What no state is left of is forgotten. */
export function supersede(neighbour: Neighbour, key: string, by?: number): void {
  const before = neighbour.latest.get(key);
  if (by === undefined) neighbour.latest.delete(key);
  else neighbour.latest.set(key, by);
  if (before === undefined || before === by) return;
  const received = neighbour.arrived.get(before);
  if (received?.keys.every((each) => neighbour.latest.get(each) !== before)) neighbour.arrived.delete(before);
}

/**
 * Path state is gone: what was remembered for it, and for reservations that need it, would refresh nothing any more. Nobody
 * tells of those, since they go with the path.
 */
export function forgetFlow({ neighbours }: EngineState, { key, session }: Psb): void {
  const shared = session.psbs.length > 0 ? [] : [STYLE_SE, STYLE_WF].map((style) => sharedKey(session.id, style));
  for (const neighbour of neighbours.byKey.values()) {
    if (neighbour.latest.size === 0) continue;
    for (const each of [`path ${key}`, `resv ${key}`, ...shared]) supersede(neighbour, each);
  }
}
