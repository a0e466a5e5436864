import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { mkdtempSync, rmSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openChannel, type Channel } from '../../../src/agent/channel/channel.ts';
import { obtainIdentity } from '../../../src/agent/channel/enrol.ts';
import type { IdentityKeeper } from '../../../src/agent/channel/identity.ts';
import { Renewal } from '../../../src/agent/channel/renewal.ts';
import { EpochMs, MonotonicMs } from '../../../src/core/base/units.ts';
import { AgentHelloSchema, type ServerMessage } from '../../../src/gen/headroom/v1/agent_channel_pb.ts';
import { AgentTrust } from '../../../src/server/auth/agents/agent-trust.ts';
import { StoredAuthorities } from '../../../src/server/auth/agents/authority-source.ts';
import { AgentRegistry } from '../../../src/server/control/agents/registry.ts';
import { listenForAgents } from '../../../src/server/grpc/agent-tls.ts';
import { openStore, type Store } from '../../../src/server/store/open-store.ts';
import { createLoggers } from '../../../src/telemetry/logger.ts';
import { startTestDatabase, type TestDatabase } from '../../support/database.ts';
import { MemoryCommitter } from '../../support/memory-committer.ts';
import { topology } from '../control/agents/channel-fixture.ts';

const SECRET = 'a secret of enough length';
const now = (): EpochMs => EpochMs(Date.now());

let database: TestDatabase;
let store: Store;
let folder: string;
/** Of servers and agents. */
let log: { level: number; msg: string; reason?: string; code?: string; detail?: string }[];
beforeAll(async () => void (database = await startTestDatabase()), 60_000);
afterAll(() => database.close());
beforeEach(async () => {
  log = [];
  const opened = (store = await openStore(await database.fresh()));
  const made = (folder = mkdtempSync(join(tmpdir(), 'hrt-')));
  return async () => {
    await opened.close();
    rmSync(made, { recursive: true });
  };
});

const logger = () =>
  createLoggers(
    { base: 'info', bySubsystem: new Map() },
    { write: (line) => void log.push(JSON.parse(line) as (typeof log)[number]) },
  )('agents');

/** A server's listener for agents, with a registry of its own. */
async function serve(options: { lifetimeMs?: number; of?: Store } = {}) {
  const records = (options.of ?? store).agentTrust;
  const lifetime = options.lifetimeMs === undefined ? {} : { lifetimeMs: options.lifetimeMs };
  const source = new StoredAuthorities({ records, secret: SECRET, previousSecret: null, ...lifetime });
  const trust = await AgentTrust.open({ records, source, now });
  const registry = new AgentRegistry({
    committer: new MemoryCommitter(topology()),
    now: () => MonotonicMs(performance.now()),
    log: logger(),
  });
  const server = await listenForAgents({ address: '127.0.0.1:0', trust, registry, now, log: logger() });
  onTestFinished(() => server.close());
  return { trust, registry, server, target: `127.0.0.1:${server.port}` };
}
type Serving = Awaited<ReturnType<typeof serve>>;

let agents = 0;
const stateDir = (): string => join(folder, `agent-${agents++}`);
const obtain = (target: string, node: string, token: string | null, dir = stateDir()): Promise<IdentityKeeper> =>
  obtainIdentity({ stateDir: dir, node, target, token, log: logger(), signal: AbortSignal.timeout(10_000) });
const enrol = async ({ trust, target }: Serving, node: string): Promise<IdentityKeeper> =>
  obtain(target, node, (await trust.issueToken(node)).token);

/** An agent's end of the channel that only says hello, and remembers what it is told. */
function connect(target: string, identity: IdentityKeeper | null, node: string) {
  const told: ServerMessage['message'][] = [];
  let news = (): void => undefined;
  const channel: Channel = openChannel({
    target,
    identity,
    hello: () => create(AgentHelloSchema, { node, hostName: `host of ${node}`, instanceId: 'i' }),
    onMessage: ({ message }) => {
      told.push(message);
      news();
    },
    onDown: () => news(),
    random: Math.random,
    log: logger(),
  });
  onTestFinished(() => channel.close());
  return {
    channel,
    told,
    /** Resolves with the first message of the kind after so many. */
    async hears(kind: string, after = 0): Promise<Record<string, unknown>> {
      const limit = AbortSignal.timeout(8_000);
      for (;;) {
        const found = told.slice(after).find((message) => message.case === kind);
        if (found) return found.value as unknown as Record<string, unknown>;
        await new Promise<void>((next, fail) => {
          news = next;
          limit.addEventListener('abort', () => fail(new Error(`no ${kind}; heard ${told.map((m) => m.case).join()}`)));
        });
      }
    },
  };
}

/** Resolves with the log line that says so. */
async function logged(text: string | RegExp): Promise<(typeof log)[number]> {
  const limit = performance.now() + 8_000;
  for (;;) {
    const found = log.find((line) => JSON.stringify(line).match(text));
    if (found) return found;
    if (performance.now() > limit) throw new Error(`nothing logged like ${text}: ${JSON.stringify(log)}`);
    await new Promise((next) => setTimeout(next, 10));
  }
}
const state = ({ registry }: Serving, node: string) => registry.get(node).state;
async function becomes(serving: Serving, node: string, wanted: string): Promise<number> {
  const started = performance.now();
  while (state(serving, node) !== wanted) {
    if (performance.now() - started > 8_000) throw new Error(`${node} is ${state(serving, node)}, not ${wanted}`);
    await new Promise((next) => setTimeout(next, 5));
  }
  return performance.now() - started;
}

describe('an agent on another host', () => {
  it('enrols by a token, connects by its certificate, and needs no token again', async () => {
    const serving = await serve();
    const dir = stateDir();
    const { token } = await serving.trust.issueToken('r1');
    const identity = await obtain(serving.target, 'r1', token, dir);
    await connect(serving.target, identity, 'r1').hears('welcome');
    expect(state(serving, 'r1')).toBe('connected');
    // The token in a start script is of no account from then on, and neither is that there is none.
    const again = await obtain(serving.target, 'r1', token, dir);
    expect(again.current()).toEqual(identity.current());
    expect((await obtain(serving.target, 'r1', null, dir)).current()).toEqual(identity.current());
  });

  it('asks with the same key again where the answer was lost', async () => {
    const serving = await serve();
    const dir = stateDir();
    const { token } = await serving.trust.issueToken('r1');
    const identity = await obtain(serving.target, 'r1', token, dir);
    identity.update({ certificatePem: null, issuedAt: null });
    const again = await obtain(serving.target, 'r1', token, dir);
    expect(again.current().keyPem).toBe(identity.current().keyPem);
    await connect(serving.target, again, 'r1').hears('welcome');
  });

  it('without certificate and token says what to do', async () => {
    const serving = await serve();
    await expect(obtain(serving.target, 'r1', null)).rejects.toThrow(
      /has no certificate for node r1 in .*: "headroom agent enrol r1" on the server prints what to paste here/,
    );
  });

  it('is told in words that its token was used, and does not go on asking', async () => {
    const serving = await serve();
    const { token } = await serving.trust.issueToken('r1');
    await obtain(serving.target, 'r1', token);
    await expect(obtain(serving.target, 'r1', token)).rejects.toThrow(
      /does not enrol this agent: The enrolment token is unknown, for another node than "r1", used or older/,
    );
  });

  it('does not send its token to a server of another authority', async () => {
    const serving = await serve();
    const other = await openStore(await database.fresh());
    onTestFinished(() => other.close());
    const impostor = await serve({ of: other });
    const { token } = await serving.trust.issueToken('r1');
    const stop = new AbortController();
    const asked = obtainIdentity({
      ...{ stateDir: stateDir(), node: 'r1', target: impostor.target, token, log: logger(), signal: stop.signal },
    });
    await logged('is not the server that made the enrolment token');
    stop.abort();
    await expect(asked).rejects.toThrow();
    // Nobody has asked the impostor for anything.
    expect(log.filter((line) => line.msg === 'agent refused')).toEqual([]);
  });

  it('does not take an agent of the same authority for a server', async () => {
    const serving = await serve();
    const identity = await enrol(serving, 'r1');
    const { keyPem, certificatePem, authoritiesPem } = (await enrol(serving, 'r2')).current();
    const posing = createSecureServer({
      key: keyPem,
      cert: `${certificatePem}${authoritiesPem}`,
      ALPNProtocols: ['h2'],
    });
    let sessions = 0;
    posing.on('session', () => sessions++);
    posing.on('sessionError', () => undefined);
    await new Promise<void>((listening) => posing.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void posing.close());
    const target = `127.0.0.1:${(posing.address() as AddressInfo).port}`;
    const { told } = connect(target, identity, 'r1');
    await logged(/unsuitable certificate purpose|unsupported certificate|is no Headroom server/);
    expect(told).toEqual([]);
    // Asked for a new certificate by a token, it finds the authority in the chain, and is no more believed.
    const { token } = await serving.trust.issueToken('r1');
    const stop = new AbortController();
    const asked = obtainIdentity({
      ...{ stateDir: stateDir(), node: 'r1', target, token, log: logger(), signal: stop.signal },
    });
    await logged('not enrolled yet');
    stop.abort();
    await expect(asked).rejects.toThrow();
  });
});

describe('the listener for agents', () => {
  it('refuses a stream without a certificate, with the reason, which the agent logs once', async () => {
    const serving = await serve();
    const identity = await enrol(serving, 'r1');
    identity.update({ certificatePem: null });
    connect(serving.target, identity, 'r1');
    await logged('no connection to the server');
    const agent = log.filter((line) => line.msg === 'no connection to the server');
    expect(agent).toHaveLength(1);
    expect(agent[0]!.reason).toContain(
      'an agent enrols first ("headroom agent enrol NODE" on the server makes a token)',
    );
    expect(state(serving, 'r1')).toBe('never');
  });

  it('refuses the certificate of another node', async () => {
    const serving = await serve();
    const refusal = await connect(serving.target, await enrol(serving, 'r2'), 'r1').hears('refusal');
    expect(refusal).toMatchObject({
      code: 'NOT_THIS_NODE',
      detail: 'the certificate is for node "r2", the agent says that it is "r1"',
    });
    expect(state(serving, 'r1')).toBe('never');
  });

  it('refuses a certificate of another authority', async () => {
    const serving = await serve();
    const other = await openStore(await database.fresh());
    onTestFinished(() => other.close());
    const elsewhere = await serve({ of: other });
    const identity = await enrol(elsewhere, 'r1');
    identity.update({ authoritiesPem: serving.trust.authorities.trustedPem });
    connect(serving.target, identity, 'r1');
    await logged('No certificate came that this server');
    expect(state(serving, 'r1')).toBe('never');
  });

  it('ends the streams of a revoked agent within a second, also where another server was asked', async () => {
    const [one, two] = [await serve(), await serve()];
    const identity = await enrol(one, 'r1');
    const agent = connect(two.target, identity, 'r1');
    await agent.hears('welcome');
    await one.trust.revoke('r1');
    expect(await becomes(two, 'r1', 'silent')).toBeLessThan(1_000);
    expect(await agent.hears('refusal')).toMatchObject({ code: 'REVOKED' });
    const told = await logged(/"reason":"The certificate of the agent of ..r1.. was revoked/);
    expect(told.reason).toContain('"headroom agent enrol r1" makes a token for a new one');
    expect(agent.told.filter(({ case: kind }) => kind === 'welcome')).toHaveLength(1);
  });

  it('serves a newly enrolled agent in place of the one that had the node before', async () => {
    const serving = await serve();
    const before = connect(serving.target, await enrol(serving, 'r1'), 'r1');
    await before.hears('welcome');
    const after = connect(serving.target, await enrol(serving, 'r1'), 'r1');
    await after.hears('welcome');
    expect(await before.hears('refusal')).toMatchObject({ code: 'REVOKED' });
  });

  it('renews certificates before they expire, and the stream goes on with the new one', async () => {
    const serving = await serve({ lifetimeMs: 6_000 });
    const identity = await enrol(serving, 'r1');
    const first = identity.current().certificatePem;
    const agent = connect(serving.target, identity, 'r1');
    const renewal = new Renewal({
      ...{ target: serving.target, identity, log: logger() },
      renewed: () => agent.channel.reopen(),
    });
    onTestFinished(() => renewal.close());
    await agent.hears('welcome');
    const before = agent.told.length;
    await agent.hears('welcome', before);
    expect(identity.current().certificatePem).not.toBe(first);
    expect(state(serving, 'r1')).toBe('connected');
    expect(log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it('tells agents of a new authority before it signs, so that none is shut out', async () => {
    const serving = await serve();
    const identity = await enrol(serving, 'r1');
    const agent = connect(serving.target, identity, 'r1');
    await agent.hears('welcome');
    const source = new StoredAuthorities({ records: store.agentTrust, secret: SECRET, previousSecret: null });
    await source.add(now());
    const before = agent.told.length;
    const { authoritiesPem } = (await agent.hears('welcome', before)) as { authoritiesPem: string };
    expect(authoritiesPem.match(/BEGIN/g)).toHaveLength(2);
  });

  it('answers UNAUTHENTICATED to every method but Enrol without a certificate', async () => {
    const serving = await serve();
    const identity = await enrol(serving, 'r1');
    identity.update({ certificatePem: null });
    const { renewCertificate } = await import('../../../src/agent/channel/enrol.ts');
    await expect(renewCertificate(serving.target, identity)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});
