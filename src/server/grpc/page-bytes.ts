import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { Bytes } from '../../core/base/units.ts';

/**
 * The most that the items of one page take. Clients refuse answers of over 4 MiB unless they are told otherwise; a page is
 * shorter instead (AIP-158), and what has changed until it is read once more, and the token, find room above it.
 */
export const PAGE_BYTES = Bytes(3 * 1024 * 1024 + 512 * 1024);

/** With its tag and its length (protocol buffers' encoding of an embedded message, field numbers below 16). */
const OVERHEAD_BYTES = 6;

/** How many of the messages, from the first on, a page has room for. */
export function countWithin<Desc extends DescMessage>(
  most: Bytes,
  schema: Desc,
  messages: readonly MessageInitShape<Desc>[],
): number {
  let total = 0;
  const beyond = messages.findIndex((message) => {
    total += toBinary(schema, create(schema, message)).length + OVERHEAD_BYTES;
    return total > most;
  });
  return beyond === -1 ? messages.length : beyond;
}
