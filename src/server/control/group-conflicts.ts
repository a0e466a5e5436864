import { overlap } from '../../core/admission/calendar.ts';
import { flowKey, type Ledger } from '../../core/admission/ledger.ts';
import type { Flow, ReservationRequest } from '../../core/qos/request.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import { ownsSession } from '../../core/reservation/senders.ts';
import { ControlError } from './errors.ts';
import { alreadyExists, sessionTaken } from './refusal.ts';

/** What a group knows of others while it is decided. */
export interface Others {
  readonly ledger: Ledger;
  /** Booked ones that RSVP may confuse with the flow; more of the same destination do no harm. */
  readonly toDestination: (flow: Flow) => Iterable<Reservation>;
  /** Id of the live reservation that has the name. */
  readonly holderOf: (name: string) => string | null;
}

/** A reservation that stands in a request's way, and what its caller is told. */
export interface Conflict {
  readonly id: string;
  readonly error: ControlError;
}

/**
 * Who has the flow or the name, needs the session for itself or is needed out of it, or has ports that RSVP cannot tell apart
 * from these (RFC 2205 3.1.2 and appendix B, errors 5, 7 and 8).
 */
export function findConflict(request: ReservationRequest, others: Others): Conflict | null {
  const { flow, window, name } = request;
  const same = others.ledger.sameFlow(flowKey(request), window);
  if (same !== null) return { id: same, error: alreadyExists('flow', same) };
  const holder = name === null ? null : others.holderOf(name);
  if (holder !== null) return { id: holder, error: alreadyExists('name', holder) };
  const owns = ownsSession({ style: request.style, moreSenders: request.moreSources });
  for (const other of others.toDestination(flow)) {
    const session = flow.destination.port === other.flow.destination.port && (owns || ownsSession(other));
    const end = session ? null : unlikeEnd(flow, other.flow);
    if ((!session && end === null) || !overlap(other.window, window)) continue;
    return { id: other.id, error: session ? sessionTaken(other.id) : portsTaken(other, end!) };
  }
  return null;
}

/** The end at which one has a port and the other any, so that RSVP cannot hold both; null = neither. */
function unlikeEnd(mine: Flow, theirs: Flow): 'source' | 'destination' | null {
  if ((mine.destination.port === null) !== (theirs.destination.port === null)) return 'destination';
  if (mine.destination.port !== theirs.destination.port) return null;
  return (mine.source.port === null) !== (theirs.source.port === null) ? 'source' : null;
}

function portsTaken({ id, flow }: Reservation, end: 'source' | 'destination'): ControlError {
  const session = end === 'source' ? 'the same destination port' : 'the same destination';
  const port = flow[end].port === null ? 'any' : 'a certain';
  const detail = `reservation ${id} is for ${session} and ${port} ${end} port: RSVP cannot hold both`;
  return new ControlError('FLOW_CONFLICT', detail, { details: { existing: id } });
}
