import type { ArrivedPacket } from './arrived-packet.ts';
import { assertNever } from '../../base/assert-never.ts';
import type { ExtensionKind } from '../wire/extensions.ts';
import type { ValidMessage } from '../wire/message-views.ts';
import { resvConfArrived } from './confirm.ts';
import { pathErrArrived } from './errors.ts';
import type { Stands } from './neighbours/neighbour.ts';
import { pathArrived, pathTearArrived } from './path.ts';
import { resvErrArrived } from './resv-errors.ts';
import { resvArrived, resvTearArrived } from './resv-arrived.ts';
import type { EngineState } from './state.ts';

/** Extensions of RFC 2205's messages that are handled here; a caller adds what it handles itself. */
export const HANDLED: ReadonlySet<ExtensionKind> = new Set(['scope', 'explicitRoute', 'recordRoute']);

/**
 * A message whose sender and structure are right, alone or out of a Bundle; or one that a summary refresh stands for. Returns
 * the block that now says just what it said, where that is one; a summary then refreshes that.
 */
export function messageArrived(state: EngineState, view: ValidMessage, packet: ArrivedPacket): Stands | null {
  if (view.kind === 'path') return pathArrived(state, view, packet);
  if (view.kind === 'resv') return resvArrived(state, view, packet);
  otherArrived(state, view, packet);
  return null;
}

function otherArrived(
  state: EngineState,
  view: Exclude<ValidMessage, { readonly kind: 'path' | 'resv' }>,
  packet: ArrivedPacket,
): void {
  switch (view.kind) {
    case 'pathTear':
      return pathTearArrived(state, view, packet);
    case 'pathErr':
      return pathErrArrived(state, view, packet);
    case 'resvTear':
      return resvTearArrived(state, view, packet);
    case 'resvErr':
      return resvErrArrived(state, view, packet);
    case 'resvConf':
      return resvConfArrived(state, view, packet);
    default:
      return assertNever(view);
  }
}
