import { describe, expect, it } from 'vitest';
import { controlledLoad, establish, flow, lab, L, R, tspec } from './network.ts';

describe('setting up a reservation over host-a – r1 – r2 – host-b', () => {
  it("sends PATH from the sender's address with router alert, one TTL less at every hop", () => {
    const { network, hostA, hostB, ...world } = lab();
    hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(2_500_000) });
    network.run(100);
    expect(
      network
        .messages('path')
        .map(({ node, send, view }) => [node, send.source, send.destination, send.ttl, view.sendTtl]),
    ).toEqual([
      ['host-a', '10.1.0.2', '10.2.0.2', 64, 64],
      ['r1', '10.1.0.2', '10.2.0.2', 63, 63],
      ['r2', '10.1.0.2', '10.2.0.2', 62, 62],
    ]);
    expect(network.messages('path').every(({ send }) => send.routerAlert)).toBe(true);
    expect(network.messages('path').map(({ view }) => view.hop.address)).toEqual(['10.1.0.2', '10.0.12.1', '10.2.0.1']);
    expect(network.messages('path').every(({ view }) => view.timeValues.refreshPeriod === R)).toBe(true);
    expect(hostB.eventsOf('pathUp')).toMatchObject([{ previousHop: '10.2.0.1', local: true, nonRsvpHop: false }]);
    expect(world.r1.eventsOf('pathUp')).toMatchObject([{ previousHop: '10.1.0.2', local: false }]);
    expect(hostA.paths).toMatchObject([{ local: 'sender', previousHop: null, expiresInMs: null }]);
  });

  it('composes ADSPEC over the three outgoing interfaces', () => {
    const world = lab();
    establish(world);
    const [path] = world.hostB.paths;
    expect(path?.adspec?.general).toEqual({
      breakBit: false,
      isHops: 3,
      pathBandwidth: 12_500_000,
      minPathLatency: 300,
      pathMtu: 1500,
    });
    expect(path?.adspec?.guaranteed).toMatchObject({ breakBit: false, cTot: 4500, dTot: 750, cSum: 4500, dSum: 750 });
    expect(path?.adspec?.controlledLoad?.breakBit).toBe(false);
  });

  it('sets the break bit where a hop does not speak RSVP, and it spreads', () => {
    const { network, links, hostA, hostB, r1, r2 } = lab();
    links.direct.hiddenHops = 1;
    hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    network.run(100);
    expect(r1.eventsOf('pathUp')).toMatchObject([{ nonRsvpHop: false }]);
    expect(r2.eventsOf('pathUp')).toMatchObject([{ nonRsvpHop: true }]);
    expect(hostB.eventsOf('pathUp')).toMatchObject([{ nonRsvpHop: true }]);
    expect(hostB.paths[0]?.adspec?.general.breakBit).toBe(true);
    expect(hostB.paths[0]?.adspec?.guaranteed?.breakBit).toBe(true);
    expect(network.messages('path', 'r2')[0]?.send.ttl).toBe(61);
  });

  it('installs on every outgoing interface before RESV goes on, and confirms', () => {
    const world = lab();
    const { network, hostA, r1, r2, hostB } = world;
    establish(world);
    expect(network.messages('resv').map(({ node, send }) => [node, send.destination])).toEqual([
      ['host-b', '10.2.0.1'],
      ['r2', '10.0.12.1'],
      ['r1', '10.1.0.2'],
    ]);
    expect(network.messages('resv').every(({ send }) => !send.routerAlert)).toBe(true);
    for (const [node, name] of [
      [hostA, 'eth0'],
      [r1, 'eth1'],
      [r2, 'eth0'],
    ] as const) {
      expect([...node.kernel]).toEqual([[`17 10.1.0.2:5004 > 10.2.0.2:5004 on ${name}`, controlledLoad(2_500_000)]]);
      expect(node.eventsOf('resvUp')).toMatchObject([{ interface: name, flowspec: controlledLoad(2_500_000) }]);
    }
    expect(hostB.kernel.size).toBe(0);
    expect(
      network.messages('resvConf').map(({ node, send }) => [node, send.destination, send.routerAlert, send.ttl]),
    ).toEqual([
      ['host-a', '10.2.0.2', true, 64],
      ['r1', '10.2.0.2', true, 63],
      ['r2', '10.2.0.2', true, 62],
    ]);
    expect(hostB.eventsOf('confirmed')).toEqual([{ type: 'confirmed', flow: flow(), by: '10.1.0.2' }]);
  });

  it('does not pass RESV on while the install is unanswered', () => {
    const world = lab();
    world.r2.verdict = () => 'hold';
    establish(world);
    expect(world.network.messages('resv', 'r2')).toEqual([]);
    expect(world.r2.reservations).toMatchObject([{ state: 'installing' }]);
    world.r2.answerInstall(world.r2.installs[0]!, 'install');
    world.network.run(100);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed' }]);
  });

  it('asks for a confirmation once it has one no more', () => {
    const world = lab();
    establish(world);
    world.network.run(10 * R);
    const asking = world.network.messages('resv').filter(({ view }) => view.resvConfirm !== null);
    expect(asking.map(({ node }) => node)).toEqual(['host-b', 'r2', 'r1']);
    expect(world.network.messages('resvConf')).toHaveLength(3);
  });

  it('asks again when the confirmation was lost', () => {
    const world = lab();
    const { network, links, hostB } = world;
    hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(1_000), confirm: true });
    world.hostA.verdict = () => {
      links.hostA.loss = 1;
      return 'install';
    };
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    network.run(200);
    expect(hostB.eventsOf('confirmed')).toEqual([]);
    links.hostA.loss = 0;
    network.run(2 * R);
    expect(hostB.eventsOf('confirmed')).toHaveLength(1);
  });

  it('keeps several senders of one session apart', () => {
    const world = lab();
    establish(world, flow(5004, 5004), 1_000_000);
    establish(world, flow(5004, 5006), 2_000_000);
    expect(world.r1.kernel.size).toBe(2);
    world.hostB.input({ type: 'closeReceiver', flow: flow(5004, 5004) });
    world.network.run(100);
    expect([...world.r1.kernel.values()]).toEqual([controlledLoad(2_000_000)]);
    world.network.run(L);
    expect(world.onPath.map((node) => node.paths.length)).toEqual([2, 2, 2, 2]);
  });

  it('repeats the first messages quickly, a bounded number of times', () => {
    const world = lab();
    establish(world);
    world.network.run(R / 2 - 1_000);
    const fromHostA = world.network.messages('path', 'host-a');
    expect(fromHostA.length).toBe(6);
    expect(world.network.messages('resv', 'host-b').length).toBe(6);
  });

  it('changes a reservation in place and passes the change on', () => {
    const world = lab();
    establish(world);
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(4_000_000), confirm: true });
    world.network.run(100);
    for (const node of [world.hostA, world.r1, world.r2]) {
      expect([...node.kernel.values()]).toEqual([controlledLoad(4_000_000)]);
      expect(node.eventsOf('resvUp')).toHaveLength(2);
      expect(node.eventsOf('resvDown')).toEqual([]);
    }
    expect(world.hostB.eventsOf('confirmed')).toHaveLength(2);
  });

  it('carries a changed Tspec to the receiver at once', () => {
    const world = lab();
    establish(world);
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(3_000_000) });
    world.network.run(100);
    expect(world.hostB.paths[0]?.tspec).toEqual(tspec(3_000_000));
    expect(world.hostB.eventsOf('pathUp')).toHaveLength(2);
  });

  it('counts a release before the booking that follows it', () => {
    const world = lab();
    establish(world, flow(1));
    world.hostB.input({ type: 'closeReceiver', flow: flow(1) });
    world.hostA.input({ type: 'closeSender', flow: flow(1) });
    world.hostB.input({ type: 'openReceiver', flow: flow(2), flowspec: controlledLoad(2_500_000), confirm: true });
    world.hostA.input({ type: 'openSender', flow: flow(2), tspec: tspec(2_500_000) });
    // Room for one: an install is refused while another flow holds the interface.
    for (const node of [world.hostA, world.r1, world.r2]) {
      node.verdict = () => (node.kernel.size === 0 ? 'install' : { errorCode: 1, errorValue: 2 });
    }
    world.network.run(100);
    expect(world.hostB.eventsOf('confirmed').map((event) => event.flow.destinationPort)).toEqual([1, 2]);
    expect(world.network.messages('resvErr')).toEqual([]);
  });
});
