import { internetChecksum } from '../../../base/checksum.ts';
import { MESSAGE_TYPE } from '../../wire/message.ts';
import { REFRESH_REDUCTION_CAPABLE } from '../../wire/neighbor-messages.ts';
import { NEIGHBOUR_TTL } from '../messages.ts';
import type { EngineState } from '../state.ts';
import type { EngineOutput } from '../types.ts';
import type { Leaving } from './neighbour.ts';

const HEADER_BYTES = 8;
const IP_HEADER_BYTES = 20;
const VERSION = 0x10;

interface Part {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/**
 * Messages to one neighbour that leave in one input go out in one datagram (RFC 2961 3.3): nothing is delayed for it. A
 * Bundle stays within the MTU. Path and PathTear go by themselves, since they follow the data and not the neighbour.
 */
export function bundleOutputs(state: EngineState): void {
  const { leaving } = state.neighbours;
  if (leaving.size === 0) return;
  const gone = new Set<number>();
  for (const [neighbour, messages] of leaving) {
    const mtu = state.interfaces.get(neighbour.interface)?.mtu ?? 0;
    for (const group of groups(messages, mtu - IP_HEADER_BYTES - HEADER_BYTES)) {
      const [first, ...others] = group;
      if (first === undefined || others.length === 0) continue;
      const output = state.out[first.index] as EngineOutput & { readonly type: 'send' };
      state.out[first.index] = { ...output, ttl: NEIGHBOUR_TTL, bytes: bundle(group) };
      state.counters.sent(MESSAGE_TYPE.bundle);
      for (const { index } of others) gone.add(index);
    }
  }
  leaving.clear();
  if (gone.size > 0) state.out = state.out.filter((_, index) => !gone.has(index));
}

function groups(messages: readonly Leaving[], room: number): Part[][] {
  const all: Part[][] = [];
  let left = -1;
  for (const { index, bytes } of messages) {
    if (bytes === null) {
      left = -1;
      continue;
    }
    const group = all.at(-1);
    if (group !== undefined && bytes.length <= left) group.push({ index, bytes });
    else {
      all.push([{ index, bytes }]);
      left = room;
    }
    left -= bytes.length;
  }
  return all;
}

function bundle(messages: readonly Part[]): Uint8Array {
  const length = messages.reduce((sum, { bytes }) => sum + bytes.length, HEADER_BYTES);
  const whole = new Uint8Array(length);
  whole[0] = VERSION | REFRESH_REDUCTION_CAPABLE;
  whole[1] = MESSAGE_TYPE.bundle;
  whole[4] = NEIGHBOUR_TTL;
  const view = new DataView(whole.buffer);
  view.setUint16(6, length);
  let at = HEADER_BYTES;
  for (const { bytes } of messages) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  view.setUint16(2, internetChecksum(whole) || 0xffff);
  return whole;
}
