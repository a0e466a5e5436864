import type { IpAddress } from '../../base/ip.ts';
import { buildMessage } from '../wire/build.ts';
import type { DepartingMessage } from '../wire/message-views.ts';
import { mayReport } from './neighbours/limits.ts';
import { encoded } from './neighbours/outgoing.ts';
import { send } from './neighbours/sent.ts';
import { findNeighbour } from './neighbours/table.ts';
import { drop, type EngineState } from './state.ts';
import type { NextNode, Statement } from './statement.ts';
import type { EngineInterface } from './types.ts';

/** The message's bytes as of RFC 2205, or null (and counted) where forwarded objects make it too long for a datagram. */
export const encode = (state: EngineState, view: DepartingMessage): Uint8Array | null =>
  encoded(state, buildMessage(view));

/** To a neighbour, from the interface's address. With a statement where the message makes, keeps or ends state there. */
export function sendToNeighbour(
  state: EngineState,
  view: DepartingMessage,
  out: EngineInterface,
  destination: IpAddress,
  statement?: Statement,
): void {
  if (view.kind === 'pathErr' || view.kind === 'resvErr' || view.kind === 'formatErr') {
    const neighbour = findNeighbour(state, out.name, destination);
    if (neighbour !== undefined && !mayReport(state, neighbour)) return drop(state, 'tooManyErrors');
  }
  send(state, { view, out, source: out.address, destination, routerAlert: false }, statement);
}

/** Towards an end point, seen by every node on the way: Path, PathTear and ResvConf (RFC 2205 3.3). */
export function sendAlong(
  state: EngineState,
  view: DepartingMessage,
  out: EngineInterface,
  source: IpAddress,
  destination: IpAddress,
  about?: Statement | NextNode,
): void {
  send(state, { view, out, source, destination, routerAlert: true }, about);
}
