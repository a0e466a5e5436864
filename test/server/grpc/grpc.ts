import {
  create,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { grpcService } from '../../../src/rpc/service.ts';
import type { GrpcSettings } from '../../../src/server/grpc/context.ts';
import { createGrpcServer } from '../../../src/server/grpc/server.ts';
import { createLoggers } from '../../../src/telemetry/logger.ts';
import { createServerMetrics } from '../../../src/telemetry/server-metrics.ts';
import { edgeControl, type EdgeControl } from '../edge-control.ts';

/** The gRPC edge over a control made for the test, and a client of it; both closed with the test. */
export async function startGrpc(over: Partial<GrpcSettings> & { readonly control?: EdgeControl } = {}) {
  const log: string[] = [];
  const loggers = createLoggers({ base: 'trace', bySubsystem: new Map() }, { write: (line) => void log.push(line) });
  const control = over.control ?? edgeControl();
  const metrics = createServerMetrics(false);
  const server = createGrpcServer({ metrics, logger: loggers('grpc'), token: null, ...over, control });
  const port = await server.listen('127.0.0.1:0');
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  });
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return { server, control, client, port, log, metrics };
}

const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

function definitionOf(method: DescMethod) {
  return Object.values(grpcService(method.parent)).find((each) => each.path === pathOf(method))!;
}

/** One unary call; rejects with ServiceError. */
export function call<M extends DescMethod>(
  client: Client,
  method: M,
  request: MessageInitShape<M['input']>,
  metadata: Record<string, string> = {},
): Promise<MessageShape<M['output']>> {
  const definition = definitionOf(method);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize as (bytes: Buffer) => MessageShape<M['output']>,
      create(method.input, request),
      metadataOf(metadata),
      (error, value) => (error ? reject(error) : resolve(value!)),
    );
  });
}

/** One unary call with these bytes as its message. */
export function callWithBytes(client: Client, service: DescService, name: string, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/${service.typeName}/${name}`,
      (value: Uint8Array) => Buffer.from(value),
      (value: Buffer) => value,
      bytes,
      (error, value) => (error ? reject(error) : resolve(value!)),
    );
  });
}

export function serverStream<M extends DescMethod>(
  client: Client,
  method: M,
  request: MessageInitShape<M['input']>,
): ClientReadableStream<MessageShape<M['output']>> {
  const definition = definitionOf(method);
  return client.makeServerStreamRequest(
    definition.path,
    definition.requestSerialize,
    definition.responseDeserialize as (bytes: Buffer) => MessageShape<M['output']>,
    create(method.input, request),
    new Metadata(),
  );
}

export async function errorOf(promise: Promise<unknown>): Promise<ServiceError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error && 'code' in error) return error as ServiceError;
  throw new Error(`expected a gRPC error, not ${String(error)}`);
}

function metadataOf(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}
