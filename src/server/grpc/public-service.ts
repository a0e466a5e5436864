import {
  fromBinary,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import {
  Metadata,
  type handleUnaryCall,
  type MethodDefinition,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { grpcService } from '../../rpc/service.ts';
import { findUnknownField } from '../../rpc/unknown-fields.ts';
import { badRequest } from '../control/bad-request.ts';
import { ControlError } from '../control/errors.ts';
import type { ExtraService, GrpcSettings } from './context.ts';
import { refusalStatus } from './refusal.ts';

const MAX_REQUEST_BYTES = 1024 * 1024;

type MethodsOf<S extends DescService, K extends DescMethod['methodKind']> = {
  [N in keyof S['method']]: S['method'][N]['methodKind'] extends K ? N : never;
}[keyof S['method']];

/** One function a method: message in, message out. What it throws becomes a status. */
export type UnaryHandlers<S extends DescService> = {
  readonly [N in MethodsOf<S, 'unary'>]: (
    request: MessageShape<S['method'][N]['input']>,
  ) => Promise<MessageInitShape<S['method'][N]['output']>>;
};

/** Answers until it is done or the caller is gone; what it throws becomes the status of the stream. */
export type StreamHandler = (request: never, call: ServerWritableStream<unknown, unknown>) => Promise<void>;

/** A request that cannot be handled, found while it was decoded: grpc-js itself would call that an internal error. */
class Refused {
  readonly error: ControlError;
  constructor(error: ControlError) {
    this.error = error;
  }
}

/**
 * A service for callers: requests are decoded strictly (size, unknown fields), answers counted and logged, errors of the
 * catalogue told as google.rpc.Status, and `x-correlator` echoed.
 */
export function publicService<S extends DescService>(
  service: S,
  unary: UnaryHandlers<S>,
  streams: Readonly<Record<string, StreamHandler>>,
  settings: GrpcSettings,
  limits: Readonly<Record<string, number>> = {},
): ExtraService {
  const definition = { ...grpcService(service) } as Record<string, MethodDefinition<unknown, unknown>>;
  const implementation: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const limit = limits[method.localName] ?? MAX_REQUEST_BYTES;
    definition[method.name] = {
      ...definition[method.name]!,
      requestDeserialize: (bytes: Buffer) => decode(method, bytes, limit),
    };
    const stream = streams[method.localName];
    implementation[method.name] = stream
      ? streamCall(method, stream, settings)
      : unaryCall(method, (unary as unknown as Record<string, UnaryHandler>)[method.localName]!, settings);
  }
  return { definition: definition, implementation };
}

type UnaryHandler = (request: unknown) => Promise<MessageInitShape<DescMethod['output']>>;

function decode(method: DescMethod, bytes: Buffer, limit: number): unknown {
  if (bytes.length > limit) {
    const text = `The message has ${bytes.length} bytes; ${method.name} takes at most ${limit}`;
    return new Refused(new ControlError('PAYLOAD_TOO_LARGE', text));
  }
  try {
    const message = fromBinary(method.input, bytes);
    const unknown = findUnknownField(method.input, message);
    if (unknown === undefined) return message;
    return new Refused(
      new ControlError('INVALID_ARGUMENT', `${method.input.name} has no field ${unknown.field}`, {
        fields: [{ ...unknown, code: 'INVALID_ARGUMENT', problem: 'is not a known field' }],
      }),
    );
  } catch (error) {
    const text = `The message is not a ${method.input.typeName}: ${error instanceof Error ? error.message : ''}`;
    return new Refused(
      new ControlError('INVALID_ARGUMENT', text, {
        fields: [
          { field: 'message', value: `${bytes.length} bytes`, code: 'INVALID_ARGUMENT', problem: 'is malformed' },
        ],
      }),
    );
  }
}

function unaryCall(
  method: DescMethod,
  handler: UnaryHandler,
  settings: GrpcSettings,
): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const answered = begin(method, call.metadata, settings);
    call.sendMetadata(answered.headers);
    const run = async (): Promise<void> => {
      try {
        checkCorrelator(call.metadata);
        if (call.request instanceof Refused) throw call.request.error;
        const answer = create(method.output, await handler(call.request));
        answered.done(null);
        callback(null, answer);
      } catch (thrown) {
        callback(answered.done(thrown));
      }
    };
    void run();
  };
}

function streamCall(method: DescMethod, handler: StreamHandler, settings: GrpcSettings) {
  return (call: ServerWritableStream<unknown, unknown>): void => {
    const answered = begin(method, call.metadata, settings);
    call.sendMetadata(answered.headers);
    const run = async (): Promise<void> => {
      try {
        checkCorrelator(call.metadata);
        if (call.request instanceof Refused) throw call.request.error;
        await handler(call.request as never, call);
        answered.done(null);
        call.end();
      } catch (thrown) {
        if (call.cancelled) answered.done(null);
        else call.emit('error', answered.done(thrown));
      }
    };
    void run();
  };
}

const CORRELATOR = 'x-correlator';
const CORRELATOR_PATTERN = /^[\w:;./<>{}-]{1,256}$/;

/** As over HTTP: one that cannot be echoed is refused, not replaced. @throws ControlError INVALID_ARGUMENT */
function checkCorrelator(metadata: Metadata): void {
  const given = metadata.get(CORRELATOR);
  if (given.length === 0 || (given.length === 1 && CORRELATOR_PATTERN.test(String(given[0])))) return;
  const problem = 'must be 1 to 256 letters, digits or any of -_:;./<>{}';
  throw badRequest([{ field: CORRELATOR, value: given.map(String).join(', '), code: 'INVALID_ARGUMENT', problem }]);
}

/** Counts and logs the end of a call. `done` gives the status of an error. */
function begin(method: DescMethod, metadata: Metadata, { logger, metrics }: GrpcSettings) {
  const started = performance.now();
  const given = metadata.get(CORRELATOR)[0];
  const correlator = typeof given === 'string' && CORRELATOR_PATTERN.test(given) ? given : randomUUID();
  const headers = new Metadata();
  headers.set(CORRELATOR, correlator);
  const end = (code: string): void => {
    const ms = performance.now() - started;
    metrics.request('grpc', method.name, code, ms / 1000);
    logger.info({ correlator, operation: method.name, code, ms: Math.round(ms * 10) / 10 }, 'answered');
  };
  return {
    headers,
    done(thrown: unknown) {
      if (thrown === null) {
        end('OK');
        return null;
      }
      const { error, status } = refusalStatus(thrown);
      if (error.code === 'INTERNAL') logger.error({ correlator, err: error.cause ?? error }, 'a call failed inside');
      end(error.code);
      return status;
    },
  };
}
