import { copyOf } from '../../base/bytes.ts';

/**
 * The contents of objects whose values do not tell all that stood on the wire: reserved bits that were set, flags of IntServ
 * parameters, payloads of NaN. They are written back with the object as long as it is the very one that was decoded; a copy
 * with other values is another object and is written from its values.
 */
const originals = new WeakMap<object, Uint8Array>();

/** Keeps a copy of `contents` for `object`. */
export function keepOriginal(object: object, contents: Uint8Array): void {
  originals.set(object, copyOf(contents));
}

export const originalOf = (object: object): Uint8Array | undefined => originals.get(object);
