import { assertNever } from '../../base/assert-never.ts';
import type { DigestFunction } from '../wire/integrity.ts';
import { replaceInterfaces } from './interfaces.ts';
import { closeSender, openSender } from './local.ts';
import { challengeAll } from './neighbours/challenge.ts';
import { clockSet } from './neighbours/clock.ts';
import { bundleOutputs } from './neighbours/bundles.ts';
import { packetArrived } from './packet.ts';
import { abandonFlow, retryFlow } from './renewal.ts';
import { closeReceiver, openReceiver, releaseHere, reserveHere } from './receivers.ts';
import { askAllRoutes, routeAnswered } from './route.ts';
import { createShared } from './sharing.ts';
import { takeSnapshot } from './snapshot.ts';
import { createState, type EngineState } from './state.ts';
import { admissionChanged, installed, refused } from './traffic-control.ts';
import type { EngineInput, EngineSettings, RsvpEngine } from './types.ts';
import { flushUpstream } from './upstream.ts';

/**
 * The RSVP engine of one node (RFC 2205, processing rules of RFC 2209): unicast and multicast, all styles, no I/O and no clock.
 * To bring a node back after a crash: first `interfaces`, then the remembered inputs in the order of their keys, then
 * `openSender` and `openReceiver` for what the host itself has open. None of them tears anything or sends an error.
 * `digest` is needed where integrity is agreed with a neighbour (RFC 2747).
 */
export function createEngine(settings: EngineSettings, digest?: DigestFunction): RsvpEngine {
  const state = createState(settings, digest ?? null, createShared());
  return {
    handle(input, now) {
      state.out = [];
      state.startedAt ??= now;
      state.now = now;
      state.timers.runDue(now, state);
      apply(state, input);
      flushUpstream(state);
      bundleOutputs(state);
      return state.out;
    },
    nextDeadline: () => state.timers.next(),
    snapshot: (now) => takeSnapshot(state, now),
    counters: () => state.counters.snapshot(),
  };
}

function apply(state: EngineState, input: EngineInput): void {
  switch (input.type) {
    case 'interfaces':
      return replaceInterfaces(state, input.interfaces);
    case 'packet':
      return packetArrived(state, input);
    case 'openSender':
      return openSender(state, input);
    case 'closeSender':
      return closeSender(state, input.flow);
    case 'openReceiver':
      return openReceiver(state, input.flow, input.flowspec, input.confirm);
    case 'closeReceiver':
      return closeReceiver(state, input.flow);
    case 'reserve':
      return reserveHere(state, input);
    case 'release':
      return releaseHere(state, input.session, input.receiver);
    case 'route':
      return routeAnswered(state, input.queryId, input.route);
    case 'routesChanged':
      return askAllRoutes(state);
    case 'installed':
      return installed(state, input.installId);
    case 'refused':
      return refused(state, input.installId, input.errorCode, input.errorValue);
    case 'admissionChanged':
      return admissionChanged(state, input.flow);
    case 'retry':
      return retryFlow(state, input.flow);
    case 'abandon':
      return abandonFlow(state, input.flow);
    case 'clock':
      clockSet(state, input.wall);
      return challengeAll(state);
    case 'timer':
      return;
    default:
      return assertNever(input);
  }
}
