import type { ArrivedResv } from './blocks.ts';
import { ERROR, sendResvErr } from './errors.ts';
import { findSession } from './session.ts';
import { policyIn } from './unknown-objects.ts';
import { drop, type EngineState } from './state.ts';

/** Counts a request that cannot be taken and answers it. */
export function refuse(
  state: EngineState,
  arrived: ArrivedResv,
  reason: string,
  errorCode: number,
  errorValue: number,
): void {
  drop(state, reason);
  const { session, styleObject, scope, flowspec, filters, forwarded } = arrived;
  const contents = { session, style: styleObject, scope, flowspec, filters, policy: policyIn(forwarded) };
  sendResvErr(state, contents, arrived, errorCode, errorValue);
}

/** Error 3 where nobody sends in the session, 4 where others do (RFC 2205 appendix B). */
export function refuseWithoutPath(state: EngineState, arrived: ArrivedResv): void {
  const session = findSession(state, arrived.session);
  const senders = session?.psbs.length ?? 0;
  refuse(state, arrived, 'noPathState', senders > 0 ? ERROR.noSender : ERROR.noPath, 0);
}
