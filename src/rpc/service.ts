import {
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';

/** The grpc-js definition of a service that protoc-gen-es described: both ends use the same one. */
export function grpcService(service: DescService): ServiceDefinition<UntypedServiceImplementation> {
  const methods: Record<string, MethodDefinition<unknown, unknown>> = {};
  for (const method of service.methods) methods[method.name] = grpcMethod(service, method);
  return methods;
}

function grpcMethod(service: DescService, method: DescMethod): MethodDefinition<unknown, unknown> {
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    originalName: method.localName,
    ...codec('request', method.input),
    ...codec('response', method.output),
  } as MethodDefinition<unknown, unknown>;
}

function codec(side: 'request' | 'response', message: DescMessage): Record<string, unknown> {
  return {
    [`${side}Serialize`]: (value: MessageShape<DescMessage>): Buffer => Buffer.from(toBinary(message, value)),
    [`${side}Deserialize`]: (bytes: Buffer): MessageShape<DescMessage> => fromBinary(message, bytes),
  };
}
