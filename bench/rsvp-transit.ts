/** A transit node with a real engine, for measuring; its previous and its next hop are played by bytes. */
import { ipv4FromU32, type IpAddress } from '../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis, MonotonicMs } from '../src/core/base/units.ts';
import type { Flowspec, Tspec } from '../src/core/qos/flowspec.ts';
import { initialAdspec } from '../src/core/rsvp/engine/adspec.ts';
import { createEngine } from '../src/core/rsvp/engine/engine.ts';
import { buildPath, buildPathTear, buildResv } from '../src/core/rsvp/engine/messages.ts';
import type { EngineInput, EngineInterface, EngineOutput, FlowKey } from '../src/core/rsvp/engine/types.ts';
import { buildMessage } from '../src/core/rsvp/wire/build.ts';
import { decodeMessage, encodeMessage } from '../src/core/rsvp/wire/codec.ts';
import type { ValidMessage } from '../src/core/rsvp/wire/message-views.ts';
import { MESSAGE_ID_ACK_DESIRED } from '../src/core/rsvp/wire/message-id.ts';
import { MESSAGE_TYPE } from '../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../src/core/rsvp/wire/objects.ts';

const ip = (text: string): IpAddress => text as IpAddress;
export const R = 30_000;
const CAPABLE = 0x01;
const EPOCH = 7;
export const IDS_A_SUMMARY = 300;
const [UP, DOWN] = [ip('10.0.1.1'), ip('10.0.2.2')];
const interfaceOf = (name: string, address: string): EngineInterface => ({
  name,
  address: ip(address),
  addresses: [ip(address)],
  mtu: Bytes(1500),
  bandwidth: BytesPerSecond(125_000_000),
  latency: Micros(100),
  errorC: Bytes(1500),
  errorD: Micros(250),
});
/** Kinds of traffic, each with a rate of its own, that the reservations take in turn. */
const KINDS = 32;
const tspecNumber = (i: number): Tspec => ({
  tokenRate: BytesPerSecond(2_500 + 100 * (i % KINDS)),
  tokenBucket: Bytes(15_000),
  peakRate: BytesPerSecond(Infinity),
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(1500),
});
const flowspecNumber = (i: number): Flowspec => ({ service: 'controlledLoad', tspec: tspecNumber(i) });

const flowNumber = (i: number): FlowKey => ({
  destination: ipv4FromU32(0x0b00_0000 + i),
  protocol: 17,
  destinationPort: 5004,
  source: ip('10.9.0.2'),
  sourcePort: 5004,
});

/** The node in the middle and what is around it. */
export class Transit {
  readonly flows: number;
  readonly reducing: boolean;
  readonly #engine;
  now = 1_000;
  #within = 0;
  sent = 0;
  readonly #acks: { readonly to: 'eth0' | 'eth1'; readonly messageId: number; readonly epoch: number }[] = [];

  constructor(flows: number, reducing: boolean) {
    this.flows = flows;
    this.reducing = reducing;
    this.#engine = createEngine({
      refreshPeriod: Millis(R),
      seed: 1,
      maxFlows: 2 * flows,
      neighbours: {
        instance: 3,
        refreshReduction: reducing,
        policies: [],
        secret: Uint8Array.of(1, 2, 3),
        maxFlowsEach: 2 * flows,
        maxNeighbours: 100,
      },
    });
    const interfaces = [interfaceOf('eth0', '10.0.1.2'), interfaceOf('eth1', '10.0.2.1')];
    this.input({ type: 'interfaces', interfaces });
  }

  private input(input: EngineInput): void {
    const before = performance.now();
    const outputs = this.#engine.handle(input, MonotonicMs(this.now));
    this.#within += performance.now() - before;
    for (const output of outputs) this.#carryOut(output);
  }

  #carryOut(output: EngineOutput): void {
    if (output.type === 'queryRoute') {
      const route = { interface: 'eth1', gateway: DOWN, local: false };
      this.input({ type: 'route', queryId: output.queryId, route });
    } else if (output.type === 'install') {
      this.input({ type: 'installed', installId: output.installId });
    } else if (output.type === 'send') {
      this.sent++;
      if (this.reducing) this.#acknowledge(output);
    }
  }

  #acknowledge({ interface: name, bytes }: EngineOutput & { readonly type: 'send' }): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    const messages = decoded.value.message.messages?.map(({ message }) => message) ?? [decoded.value.message];
    for (const object of messages.flatMap(({ objects }) => objects)) {
      if (object.kind !== 'messageId' || (object.flags & MESSAGE_ID_ACK_DESIRED) === 0) continue;
      this.#acks.push({ to: name === 'eth0' ? 'eth0' : 'eth1', messageId: object.messageId, epoch: object.epoch });
    }
  }

  /** Ids as the neighbours count them: paths from 1 on, then reservations, then tears. */
  path(i: number): void {
    this.message('eth0', pathNumber(i), 1 + i, flowNumber(i).destination);
  }

  resv(i: number): void {
    this.message('eth1', resvNumber(i), 1 + this.flows + i, ip('10.0.2.1'));
  }

  pathTear(i: number): void {
    this.message('eth0', pathTearNumber(i), 1 + 2 * this.flows + i, flowNumber(i).destination);
  }

  /** The neighbours' summaries of these. */
  summaries(first: number, count: number): void {
    for (const [name, id] of [
      ['eth0', 1 + first],
      ['eth1', 1 + this.flows + first],
    ] as const) {
      const messageIds = Array.from({ length: count }, (_, k) => id + k);
      this.receive(name, MESSAGE_TYPE.srefresh, [{ kind: 'messageIdList', flags: 0, epoch: EPOCH, messageIds }]);
    }
  }

  /** What the neighbours owe is acknowledged, many in a message. */
  acknowledgeAll(): void {
    while (this.#acks.length > 0) {
      const some = this.#acks.splice(0, IDS_A_SUMMARY);
      for (const to of ['eth0', 'eth1'] as const) {
        const acks = some
          .filter((ack) => ack.to === to)
          .map(({ messageId, epoch }): RsvpObject => ({ kind: 'messageIdAck', flags: 0, epoch, messageId }));
        if (acks.length > 0) this.receive(to, MESSAGE_TYPE.ack, acks);
      }
    }
  }

  private receive(name: 'eth0' | 'eth1', type: number, objects: readonly RsvpObject[]): void {
    const [source, destination] = name === 'eth0' ? [UP, ip('10.0.1.2')] : [DOWN, ip('10.0.2.1')];
    const bytes = encodeMessage({ type, flags: CAPABLE, sendTtl: 255, objects }).slice();
    this.input({ type: 'packet', interface: name, source, destination, ttl: 255, bytes });
  }

  /** One of RFC 2205's messages from a neighbour, with an id where ids are spoken. */
  private message(name: 'eth0' | 'eth1', view: ValidMessage, id: number, to: IpAddress): void {
    const messageId: RsvpObject = { kind: 'messageId', flags: MESSAGE_ID_ACK_DESIRED, epoch: EPOCH, messageId: id };
    const plain = buildMessage(view);
    const message = this.reducing ? { ...plain, flags: CAPABLE, objects: [messageId, ...plain.objects] } : plain;
    const source = name === 'eth0' ? UP : DOWN;
    const bytes = encodeMessage(message).slice();
    this.input({ type: 'packet', interface: name, source, destination: to, ttl: view.sendTtl, bytes });
  }

  /**
   * Milliseconds of processor time within `handle` while `work` runs: as much of all processor time as of the time that
   * passed, so that a busy machine does not change it, and asking for the time does not either.
   */
  spend(work: () => void): number {
    this.#within = 0;
    const [before, start] = [process.cpuUsage(), performance.now()];
    work();
    const { user, system } = process.cpuUsage(before);
    return (((user + system) / 1_000) * this.#within) / (performance.now() - start);
  }

  /** Whatever is due until then. */
  passTime(until: number): void {
    for (;;) {
      const next = this.#engine.nextDeadline();
      if (next === null || next > until) break;
      this.now = next;
      this.input({ type: 'timer' });
    }
    this.now = until;
  }

  get reservations(): number {
    return this.#engine.snapshot(MonotonicMs(this.now)).reservations.filter(({ state }) => state === 'installed')
      .length;
  }
}

const contentsNumber = (i: number) => ({
  sessionFlags: 0,
  tspec: tspecNumber(i),
  adspec: initialAdspec,
  forwarded: [],
  nonRsvpHop: false,
  explicitRoute: null,
  recordedRoute: null,
});
const pathNumber = (i: number): ValidMessage =>
  buildPath(flowNumber(i), contentsNumber(i), initialAdspec, UP, Millis(R), 60);
const pathTearNumber = (i: number): ValidMessage => buildPathTear(flowNumber(i), contentsNumber(i), UP, 60);
const resvNumber = (i: number): ValidMessage => {
  const flow = flowNumber(i);
  return buildResv(
    { session: flow, style: 'FF', scope: null, descriptors: [{ flowspec: flowspecNumber(i), filters: [flow] }] },
    { confirm: null, forwarded: [], refreshPeriod: Millis(R), address: DOWN, handle: 0 },
  );
};
