import type { ReservationState } from '../../core/reservation/reservation.ts';
import { ReservationSchema, ReservationService } from '../../gen/headroom/v1/reservation_pb.ts';
import { reservationInput, reservationMessage } from '../../rpc/reservation.ts';
import { reservationPatches } from '../../rpc/reservation-patch.ts';
import { badRequest } from '../control/bad-request.ts';
import { quotedEtag } from '../control/etag.ts';
import type { ExtraService, GrpcSettings } from './context.ts';
import { countWithin, PAGE_BYTES } from './page-bytes.ts';
import { publicService } from './public-service.ts';

const STATES: readonly ReservationState[] = [
  'held',
  'scheduled',
  'establishing',
  'active',
  'degraded',
  'releasing',
  'ended',
];

export function reservationService(settings: GrpcSettings): ExtraService {
  const { control } = settings;
  return publicService(
    ReservationService,
    {
      async createReservation(request) {
        const input = reservationInput(request.reservation);
        if (!input.ok) throw badRequest(input.error);
        const idempotencyKey = keyOf(request.requestId);
        const options = { validateOnly: request.validateOnly, idempotencyKey };
        const { reservation } = await control.reserve(input.value, options);
        return reservationMessage(reservation, !request.validateOnly);
      },

      async getReservation(request) {
        return reservationMessage(await control.getReservation(request.id));
      },

      async updateReservation(request) {
        const patches = reservationPatches(request);
        if (!patches.ok) throw badRequest(patches.error);
        const { reservation } = await control.modifyReservation(request.id, patches.value, {
          ifMatch: request.etag === '' ? null : quotedEtag(request.etag, 'etag'),
          idempotencyKey: keyOf(request.requestId),
        });
        return reservationMessage(reservation);
      },

      async listReservations(request) {
        const { pageSize } = request;
        if (pageSize < 0 || pageSize > 500) {
          const problem = 'must be an integer from 1 to 500, or 0 for 100';
          throw badRequest([{ field: 'pageSize', value: pageSize, code: 'OUT_OF_RANGE', problem }]);
        }
        const query = {
          pageSize: pageSize || 100,
          pageToken: request.pageToken || null,
          states: request.states.map(stateOf),
          source: request.source || null,
          destination: request.destination || null,
          node: request.node || null,
          link: request.link || null,
        };
        const whole = await control.listReservations(query);
        const fitting = countWithin(
          PAGE_BYTES,
          ReservationSchema,
          whole.items.map((each) => reservationMessage(each)),
        );
        // Asked for again where it is shorter: only control knows what token leads on from there.
        const page =
          fitting === whole.items.length
            ? whole
            : await control.listReservations({ ...query, pageSize: Math.max(1, fitting) });
        const reservations = page.items.map((each) => reservationMessage(each));
        return { reservations, nextPageToken: page.nextPageToken ?? '' };
      },

      async releaseReservation(request) {
        const ifMatch = request.etag === '' ? null : quotedEtag(request.etag, 'etag');
        await control.releaseReservation(request.id, { ifMatch });
        return {};
      },
    },
    {},
    settings,
  );
}

function keyOf(requestId: string): string | null {
  if (requestId === '') return null;
  if (/^[\x21-\x7e]{1,255}$/.test(requestId)) return requestId;
  const problem = 'must be 1 to 255 printable ASCII characters without blanks';
  throw badRequest([{ field: 'requestId', value: requestId, code: 'INVALID_ARGUMENT', problem }]);
}

function stateOf(text: string): ReservationState {
  const state = STATES.find((each) => each === text);
  if (state) return state;
  const problem = `must be one of ${STATES.join(', ')}`;
  throw badRequest([{ field: 'states', value: text, code: 'INVALID_ARGUMENT', problem }]);
}
