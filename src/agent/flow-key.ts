import type { Flowspec } from '../core/qos/flowspec.ts';
import type { Flow, FlowEndpoint, ReservationStyle } from '../core/qos/request.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { FlowKey, SessionKey, StyleName } from '../core/rsvp/engine/types.ts';

export const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const;

export const STYLE_NAME: Readonly<Record<ReservationStyle, StyleName>> = {
  fixedFilter: 'FF',
  sharedExplicit: 'SE',
  wildcardFilter: 'WF',
};

/** What a booked flow is sent to, as SESSION names it: "any port" is 0 there. */
export const sessionOf = ({ protocol, destination }: Flow): SessionKey => ({
  destination: destination.address,
  protocol: PROTOCOL_NUMBER[protocol],
  destinationPort: destination.port ?? 0,
});

/** A booked flow as SESSION and SENDER_TEMPLATE name it: "any port" is 0 there. */
export const flowKeyOf = (flow: Flow, source: FlowEndpoint = flow.source): FlowKey => ({
  ...sessionOf(flow),
  source: source.address,
  sourcePort: source.port ?? 0,
});

/** The flows of all senders of an assignment, in its order. */
export const flowKeysOf = ({ flow, sources }: Pick<Assignment, 'flow' | 'sources'>): readonly FlowKey[] =>
  sources.map((source) => flowKeyOf(flow, source));

/** What the receiver of an assignment asks every hop for. */
export const flowspecOf = ({ tspec, rspec }: Pick<Assignment, 'tspec' | 'rspec'>): Flowspec =>
  rspec ? { service: 'guaranteed', tspec, rspec } : { service: 'controlledLoad', tspec };
