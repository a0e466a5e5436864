import type { Flowspec } from '../core/qos/flowspec.ts';
import type { Flow } from '../core/qos/request.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { FlowKey } from '../core/rsvp/engine/types.ts';

export const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const;

/** A booked flow as SESSION and SENDER_TEMPLATE name it: "any port" is 0 there. */
export const flowKeyOf = (flow: Flow): FlowKey => ({
  destination: flow.destination.address,
  protocol: PROTOCOL_NUMBER[flow.protocol],
  destinationPort: flow.destination.port ?? 0,
  source: flow.source.address,
  sourcePort: flow.source.port ?? 0,
});

/** What the receiver of an assignment asks every hop for. */
export const flowspecOf = ({ tspec, rspec }: Pick<Assignment, 'tspec' | 'rspec'>): Flowspec =>
  rspec ? { service: 'guaranteed', tspec, rspec } : { service: 'controlledLoad', tspec };
