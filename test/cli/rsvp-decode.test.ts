import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/cli/errors.ts';
import { registerRsvpDecode } from '../../src/cli/rsvp-decode.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import { encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4 } from '../../src/core/rsvp/wire/ip-packet.ts';
import { captureBytes, captureFiles, rawIpCapture } from '../support/captures.ts';

const folder = mkdtempSync(join(tmpdir(), 'headroom-decode-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/pcaps/${name}`, import.meta.url));
const written = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

async function decode(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString();
        done();
      },
    });
  const program = new Command().exitOverride();
  registerRsvpDecode(program.command('rsvp'), { stdout: sink('stdout'), stderr: sink('stderr') });
  await program.parseAsync(['rsvp', 'decode', ...args], { from: 'user' });
  return texts;
}

const lines = async (file: string): Promise<Record<string, unknown>[]> => {
  const { stdout } = await decode('--json', file);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('--json', () => {
  test('one object a message: a real exchange', async () => {
    const messages = await lines(fixture('heirman-example-network1.pcap'));
    expect(messages.map((message) => message['type'])).toEqual(['Path', 'Resv', 'ResvConf', 'ResvTear']);
    expect(messages[0]).toEqual({
      frame: 1,
      time: '2018-12-24T17:44:05.957423Z',
      type: 'Path',
      source: '192.168.10.1',
      destination: '192.168.11.1',
      ttl: 99,
      routerAlert: true,
      encapsulation: 'ip',
      sendTtl: 100,
      flags: 0,
      checksumValid: true,
      lengthBytes: 88,
      objects: [
        {
          class: 'SESSION',
          classNumber: 1,
          cType: 1,
          destination: '192.168.11.1',
          protocol: 17,
          flags: 0,
          destinationPort: 2222,
        },
        { class: 'RSVP_HOP', classNumber: 3, cType: 1, address: '192.168.10.1', logicalInterfaceHandle: 0 },
        { class: 'TIME_VALUES', classNumber: 5, cType: 1, refreshPeriodMs: 10_000 },
        { class: 'SENDER_TEMPLATE', classNumber: 11, cType: 1, source: '192.168.10.1', sourcePort: 7 },
        {
          class: 'SENDER_TSPEC',
          classNumber: 12,
          cType: 2,
          tspec: {
            tokenRateBytesPerSecond: 10_000,
            tokenBucketBytes: 1000,
            peakRateBytesPerSecond: 100_000,
            minPolicedUnitBytes: 100,
            maxPacketBytes: 1500,
          },
        },
      ],
    });
  });

  test('no checksum is neither right nor wrong', async () => {
    expect(await lines(fixture('john-rsvp-integrity-hmac-md5.pcap'))).toMatchObject([
      {
        type: 'Path',
        checksumValid: null,
        objects: [
          {
            class: 'INTEGRITY',
            flags: 1,
            handshake: true,
            keyId: '0x000000000001',
            sequenceNumber: '15558067517028040762',
            digest: '636d8e6db5351fbc9dad620c5ec16c0b',
          },
          ...Array<unknown>(6).fill({}),
        ],
      },
    ]);
  });

  test('infinity is a string', async () => {
    const [message] = await lines(fixture('scapy-uts-te-resv.pcap'));
    expect(message?.['objects']).toContainEqual(
      expect.objectContaining({
        class: 'FLOWSPEC',
        service: 'controlledLoad',
        tspec: expect.objectContaining({ peakRateBytesPerSecond: 'Infinity' }),
      }),
    );
  });

  test('wrong checksums: told with what is right, and what could be read', async () => {
    const messages = await lines(fixture('t50-bad-checksums.pcap'));
    expect(messages.map((message) => message['type'])).toEqual([
      'Path',
      'Resv',
      'PathErr',
      'ResvErr',
      'PathTear',
      'ResvTear',
      'ResvConf',
    ]);
    for (const message of messages) {
      expect(message).toMatchObject({
        checksumValid: false,
        error: { layer: 'rsvp', reason: 'badChecksum', offset: 2 },
      });
      expect(message['objects']).not.toHaveLength(0);
    }
  });

  test.each([
    ['tcpdump--rsvp-infinite-loop.pcap', 5, { layer: 'rsvp', reason: 'badObjectLength', offset: 16, length: 0 }],
    [
      'tcpdump--rsvp-inf-loop-2.pcapng',
      1,
      { layer: 'rsvp', reason: 'badChecksum', also: { reason: 'badObject', offset: 124 } },
    ],
    ['tcpdump--rsvp_uni-oobr-1.pcap', 1, { layer: 'ip', reason: 'truncated', offset: 40 }],
  ])('%s', async (name, count, error) => {
    const messages = await lines(fixture(name));
    expect(messages).toHaveLength(count);
    for (const message of messages) expect(message).toMatchObject({ error });
  });

  test('a capture that is cut: what came before, then the fault', async () => {
    const whole = captureBytes('heirman-example-network1.pcap');
    const messages = await lines(written('cut.pcap', whole.subarray(0, whole.length - 10)));
    expect(messages.map((message) => message['type'] ?? message['error'])).toEqual([
      'Path',
      'Resv',
      'ResvConf',
      expect.objectContaining({ layer: 'capture', reason: 'damagedCapture' }),
    ]);
  });

  test('messages in UDP and fragments of messages', async () => {
    const message = encodeMessage({ type: 1, flags: 0, sendTtl: 9, objects: [] });
    const packet = (protocol: number, payload: Uint8Array): Uint8Array =>
      encodeIpv4({
        source: '10.0.0.1' as IpAddress,
        destination: '10.0.0.2' as IpAddress,
        ttl: 9,
        protocol,
        routerAlert: false,
        payload,
      });
    const udp = packet(17, Uint8Array.from([0x10, 0, 0x06, 0xa2, 0, 8 + message.length, 0, 0, ...message]));
    const dns = packet(17, Uint8Array.from([0x10, 0, 0, 53, 0, 8 + message.length, 0, 0, ...message]));
    const fragment = packet(46, message);
    fragment[6] = 0x20;
    const broken = packet(46, message);
    broken[0] = 0x4f;
    expect(await lines(written('mixed.pcap', rawIpCapture([udp, dns, fragment, broken])))).toMatchObject([
      { frame: 1, encapsulation: 'udp', type: 'Path', checksumValid: true },
      { frame: 3, encapsulation: 'ip', type: 'Path', error: { layer: 'ip', reason: 'fragment' } },
      { frame: 4, error: { layer: 'ip', reason: 'badHeaderLength' } },
    ]);
  });
});

describe('as a tree', () => {
  test('a message, its objects, what is within them', async () => {
    const { stdout, stderr } = await decode(fixture('john-rsvp-integrity-hmac-md5.pcap'));
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'frame 1  2014-05-13T16:53:20.000000Z  Path  192.168.1.10 > 192.168.1.20  (TTL 255, router alert, 172 bytes, no checksum)',
      '├─ INTEGRITY [4/1]  flags 1, handshake true, keyId 0x000000000001, sequenceNumber 15558067517028040762, digest 636d8e6db5351fbc9dad620c5ec16c0b',
      '├─ SESSION [1/1]  destination 192.168.1.20, protocol 6, flags 0, destinationPort 23',
      '├─ RSVP_HOP [3/1]  address 192.168.1.10, logicalInterfaceHandle 33555458',
      '├─ TIME_VALUES [5/1]  refreshPeriodMs 30000',
      '├─ SENDER_TEMPLATE [11/1]  source 192.168.1.10, sourcePort 0',
      '├─ SENDER_TSPEC [12/2]',
      '│  └─ tspec  tokenRateBytesPerSecond 8000, tokenBucketBytes 32000, peakRateBytesPerSecond 8000, minPolicedUnitBytes 0, maxPacketBytes 2147483647',
      '└─ ADSPEC [13/2]  guaranteed -',
      '   ├─ general  breakBit false, isHops 1, pathBandwidthBytesPerSecond 1250000, minPathLatencyMicros 0, pathMtuBytes 1500',
      '   └─ controlledLoad  breakBit false, overrides empty',
      '',
      '',
    ]);
  });

  test('errors are branches too', async () => {
    const { stdout } = await decode(fixture('tcpdump--rsvp-infinite-loop.pcap'));
    expect(stdout).toContain('└─ ERROR badObjectLength at offset 16 (rsvp): NULL has length 0');
  });

  test('every capture can be shown', async () => {
    for (const name of captureFiles()) expect((await decode(fixture(name))).stdout).toMatch(/^frame 1 /);
  });
});

describe('files that are none', () => {
  test.each([
    ['missing', join(folder, 'missing.pcap'), /missing\.pcap: cannot be read: ENOENT/],
    ['a folder', folder, /cannot be read: EISDIR/],
    ['text', fileURLToPath(import.meta.url), /rsvp-decode\.test\.ts: not a capture: .* is not the magic number/],
  ])('%s: wrong usage, with the file named', async (_name, path, sentence) => {
    await expect(decode(path)).rejects.toThrow(UsageError);
    await expect(decode(path)).rejects.toThrow(sentence);
  });

  test('empty', async () => {
    await expect(decode(written('empty.pcap', new Uint8Array(0)))).rejects.toThrow(UsageError);
  });
});

test('a capture without RSVP says so on standard error', async () => {
  expect(await decode('--json', written('none.pcap', rawIpCapture([])))).toEqual({
    stdout: '',
    stderr: expect.stringMatching(/none\.pcap: no RSVP message in 0 frames/),
  });
});

test('frames of a link type that cannot be looked into are counted on standard error', async () => {
  const bytes = Buffer.from(rawIpCapture([Uint8Array.of(0x45), Uint8Array.of(0x45)]));
  bytes.writeUInt32LE(195, 20);
  expect((await decode(written('zigbee.pcap', bytes))).stderr).toMatch(
    /2 frames of link type 195 were not looked into/,
  );
});

test('a reader that goes away is no error', async () => {
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  const program = new Command();
  registerRsvpDecode(program, { stdout, stderr: stdout });
  await program.parseAsync(['decode', fixture('freertr-te-3hop-head.pcap')], { from: 'user' });
  expect(stdout.destroyed).toBe(true);
});
