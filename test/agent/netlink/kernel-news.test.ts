import { describe, expect, it } from 'vitest';
import { nftNews, queueNews } from '../../../src/agent/netlink/kernel-news.ts';

/** Recorded on Linux 6.18 with nft 1.0.6 and iproute2 6.1: `nft flush ruleset` of tables `inet headroom` and `ip foreign`. */
const FLUSH =
  '68000000080a000001000000d8150000010000060d00010068656164726f6f6d0000000006000200630000000c00030000000000000000023000' +
  '04002c0001000c000100636f756e746572001c0002000c00010000000000000000000c0002000000000000000000' +
  '38000000050a000001000000d8150000010000060d00010068656164726f6f6d0000000006000300630000000c00020000000000000000013800' +
  '0000020a000001000000d8150000010000060d00010068656164726f6f6d0000000008000300000000000c000400000000000000000134000000' +
  '020a000001000000d8150000020000060c000100666f726569676e0008000300000000000c0004000000000000000002';
const FLUSH_END = '2c0000000f0a000001000000d815000000000006080001000000000608000200000015d8080003006e667400';
/** `nft add table ip foreign` */
const FOREIGN =
  '3c000000000a000001000000d7150000020000050c000100666f726569676e0008000300000000000c00040000000000000000020800020000000000';
/** `tc qdisc del dev eth1 root` of an HTB; the interface's index is 3. */
const DELETED =
  'b40000002500000090f40d6bdc15000000000000030000000000f0ffffffffff0100000008000100687462002400020018000200110003000a00' +
  '000002000000000000000100000008000500e803000005000c000000000030000700140001005a00000000000000010000000000000018000300' +
  '00000000000000000000000000000000000000002c0003005a000000000000000100000000000000000000000000000000000000000000000000' +
  '000000000000';
/** `tc qdisc replace dev eth1 root pfifo`: the former one goes and the new one comes, in one datagram. */
const REPLACED =
  'b40000002500000090f40d6bde15000000000000030000000000f0ffffffffff0100000008000100687462002400020018000200110003000a00' +
  '000002000000000000000000000008000500e803000005000c000000000030000700140001000000000000000000000000000000000018000300' +
  '00000000000000000000000000000000000000002c00030000000000000000000000000000000000000000000000000000000000000000000000' +
  '000000000000' +
  '9c0000002400000190f40d6bde150000000000000300000000000180ffffffff030000000a000100706669666f00000008000200e80300000500' +
  '0c000000000030000700140001000000000000000000000000000000000018000300000000000000000000000000000000000000000000002c00' +
  '030000000000000000000000000000000000000000000000000000000000000000000000000000000000';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const OURS = new Set(['inet headroom', 'inet headroom_steering']);

describe('notifications of nftables', () => {
  it('name our table once for each of its parts, and of others only that there was something', () => {
    const told = { port: 5592, table: 'inet headroom' };
    expect(nftNews(bytes(FLUSH), OURS).filter((news) => 'table' in news)).toEqual([told, told, told]);
    expect(nftNews(bytes(FOREIGN), OURS)).toEqual([{ port: 5591, elsewhere: true }]);
  });

  it('take a table of our name in another family for another table', () => {
    const news = nftNews(bytes(FLUSH), new Set(['ip headroom', 'ip foreign']));
    expect(news.filter((each) => 'table' in each)).toEqual([{ port: 5592, table: 'ip foreign' }]);
  });

  it('name the process at the end of a transaction', () => {
    expect(nftNews(bytes(FLUSH_END), OURS)).toEqual([{ port: 5592, process: 'nft', pid: 5592 }]);
  });

  it.each([FLUSH, FLUSH_END, FOREIGN])('cut anywhere are no error', (hex) => {
    const whole = bytes(hex);
    for (let length = 0; length < whole.length; length++) {
      expect(nftNews(whole.subarray(0, length), OURS).length).toBeLessThanOrEqual(4);
    }
  });

  it('with a name that reaches beyond its message are passed over', () => {
    const broken = bytes(FOREIGN);
    broken[20] = 0xff;
    expect(nftNews(broken, new Set(['ip foreign']))).toEqual([]);
  });
});

describe('notifications of traffic control', () => {
  it('name interface and sender, for what goes and for what comes', () => {
    expect(queueNews(bytes(DELETED))).toEqual([{ port: 5596, interfaceIndex: 3 }]);
    const told = { port: 5598, interfaceIndex: 3 };
    expect(queueNews(bytes(REPLACED))).toEqual([told, told]);
  });

  it('of filters are passed over', () => {
    const filter = bytes(DELETED);
    filter[4] = 44; // RTM_NEWTFILTER
    expect(queueNews(filter)).toEqual([]);
  });
});
