import fc from 'fast-check';
import type { Random } from '../../../../src/core/base/random.ts';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import type { ExtensionKind } from '../../../../src/core/rsvp/wire/extensions.ts';
import { findIntegrity } from '../../../../src/core/rsvp/wire/integrity.ts';
import { validateNeighborMessage } from '../../../../src/core/rsvp/wire/neighbor-messages.ts';
import { validateMessage } from '../../../../src/core/rsvp/wire/validate.ts';
import { captureFiles, rsvpMessages } from '../../../support/captures.ts';
import { bundleMessage, rsvpMessage } from './arbitrary.ts';

const everything: ReadonlySet<ExtensionKind> = new Set<ExtensionKind>([
  'integrity',
  'messageIdAck',
  'messageIdNack',
  'messageId',
  'scope',
  'explicitRoute',
  'recordRoute',
  'policyData',
  'dclass',
]);

/** Sound messages to start from: all captures, and generated ones of every kind of object. */
export function seedMessages(seed: number): Uint8Array[] {
  const captured = captureFiles().flatMap((name) => rsvpMessages(name).map(({ bytes }) => Uint8Array.from(bytes)));
  const generated = fc.sample(fc.oneof({ arbitrary: rsvpMessage, weight: 5 }, bundleMessage), { numRuns: 400, seed });
  return [...captured, ...generated.map((message) => encodeMessage(message))];
}

/** A copy with some bytes, bits, words or lengths changed, mostly under a right RSVP Length and without a checksum. */
export function mutated(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = (n: number): number => Math.floor(random() * n);
  let bytes: Uint8Array = seeds[pick(seeds.length)]!.slice();
  for (let edits = 1 + pick(4); edits > 0 && bytes.length > 0; edits--) {
    const at = pick(bytes.length);
    const word = at & ~3;
    switch (pick(7)) {
      case 0:
        bytes[at] = pick(256);
        break;
      case 1:
        bytes[at]! ^= 1 << pick(8);
        break;
      case 2:
        // Where most lengths are: small ones, and all others now and then.
        bytes[word] = pick(8) === 0 ? pick(256) : 0;
        bytes[word + 1] = pick(64);
        break;
      case 3:
        bytes[at] = [0, 1, 0x7f, 0x80, 0xff][pick(5)]!;
        break;
      case 4:
        bytes = joined(bytes.subarray(0, word), bytes.subarray(word + 4 * (1 + pick(4))));
        break;
      case 5: {
        const other = seeds[pick(seeds.length)]!;
        const from = pick(other.length) & ~3;
        bytes = joined(bytes.subarray(0, word), other.subarray(from, from + 4 * pick(32)), bytes.subarray(word));
        break;
      }
      default:
        bytes = bytes.slice(0, at);
    }
  }
  if (bytes.length >= 8 && pick(16) !== 0) {
    bytes[0] = 0x10 | (bytes[0]! & 0x0f);
    bytes = bytes.slice(0, Math.min(bytes.length, 65_532) & ~3);
    bytes.set([0, 0], 2);
    bytes.set([bytes.length >> 8, bytes.length & 0xff], 6);
  }
  return bytes;
}

/**
 * What must hold of any bytes: they are refused with a reason inside them, or read, judged, and written back as the very
 * same bytes. Nothing throws. @returns whether they were read.
 */
export function exercise(bytes: Uint8Array): boolean {
  findIntegrity(bytes);
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) {
    if (decoded.error.offset > bytes.length) throw new Error(`offset ${decoded.error.offset} in ${hex(bytes)}`);
    return false;
  }
  const { message, checksum } = decoded.value;
  if (message.objects.length > bytes.length / 4) throw new Error(`more objects than words in ${hex(bytes)}`);
  const again = encodeMessage(message, checksum);
  if (Buffer.compare(again, bytes) !== 0) throw new Error(`${hex(bytes)} came back as ${hex(again)}`);
  validateMessage(message);
  validateMessage(message, everything);
  validateNeighborMessage(message);
  return true;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
