import { IPV4, IPV6, type AddressField } from './address-field.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';
import type { IpAddress } from '../../base/ip.ts';

/** SCOPE, class 7 (RFC 2205 A.6): the senders that a wildcard message is for. */
export interface RsvpScope {
  readonly kind: 'scope';
  /** At least one, all of one family; RFC 2205 wants them sorted, which is not checked. */
  readonly sources: readonly IpAddress[];
}

/** The contents are addresses: 4 bytes each, or 16 with C-Type 2. */
const scopeCodec = (ip: AddressField): ObjectCodec<RsvpScope> => ({
  classNumber: 7,
  cType: ip.cType,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    if (length === 0 || length % ip.length !== 0) throw new BadObjectError(`${length} bytes of addresses`);
    const sources: IpAddress[] = [];
    while (reader.remaining > 0) sources.push(ip.read(reader));
    return { kind: 'scope', sources };
  },
  encode: (writer, scope) => {
    for (const source of scope.sources) ip.write(writer, source);
  },
});

export const scopeV4 = scopeCodec(IPV4);
export const scopeV6 = scopeCodec(IPV6);
