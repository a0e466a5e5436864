import { create } from '@bufbuild/protobuf';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Reservation } from '../../core/reservation/reservation.ts';
import { EventSchema, EventService, type WatchRequest } from '../../gen/headroom/v1/event_pb.ts';
import { reservationMessage } from '../../rpc/reservation.ts';
import { timestamp } from '../../rpc/time.ts';
import type { EventView } from '../control/api.ts';
import { ControlError } from '../control/errors.ts';
import { badRequest } from '../control/bad-request.ts';
import type { ExtraService, GrpcSettings } from './context.ts';
import { publicService } from './public-service.ts';

/** `closing`: aborted when the server stops; open streams end then. */
export function eventService(settings: GrpcSettings, closing: AbortSignal): ExtraService {
  const watch = async (request: WatchRequest, call: ServerWritableStream<unknown, unknown>): Promise<void> => {
    const after = request.resumeToken === undefined ? null : tokenOf(request.resumeToken);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    call.once('cancelled', leave);
    call.once('close', leave);
    closing.addEventListener('abort', leave);
    settings.metrics.watching('grpc', 1);
    try {
      for await (const event of settings.control.watchEvents(after, gone.signal)) {
        if (gone.signal.aborted) break;
        if (!call.write(eventMessage(event))) await drained(call, gone.signal, settings.stallMs ?? 10_000);
      }
    } finally {
      closing.removeEventListener('abort', leave);
      settings.metrics.watching('grpc', -1);
    }
  };
  return publicService(EventService, {}, { watch }, settings);
}

function tokenOf(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw badRequest([
    { field: 'resumeToken', value: text, code: 'INVALID_ARGUMENT', problem: 'must be the id of an event' },
  ]);
}

const eventMessage = (event: EventView) =>
  create(EventSchema, {
    id: String(event.id),
    type: event.type,
    time: timestamp(event.time),
    ...(event.reservationId === null
      ? {}
      : { reservationId: event.reservationId, reservation: reservationMessage(event.data as Reservation) }),
  });

/** @throws ControlError UNAVAILABLE when the reader takes nothing for so long: it can resume with its last id */
async function drained(
  call: ServerWritableStream<unknown, unknown>,
  signal: AbortSignal,
  stallMs: number,
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      call.off('drain', settle);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(() => {
      reject(new ControlError('UNAVAILABLE', 'The reader of this stream is too slow; resume with the last id'));
      settle();
    }, stallMs);
    call.once('drain', settle);
    signal.addEventListener('abort', settle);
  });
}
