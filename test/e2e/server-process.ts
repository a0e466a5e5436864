import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, PROGRAM, removeData, type Answer } from './headroom.ts';

/** One `headroom server` on a database that is given (or its own embedded one), at addresses that survive a restart. */
export class ServerProcess {
  readonly url: string;
  readonly grpcTarget: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'hr-inv-'));
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | null = null;

  private constructor(httpPort: number, grpcPort: number, databaseUrl: string | null) {
    this.url = `http://127.0.0.1:${httpPort}`;
    this.grpcTarget = `127.0.0.1:${grpcPort}`;
    this.#environment = {
      ...process.env,
      HEADROOM_HTTP: `127.0.0.1:${httpPort}`,
      HEADROOM_GRPC: this.grpcTarget,
      HEADROOM_DATA_DIR: this.folder,
      HEADROOM_LOG: 'fatal',
      ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
    };
  }

  static async start(databaseUrl: string | null): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), await freePort(), databaseUrl);
    await server.restart();
    return server;
  }

  /** Starts it and waits until it is ready. */
  async restart(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, 'server'], {
      env: this.#environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#child = child;
    await until('the server is ready', 60_000, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      return fetch(`${this.url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((done) => {
      child.once('exit', () => done());
      child.kill(signal);
    });
  }

  /** Ends it and takes its folder away. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
    removeData(this.folder);
  }

  /** @throws TypeError when the connection was refused or lost. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  }
}

/** Asks again until it is so: what happens in another process has no event here. */
export async function until(what: string, timeoutMs: number, condition: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((next) => setTimeout(next, 10));
  }
}
