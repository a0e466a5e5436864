import { describe, expect, it } from 'vitest';
import { decodeNetlink } from '../../../src/agent/netlink/message.ts';
import { mainRouteOf, nextHopsOf, routeTarget } from '../../../src/agent/netlink/route-message.ts';
import { ip } from '../../support/network.ts';

/** Answers of Linux 6.18 to RTM_GETROUTE, header included. */
const RECORDED = {
  default: '3400000018000200010000008b0b000002000000fe0300010000000008000f00fe000000080005000a0c00020800040003000000',
  multipath:
    '5800000018000200010000008b0b000002180000fe0300010000000008000f00fe000000080001000a020000080006000a000000240009001000000003000000080005000a0c00021000000205000000080005000a0d0003',
  otherFamily:
    '5400000018000200010000008b0b000002180000fe0300010000000008000f00fe000000080001000a0300000800060005000000160012000a00fe80000000000000000000000000000200000800040003000000',
  nextHopGroup:
    '5800000018000200010000008b0b000002180000fe0300010000000008000f00fe000000080001000a04000008001e0009000000240009001000000003000000080005000a0c00021000000005000000080005000a0d0003',
  mixedHops:
    '5800000018000200010000008b0b000002180000fe0300010000000008000f00fe000000080001000a0500002c0009002000000003000000160012000a00fe80000000000000000000000000000500000800000005000000',
  otherTable:
    '3c00000018000200010000008b0b000002180000640300010000000008000f0064000000080001000a060000080005000a0c00020800040003000000',
  blackhole: '2c00000018000200010000008b0b000002180000fe0300060000000008000f00fe000000080001000a070000',
};
const NAMES = new Map([
  [3, 'eth1'],
  [5, 'eth2'],
]);
const messageOf = (hex: string) => decodeNetlink(Uint8Array.from(Buffer.from(hex, 'hex')))[0]!;
const read = (hex: string, names = NAMES) => mainRouteOf(messageOf(hex), names);

describe('routes as rtnetlink tells them', () => {
  it('with one next hop, of either family', () => {
    expect(read(RECORDED.default)).toEqual([
      { destination: { address: '0.0.0.0', length: 0 }, interface: 'eth1', gateway: '10.12.0.2', metric: 0 },
    ]);
    expect(read(RECORDED.otherFamily)).toEqual([
      { destination: { address: '10.3.0.0', length: 24 }, interface: 'eth1', gateway: 'fe80::2', metric: 5 },
    ]);
  });

  it('with several next hops, by addresses, by the link alone, or from a group', () => {
    expect(read(RECORDED.multipath)).toEqual([
      {
        ...{ destination: { address: '10.2.0.0', length: 24 }, metric: 10, interface: 'eth1', gateway: '10.12.0.2' },
        others: [{ interface: 'eth2', gateway: '10.13.0.3' }],
      },
    ]);
    expect(read(RECORDED.nextHopGroup)).toMatchObject([{ interface: 'eth1', others: [{ interface: 'eth2' }] }]);
    expect(read(RECORDED.mixedHops)).toMatchObject([
      { interface: 'eth1', gateway: ip('fe80::5'), others: [{ interface: 'eth2', gateway: null }] },
    ]);
  });

  it('without next hops whose link is down or not known here', () => {
    const bytes = Buffer.from(RECORDED.multipath, 'hex');
    // rtnh_flags of the first: RTNH_F_LINKDOWN.
    bytes[16 + 12 + 8 + 8 + 8 + 4 + 2] = 0x10;
    expect(read(bytes.toString('hex'))).toMatchObject([{ interface: 'eth2', gateway: '10.13.0.3' }]);
    expect(read(bytes.toString('hex'))[0]).not.toHaveProperty('others');
    expect(read(RECORDED.multipath, new Map([[3, 'eth1']]))).toMatchObject([{ interface: 'eth1' }]);
    expect(read(RECORDED.multipath, new Map())).toEqual([]);
  });

  it('of other tables and kinds not, though their destination is known', () => {
    expect([read(RECORDED.otherTable), read(RECORDED.blackhole)]).toEqual([[], []]);
    expect(routeTarget(messageOf(RECORDED.otherTable))).toEqual({ address: 0x0a060000, length: 24 });
    expect(routeTarget(messageOf(RECORDED.default))).toEqual({ address: 0, length: 0 });
  });

  it('cut off or overwritten anywhere without harm', () => {
    for (const hex of Object.values(RECORDED)) {
      const { type, body, ...rest } = messageOf(hex);
      for (let length = 12; length < body.length; length++) {
        for (const broken of [body.slice(0, length), Uint8Array.from(body, (b, i) => (i === length ? 0xff : b))]) {
          const message = { ...rest, type, body: broken };
          mainRouteOf(message, NAMES);
          nextHopsOf(message, NAMES);
          routeTarget(message);
        }
      }
    }
  });
});
