import { expect, it } from 'vitest';
import { portsOf } from '../../../src/agent/kernel/own-ports.ts';

/** As Linux 6.18 writes it; a port above 2³¹ is one that the kernel chose. */
const TABLE = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000175b08f4 0   0          00000000 0        0        0     2        0        4
00000000815b61a8 0   4711       00000000 0        0        0     2        0        1508
00000000815b61b8 12  4711       00000000 0        0        0     2        0        1509
00000000815b61c8 12  3221225985 00000040 0        0        0     2        0        1510
00000000815b61d8 12  99         00000000 0        0        0     2        0        1600
`;

it('finds the ports of a protocol among the sockets that a process holds', () => {
  expect(portsOf(TABLE, 12, new Set(['1508', '1509', '1510']))).toEqual([4711, 3221225985]);
  expect(portsOf(TABLE, 0, new Set(['1508', '1509']))).toEqual([4711]);
  expect(portsOf(TABLE, 12, new Set(['']))).toEqual([]);
});
