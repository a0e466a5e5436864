import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createClient, type Reservation } from '../../src/client/client.ts';
import type { TopologyInput } from '../../src/core/network/document.ts';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { run } from '../../src/lab/commands.ts';
import { startLab, type Lab } from '../../src/lab/lab.ts';
import { parseTopology } from '../../src/core/network/validate.ts';

export const PROGRAM = resolve(import.meta.dirname, '../../dist/bin/headroom.js');

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

export interface ReservationEvent {
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly reservation: Reservation;
}

export interface AgentsOfLab {
  /** 1,000 unless said. */
  readonly refreshPeriodMs?: number;
  /** The default lab unless said. */
  readonly topology?: TopologyInput;
  /** More options of a node's agent; `folder` is the test's own. */
  readonly options?: (node: string, folder: string) => readonly string[];
}

/** Server and lab as separate processes in a folder of their own, spoken to as a user would. */
export class Headroom {
  readonly folder = mkdtempSync(join(tmpdir(), 'hr-e2e-'));
  readonly prefix = `hrt${process.pid}-`;
  readonly mode: 'kernel' | 'loopback';
  lab!: Lab;
  #server: ChildProcess | null = null;
  #httpPort = 0;
  #grpcPort = 0;

  readonly #log: string;
  readonly #stderr: 'inherit' | 'pipe';
  readonly #agents: AgentsOfLab;

  constructor(
    mode: 'kernel' | 'loopback',
    server: { log?: string; stderr?: 'inherit' | 'pipe' } = {},
    agents: AgentsOfLab = {},
  ) {
    this.mode = mode;
    this.#agents = agents;
    this.#log = server.log ?? 'warn';
    this.#stderr = server.stderr ?? 'inherit';
  }

  get #topology(): TopologyInput {
    return this.#agents.topology ?? DEFAULT_LAB;
  }
  get url(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }
  get grpcTarget(): string {
    return `127.0.0.1:${this.#grpcPort}`;
  }
  get serverProcess(): ChildProcess {
    return this.#server!;
  }

  /** Server up, topology stored, an agent on every node and all of them connected. */
  async start(): Promise<void> {
    [this.#httpPort, this.#grpcPort] = await Promise.all([freePort(), freePort()]);
    await this.startServer();
    const stored = await this.call('PUT', '/v1/topology', this.#topology);
    if (stored.status !== 200) throw new Error(`PUT topology: ${JSON.stringify(stored.body)}`);
    const topology = parseTopology(this.#topology);
    if (!topology.ok) throw new Error('the topology of the lab does not parse');
    this.lab = await startLab({
      topology: topology.value,
      mode: this.mode,
      prefix: this.prefix,
      folder: join(this.folder, 'lab'),
      program: PROGRAM,
      server: `unix:${join(this.folder, 'agent.sock')}`,
      refreshPeriodMs: this.#agents.refreshPeriodMs ?? 1000,
      agentOptions: (node) => this.#agents.options?.(node, this.folder) ?? [],
    });
    await this.agentsConnected();
  }

  async startServer(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, 'server'], {
      env: {
        ...process.env,
        HEADROOM_HTTP: `127.0.0.1:${this.#httpPort}`,
        HEADROOM_GRPC: `127.0.0.1:${this.#grpcPort}`,
        HEADROOM_DATA_DIR: this.folder,
        HEADROOM_LOG: this.#log,
      },
      stdio: ['ignore', 'ignore', this.#stderr],
    });
    this.#server = child;
    await this.until('the server is ready', 60_000, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      try {
        return (await fetch(`${this.url}/readyz`)).ok;
      } catch {
        return false;
      }
    });
  }

  agentsConnected(): Promise<void> {
    return this.until('all agents are connected', 20_000, async () => {
      const { body } = await this.call('GET', '/v1/agents');
      const agents = body.items as { state: string }[];
      const expected = this.#topology.nodes.filter(({ agent }) => agent !== 'none').length;
      return agents.length === expected && agents.every((agent) => agent.state === 'connected');
    });
  }

  async killAgent(node: string): Promise<void> {
    const agent = this.lab.agent(node)!;
    await new Promise<void>((done) => {
      agent.once('exit', () => done());
      agent.kill('SIGKILL');
    });
  }

  /** Killed, started again and connected: by then it has compared its kernel with its journal. */
  async restartAgent(node: string): Promise<void> {
    await this.killAgent(node);
    this.lab.startAgent(node);
    await this.until(`${node} has a new agent`, 20_000, async () => (await this.rsvpState(node)).status === 200);
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  }

  /** POST with the default end points; resolves with the answer, whatever it is. */
  book(port: number, bitsPerSecond: number, more: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('POST', '/v1/reservations', {
      flow: {
        protocol: 'udp',
        source: { address: '10.1.0.2', port },
        destination: { address: '10.2.0.2', port },
      },
      qos: {
        serviceType: 'controlledLoad',
        tokenRateBitsPerSecond: bitsPerSecond,
        minPolicedUnitBytes: 1200,
        maxPacketBytes: 1500,
      },
      ...more,
    });
  }

  /** Resolves with the reservation once it has the state; fails as soon as it has ended otherwise. */
  async reaches(id: string, state: string, timeoutMs = 15_000): Promise<Answer['body']> {
    let last: Answer['body'] = null;
    await this.until(`${id} is ${state}`, timeoutMs, async () => {
      last = (await this.call('GET', `/v1/reservations/${id}`)).body;
      if (last.state === 'ended' && state !== 'ended') throw new Error(`ended: ${JSON.stringify(last)}`);
      return last.state === state;
    });
    return last;
  }

  /** The events about a reservation from the first on, up to the one that is looked for. */
  async eventsOf(id: string, last: (event: ReservationEvent) => boolean): Promise<ReservationEvent[]> {
    const stop = new AbortController();
    const seen: ReservationEvent[] = [];
    for await (const event of createClient({ baseUrl: this.url }).watchEvents({ after: '0', signal: stop.signal })) {
      if (event.reservationId !== id || !event.reservation) continue;
      seen.push({ type: event.type, time: event.time, reservation: event.reservation });
      if (last(seen.at(-1)!)) break;
    }
    stop.abort();
    return seen;
  }

  /** Asks again until it is so: what happens in another process has no event here. */
  async until(what: string, timeoutMs: number, condition: () => Promise<boolean>): Promise<void> {
    const limit = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > limit) throw new Error(`${what}: not within ${timeoutMs} ms`);
      await new Promise((next) => setTimeout(next, 10));
    }
  }

  /** The command line, as its user has it: standard output and error, and the exit status. */
  async cli(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { ...process.env, HEADROOM_URL: this.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const stdout = await output(child);
    return { status: child.exitCode ?? -1, stdout, stderr };
  }

  namespace(host: string): string {
    return `${this.prefix}${host}`;
  }

  exec(host: string, ...command: string[]): Promise<string> {
    return run('ip', ['netns', 'exec', this.namespace(host), ...command]);
  }

  spawn(host: string, ...command: string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.namespace(host), ...command], { stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** HTB classes of reservations on an interface: all but root, best effort and RSVP's own. */
  async classes(host: string, device: string): Promise<{ minor: number; rate: number }[]> {
    const text = await this.exec(host, 'tc', 'class', 'show', 'dev', device);
    return [...text.matchAll(/^class htb [0-9a-f]+:([0-9a-f]+) .*?rate (\d+)([KMG]?)bit/gm)]
      .map(([, minor, rate, unit]) => ({ minor: parseInt(minor!, 16), rate: Number(rate) * SCALE[unit!]! }))
      .filter(({ minor }) => minor >= 16 && minor <= 65_519);
  }

  /** Rates of everything directly below the class that has the interface's capacity. */
  async sumOfChildren(host: string, device: string): Promise<number> {
    const text = await this.exec(host, 'tc', 'class', 'show', 'dev', device);
    const root = /^class htb (\S+) root /m.exec(text)?.[1];
    let sum = 0;
    for (const [, parent, rate, unit] of text.matchAll(/^class htb \S+ parent (\S+) .*?rate (\d+)([KMG]?)bit/gm)) {
      if (parent === root) sum += Number(rate) * SCALE[unit!]!;
    }
    return sum;
  }

  async ruleset(host: string): Promise<string> {
    return this.exec(host, 'nft', 'list', 'ruleset');
  }

  rsvpState(node: string): Promise<Answer> {
    return this.call('GET', `/v1/agents/${node}/rsvp`);
  }

  agentLog(node: string): string {
    return readFileSync(join(this.folder, 'lab', 'logs', `${node}.log`), 'utf8');
  }

  /** Resident bytes of the server and of each agent. */
  async memory(): Promise<readonly (readonly [string, number])[]> {
    const agents = (await this.call('GET', '/v1/agents')).body.items as { id: string; memoryBytes: number }[];
    const pages = Number(readFileSync(`/proc/${this.#server!.pid}/statm`, 'utf8').split(' ')[1]);
    return [['server', pages * 4096], ...agents.map((agent) => [`agent ${agent.id}`, agent.memoryBytes] as const)];
  }

  async stop(): Promise<void> {
    await this.lab?.stop();
    await this.stopServer('SIGTERM');
    removeData(this.folder);
  }

  async stopServer(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#server;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((done) => {
      child.once('exit', () => done());
      child.kill(signal);
    });
  }
}

/** Takes a data folder away, and the cluster of root's embedded database, which lives elsewhere. */
export function removeData(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const cluster = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  rmSync(join('/var/lib/headroom', cluster), { recursive: true, force: true });
}

const SCALE: Record<string, number> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };

/** Resolves when the process has ended, with its standard output. */
export function output(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', fail);
    child.on('close', () => done(text));
  });
}

/** Resolves when the process has written something that matches. */
export function wrote(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((done, fail) => {
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      if (pattern.test(text)) done();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.on('exit', () => fail(new Error(`ended before it wrote ${pattern}: ${text}`)));
  });
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
