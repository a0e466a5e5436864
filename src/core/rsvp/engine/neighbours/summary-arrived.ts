import type { ArrivedPacket } from '../arrived-packet.ts';
import { isMulticast, type IpAddress } from '../../../base/ip.ts';
import { MESSAGE_ID_ACK_DESIRED } from '../../wire/message-id.ts';
import type { SrefreshList, SrefreshMessage } from '../../wire/neighbor-messages.ts';
import type { EngineState } from '../state.ts';
import { answerId } from './acks.ts';
import { refreshedBy } from './arrived.ts';
import type { Neighbour } from './neighbour.ts';

/**
 * Each id stands for the whole message that it came with first (RFC 2961 5.3), which is processed once more. One that
 * stands for nothing here is named in a NACK, so that the message comes again (5.4).
 */
export function summaryArrived(
  state: EngineState,
  neighbour: Neighbour,
  view: SrefreshMessage,
  packet: ArrivedPacket,
): void {
  const { messageId } = view;
  const toGroup = isMulticast(packet.destination);
  if (messageId !== null && (messageId.flags & MESSAGE_ID_ACK_DESIRED) !== 0) {
    answerId(state, neighbour, { ...messageId, kind: 'messageIdAck' }, toGroup);
  }
  for (const list of view.lists) {
    for (const { id, group } of entriesOf(list, packet.destination)) {
      // Only who passes the group's data on asks for the message (5.3): here, who has other state of its sessions.
      if (refreshedBy(state, neighbour, list.epoch, id)) continue;
      if (group === null || state.destinations.has(group)) {
        answerId(state, neighbour, { kind: 'messageIdNack', epoch: list.epoch, messageId: id }, toGroup);
      }
    }
  }
}

interface Entry {
  readonly id: number;
  /** The session of multicast path state; null where unicast state is listed. */
  readonly group: IpAddress | null;
}

/** A MESSAGE_ID SRC_LIST leaves the group to the destination of the message. */
function entriesOf(list: SrefreshList, destination: IpAddress): Entry[] {
  switch (list.kind) {
    case 'messageIdList':
      return list.messageIds.map((id) => ({ id, group: null }));
    case 'messageIdSourceList':
      return list.entries.map(({ messageId }) => ({ id: messageId, group: destination }));
    case 'messageIdMulticastList':
      return list.entries.map((entry) => ({ id: entry.messageId, group: entry.destination }));
  }
}
