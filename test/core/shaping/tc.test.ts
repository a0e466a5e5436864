import { describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes } from '../../../src/core/base/units.ts';
import {
  baseClasses,
  flowProblem,
  interfaceProblem,
  rootQdisc,
  type SegmentingLeaf,
} from '../../../src/core/shaping/htb.ts';
import { asPrinted, sameClass, sameLeaf } from '../../../src/core/shaping/same.ts';
import { parseCounters, parseTc, renderTc } from '../../../src/core/shaping/tc.ts';
import { flow, iface } from '../../agent/kernel/namespace.ts';

// Printed by iproute2 6.1 (`tc -d -raw` and `tc -d`).
const QDISCS = `qdisc htb fff0:[fff00000] root refcnt 3 r2q 1000 default 0x2 direct_packets_stat 0 ver 3.17 direct_qlen 1000
 overhead -14 \nqdisc bfifo 2:[00020000] parent fff0:2 limit 625000b
qdisc tbf 10:[00100000] parent fff0:10 rate 1Tbit burst 0b/1 mpu 0b [00000000] lat 0us limit 6056b linklayer ethernet 
qdisc tbf 1002:[10020000] parent fff0:1002 rate 25Mbit burst 4637b/1 mpu 0b [00005a9b] peakrate 1Tbit lat 78.5ms limit 250000b linklayer ethernet \n`;
const leaf = (change: object = {}): SegmentingLeaf => ({
  kind: 'tbf',
  peak: null,
  largestFrameBytes: Bytes(1518),
  limitBytes: Bytes(6056),
  ...change,
});
const PEAK = { rateBitsPerSecond: BitsPerSecond(25e6), burstBytes: Bytes(4639) };
const CLASSES = `class htb fff0:1 root rate 10Gbit overhead 24 ceil 10Gbit linklayer ethernet burst 1250000b/1 mpu 0b cburst 1250000b/1 mpu 0b level 7 
class htb fff0:2 parent fff0:1 leaf 2: prio 7 quantum 1514 rate 79Mbit ceil 100Mbit linklayer ethernet burst 14980b/1 mpu 0b cburst 15000b/1 mpu 0b level 0 
class htb fff0:10 parent fff0:1 leaf 10: prio 1 quantum 1514 rate 64Kbit ceil 64Kbit linklayer ethernet burst 3000b/1 mpu 0b cburst 3000b/1 mpu 0b level 0 
class htb fff0:1002 parent fff0:1 leaf 1002: prio 1 quantum 9014 rate 19999Kbit ceil 19999Kbit linklayer ethernet burst 15Kb/1 mpu 0b cburst 2Mb/1 mpu 0b level 0 
class tbf 1002:1 parent 1002: 
`;

describe('what tc prints', () => {
  it('is read back', () => {
    const seen = parseTc('eth0', QDISCS, CLASSES);
    expect(seen.root).toEqual({ kind: 'ours', defaultMinor: 2, stabOverheadBytes: -14 });
    expect([...seen.classes.keys()]).toEqual([1, 2, 0x10, 0x1002]);
    expect(seen.classes.get(1)?.class).toMatchObject({
      parent: null,
      rateBitsPerSecond: 1e10,
      overheadBytes: 24,
      burstBytes: 1_250_000,
    });
    expect(seen.classes.get(2)).toMatchObject({
      leaf: { kind: 'bfifo', limitBytes: 625_000 },
      class: { parent: 1, priority: 7, quantumBytes: 1514, rateBitsPerSecond: 79e6, ceilBitsPerSecond: 100e6 },
    });
    expect(seen.classes.get(0x1002)).toMatchObject({
      leaf: { kind: 'tbf', peak: { rateBitsPerSecond: 25e6, burstBytes: 4637 }, limitBytes: 250_000 },
      class: { burstBytes: 15 * 1024, ceilBurstBytes: 2 * 1024 * 1024, rateBitsPerSecond: 19_999_000 },
    });
  });

  it.each([
    ['qdisc noqueue 0: root refcnt 2 \n', 'default'],
    ['qdisc mq 0: root \nqdisc fq_codel 0: parent :1 limit 10240p flows 1024\n', 'default'],
    ['qdisc fq_codel 8001: root refcnt 2 limit 10240p\n', 'foreign'],
    ['qdisc htb 1: root refcnt 3 r2q 10 default 0x2\n', 'foreign'],
    ['qdisc prio fff0: root refcnt 2 bands 3\n', 'foreign'],
    ['', 'default'],
  ])('tells whose root qdisc it is: %j', (text, kind) => {
    expect(parseTc('eth0', text, '').root.kind).toBe(kind);
  });

  it('cuts rates as tc does', () => {
    expect([999_999, 1_000_000, 19_999_992, 2_345_679_000, 1_000_500_000, 10_000_000_000].map(asPrinted)).toEqual([
      999_992, 1_000_000, 19_999_000, 2_345_000_000, 1_000_000_000, 10_000_000_000,
    ]);
  });

  it('is compared with what is wanted within its precision and no further', () => {
    const [, , bestEffort] = baseClasses(iface('eth0', 100e6), 0);
    const wanted = { ...bestEffort!.class, burstBytes: Bytes(15_000) };
    const seen = (change: object, exact = false) => ({ class: { ...wanted, ...change }, leaf: null, exact });
    expect(sameClass(wanted, seen({ burstBytes: Bytes(14_980) }))).toBe(true);
    expect(sameClass(wanted, seen({ burstBytes: Bytes(14_950) }))).toBe(false);
    expect(sameClass(wanted, seen({ parent: null }))).toBe(false);
    expect(sameClass(wanted, seen({ rateBitsPerSecond: wanted.rateBitsPerSecond - 1000 }))).toBe(false);
    expect(sameClass(wanted, seen({ priority: 0 }))).toBe(false);
    const large = { ...wanted, rateBitsPerSecond: BitsPerSecond(2_345_679_000) };
    expect(sameClass(large, seen({ rateBitsPerSecond: 2_345_000_000 }))).toBe(true);
    expect(sameClass(large, seen({ rateBitsPerSecond: 2_345_000_000 }, true))).toBe(false);
    expect(sameLeaf({ kind: 'bfifo', limitBytes: Bytes(1000) }, null)).toBe(false);
  });

  it('tells a queue that is as wanted from one that is not', () => {
    const seen = parseTc('eth0', QDISCS, CLASSES);
    const [plain, held] = [seen.classes.get(0x10)!.leaf, seen.classes.get(0x1002)!.leaf];
    const withPeak = { peak: PEAK, limitBytes: Bytes(250_000) };
    expect(sameLeaf(leaf(), plain)).toBe(true);
    expect(sameLeaf(leaf(withPeak), held)).toBe(true);
    expect(sameLeaf(leaf({ limitBytes: Bytes(6100) }), plain)).toBe(false);
    expect(sameLeaf(leaf({ peak: PEAK }), plain)).toBe(false);
    expect(sameLeaf(leaf({ ...withPeak, peak: null }), held)).toBe(false);
    expect(sameLeaf(leaf({ ...withPeak, peak: { ...PEAK, burstBytes: Bytes(5000) } }), held)).toBe(false);
    expect(sameLeaf(leaf({ largestFrameBytes: Bytes(65_000) }), plain)).toBe(false);
    expect(sameLeaf({ kind: 'bfifo', limitBytes: Bytes(6056) }, plain)).toBe(false);
  });

  it.each([
    ['rate 1Mbit burst 1518b/1 mpu 0b [00000000] lat 5.0s limit 6056b'],
    ['rate 25Mbit burst 4637b/1 mpu 0b [00005a9b] peakrate 30Mbit mtu 1518b/1 mpu 0b [0] lat 78.5ms limit 250000b'],
    ['rate 1Tbit burst 0b/1 mpu 0b lat 0us linklayer ethernet'],
  ])('does not take a token bucket for ours that holds otherwise or hides its limit: %s', (text) => {
    const qdiscs = `qdisc tbf 10:[00100000] parent fff0:10 ${text} \n`;
    expect(parseTc('eth0', qdiscs, CLASSES).classes.get(0x10)?.leaf).toBeNull();
  });

  it('counts what a class sent and what its queue dropped', () => {
    const text = `class htb fff0:10 parent fff0:1 leaf 10: prio 1 rate 20Mbit ceil 20Mbit burst 3000b cburst 3000b 
 Sent 7430 bytes 6 pkt (dropped 2, overlimits 0 requeues 0) 
 backlog 0b 0p requeues 0\n`;
    const queue = `qdisc tbf 10: parent fff0:10 rate 1Tbit burst 0b lat 0us 
 Sent 7430 bytes 6 pkt (dropped 45, overlimits 0 requeues 0) \n`;
    const sent = { minor: 16, sentBytes: 7430, sentPackets: 6 };
    expect(parseCounters(text, queue)).toEqual([{ ...sent, droppedPackets: 45 }]);
    expect(parseCounters(text, '')).toEqual([{ ...sent, droppedPackets: 2 }]);
  });
});

describe('what tc is told', () => {
  it('lets the class alone hold a flow without a peak, and takes super-packets apart with and without one', () => {
    const line = (peak: object | null) => renderTc({ op: 'setLeaf', dev: 'eth0', minor: 16, leaf: leaf({ peak }) });
    const head = 'qdisc replace dev eth0 parent fff0:10 handle 10: tbf';
    expect(line(null)).toBe(`${head} rate 1000000000000bit burst 1518b limit 6056b`);
    expect(line(PEAK)).toBe(`${head} rate 25000000bit burst 4639b peakrate 1000000000000bit mtu 1518b limit 6056b`);
  });

  it('counts the overhead that the books count', () => {
    const wire = { ...iface('eth0', 1e9), overheadBytes: Bytes(38) };
    expect(renderTc({ op: 'addClass', dev: 'eth0', class: baseClasses(wire, 0)[0]!.class })).toMatch(
      / quantum 1538 overhead 24$/,
    );
    const ipOnly = { ...wire, overheadBytes: Bytes(0) };
    expect(renderTc({ op: 'addRoot', dev: 'eth0', root: rootQdisc(ipOnly) })).toBe(
      'qdisc add dev eth0 root handle fff0: stab overhead -14 htb default 2 r2q 1000',
    );
  });

  it.each([
    [{ name: 'eth0 ; x' }, /not a usable interface name/],
    [{ capacityBitsPerSecond: BitsPerSecond(99_999) }, /capacityBitsPerSecond 99999/],
    [{ capacityBitsPerSecond: BitsPerSecond(NaN) }, /capacityBitsPerSecond NaN/],
    [{ mtuBytes: Bytes(0) }, /mtuBytes 0/],
    [{ overheadBytes: Bytes(-1) }, /overheadBytes -1/],
  ])('never carries a value that is out of range: %j', (change, problem) => {
    expect(interfaceProblem({ ...iface('eth0', 1e9), ...change })).toMatch(problem);
    expect(interfaceProblem(iface('eth0', 1e9))).toBeNull();
  });

  it('refuses flows that no class can carry', () => {
    expect(flowProblem(flow(16, 1e6))).toBeNull();
    expect(flowProblem(flow(65_520, 1e6))).toMatch(/classMinor 65520/);
    expect(flowProblem(flow(16, 0))).toMatch(/rateBitsPerSecond 0/);
    expect(flowProblem(flow(16, 1e6, { maxFrameBytes: Bytes(0) }))).toMatch(/maxFrameBytes 0/);
    expect(flowProblem(flow(16, 1e6, { peakBitsPerSecond: BitsPerSecond(Infinity) }))).toBeNull();
  });
});
