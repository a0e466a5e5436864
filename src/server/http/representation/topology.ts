import { linkDocument, nodeDocument, topologyDocument, type TopologyDocument } from '../../../core/network/document.ts';
import { bareEtag } from '../../control/etag.ts';
import type { LinkView, NodeView, TopologyOutcome } from '../../control/api.ts';

export const nodeToJson = (node: NodeView) => ({ ...nodeDocument(node), agentState: node.agentState });

export const linkToJson = ({ calendar, ...link }: LinkView) => ({
  ...linkDocument(link),
  reservableBitsPerSecond: link.reservableBitsPerSecond,
  bookedBitsPerSecond: link.bookedBitsPerSecond,
  overbookedBitsPerSecond: link.overbookedBitsPerSecond,
  ...(calendar === null
    ? {}
    : {
        calendar: calendar.map(({ start, end, bitsPerSecond }) => ({
          start: timeText(start),
          end: end === null ? null : timeText(end),
          bookedBitsPerSecond: bitsPerSecond,
          availableBitsPerSecond: Math.max(0, link.reservableBitsPerSecond - bitsPerSecond),
        })),
      }),
});

const timeText = (time: number): string => new Date(time).toISOString();

/** Of one PUT or import: the network as it is (or would be) and what changed. */
export interface TopologyOutcomeDocument extends Pick<TopologyOutcome, 'etag' | 'changes' | 'notes'> {
  readonly topology: TopologyDocument;
}

export const topologyOutcomeToJson = (outcome: TopologyOutcome): TopologyOutcomeDocument => ({
  topology: topologyDocument(outcome.topology),
  etag: bareEtag(outcome.etag),
  changes: outcome.changes,
  notes: outcome.notes,
});
