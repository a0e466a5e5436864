import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_RSVP_CONFIG, parseRsvpConfig } from '../../src/agent/rsvp-config.ts';
import { readRsvpConfig } from '../../src/bin/rsvp-config-file.ts';

const key = { keyId: 7, algorithm: 'hmac-sha256', key: 'correct horse' };
const neighbour = { interface: 'eth1', address: '10.0.12.2' };
const withKeys = (...keys: object[]) => ({ neighbours: [{ ...neighbour, integrity: { keys } }] });

describe('what is agreed with RSVP neighbours', () => {
  it('may be nothing', () => {
    expect(parseRsvpConfig('{}')).toEqual({ ok: true, value: DEFAULT_RSVP_CONFIG });
  });

  it('is read field by field', () => {
    const text = JSON.stringify({
      refreshReduction: false,
      maxFlowsPerNeighbour: 500,
      neighbours: [
        {
          ...neighbour,
          helloIntervalMs: 5_000,
          refreshReduction: false,
          integrity: {
            window: 8,
            handshake: false,
            keys: [
              { ...key, notAfter: '2026-12-01T00:00:00Z' },
              { keyId: 2 ** 48 - 1, algorithm: 'hmac-md5', keyHex: '00ff10', notBefore: '2026-11-30T12:00:00+01:00' },
            ],
          },
        },
        { interface: 'eth1' },
      ],
    });
    expect(parseRsvpConfig(text)).toEqual({
      ok: true,
      value: {
        refreshReduction: false,
        maxFlowsPerNeighbour: 500,
        policies: [
          {
            ...neighbour,
            helloInterval: 5_000,
            refreshReduction: false,
            integrity: {
              window: 8,
              handshake: false,
              keys: [
                {
                  keyId: 7,
                  algorithm: 'hmac-sha256',
                  key: new TextEncoder().encode('correct horse'),
                  notBefore: null,
                  notAfter: Date.UTC(2026, 11, 1),
                },
                {
                  keyId: 2 ** 48 - 1,
                  algorithm: 'hmac-md5',
                  key: Uint8Array.of(0, 0xff, 0x10),
                  notBefore: Date.UTC(2026, 10, 30, 11),
                  notAfter: null,
                },
              ],
            },
          },
          { interface: 'eth1', address: null, helloInterval: null, refreshReduction: true, integrity: null },
        ],
      },
    });
  });

  it.each<[unknown, string]>([
    [[], 'the document must be an object'],
    [{ neighbors: [] }, 'neighbors is not known'],
    [{ neighbours: {} }, 'neighbours must be a list'],
    [{ neighbours: [7] }, 'neighbours[0] must be an object'],
    [{ refreshReduction: 'yes' }, 'refreshReduction is "yes", not true or false'],
    [{ maxFlowsPerNeighbour: 0 }, 'maxFlowsPerNeighbour is 0, not a whole number from 1 to 200000'],
    [{ neighbours: [{}] }, 'neighbours[0].interface is missing'],
    [
      { neighbours: [{ interface: 'eth1', address: '10.0.12' }] },
      'neighbours[0].address "10.0.12" is not an IP address',
    ],
    [
      { neighbours: [{ interface: 'eth1', helloIntervalMs: 1_000 }] },
      'neighbours[0].helloIntervalMs needs an address: Hello is between two nodes',
    ],
    [
      { neighbours: [{ ...neighbour, helloIntervalMs: 99 }] },
      'neighbours[0].helloIntervalMs is 99, not a whole number from 100 to 3600000',
    ],
    [{ neighbours: [neighbour, neighbour] }, 'neighbours[1] is the second for 10.0.12.2 on eth1'],
    [
      { neighbours: [{ interface: 'eth1' }, { interface: 'eth1' }] },
      'neighbours[1] is the second for all others on eth1',
    ],
    [withKeys(), 'neighbours[0].integrity.keys must hold at least one key'],
    [withKeys(key, key), 'neighbours[0].integrity.keys has two keys with keyId 7'],
    [
      withKeys({ ...key, keyId: 2 ** 48 }),
      `neighbours[0].integrity.keys[0].keyId is ${2 ** 48}, not a whole number from 0 to ${2 ** 48 - 1}`,
    ],
    [withKeys({ ...key, keyId: undefined }), 'neighbours[0].integrity.keys[0].keyId is missing'],
    [
      withKeys({ ...key, algorithm: 'md5' }),
      'neighbours[0].integrity.keys[0].algorithm is "md5", not one of hmac-md5, hmac-sha1, hmac-sha256',
    ],
    [withKeys({ ...key, keyHex: '00' }), 'neighbours[0].integrity.keys[0].key or keyHex: one of them must be there'],
    [
      withKeys({ ...key, key: undefined, keyHex: '0' }),
      'neighbours[0].integrity.keys[0].keyHex is not pairs of hexadecimal digits',
    ],
    [withKeys({ ...key, key: '' }), 'neighbours[0].integrity.keys[0].key must be a text that is not empty'],
    [
      withKeys({ ...key, notBefore: 'tomorrow' }),
      'neighbours[0].integrity.keys[0].notBefore "tomorrow" must be a time with zone as in RFC 3339, for example 2026-11-22T10:00:00Z',
    ],
    [
      withKeys({ ...key, notBefore: '2026-12-01T00:00:00Z', notAfter: '2026-12-01T00:00:00Z' }),
      'neighbours[0].integrity.keys[0].notAfter is not after notBefore',
    ],
    [
      { neighbours: [{ ...neighbour, integrity: { keys: [key], window: 65 } }] },
      'neighbours[0].integrity.window is 65, not a whole number from 1 to 64',
    ],
  ])('is refused with field and value: %j', (json, problem) => {
    expect(parseRsvpConfig(JSON.stringify(json))).toEqual({ ok: false, error: problem });
  });

  it('is refused where it is not JSON', () => {
    const result = parseRsvpConfig('{ refreshReduction: true }');
    expect(result.ok ? '' : result.error).toMatch(/^not JSON: /);
  });
});

describe('the file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rsvp-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (json: object, mode: number): string => {
    const path = join(folder, 'rsvp.json');
    writeFileSync(path, JSON.stringify(json));
    chmodSync(path, mode);
    return path;
  };

  it('is open to nobody else when it holds keys', () => {
    expect(readRsvpConfig(file(withKeys(key), 0o600)).policies).toHaveLength(1);
    for (const mode of [0o640, 0o604, 0o620]) {
      const path = file(withKeys(key), mode);
      const octal = mode.toString(8).padStart(4, '0');
      expect(() => readRsvpConfig(path)).toThrow(`${path} holds keys and has mode ${octal}: it must be 0600`);
    }
    expect(readRsvpConfig(file({ neighbours: [neighbour] }, 0o644)).policies).toHaveLength(1);
  });

  it('is named in what is wrong with it', () => {
    const path = file({ neighbors: [] }, 0o600);
    expect(() => readRsvpConfig(path)).toThrow(`${path}: neighbors is not known`);
    expect(() => readRsvpConfig(join(folder, 'none'))).toThrow(`${join(folder, 'none')} cannot be read (ENOENT)`);
  });
});
