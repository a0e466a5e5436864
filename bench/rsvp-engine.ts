/**
 * What a transit node's engine costs with 1,000 to 200,000 unicast fixed-filter reservations, each in a session of its own:
 * bytes of heap a reservation, set-up and teardown a second, share of a core that a refresh period of 30 s takes, without and
 * with summary refresh (RFC 2961). The engine is real; a previous and a next hop are played by bytes. Only processor
 * time within `handle` counts. The cost a reservation must not depend on how many there are: the last line is the ratio.
 * Usage: npm run bench:rsvp-engine [-- NUMBER …]
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ipv4FromU32, type IpAddress } from '../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis, MonotonicMs } from '../src/core/base/units.ts';
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

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const ip = (text: string): IpAddress => text as IpAddress;
const R = 30_000;
const CAPABLE = 0x01;
const EPOCH = 7;
const IDS_A_SUMMARY = 300;
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
const tspec = {
  tokenRate: BytesPerSecond(2_500),
  tokenBucket: Bytes(15_000),
  peakRate: BytesPerSecond(Infinity),
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(1500),
};
const flowspec = { service: 'controlledLoad', tspec } as const;

const flowNumber = (i: number): FlowKey => ({
  destination: ipv4FromU32(0x0b00_0000 + i),
  protocol: 17,
  destinationPort: 5004,
  source: ip('10.9.0.2'),
  sourcePort: 5004,
});

/** The node in the middle and what is around it. */
class Transit {
  readonly #reducing: boolean;
  readonly #engine;
  now = 1_000;
  #within = 0;
  sent = 0;
  readonly #acks: { readonly to: 'eth0' | 'eth1'; readonly messageId: number; readonly epoch: number }[] = [];

  constructor(flows: number, reducing: boolean) {
    this.#reducing = reducing;
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

  input(input: EngineInput): void {
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
      if (this.#reducing) this.#acknowledge(output);
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

  receive(name: 'eth0' | 'eth1', type: number, objects: readonly RsvpObject[]): void {
    const [source, destination] = name === 'eth0' ? [UP, ip('10.0.1.2')] : [DOWN, ip('10.0.2.1')];
    const bytes = encodeMessage({ type, flags: CAPABLE, sendTtl: 255, objects }).slice();
    this.input({ type: 'packet', interface: name, source, destination, ttl: 255, bytes });
  }

  /** One of RFC 2205's messages from a neighbour, with an id where ids are spoken. */
  message(name: 'eth0' | 'eth1', view: ValidMessage, id: number, to: IpAddress): void {
    const messageId: RsvpObject = { kind: 'messageId', flags: MESSAGE_ID_ACK_DESIRED, epoch: EPOCH, messageId: id };
    const plain = buildMessage(view);
    const message = this.#reducing ? { ...plain, flags: CAPABLE, objects: [messageId, ...plain.objects] } : plain;
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

const contents = {
  sessionFlags: 0,
  tspec,
  adspec: initialAdspec,
  forwarded: [],
  nonRsvpHop: false,
  explicitRoute: null,
  recordedRoute: null,
};
const pathOf = (flow: FlowKey): ValidMessage => buildPath(flow, contents, initialAdspec, UP, Millis(R), 60);
const resvOf = (flow: FlowKey): ValidMessage =>
  buildResv(
    { session: flow, style: 'FF', scope: null, descriptors: [{ flowspec, filters: [flow] }] },
    { confirm: null, forwarded: [], refreshPeriod: Millis(R), address: DOWN, handle: 0 },
  );

function refreshAll(node: Transit, flows: number, reducing: boolean): void {
  const steps = 30;
  const start = node.now;
  for (let step = 0; step < steps; step++) {
    const [from, to] = [Math.floor((step * flows) / steps), Math.floor(((step + 1) * flows) / steps)];
    if (reducing) {
      for (let i = from; i < to; i += IDS_A_SUMMARY) {
        const count = Math.min(IDS_A_SUMMARY, to - i);
        for (const [name, first] of [
          ['eth0', 1],
          ['eth1', 1 + flows],
        ] as const) {
          const messageIds = Array.from({ length: count }, (_, k) => first + i + k);
          node.receive(name, MESSAGE_TYPE.srefresh, [{ kind: 'messageIdList', flags: 0, epoch: EPOCH, messageIds }]);
        }
      }
    } else {
      for (let i = from; i < to; i++) {
        const flow = flowNumber(i);
        node.message('eth0', pathOf(flow), 1 + i, flow.destination);
        node.message('eth1', resvOf(flow), 1 + flows + i, ip('10.0.2.1'));
      }
    }
    node.passTime(start + ((step + 1) * R) / steps);
    node.acknowledgeAll();
  }
}

interface Result {
  readonly flows: number;
  readonly bytesEach: number;
  readonly setUpsASecond: number;
  readonly tearsASecond: number;
  /** Share of one core. */
  readonly refreshShare: number;
  readonly sentAPeriod: number;
}

function measure(flows: number, reducing: boolean): Result {
  collectGarbage();
  const heapBefore = process.memoryUsage().heapUsed;
  const node = new Transit(flows, reducing);
  const setUp = node.spend(() => {
    for (let i = 0; i < flows; i++) {
      const flow = flowNumber(i);
      node.message('eth0', pathOf(flow), 1 + i, flow.destination);
      node.message('eth1', resvOf(flow), 1 + flows + i, ip('10.0.2.1'));
      if (i % 1_000 === 999) node.acknowledgeAll();
    }
    node.acknowledgeAll();
  });
  // The first period is fast start; the state is measured, and the next period, once all is calm.
  refreshAll(node, flows, reducing);
  refreshAll(node, flows, reducing);
  collectGarbage();
  const bytesEach = (process.memoryUsage().heapUsed - heapBefore) / flows;
  if (node.reservations !== flows) throw new Error(`${node.reservations} reservations stand, not ${flows}`);
  node.sent = 0;
  const refresh = node.spend(() => refreshAll(node, flows, reducing));
  const sentAPeriod = node.sent;
  const tear = node.spend(() => {
    for (let i = 0; i < flows; i++) {
      const flow = flowNumber(i);
      node.message('eth0', buildPathTear(flow, contents, UP, 60), 1 + 2 * flows + i, flow.destination);
      if (i % 1_000 === 999) node.acknowledgeAll();
    }
  });
  if (node.reservations !== 0) throw new Error(`${node.reservations} reservations are left`);
  return {
    flows,
    bytesEach,
    setUpsASecond: (1_000 * flows) / setUp,
    tearsASecond: (1_000 * flows) / tear,
    refreshShare: refresh / R,
    sentAPeriod,
  };
}

const numbers = process.argv.slice(2).map(Number);
const sizes = numbers.length > 0 ? numbers : [1_000, 10_000, 50_000, 200_000];
const grouped = (n: number): string => Math.round(n).toLocaleString('en');

// Code that runs for the first time is slow: not what is measured.
for (const reducing of [false, true]) measure(2_000, reducing);
for (const reducing of [false, true]) {
  console.log(`a transit node, R = 30 s, ${reducing ? 'with' : 'without'} summary refresh`);
  const results = sizes.map((size) => measure(size, reducing));
  for (const { flows, bytesEach, setUpsASecond, tearsASecond, refreshShare, sentAPeriod } of results) {
    console.log(
      `  ${grouped(flows).padStart(8)} reservations: ${grouped(bytesEach)} bytes each, ` +
        `${grouped(setUpsASecond)} set up/s, ${grouped(tearsASecond)} torn/s, ` +
        `${(100 * refreshShare).toFixed(2)} % of a core to refresh (${((1e6 * refreshShare * R) / 1e3 / flows).toFixed(1)} µs each), ` +
        `${grouped(sentAPeriod)} messages sent a period`,
    );
  }
  const [first, last] = [results[0]!, results.at(-1)!];
  const ratio = (of: (result: Result) => number): string => (of(last) / of(first)).toFixed(2);
  console.log(
    `  cost a reservation, ${grouped(last.flows)} to ${grouped(first.flows)}: memory ${ratio((r) => r.bytesEach)}, ` +
      `set-up ${ratio((r) => 1 / r.setUpsASecond)}, teardown ${ratio((r) => 1 / r.tearsASecond)}, ` +
      `refresh ${ratio((r) => r.refreshShare / r.flows)}`,
  );
}
