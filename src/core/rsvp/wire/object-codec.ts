import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { ToldError } from '../../base/told-error.ts';

/**
 * How one object, that is one (Class-Num, C-Type) pair, stands on the wire. Every object begins with the same word
 * (RFC 2205 3.1.2), which codec.ts reads and writes; a codec sees the contents only.
 *
 *     0             1              2             3
 *     +-------------+-------------+-------------+-------------+
 *     |       Length (bytes)      |  Class-Num  |   C-Type    |
 *     +-------------+-------------+-------------+-------------+
 *     //                  (Object contents)                   //
 *     +-------------+-------------+-------------+-------------+
 */
export interface ObjectCodec<T> {
  readonly classNumber: number;
  readonly cType: number;
  /** Length of the contents in bytes, checked before `decode`; null where it varies. */
  readonly bodyLength: number | null;
  /**
   * Contents that contradict the layout leave the object raw instead of failing the message: set for all objects but those
   * of RFC 2205 and RFC 2210 that every message is made of. Whoever uses such an object decides what its damage means.
   */
  readonly keepBad?: true;
  /**
   * Reads the contents; where `bodyLength` is null the reader ends with them, and must be read to that end. null: sound, but of a kind that has no place in the type (an unknown IntServ service); kept raw.
   * @throws BadObjectError, OverrunError
   */
  readonly decode: (reader: ByteReader, length: number) => T | null;
  /** A method, so that codecs of several objects fit one list: `codecOf` alone pairs a value with its codec. */
  encode(writer: ByteWriter, value: T): void;
}

/** Contents that contradict the object's layout. Thrown inside the codec only, and caught at the object's border. */
export class BadObjectError extends ToldError {
  override readonly name = 'BadObjectError';
}
