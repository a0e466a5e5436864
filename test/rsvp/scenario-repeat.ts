import type { IpAddress } from '../../src/core/base/ip.ts';
import type { EngineInput } from '../../src/core/rsvp/engine/types.ts';
import { decodeMessage, encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4, IPPROTO_RSVP, parseIpv4, rsvpPayload } from '../../src/core/rsvp/wire/ip-packet.ts';
import type { RsvpMessage } from '../../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../../src/core/rsvp/wire/objects.ts';
import type { Sent } from '../core/rsvp/engine/network.ts';
import { duration, hexBytes, number, rate, type Words } from './scenario-values.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/** A message on its way to be another. */
interface Draft {
  message: RsvpMessage;
  ttl: number;
  source: IpAddress;
  destination: IpAddress;
  /** Words of options in the IP header. */
  ipOptions: number;
  /** Changes of the encoded bytes. */
  readonly damage: ((bytes: Uint8Array) => void)[];
  length: number | null;
}

const STYLES: Readonly<Record<string, number>> = { FF: 0x0a, WF: 0x11, SE: 0x12 };

function edit<K extends RsvpObject['kind']>(
  draft: Draft,
  kind: K,
  change: (object: RsvpObject & { readonly kind: K }) => object,
): void {
  const objects = draft.message.objects.map((object) =>
    object.kind === kind ? { ...object, ...change(object as never) } : object,
  );
  draft.message = { ...draft.message, objects };
}

function editTspecs(draft: Draft, change: object): void {
  edit(draft, 'senderTspec', ({ tspec }) => ({ tspec: { ...tspec, ...change } }));
  edit(draft, 'flowspec', ({ flowspec }) => ({ flowspec: { ...flowspec, tspec: { ...flowspec.tspec, ...change } } }));
}

const withKind = (draft: Draft, kind: string): RsvpObject => {
  const found = draft.message.objects.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`the message has no ${kind}`);
  return found;
};

/** What can be changed, by the word that asks for it. */
const CHANGES: Readonly<Record<string, (draft: Draft, words: Words) => void>> = {
  ttl: (draft, words) => (draft.ttl = number(words.next('ttl'))),
  'send-ttl': (draft, words) => (draft.message = { ...draft.message, sendTtl: number(words.next('ttl')) }),
  type: (draft, words) => (draft.message = { ...draft.message, type: number(words.next('type')) }),
  from: (draft, words) => (draft.source = words.next('source') as IpAddress),
  to: (draft, words) => (draft.destination = words.next('destination') as IpAddress),
  'ip-options': (draft, words) => (draft.ipOptions = number(words.next('words'))),
  /** An object `class/c-type body`, right after SESSION. */
  with: (draft, words) => {
    const [classNumber, cType] = words.next('class/c-type').split('/').map(Number) as [number, number];
    const added: RsvpObject = { kind: 'unknown', classNumber, cType, body: hexBytes(words.next('body')) };
    draft.message = { ...draft.message, objects: draft.message.objects.toSpliced(1, 0, added) };
  },
  without: (draft, words) => {
    const gone = withKind(draft, words.next('object'));
    draft.message = { ...draft.message, objects: draft.message.objects.filter((object) => object !== gone) };
  },
  twice: (draft, words) => {
    const again = withKind(draft, words.next('object'));
    draft.message = { ...draft.message, objects: draft.message.objects.toSpliced(1, 0, again) };
  },
  hop: (draft, words) => {
    const address = words.next('address');
    edit(draft, 'rsvpHop', () => ({ address }));
  },
  lih: (draft, words) => {
    const logicalInterfaceHandle = number(words.next('handle'));
    edit(draft, 'rsvpHop', () => ({ logicalInterfaceHandle }));
  },
  R: (draft, words) => {
    const refreshPeriod = duration(words.next('R'));
    edit(draft, 'timeValues', () => ({ refreshPeriod }));
  },
  style: (draft, words) => {
    const style = words.next('style');
    edit(draft, 'style', () => ({ optionVector: STYLES[style] ?? Number(style) }));
  },
  port: (draft, words) => {
    const destinationPort = number(words.next('port'));
    edit(draft, 'session', () => ({ destinationPort }));
  },
  protocol: (draft, words) => {
    const protocol = number(words.next('protocol'));
    edit(draft, 'session', () => ({ protocol }));
  },
  destination: (draft, words) => {
    const destination = words.next('address');
    edit(draft, 'session', () => ({ destination }));
  },
  sender: (draft, words) => {
    const source = words.next('address');
    edit(draft, 'senderTemplate', () => ({ source }));
    edit(draft, 'filterSpec', () => ({ source }));
  },
  /** `raw-flowspec 9/2 BODY`: FLOWSPEC as another build would write it. */
  'raw-flowspec': (draft, words) => {
    const [classNumber, cType] = words.next('class/c-type').split('/').map(Number) as [number, number];
    const other: RsvpObject = { kind: 'unknown', classNumber, cType, body: hexBytes(words.next('body')) };
    const objects = draft.message.objects.map((object) => (object.kind === 'flowspec' ? other : object));
    draft.message = { ...draft.message, objects };
  },
  'source-port': (draft, words) => {
    const sourcePort = number(words.next('port'));
    edit(draft, 'senderTemplate', () => ({ sourcePort }));
    edit(draft, 'filterSpec', () => ({ sourcePort }));
  },
  id: (draft, words) => {
    const messageId = number(words.next('id'));
    edit(draft, 'messageId', () => ({ messageId }));
  },
  'key-id': (draft, words) => {
    const keyId = number(words.next('key id'));
    edit(draft, 'integrity', () => ({ keyId }));
  },
  'from-instance': (draft, words) => {
    const sourceInstance = number(words.next('instance'));
    edit(draft, 'hello', () => ({ sourceInstance }));
  },
  'to-instance': (draft, words) => {
    const destinationInstance = number(words.next('instance'));
    edit(draft, 'hello', () => ({ destinationInstance }));
  },
  /** Each message of a Bundle without its INTEGRITY. */
  unsigned: (draft) => {
    const messages = (draft.message.messages ?? []).map(({ message }) => ({
      checksum: 'valid' as const,
      message: { ...message, objects: message.objects.filter(({ kind }) => kind !== 'integrity') },
    }));
    draft.message = { ...draft.message, messages };
  },
  epoch: (draft, words) => {
    const epoch = number(words.next('epoch'));
    edit(draft, 'messageId', () => ({ epoch }));
    edit(draft, 'messageIdList', () => ({ epoch }));
  },
  error: (draft, words) => {
    const [errorCode, errorValue] = words.next('code/value').split('/').map(Number);
    if (draft.message.objects.some(({ kind }) => kind === 'errorSpec')) {
      return edit(draft, 'errorSpec', () => ({ errorCode, errorValue }));
    }
    // Of another message than an error: right after SESSION.
    const added = { kind: 'errorSpec', errorNode: draft.source, flags: 0, errorCode, errorValue } as RsvpObject;
    draft.message = { ...draft.message, objects: draft.message.objects.toSpliced(1, 0, added) };
  },
  rate: (draft, words) => editTspecs(draft, { tokenRate: rate(words.next('rate')) }),
  bucket: (draft, words) => editTspecs(draft, { tokenBucket: number(words.next('bucket')) }),
  peak: (draft, words) => editTspecs(draft, { peakRate: rate(words.next('peak')) }),
  m: (draft, words) => editTspecs(draft, { minPolicedUnit: number(words.next('m')) }),
  M: (draft, words) => editTspecs(draft, { maxPacketSize: number(words.next('M')) }),
  'latency-indeterminate': (draft) =>
    edit(draft, 'adspec', ({ general }) => ({ general: { ...general, minPathLatency: 0xffff_ffff } })),
  /** `route 10.0.13.3,~10.2.0.2`: EXPLICIT_ROUTE, right after RSVP_HOP; `~` is loose, `none` has no sub-objects. */
  route: (draft, words) => {
    const word = words.next('addresses');
    const hops = (word === 'none' ? [] : word.split(',')).map((text) => {
      const [address, length = '32'] = text.replace('~', '').split('/') as [string, string?];
      const loose = text.startsWith('~');
      return { hop: 'address', loose, address: address as IpAddress, prefixLength: Number(length) } as const;
    });
    const others = draft.message.objects.filter(({ kind }) => kind !== 'explicitRoute');
    draft.message = { ...draft.message, objects: others.toSpliced(2, 0, { kind: 'explicitRoute', hops }) };
  },
  /** `recorded 10.0.12.1`: RECORD_ROUTE at the end. */
  recorded: (draft, words) => {
    const hops = words
      .next('addresses')
      .split(',')
      .map((address) => ({ hop: 'address', address: address as IpAddress, prefixLength: 32, flags: 0 }) as const);
    const others = draft.message.objects.filter(({ kind }) => kind !== 'recordRoute');
    draft.message = { ...draft.message, objects: [...others, { kind: 'recordRoute', hops }] };
  },
  break: (draft) => edit(draft, 'adspec', ({ general }) => ({ general: { ...general, breakBit: true } })),
  checksum: (draft, words) => {
    const zero = words.next('zero or wrong') === 'zero';
    draft.damage.push((bytes) => void (zero ? bytes.fill(0, 2, 4) : (bytes[3]! ^= 1)));
  },
  cut: (draft, words) => (draft.length = number(words.next('length'))),
  /** The length field of the first object; no checksum, so that it is read at all. */
  'object-length': (draft, words) => {
    const length = number(words.next('length'));
    draft.damage.push((bytes) => {
      new DataView(bytes.buffer).setUint16(8, length);
      bytes.fill(0, 2, 4);
    });
  },
};

/**
 * A message that was sent, as the packet that arrives at the next node, with changes: what a neighbour of another make, an
 * attacker or a broken cable would send.
 */
export function repeated(sent: Sent, interfaceName: string, words: Words): Packet {
  const decoded = decodeMessage(sent.send.bytes);
  if (!decoded.ok) throw new Error(decoded.error.detail);
  const { ttl, source, destination } = sent.send;
  const { message } = decoded.value;
  const draft: Draft = { message, ttl, source, destination, ipOptions: 0, damage: [], length: null };
  while (!words.isEmpty) {
    const name = words.next('change');
    const change = CHANGES[name];
    if (change === undefined) throw new Error(`a change ${name} is not known`);
    change(draft, words);
  }
  const { checksum } = decoded.value;
  const bytes = encodeMessage(draft.message, checksum).slice();
  for (const damage of draft.damage) damage(bytes);
  return arriving(draft, interfaceName, bytes.slice(0, draft.length ?? bytes.length));
}

/** Into an IPv4 packet, whose header may have options, and out as a raw socket's reader does it. */
function arriving({ source, destination, ttl, ipOptions }: Draft, interfaceName: string, payload: Uint8Array): Packet {
  const plain = encodeIpv4({ source, destination, ttl, protocol: IPPROTO_RSVP, routerAlert: false, payload });
  const header = 20 + 4 * ipOptions;
  // The options are NOPs (type 1).
  const packet = new Uint8Array(header + payload.length).fill(1);
  packet.set(plain.subarray(0, 20));
  packet.set(payload, header);
  packet[0] = 0x40 | (header / 4);
  new DataView(packet.buffer).setUint16(2, packet.length);
  const parsed = parseIpv4(packet);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const bytes = rsvpPayload(parsed.value);
  if (bytes === null) throw new Error('the packet is not RSVP');
  return { type: 'packet', interface: interfaceName, source, destination, ttl: parsed.value.ttl, bytes: bytes.slice() };
}
