import { BadObjectError, type ObjectCodec } from './object-codec.ts';
import {
  readIntServHeader,
  readTspec,
  SERVICE_GENERAL,
  TSPEC_WORDS,
  writeIntServHeader,
  writeTspec,
  type WireTspec,
} from './tspec.ts';

/** SENDER_TSPEC, class 12, C-Type 2 (RFC 2210 3.1). */
export interface RsvpSenderTspec {
  readonly kind: 'senderTspec';
  readonly tspec: WireTspec;
}

/** IntServ header for service 1 (default), then the token bucket parameter: 32 bytes of contents. */
export const senderTspec: ObjectCodec<RsvpSenderTspec> = {
  classNumber: 12,
  cType: 2,
  bodyLength: null,
  decode: (reader, length) => {
    const { service } = readIntServHeader(reader, length);
    if (service !== SERVICE_GENERAL) throw new BadObjectError(`service number is ${service}, not ${SERVICE_GENERAL}`);
    if (length !== 8 + 4 * TSPEC_WORDS)
      throw new BadObjectError(`contents of ${length} bytes, not ${8 + 4 * TSPEC_WORDS}`);
    return { kind: 'senderTspec', tspec: readTspec(reader) };
  },
  encode: (writer, value) => {
    writeIntServHeader(writer, SERVICE_GENERAL, TSPEC_WORDS);
    writeTspec(writer, value.tspec);
  },
};
