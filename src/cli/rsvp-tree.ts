import type { Json } from './json.ts';
import { objectJson, type ObjectJson } from './rsvp-object-json.ts';
import type { CaptureRecord, MessageRecord } from './rsvp-capture.ts';
import type { InnerMessage, ReadMessage, RecordError } from './rsvp-message.ts';

/** RFC 3339 in UTC with microseconds; null stays null. */
export function timeText(nanos: bigint | null): string | null {
  if (nanos === null) return null;
  const millis = nanos / 1_000_000n;
  const date = new Date(Number(millis));
  if (Number.isNaN(date.getTime())) return null;
  const micros = String((nanos / 1000n) % 1000n).padStart(3, '0');
  return date.toISOString().replace('Z', `${micros}Z`);
}

/** One line of JSON for a message. */
export function recordJson(record: CaptureRecord): string {
  if (!('type' in record)) return JSON.stringify(record);
  const { frame, timestampNanos, objects: _, odd: __, messages, error, ...rest } = record;
  return JSON.stringify({
    frame,
    time: timeText(timestampNanos),
    ...rest,
    objects: objectsJson(record),
    ...(messages
      ? { messages: messages.map(({ odd, ...inner }) => ({ ...inner, objects: objectsJson({ ...inner, odd }) })) }
      : {}),
    ...(error ? { error } : {}),
  });
}

/** An object that makes no sense says in `odd` why. */
const objectsJson = ({ objects, odd }: Pick<ReadMessage, 'objects' | 'odd'>) =>
  objects.map((object) => {
    const error = odd.get(object);
    if (error === undefined) return objectJson(object);
    const { reason, offset, detail } = error;
    return { ...objectJson(object), odd: { reason, offset, detail } };
  });

const objectBranches = ({ objects, odd }: Pick<ReadMessage, 'objects' | 'odd'>): Branch[] =>
  objects.map((object) => {
    const branch = objectBranch(objectJson(object));
    const error = odd.get(object);
    if (error === undefined) return branch;
    const text = `ODD ${error.reason} at offset ${error.offset}: ${error.detail}`;
    return { ...branch, below: [...branch.below, { text, below: [] }] };
  });

/** A message as a tree of lines: what it is, then one branch an object, then what is wrong. */
export function recordTree(record: CaptureRecord): string {
  if ('type' in record) {
    const time = timeText(record.timestampNanos);
    return messageTree(`frame ${record.frame}${time ? `  ${time}` : ''}`, record);
  }
  const title = record.frame === null ? 'capture' : `frame ${record.frame}`;
  return [title, ...drawn([errorBranch(record.error)], '')].join('\n');
}

/** What a tree shows of the packet around a message. */
export type TreeMessage = ReadMessage &
  Pick<MessageRecord, 'source' | 'destination' | 'ttl' | 'routerAlert' | 'encapsulation' | 'lengthBytes'>;

/** @param title where and when: the first words of the first line. */
export function messageTree(title: string, message: TreeMessage): string {
  const branches = objectBranches(message);
  branches.push(...(message.messages ?? []).map(innerBranch));
  if (message.error) branches.push(errorBranch(message.error));
  return [`${title}  ${headline(message)}`, ...drawn(branches, '')].join('\n');
}

interface Branch {
  readonly text: string;
  readonly below: readonly Branch[];
}

function headline(message: TreeMessage): string {
  const facts = [
    `TTL ${message.ttl}`,
    ...(message.sendTtl === null || message.sendTtl === message.ttl ? [] : [`Send_TTL ${message.sendTtl}`]),
    ...(message.routerAlert ? ['router alert'] : []),
    ...(message.encapsulation === 'udp' ? ['in UDP'] : []),
    `${message.lengthBytes} bytes`,
    ...checksumText(message),
  ];
  return `${message.type ?? 'unreadable message'}  ${message.source} > ${message.destination}  (${facts.join(', ')})`;
}

/** A message within a Bundle. */
function innerBranch(inner: InnerMessage): Branch {
  const below = objectBranches(inner);
  if (inner.error) below.push(errorBranch(inner.error));
  const facts = [`${inner.lengthBytes} bytes`, ...checksumText(inner)];
  return { text: `${inner.type ?? 'unreadable message'}  (${facts.join(', ')})`, below };
}

function checksumText({ checksumValid, error }: Pick<ReadMessage, 'checksumValid' | 'error'>): string[] {
  if (checksumValid === true) return ['checksum right'];
  if (checksumValid === false) return ['checksum WRONG'];
  return error === null ? ['no checksum'] : [];
}

function errorBranch(error: RecordError): Branch {
  const also = error.layer === 'rsvp' && error.also ? [errorBranch({ layer: 'rsvp', ...error.also })] : [];
  return { text: `ERROR ${error.reason} at offset ${error.offset} (${error.layer}): ${error.detail}`, below: also };
}

/** Plain fields stand on the object's line, objects within it below. */
function objectBranch({ class: name, classNumber, cType, ...fields }: ObjectJson): Branch {
  return fieldsBranch(`${name} [${classNumber}/${cType}]`, fields);
}

function fieldsBranch(name: string, fields: { readonly [name: string]: Json }): Branch {
  const plain: string[] = [];
  const below: Branch[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (Array.isArray(value)) {
      const list = value as readonly Json[];
      if (list.length === 0) plain.push(`${key} none`);
      else if (list.every((one) => typeof one !== 'object')) plain.push(`${key} ${list.join(' ')}`);
      else below.push(...list.map((one) => nested(singular[key] ?? key, one)));
    } else if (typeof value === 'object' && value !== null) below.push(nested(key, value));
    else plain.push(`${key} ${value === null ? '-' : value === '' ? 'empty' : String(value)}`);
  }
  return { text: plain.length === 0 ? name : `${name}  ${plain.join(', ')}`, below };
}

const singular: Readonly<Record<string, string>> = {
  hops: 'hop',
  entries: 'entry',
  elements: 'element',
  options: 'option',
  attributes: 'attribute',
};

const nested = (name: string, value: Json): Branch =>
  typeof value === 'object' && value !== null
    ? fieldsBranch(name, value as { readonly [name: string]: Json })
    : { text: `${name} ${String(value)}`, below: [] };

function drawn(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap((branch, i) => {
    const last = i === branches.length - 1;
    return [
      `${indent}${last ? '└─ ' : '├─ '}${branch.text}`,
      ...drawn(branch.below, `${indent}${last ? '   ' : '│  '}`),
    ];
  });
}
