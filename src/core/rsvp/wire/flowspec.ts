import { BytesPerSecond, Micros } from '../../base/units.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';
import {
  expectParameter,
  readIntServHeader,
  readTspec,
  SERVICE_CONTROLLED_LOAD,
  SERVICE_GUARANTEED,
  TSPEC_WORDS,
  writeIntServHeader,
  writeParameter,
  writeTspec,
  type WireTspec,
} from './tspec.ts';

/** FLOWSPEC, class 9, C-Type 2 (RFC 2210 3.2). */
export interface RsvpFlowspec {
  readonly kind: 'flowspec';
  readonly flowspec:
    | { readonly service: 'controlledLoad'; readonly tspec: WireTspec }
    | {
        readonly service: 'guaranteed';
        readonly tspec: WireTspec;
        readonly rspec: { readonly rate: BytesPerSecond; readonly slack: Micros };
      };
}

const PARAMETER_RSPEC = 130;
const RSPEC_WORDS = 3;

/**
 * IntServ header for service 5 or 2, then the token bucket parameter, then for guaranteed service:
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |     130       |    flags      |            2                  |
 *     |  Rate [R]  (32-bit IEEE floating point number)                |
 *     |  Slack Term [S]  (32-bit integer)                             |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const flowspec: ObjectCodec<RsvpFlowspec> = {
  classNumber: 9,
  cType: 2,
  bodyLength: null,
  decode: (reader, length) => {
    const { service, words } = readIntServHeader(reader, length);
    if (service !== SERVICE_CONTROLLED_LOAD && service !== SERVICE_GUARANTEED) return null;
    const wanted = service === SERVICE_GUARANTEED ? TSPEC_WORDS + RSPEC_WORDS : TSPEC_WORDS;
    if (words !== wanted) throw new BadObjectError(`service ${service} has ${words} words of data, not ${wanted}`);
    const tspec = readTspec(reader);
    if (service === SERVICE_CONTROLLED_LOAD)
      return { kind: 'flowspec', flowspec: { service: 'controlledLoad', tspec } };
    expectParameter(reader, PARAMETER_RSPEC, 2);
    const rspec = { rate: BytesPerSecond(reader.f32()), slack: Micros(reader.u32()) };
    return { kind: 'flowspec', flowspec: { service: 'guaranteed', tspec, rspec } };
  },
  encode: (writer, value) => {
    const spec = value.flowspec;
    if (spec.service === 'controlledLoad') {
      writeIntServHeader(writer, SERVICE_CONTROLLED_LOAD, TSPEC_WORDS);
      writeTspec(writer, spec.tspec);
      return;
    }
    writeIntServHeader(writer, SERVICE_GUARANTEED, TSPEC_WORDS + RSPEC_WORDS);
    writeTspec(writer, spec.tspec);
    writeParameter(writer, PARAMETER_RSPEC, 2);
    writer.f32(spec.rspec.rate);
    writer.u32(spec.rspec.slack);
  },
};
