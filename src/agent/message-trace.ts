import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { RsvpTraceMessageSchema, RsvpTraceReportSchema } from '../gen/headroom/v1/agent_channel_pb.ts';
import type { Channel } from './channel/channel.ts';
import type { MessageWatch } from './signalling.ts';
import type { PacketInput, SendOutput } from './socket/transport.ts';

/** Messages that wait for the channel; those beyond are counted and left out. */
const MAX_WAITING = 2_000;
const MAX_WAITING_BYTES = 2 * 1024 * 1024;
/** How long messages are gathered for one report. */
const GATHER_MS = 20;

/** Sends what comes and goes to the server while somebody watches there; never more than the channel takes. */
export class MessageTrace implements MessageWatch {
  readonly #channel: () => Pick<Channel, 'send' | 'congested'> | null;
  /** Of the monotonic clock to 1970, so that messages are in the order of their times, milliseconds. */
  readonly #epochOffset = Date.now() - performance.now();
  #waiting: MessageInitShape<typeof RsvpTraceMessageSchema>[] = [];
  #waitingBytes = 0;
  #leftOut = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(channel: () => Pick<Channel, 'send' | 'congested'> | null) {
    this.#channel = channel;
  }

  received(packet: PacketInput, dropped: readonly string[]): void {
    const { interface: name, source, destination, ttl, bytes } = packet;
    this.#add({ interface: name, source, destination, ttl, bytes: bytes.slice(), dropped: [...dropped] });
  }

  sent(message: SendOutput, problem: string | null): void {
    const { interface: name, source, destination, ttl, routerAlert, bytes } = message;
    this.#add({ sent: true, interface: name, source, destination, ttl, routerAlert, bytes, problem: problem ?? '' });
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #add(message: MessageInitShape<typeof RsvpTraceMessageSchema> & { readonly bytes: Uint8Array }): void {
    // Once one is left out the rest of this report is, too: the gap is in one place, behind what was kept.
    if (this.#leftOut > 0 || this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#leftOut++;
    } else {
      this.#waiting.push({ ...message, timeMicros: this.#nowMicros() });
      this.#waitingBytes += message.bytes.length;
    }
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    this.#timer = null;
    const channel = this.#channel();
    if (!channel) return this.close();
    if (channel.congested) {
      this.#timer = setTimeout(() => this.#flush(), GATHER_MS);
      return;
    }
    const messages = this.#waiting.map((message) => create(RsvpTraceMessageSchema, message));
    channel.send({
      case: 'rsvpTrace',
      value: create(RsvpTraceReportSchema, { messages, leftOut: BigInt(this.#leftOut) }),
    });
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#leftOut = 0;
  }

  #nowMicros(): bigint {
    return BigInt(Math.round((this.#epochOffset + performance.now()) * 1_000));
  }
}
