import { describe, expect, test } from 'vitest';
import { itemText } from '../../src/cli/rsvp-trace.ts';
import type { RsvpTraceItem } from '../../src/client/client.ts';
import { rsvpRecords } from '../../src/cli/rsvp-capture.ts';
import { messageLine } from '../../src/cli/rsvp-line.ts';
import { readCapture } from '../../src/formats/pcap.ts';
import { captureBytes, captureFiles } from '../support/captures.ts';
import { establish, lab } from '../core/rsvp/engine/network.ts';

const world = lab();
establish(world);
const messages = new Map(world.network.sent.map((sent) => [`${sent.node} ${sent.view.kind}`, sent.send]));
const traced = (which: string, more: object = {}): RsvpTraceItem => {
  const { interface: name, source, destination, ttl, routerAlert, bytes } = messages.get(which)!;
  return {
    type: 'message',
    time: '2026-11-25T10:00:00.123456Z',
    direction: 'out',
    interface: name,
    source,
    destination,
    ttl,
    routerAlert,
    messageType: 'Path',
    bytes: Buffer.from(bytes).toString('base64'),
    dropped: [],
    problem: null,
    ...more,
  };
};

describe('a line of a trace', () => {
  test('tells time, direction, interface, addresses, and the essentials of each object as scenario files do', () => {
    const line = itemText(traced('host-a path'), {});
    expect(line).toMatch(
      /^10:00:00\.123456 out eth0 {3}Path 10\.1\.0\.2 > 10\.2\.0\.2 ttl 64\/64 alert; session udp 10\.2\.0\.2:5004; hop 10\.1\.0\.2; R 30s; sender 10\.1\.0\.2:5004; tspec \S+ bucket \S+/,
    );
    expect(line).toMatch(/; adspec hops 1 bandwidth \S+ latency \S+ mtu \d+$/);
    expect(itemText(traced('host-b resv', { direction: 'in' }), {})).toMatch(
      / in {2}eth0 {3}Resv 10\.2\.0\.2 > 10\.2\.0\.1 ttl 255\/255; session udp 10\.2\.0\.2:5004; hop 10\.2\.0\.2; R 30s; confirm to 10\.2\.0\.2; style FF; CL \S+ bucket \S+; filter 10\.1\.0\.2:5004$/,
    );
  });

  test('says why a message was dropped or not sent', () => {
    expect(itemText(traced('host-a path', { dropped: ['badChecksum', 'x'] }), {})).toMatch(/; DROPPED badChecksum, x$/);
    expect(itemText(traced('host-a path', { problem: 'no route' }), {})).toMatch(/; NOT SENT no route$/);
  });

  test('that holds no message says what is wrong with it', () => {
    expect(itemText(traced('host-a path', { bytes: 'EAE=' }), {})).toMatch(
      / Path 10\.1\.0\.2 > 10\.2\.0\.2 ttl \?\/64 alert; ERROR tooShort at offset 2$/,
    );
  });

  test('names gaps and the agent', () => {
    expect(itemText({ type: 'leftOut', count: 7 }, {})).toBe('-- 7 messages left out');
    expect(itemText({ type: 'agent', connected: false }, { verbose: true })).toBe('-- agent disconnected');
    expect(itemText({ type: 'leftOut', count: 7 }, { json: true })).toBe('{"type":"leftOut","count":7}');
  });

  test('with verbose it is the tree that rsvp decode draws', () => {
    const tree = itemText(traced('host-a path'), { verbose: true });
    expect(tree).toMatch(
      /^2026-11-25T10:00:00\.123456Z out eth0 {2}Path {2}10\.1\.0\.2 > 10\.2\.0\.2 {2}\(TTL 64, router alert/,
    );
    expect(tree).toContain('├─ SESSION [1/1]  destination 10.2.0.2, protocol 17, flags 0, destinationPort 5004');
  });

  test('with json it is one object with decoded objects and the bytes', () => {
    const json = JSON.parse(itemText(traced('host-a path', { dropped: ['x'] }), { json: true })) as Record<
      string,
      unknown
    >;
    expect(json).toMatchObject({ type: 'Path', direction: 'out', sendTtl: 64, checksumValid: true, dropped: ['x'] });
    expect(json['objects']).toContainEqual(expect.objectContaining({ class: 'TIME_VALUES', refreshPeriodMs: 30_000 }));
  });

  test.each(captureFiles())('has something for every message of %s, TE objects too', (name) => {
    const capture = readCapture(captureBytes(name));
    if (!capture.ok) throw new Error(capture.error);
    for (const record of rsvpRecords(capture.value, { frames: 0, unknownLinkTypes: new Map() })) {
      if (!('type' in record)) continue;
      const line = messageLine(record, record);
      expect(line).not.toMatch(/undefined|\[object|\n/);
      if (record.error) expect(line).toContain(`ERROR ${record.error.reason}`);
    }
  });

  test('TE objects are readable', () => {
    const capture = readCapture(captureBytes('freertr-te-3hop-head.pcap'));
    if (!capture.ok) throw new Error(capture.error);
    const lines = [...rsvpRecords(capture.value, { frames: 0, unknownLinkTypes: new Map() })].map((record) =>
      'type' in record ? messageLine(record, record) : '',
    );
    expect(lines.find((line) => line.startsWith('Path'))).toMatchInlineSnapshot(
      `"Path 2.2.2.1 > 2.2.2.3 ttl 255/255 alert; session tunnel 2.2.2.3 id 0 extended 102.226.54.64; hop 10.0.12.1 lih 491135225; R 120s; route 10.0.12.2/32 2.2.2.3/32 (loose); label for 0x0800; attribute "r1:tunnel1" priority 7/7; sender 2.2.2.1 lsp 1841; tspec 1G bucket 1k peak 1G m 0 M 1480; adspec hops 1 bandwidth 1G latency 0us mtu 1480"`,
    );
    expect(lines.find((line) => line.startsWith('Resv'))).toMatchInlineSnapshot(
      `"Resv 10.0.12.1 > 10.0.12.2 ttl 255/255 alert; session tunnel 2.2.2.1 id 0 extended 79.68.91.255; hop 10.0.12.1 lih 306960166; R 120s; style SE; CL 1G bucket 1k peak 1G m 0 M 1480; filter 2.2.2.3 lsp 32670; label 892445"`,
    );
  });
});
