import type { InterfaceConfig } from '../gen/headroom/v1/agent_channel_pb.ts';

/** What the topology says of an outgoing interface; kept in the journal, so that an agent can start without a server. */
export interface InterfaceSettings {
  readonly name: string;
  readonly capacityBitsPerSecond: number;
  readonly overheadBytes: number;
  readonly mtuBytes: number;
  readonly delayMicros: number;
  readonly errorCBytes: number | null;
  readonly errorDMicros: number | null;
}

export const settingsFromMessage = (m: InterfaceConfig): InterfaceSettings => ({
  name: m.name,
  capacityBitsPerSecond: Number(m.capacityBitsPerSecond),
  overheadBytes: m.overheadBytes,
  mtuBytes: m.mtuBytes,
  delayMicros: Number(m.delayMicros),
  errorCBytes: m.errorCBytes ?? null,
  errorDMicros: m.errorDMicros ?? null,
});
