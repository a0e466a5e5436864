import { Millis } from '../../base/units.ts';
import type { ObjectCodec } from './object-codec.ts';

/** HELLO, class 22: C-Type 1 request, 2 acknowledgement (RFC 3209 5.2). */
export interface RsvpHello {
  readonly kind: 'hello';
  /** An answer to a request. */
  readonly ack: boolean;
  /** 32 bits, another after each restart; never 0. */
  readonly sourceInstance: number;
  /** What was last heard from the neighbour; 0 = nothing yet. */
  readonly destinationInstance: number;
}

/** RESTART_CAP, class 131, C-Type 1 (RFC 3473 9.1). */
export interface RsvpRestartCap {
  readonly kind: 'restartCap';
  /** How long the neighbour needs to speak again after a restart; 0xffffffff = without limit. */
  readonly restartTime: Millis;
  /** How long it keeps forwarding state for recovery; 0 = it has none. */
  readonly recoveryTime: Millis;
}

/** CAPABILITY, class 134, C-Type 1 (RFC 5063 4.2). */
export interface RsvpCapability {
  readonly kind: 'capability';
  /** 32 bits: 0x04 T, sends RecoveryPath; 0x02 R, wants it; 0x01 S, with Srefresh. */
  readonly flags: number;
}

/** |  Src_Instance (32 bits)  |  Dst_Instance (32 bits)  | */
const helloCodec = (ack: boolean): ObjectCodec<RsvpHello> => ({
  classNumber: 22,
  cType: ack ? 2 : 1,
  bodyLength: 8,
  keepBad: true,
  decode: (reader) => ({
    kind: 'hello',
    ack,
    sourceInstance: reader.u32(),
    destinationInstance: reader.u32(),
  }),
  encode: (writer, value) => {
    writer.u32(value.sourceInstance);
    writer.u32(value.destinationInstance);
  },
});

export const helloRequest = helloCodec(false);
export const helloAck = helloCodec(true);

/** |  Restart Time (32 bits)  |  Recovery Time (32 bits)  |, in milliseconds */
export const restartCap: ObjectCodec<RsvpRestartCap> = {
  classNumber: 131,
  cType: 1,
  bodyLength: 8,
  keepBad: true,
  decode: (reader) => ({
    kind: 'restartCap',
    restartTime: Millis(reader.u32()),
    recoveryTime: Millis(reader.u32()),
  }),
  encode: (writer, value) => {
    writer.u32(value.restartTime);
    writer.u32(value.recoveryTime);
  },
};

export const capability: ObjectCodec<RsvpCapability> = {
  classNumber: 134,
  cType: 1,
  bodyLength: 4,
  keepBad: true,
  decode: (reader) => ({ kind: 'capability', flags: reader.u32() }),
  encode: (writer, value) => writer.u32(value.flags),
};
