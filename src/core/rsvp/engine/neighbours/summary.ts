import type { SrefreshMessage } from '../../wire/neighbor-messages.ts';
import { NEIGHBOUR_TTL } from '../messages.ts';
import type { EngineState, EngineTimer } from '../state.ts';
import { isArmed, newTimer } from '../timer.ts';
import type { EngineInterface } from '../types.ts';
import type { Neighbour, Sent, StatementKind, Told } from './neighbour.ts';
import { departToNeighbour } from './outgoing.ts';

/** Of so many summaries one compares what it names with what there is. */
const RENEWALS_A_LOOK = 4;
/** A long summary goes out in pieces of so many messages, so that the neighbour's queue holds them. */
const MESSAGES_A_PIECE = 16;
const PIECE_GAP_MS = 50;
/** IP header, common header, list header, and the longest INTEGRITY. */
const OVERHEAD_BYTES = 20 + 8 + 8 + 56;
const ID_BYTES = 4;

/**
 * One timer for all state that the neighbour acknowledged. It comes at least once in R, so that nothing is refreshed later
 * than a message of its own would be (RFC 2961 5.3).
 */
export function armSummary(state: EngineState, neighbour: Neighbour): void {
  if (neighbour.summary.size === 0) {
    neighbour.summaryRest = null;
    if (neighbour.summaryTimer !== null) state.timers.cancel(neighbour.summaryTimer);
    return;
  }
  neighbour.summaryTimer ??= newTimer(SUMMARY, neighbour);
  if (isArmed(neighbour.summaryTimer)) return;
  const { refreshPeriod } = state.settings;
  state.timers.set(neighbour.summaryTimer, state.now + refreshPeriod * (0.5 + 0.5 * state.random()));
}

const SUMMARY: EngineTimer<Neighbour> = { name: 'summary refresh', fire: summarise };

function summarise(state: EngineState, neighbour: Neighbour): void {
  const out = state.interfaces.get(neighbour.interface);
  if (out === undefined) return;
  neighbour.summaryRest ??= neighbour.summary.values();
  for (let messages = 0; messages < MESSAGES_A_PIECE; messages++) {
    const ids = nextIds(state, neighbour, neighbour.summaryRest, idsThatFit(out));
    if (ids.length > 0) sendSummary(state, neighbour, out, ids);
    if (ids.length < idsThatFit(out)) {
      neighbour.summaryRest = null;
      return armSummary(state, neighbour);
    }
  }
  state.timers.set(neighbour.summaryTimer!, state.now + PIECE_GAP_MS);
}

const idsThatFit = (out: EngineInterface): number => Math.max(1, Math.floor((out.mtu - OVERHEAD_BYTES) / ID_BYTES));

function nextIds(state: EngineState, { summary }: Neighbour, rest: Iterator<Sent>, most: number): number[] {
  const ids: number[] = [];
  while (ids.length < most) {
    const next = rest.next();
    if (next.done === true) break;
    const sent = next.value;
    const kind = sent.kind as unknown as StatementKind<EngineState, Told>;
    // By turns, so that no summary compares everything at once.
    kind.renew(state, sent.subject, (sent.id + ++sent.renewals) % RENEWALS_A_LOOK === 0);
    if (summary.get(sent.id) === sent) ids.push(sent.id);
  }
  return ids;
}

/** To the neighbour itself: its next hop is known to speak RSVP, and all sessions are unicast (RFC 2961 5.3). */
function sendSummary(state: EngineState, neighbour: Neighbour, out: EngineInterface, messageIds: number[]): void {
  const view: SrefreshMessage = {
    kind: 'srefresh',
    sendTtl: NEIGHBOUR_TTL,
    flags: 0,
    integrity: null,
    acks: [],
    messageId: null,
    lists: [{ kind: 'messageIdList', flags: 0, epoch: state.neighbours.epoch, messageIds }],
  };
  departToNeighbour(state, view, out, neighbour);
}
