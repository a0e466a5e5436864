import { toBinary, create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { Bytes } from '../../../src/core/base/units.ts';
import { ListReservationsResponseSchema, ReservationSchema } from '../../../src/gen/headroom/v1/reservation_pb.ts';
import { countWithin, PAGE_BYTES } from '../../../src/server/grpc/page-bytes.ts';

const heavy = (n: number) => ({
  id: String(n),
  labels: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}-${'a'.repeat(58)}`, 'v'.repeat(256)])),
});

test('a page ends before the message that is too much for it', () => {
  const messages = Array.from({ length: 500 }, (_, n) => heavy(n));
  const count = countWithin(PAGE_BYTES, ReservationSchema, messages);
  const size = (of: number) =>
    toBinary(
      ListReservationsResponseSchema,
      create(ListReservationsResponseSchema, { reservations: messages.slice(0, of) }),
    ).length;
  expect(size(count)).toBeLessThanOrEqual(PAGE_BYTES);
  expect(size(count + 1)).toBeGreaterThan(PAGE_BYTES - 10);
  expect(countWithin(PAGE_BYTES, ReservationSchema, messages.slice(0, 10))).toBe(10);
  expect(countWithin(Bytes(10), ReservationSchema, messages)).toBe(0);
});
