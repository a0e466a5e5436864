import type { DescMessage, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

/** Where it stands, as `qos.#17`, and how much it holds: nobody here knows how to read that. */
export interface UnknownField {
  readonly field: string;
  readonly value: string;
}

/**
 * The first field of a decoded message that its schema does not have; undefined when there is none. Callers that send one
 * expect something that this server does not do.
 */
export function findUnknownField(schema: DescMessage, message: Message): UnknownField | undefined {
  return search(reflect(schema, message), '');
}

function search(message: ReflectMessage, path: string): UnknownField | undefined {
  const unknown = message.getUnknown()?.[0];
  if (unknown) return { field: `${path}#${unknown.no}`, value: `${unknown.data.length} bytes` };
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const at = `${path}${field.localName}`;
    let found: UnknownField | undefined;
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
