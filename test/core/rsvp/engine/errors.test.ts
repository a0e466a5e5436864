import { describe, expect, it } from 'vitest';
import type { RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';
import { altered, controlledLoad, establish, flow, lab, L, R, tspec, type Lab } from './network.ts';

const noRoom = { errorCode: 1, errorValue: 2 } as const;
const swap =
  (kind: RsvpObject['kind'], change: (object: never) => RsvpObject) =>
  (message: RsvpMessage): RsvpMessage => ({
    ...message,
    objects: message.objects.map((object) => (object.kind === kind ? change(object as never) : object)),
  });
const add =
  (classNumber: number, cType = 1) =>
  (message: RsvpMessage): RsvpMessage => ({
    ...message,
    objects: [
      ...message.objects.slice(0, 3),
      { kind: 'unknown', classNumber, cType, body: Uint8Array.of(1, 2, 3, 4) },
      ...message.objects.slice(3),
    ],
  });
const lastSent = (world: Lab) => world.network.sent.at(-1)!;

describe('a reservation that a node refuses', () => {
  it('ends in a ResvErr that names node and code, and nothing is left of it', () => {
    const world = lab();
    world.r2.verdict = () => noRoom;
    establish(world);
    // What was refused is told with it: by then the receiver may ask for something else.
    const flowspec = { service: 'controlledLoad', tspec: expect.objectContaining({ tokenRate: 2_500_000 }) as unknown };
    expect(world.hostB.eventsOf('resvError')).toEqual([
      { type: 'resvError', flow: flow(), errorNode: '10.2.0.1', ...noRoom, local: true, flowspec },
    ]);
    expect(world.network.messages('resvErr').map(({ node, view }) => [node, view.errorSpec.flags])).toEqual([
      ['r2', 0],
    ]);
    expect(world.r2.eventsOf('resvDown')).toMatchObject([{ cause: 'refused' }]);
    expect(world.r2.reservations).toMatchObject([{ state: 'refused' }]);
    expect([world.hostA, world.r1, world.r2].map((node) => node.kernel.size)).toEqual([0, 0, 0]);
    expect(world.network.messages('resv', 'r2')).toEqual([]);
    world.hostB.input({ type: 'closeReceiver', flow: flow() });
    world.network.run(50);
    expect(world.r2.reservations).toEqual([]);
    expect([...world.r2.journal.keys()]).toEqual(['path 17 10.1.0.2:5004 > 10.2.0.2:5004']);
  });

  it("further upstream passes the nodes in between and is freed there by the receiver's tear", () => {
    const world = lab();
    world.hostA.verdict = () => noRoom;
    establish(world);
    expect(world.network.messages('resvErr').map(({ node }) => node)).toEqual(['host-a', 'r1', 'r2']);
    expect(world.hostB.eventsOf('resvError')).toMatchObject([{ errorNode: '10.1.0.2', local: true }]);
    expect(world.r1.eventsOf('resvError')).toMatchObject([{ errorNode: '10.1.0.2', local: false }]);
    world.hostB.input({ type: 'closeReceiver', flow: flow() });
    world.network.run(50);
    expect([world.hostA, world.r1, world.r2].map((node) => [node.kernel.size, node.reservations.length])).toEqual(
      Array(3).fill([0, 0]),
    );
  });

  it('is not tried again before Kb · R, is told of at every refresh, and is news once', () => {
    const world = lab();
    world.r2.verdict = () => noRoom;
    establish(world);
    world.network.run(2.5 * R);
    expect(world.r2.installs).toHaveLength(1);
    expect(world.network.messages('resvErr').length).toBeGreaterThan(3);
    expect(world.hostB.eventsOf('resvError')).toHaveLength(1);
    world.r2.verdict = () => 'install';
    world.network.run(3 * R);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed' }]);
  });

  it('is asked for at once when its flow is assigned anew, and what stands is installed and told of again', () => {
    const world = lab();
    world.r2.verdict = () => noRoom;
    establish(world);
    world.r2.verdict = () => 'install';
    world.r2.input({ type: 'admissionChanged', flow: flow() });
    world.network.run(50);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed' }]);
    world.r2.kernel.clear();
    world.r2.input({ type: 'admissionChanged', flow: flow() });
    world.network.run(50);
    expect(world.r2.kernel.size).toBe(1);
    expect(world.r2.eventsOf('resvUp')).toHaveLength(2);
    expect([...world.r2.journal.keys()].filter((key) => key.startsWith('resv'))).toHaveLength(1);
    world.network.run(5 * R);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed' }]);
    expect(world.r1.input({ type: 'admissionChanged', flow: { ...flow(), sourcePort: 1 } })).toEqual([]);
  });

  it('does not stop a smaller one', () => {
    const world = lab();
    world.r1.verdict = ({ flowspec }) => (flowspec.tspec.tokenRate > 1_000_000 ? noRoom : 'install');
    establish(world, flow(), 2_000_000);
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(1_000_000), confirm: true });
    world.network.run(50);
    expect(world.hostB.eventsOf('confirmed')).toHaveLength(1);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(1_000_000)]);
  });

  it('as a change leaves the earlier one in place, and says so', () => {
    const world = lab();
    establish(world, flow(), 1_000_000);
    world.r1.verdict = ({ flowspec }) => (flowspec.tspec.tokenRate > 1_000_000 ? noRoom : 'install');
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(2_000_000), confirm: true });
    world.network.run(50);
    expect(world.network.messages('resvErr', 'r1').map(({ view }) => view.errorSpec.flags)).toEqual([1]);
    expect(world.hostB.eventsOf('resvError')).toMatchObject([{ errorNode: '10.0.12.1', ...noRoom, local: true }]);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(1_000_000)]);
    expect(world.r1.eventsOf('resvDown')).toEqual([]);
    world.network.run(4 * L);
    expect(world.r1.reservations).toMatchObject([{ state: 'installed', flowspec: controlledLoad(1_000_000) }]);
    expect([...world.hostA.kernel.values()]).toEqual([controlledLoad(1_000_000)]);
  });

  it('after an overtaken install brings back what was there', () => {
    const world = lab();
    establish(world, flow(), 1_000_000);
    world.r1.verdict = () => 'hold';
    for (const rate of [2_000_000, 3_000_000]) {
      world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(rate), confirm: false });
      world.network.run(50);
    }
    world.r1.answerInstall(world.r1.installs.at(-1)!, noRoom);
    expect(world.r1.installs.at(-1)!.flowspec).toEqual(controlledLoad(1_000_000));
  });
});

describe('PATH that cannot go on', () => {
  it('without a route: PathErr 23 to the sender, told once while it lasts', () => {
    const world = lab();
    world.r2.routes.clear();
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(5 * R);
    expect(world.hostA.eventsOf('pathError')).toMatchObject([
      { errorNode: '10.0.12.2', errorCode: 23, errorValue: 1, local: true },
    ]);
    expect(world.r1.eventsOf('pathError')).toMatchObject([{ local: false }]);
    expect(world.r1.paths).toHaveLength(1);
  });

  it("without a route on the sender's host: told there", () => {
    const world = lab();
    world.hostA.routes.clear();
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(50);
    expect(world.hostA.eventsOf('pathError')).toMatchObject([{ errorNode: '10.1.0.2', errorCode: 23, local: true }]);
    expect(world.network.sent).toEqual([]);
  });

  it('with a TTL of 1', () => {
    const world = lab();
    world.links.hostA.hiddenHops = 63;
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(50);
    expect(world.r1.paths).toHaveLength(1);
    expect(world.network.messages('path', 'r1')).toEqual([]);
    expect(world.r1.dropped['ttlExpired']).toBe(1);
  });

  it('back to where its sender is', () => {
    const world = lab();
    establish(world);
    world.hostA.input(altered(world.network.messages('path', 'r1')[0]!, 'eth0', (message) => message));
    expect(world.hostA.dropped['pathLoop']).toBe(1);
    expect(world.hostA.paths).toHaveLength(1);
  });

  it('with ports that conflict: PathErr 7 and 8', () => {
    const world = lab();
    establish(world);
    const path = world.network.messages('path', 'host-a')[0]!;
    const noDestinationPort = altered(path, 'eth0', (message) =>
      swap('senderTemplate', (object: RsvpObject & { kind: 'senderTemplate' }) => ({ ...object, sourcePort: 0 }))(
        swap('session', (object: RsvpObject & { kind: 'session' }) => ({ ...object, destinationPort: 0 }))(message),
      ),
    );
    world.r1.input(noDestinationPort);
    expect(lastSent(world)).toMatchObject({ node: 'r1', view: { kind: 'pathErr', errorSpec: { errorCode: 7 } } });
    world.r1.input(
      altered(
        path,
        'eth0',
        swap('senderTemplate', (object: RsvpObject & { kind: 'senderTemplate' }) => ({ ...object, sourcePort: 0 })),
      ),
    );
    expect(lastSent(world)).toMatchObject({ node: 'r1', view: { kind: 'pathErr', errorSpec: { errorCode: 8 } } });
    expect(world.r1.paths).toHaveLength(1);
  });

  it('with a Tspec that means nothing: PathErr 21, value 4', () => {
    const world = lab();
    establish(world);
    const path = world.network.messages('path', 'host-a')[0]!;
    for (const tokenRate of [0, -1, NaN, Infinity]) {
      const bad = swap('senderTspec', (object: RsvpObject & { kind: 'senderTspec' }) => ({
        ...object,
        tspec: { ...object.tspec, tokenRate } as never,
      }));
      world.r1.input(altered(path, 'eth0', bad));
      expect(lastSent(world)).toMatchObject({
        view: { kind: 'pathErr', errorSpec: { errorCode: 21, errorValue: 4, errorNode: '10.1.0.1' } },
      });
    }
    expect(world.r1.dropped['badTspec']).toBe(4);
    expect(world.r1.paths[0]!.tspec).toEqual(tspec(2_500_000));
  });
});

describe('objects that are not known', () => {
  it('of class 0bbbbbbb reject the message with error 13, and an unknown C-Type with error 14', () => {
    const world = lab();
    establish(world);
    const path = world.network.messages('path', 'host-a')[0]!;
    world.r1.input(altered(path, 'eth0', add(60, 9)));
    expect(lastSent(world)).toMatchObject({
      view: { kind: 'pathErr', errorSpec: { errorCode: 13, errorValue: (60 << 8) | 9 } },
      send: { destination: '10.1.0.2', interface: 'eth0' },
    });
    const resv = world.network.messages('resv', 'host-b')[0]!;
    world.r2.input(altered(resv, 'eth0', add(5, 77)));
    expect(lastSent(world)).toMatchObject({
      node: 'r2',
      view: { kind: 'resvErr', errorSpec: { errorCode: 14, errorValue: (5 << 8) | 77 } },
      send: { destination: '10.2.0.2' },
    });
  });

  it('of class 10bbbbbb are ignored, of class 11bbbbbb forwarded, by refreshes too', () => {
    const world = lab();
    establish(world);
    const path = world.network.messages('path', 'host-a')[0]!;
    const before = world.network.messages('path', 'r1').length;
    world.r1.input(altered(path, 'eth0', (message) => add(0x81)(add(0xc1)(message))));
    world.hostA.kill();
    world.network.run(2 * R);
    const from = world.network.messages('path', 'r1').slice(before);
    expect(from.length).toBeGreaterThan(1);
    for (const { view } of from) {
      expect(view.unknown).toMatchObject([{ classNumber: 0xc1, cType: 1, body: Uint8Array.of(1, 2, 3, 4) }]);
    }
  });

  it('never make a PathErr or ResvErr of an error message', () => {
    const world = lab();
    world.r2.verdict = () => noRoom;
    establish(world);
    const sent = world.network.sent.length;
    world.hostB.input(altered(world.network.messages('resvErr')[0]!, 'eth0', add(60)));
    expect(world.network.sent).toHaveLength(sent);
    expect(world.hostB.dropped['unknownClass']).toBe(1);
  });
});

describe('RESV that cannot be taken', () => {
  it('for a session without path state: ResvErr 3; for a sender without it: ResvErr 4', () => {
    const world = lab();
    establish(world);
    const resv = world.network.messages('resv', 'host-b')[0]!;
    const other = swap('session', (object: RsvpObject & { kind: 'session' }) => ({ ...object, destinationPort: 7 }));
    world.r2.input(altered(resv, 'eth0', other));
    expect(lastSent(world)).toMatchObject({
      view: { kind: 'resvErr', errorSpec: { errorCode: 3, errorNode: '10.2.0.1' } },
      send: { destination: '10.2.0.2' },
    });
    const sender = swap('filterSpec', (object: RsvpObject & { kind: 'filterSpec' }) => ({ ...object, sourcePort: 7 }));
    world.r2.input(altered(resv, 'eth0', sender));
    expect(lastSent(world)).toMatchObject({ view: { kind: 'resvErr', errorSpec: { errorCode: 4 } } });
  });

  it('of another style: ResvErr 5 beside a fixed-filter one; of an unknown style: 6', () => {
    const world = lab();
    establish(world);
    const resv = world.network.messages('resv', 'host-b')[0]!;
    const style = (optionVector: number) =>
      swap('style', (object: RsvpObject & { kind: 'style' }) => ({ ...object, optionVector }));
    world.r2.input(altered(resv, 'eth0', style(0x12)));
    expect(lastSent(world)).toMatchObject({
      view: { kind: 'resvErr', errorSpec: { errorCode: 5, errorValue: 0x0a } },
    });
    world.r2.input(altered(resv, 'eth0', style(0x1f)));
    // STYLE goes back as it came (RFC 2205 3.1.8).
    expect(lastSent(world)).toMatchObject({
      view: {
        kind: 'formatErr',
        type: 'resvErr',
        objects: expect.arrayContaining([
          expect.objectContaining({ kind: 'errorSpec', errorCode: 6 }),
          expect.objectContaining({ kind: 'style', optionVector: 0x1f }),
        ]) as unknown,
      },
    });
    expect(world.r2.reservations).toMatchObject([{ style: 'FF' }]);
  });

  it('on an interface that PATH did not leave through is counted', () => {
    const world = lab();
    establish(world);
    const resv = altered(world.network.messages('resv', 'host-b')[0]!, 'eth2', (message) => message);
    const [other] = world.r2.interfaces.get('eth2')!.addresses;
    world.r2.input({ ...resv, destination: other! });
    expect(world.r2.dropped['resvOnWrongInterface']).toBe(1);
    expect(world.r2.reservations).toHaveLength(1);
  });

  it('is for the interface whose address it was sent to, wherever it comes in: routes back may be other ones', () => {
    const world = lab();
    establish(world);
    world.r2.input(altered(world.network.messages('resv', 'host-b')[0]!, 'eth2', (message) => message));
    expect(world.r2.dropped).toEqual({});
    expect(world.r2.reservations).toMatchObject([{ interface: 'eth0' }]);
  });

  it('with a flowspec that means nothing: ResvErr 21, value 3', () => {
    const world = lab();
    establish(world);
    const bad = swap('flowspec', (object: RsvpObject & { kind: 'flowspec' }) => ({
      ...object,
      flowspec: { ...object.flowspec, tspec: { ...object.flowspec.tspec, tokenRate: -1 } } as never,
    }));
    world.r2.input(altered(world.network.messages('resv', 'host-b')[0]!, 'eth0', bad));
    expect(lastSent(world)).toMatchObject({ view: { kind: 'resvErr', errorSpec: { errorCode: 21, errorValue: 3 } } });
    expect(world.r2.reservations).toMatchObject([{ flowspec: controlledLoad(2_500_000) }]);
  });

  it('beyond the bound on flows is counted', () => {
    const world = lab();
    for (let port = 1; port <= 1_001; port++) {
      world.hostA.input({ type: 'openSender', flow: flow(port), tspec: tspec(1_000) });
    }
    expect(world.hostA.paths).toHaveLength(1_000);
    expect(world.hostA.dropped['tooManyFlows']).toBe(1);
  });
});

describe('two next hops of one flow', () => {
  it('merge: the interface holds the larger, an equal request is confirmed where it merges', () => {
    const world = lab();
    establish(world, flow(), 2_000_000);
    const resv = world.network.messages('resv', 'host-b')[0]!;
    const from = (rate: number) =>
      altered(resv, 'eth0', (message) =>
        swap('flowspec', (object: RsvpObject & { kind: 'flowspec' }) => ({
          ...object,
          flowspec: controlledLoad(rate) as never,
        }))(
          swap('rsvpHop', (object: RsvpObject & { kind: 'rsvpHop' }) => ({ ...object, address: '10.2.0.9' as never }))(
            message,
          ),
        ),
      );
    const sent = world.network.messages('resv', 'r2').length;
    world.r2.input(from(2_000_000));
    expect(lastSent(world)).toMatchObject({
      node: 'r2',
      view: { kind: 'resvConf', errorSpec: { errorNode: '10.2.0.1' } },
    });
    expect(world.network.messages('resv', 'r2')).toHaveLength(sent);
    world.r2.input(from(3_000_000));
    world.network.run(50);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(3_000_000)]);
    world.network.run(L + R);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(2_000_000)]);
  });

  it('the larger being refused upstream does not stop the smaller, until the blockade ends', () => {
    const world = lab();
    const small = 1_000_000;
    world.r1.verdict = ({ flowspec }) => (flowspec.tspec.tokenRate > small ? noRoom : 'install');
    establish(world, flow(), 3_000_000, false);
    expect(world.r1.kernel.size).toBe(0);
    const fromOther = altered(world.network.messages('resv', 'host-b')[0]!, 'eth0', (message) =>
      swap('flowspec', (object: RsvpObject & { kind: 'flowspec' }) => ({
        ...object,
        flowspec: controlledLoad(small) as never,
      }))(
        swap('rsvpHop', (object: RsvpObject & { kind: 'rsvpHop' }) => ({ ...object, address: '10.2.0.9' as never }))(
          message,
        ),
      ),
    );
    world.r2.input(fromOther);
    world.network.run(50);
    // Either the smaller went up at once, or the next refresh leaves the blockaded one out.
    world.network.run(2 * R);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(small)]);
    expect(world.r1.installs.map(({ flowspec }) => flowspec.tspec.tokenRate)).toEqual([3_000_000, small]);
    world.r1.verdict = () => 'install';
    world.network.run(3 * R);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(3_000_000)]);
  });
});
