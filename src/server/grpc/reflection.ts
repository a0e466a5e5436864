import { toBinary, type DescFile, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { ReflectionService } from '@grpc/reflection';

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

/** grpc.reflection.v1 and v1alpha for these services, their messages and everything that those import. */
export function createReflection(services: readonly DescService[]): ReflectionService {
  const files = new Map<string, DescFile>();
  const collect = (file: DescFile): void => {
    if (files.has(file.name)) return;
    files.set(file.name, file);
    for (const dependency of file.dependencies) collect(dependency);
  };
  for (const service of services) collect(service.file);
  const fileDescriptorProtos = [...files.values()].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  // The library looks for the descriptors in any entry of the package; it needs no more than one that has them all.
  const definition = {
    headroom: { format: 'headroom', type: {}, fileDescriptorProtos },
  } as unknown as PackageDefinition;
  return new ReflectionService(definition, { services: services.map((service) => service.typeName) });
}
