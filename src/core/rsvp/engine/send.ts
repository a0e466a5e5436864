import { OverrunError } from '../../base/bytes.ts';
import type { IpAddress } from '../../base/ip.ts';
import { buildMessage } from '../wire/build.ts';
import { encodeMessage } from '../wire/codec.ts';
import type { ValidMessage } from '../wire/message-views.ts';
import { MESSAGE_TYPE } from '../wire/message.ts';
import { pathFlow } from './messages.ts';
import { drop, type EngineState } from './state.ts';
import type { NextNode, Statement } from './statement.ts';
import type { EngineInterface } from './types.ts';

/** The message's bytes, or null (and counted) where forwarded objects make it too long for a datagram. */
export function encode(state: EngineState, view: ValidMessage): Uint8Array | null {
  try {
    return encodeMessage(buildMessage(view));
  } catch (cause) {
    if (!(cause instanceof OverrunError)) throw cause;
    drop(state, 'messageTooLong');
    return null;
  }
}

/** To a neighbour, from the interface's address. With a statement where the message makes or keeps state there. */
export function sendToNeighbour(
  state: EngineState,
  view: ValidMessage,
  out: EngineInterface,
  destination: IpAddress,
  _statement?: Statement,
): void {
  send(state, view, out, out.address, destination, false);
}

/** Towards an end point, seen by every node on the way: Path, PathTear and ResvConf (RFC 2205 3.3). */
export function sendAlong(
  state: EngineState,
  view: ValidMessage,
  out: EngineInterface,
  source: IpAddress,
  destination: IpAddress,
  _about?: Statement | NextNode,
): void {
  send(state, view, out, source, destination, true);
}

/**
 * State that is no longer told to the neighbour ends there by time-out: no summary refresh names it any more. A tear that
 * has the state's statement does the same.
 */
export function retract(_state: EngineState, _key: string): void {}

function send(
  state: EngineState,
  view: ValidMessage,
  out: EngineInterface,
  source: IpAddress,
  destination: IpAddress,
  routerAlert: boolean,
): void {
  const bytes = encode(state, view);
  if (bytes === null) return;
  state.counters.sent(MESSAGE_TYPE[view.kind]);
  const flow = pathFlow(view);
  state.out.push({
    type: 'send',
    interface: out.name,
    source,
    destination,
    ttl: view.sendTtl,
    routerAlert,
    flow,
    bytes,
  });
}
