import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readServerConfig } from '../../src/bin/config.ts';

const SECRET = 'a secret of enough length';
const agents = (environment: Record<string, string>) => readServerConfig(environment).agents;

describe('settings of the agents’ listener', () => {
  it('are absent unless HEADROOM_AGENTS is there', () => {
    expect(agents({})).toBeNull();
    expect(agents({ HEADROOM_SECRET: SECRET })).toBeNull();
  });

  it('name where it listens, what agents are told and under which secret the authority’s key lies', () => {
    expect(
      agents({
        HEADROOM_AGENTS: '0.0.0.0:7400',
        HEADROOM_AGENTS_ADVERTISE: 'control.example.net:7400',
        HEADROOM_SECRET: SECRET,
      }),
    ).toEqual({
      listen: { host: '0.0.0.0', port: 7400 },
      advertise: 'control.example.net:7400',
      authority: { kind: 'stored', secret: SECRET, previousSecret: null },
    });
  });

  it('take an operator’s authority instead of a secret', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hrt-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const name of ['cert', 'key']) writeFileSync(join(folder, name), name);
    expect(
      agents({
        HEADROOM_AGENTS: '127.0.0.1:7400',
        HEADROOM_AGENTS_CA_CERT: join(folder, 'cert'),
        HEADROOM_AGENTS_CA_KEY: join(folder, 'key'),
      })?.authority,
    ).toEqual({ kind: 'files', cert: 'cert', key: 'key' });
  });

  it.each([
    [{ HEADROOM_AGENTS: '127.0.0.1:7400' }, /^HEADROOM_AGENTS: .* HEADROOM_SECRET, which is not set/],
    [{ HEADROOM_AGENTS: '127.0.0.1:7400', HEADROOM_SECRET: 'short' }, /^HEADROOM_SECRET: must have at least 16/],
    [{ HEADROOM_AGENTS: 'here', HEADROOM_SECRET: SECRET }, /^HEADROOM_AGENTS: "here" is not an address and a port/],
    [
      { HEADROOM_AGENTS: '127.0.0.1:1', HEADROOM_SECRET: SECRET, HEADROOM_AGENTS_ADVERTISE: 'host' },
      /^HEADROOM_AGENTS_ADVERTISE: "host" is not HOST:PORT/,
    ],
    [{ HEADROOM_AGENTS: '127.0.0.1:1', HEADROOM_AGENTS_CA_CERT: 'x' }, /go together/],
    [
      { HEADROOM_AGENTS: '127.0.0.1:1', HEADROOM_AGENTS_CA_CERT: '/nowhere', HEADROOM_AGENTS_CA_KEY: '/nowhere' },
      /^HEADROOM_AGENTS_CA_CERT: \/nowhere cannot be read/,
    ],
  ])('%j stops the start with one line', (environment, line) => {
    expect(() => agents(environment as Record<string, string>)).toThrow(line);
  });
});
