import type { DescMessage, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

/**
 * The first field of a decoded message that its schema does not have, as `qos.#17`; undefined when there is none. Callers
 * that send one expect something that this server does not do.
 */
export function findUnknownField(schema: DescMessage, message: Message): string | undefined {
  return search(reflect(schema, message), '');
}

function search(message: ReflectMessage, path: string): string | undefined {
  const unknown = message.getUnknown()?.[0];
  if (unknown) return `${path}#${unknown.no}`;
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const at = `${path}${field.localName}`;
    let found: string | undefined;
    if (field.fieldKind === 'message') {
      const value: ReflectMessage = message.get(field);
      found = search(value, `${at}.`);
    } else if (field.fieldKind === 'list' && field.listKind === 'message') {
      let i = 0;
      for (const each of message.get(field)) {
        found = search(each as ReflectMessage, `${at}[${i++}].`);
        if (found !== undefined) break;
      }
    }
    if (found !== undefined) return found;
  }
  return undefined;
}
