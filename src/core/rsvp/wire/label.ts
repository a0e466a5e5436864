import type { ObjectCodec } from './object-codec.ts';

/** LABEL, class 16, C-Type 1 (RFC 3209 4.1). */
export interface RsvpLabel {
  readonly kind: 'label';
  /** Right-aligned in 32 bits; an MPLS label has 20. */
  readonly label: number;
}

/** LABEL_REQUEST without a label range, class 19, C-Type 1 (RFC 3209 4.2.1). */
export interface RsvpLabelRequest {
  readonly kind: 'labelRequest';
  /** The layer 3 protocol as an Ethertype: 0x0800 for IPv4. */
  readonly l3Pid: number;
}

export const label: ObjectCodec<RsvpLabel> = {
  classNumber: 16,
  cType: 1,
  bodyLength: 4,
  keepBad: true,
  decode: (reader) => ({ kind: 'label', label: reader.u32() }),
  encode: (writer, value) => writer.u32(value.label),
};

/** |  Reserved (16 bits)  |  L3PID (16 bits)  | */
export const labelRequest: ObjectCodec<RsvpLabelRequest> = {
  classNumber: 19,
  cType: 1,
  bodyLength: 4,
  keepBad: true,
  decode: (reader) => {
    reader.reserved(2);
    return { kind: 'labelRequest', l3Pid: reader.u16() };
  },
  encode: (writer, value) => {
    writer.reserved(2);
    writer.u16(value.l3Pid);
  },
};
