import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';

/** SESSION_ATTRIBUTE, class 207, C-Types 7 and, with affinities, 1 (RFC 3209 4.7). */
export interface RsvpSessionAttribute {
  readonly kind: 'sessionAttribute';
  /** Masks of link properties, 32 bits each; null with C-Type 7. */
  readonly affinities: {
    readonly excludeAny: number;
    readonly includeAny: number;
    readonly includeAll: number;
  } | null;
  /** 0 (highest) … 7. */
  readonly setupPriority: number;
  readonly holdingPriority: number;
  /** 0x01 local protection desired, 0x02 label recording desired, 0x04 SE style desired. */
  readonly flags: number;
  /** At most 255 bytes, one character a byte (ISO 8859-1), so that any bytes are kept. */
  readonly name: string;
}

/**
 * With C-Type 1 three words of affinities first, then:
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |   Setup Prio  | Holding Prio  |     Flags     |  Name Length  |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     //          Session Name      (NULL padded display string)      //
 */
const sessionAttributeCodec = (cType: 1 | 7): ObjectCodec<RsvpSessionAttribute> => ({
  classNumber: 207,
  cType,
  bodyLength: null,
  keepBad: true,
  decode: (reader) => {
    const affinities =
      cType === 1 ? { excludeAny: reader.u32(), includeAny: reader.u32(), includeAll: reader.u32() } : null;
    const setupPriority = reader.u8();
    const holdingPriority = reader.u8();
    const flags = reader.u8();
    return { kind: 'sessionAttribute', affinities, setupPriority, holdingPriority, flags, name: readName(reader) };
  },
  encode: (writer, value) => {
    if (value.affinities !== null) {
      writer.u32(value.affinities.excludeAny);
      writer.u32(value.affinities.includeAny);
      writer.u32(value.affinities.includeAll);
    }
    writer.u8(value.setupPriority);
    writer.u8(value.holdingPriority);
    writer.u8(value.flags);
    writeName(writer, value.name);
  },
});

function readName(reader: ByteReader): string {
  const length = reader.u8();
  if (length > reader.remaining) throw new BadObjectError(`name of ${length} bytes in ${reader.remaining}`);
  let name = '';
  for (let i = 0; i < length; i++) name += String.fromCharCode(reader.u8());
  // Some senders pad with more than a word; that and other bytes than zero are kept, not understood.
  if (reader.remaining > 3) reader.inexact = true;
  reader.reserved(reader.remaining);
  return name;
}

/** @throws RangeError for a name that has no such form. */
function writeName(writer: ByteWriter, name: string): void {
  if (name.length > 255) throw new RangeError(`a session name of ${name.length} bytes`);
  writer.u8(name.length);
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff) throw new RangeError(`session name "${name}" has characters beyond ISO 8859-1`);
    writer.u8(code);
  }
  writer.reserved(-name.length & 3);
}

export const sessionAttribute = sessionAttributeCodec(7);
export const sessionAttributeWithAffinities = sessionAttributeCodec(1);
