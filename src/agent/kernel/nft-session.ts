import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { NETLINK_NETFILTER } from '../netlink/socket.ts';
import { ownNetlinkPorts } from './own-ports.ts';

/** One way to speak with nftables. Each `run` is one transaction: all of it or nothing. */
export interface NftSession {
  readonly kind: 'library' | 'program';
  /** Null when the kernel accepted the transaction, else what nft said. */
  run(commands: string): Promise<string | null>;
  /** JSON of a table with numeric values, or null when there is no such table. @throws Error when it cannot be read. */
  list(table: string): Promise<string | null>;
  /** JSON of the names of all tables. @throws Error when they cannot be read. */
  tables(): Promise<string>;
  /** Ports of the netlink sockets by which it changes the kernel, of late. */
  ports(): readonly number[];
  close(): void;
}

/** Notifications of what a process has done come after its end, but not long after. */
const REMEMBERED_PIDS = 64;
const MISSING = /No such file or directory|does not exist/;
/** From libnftables.h: JSON (16) and all four numeric output flags (128 … 1024). */
const JSON_OUTPUT = 16 | 128 | 256 | 512 | 1024;

/** libnftables in this process where it can be had, else the program `nft`; null when there is neither. */
export async function openNft(prefer: 'library' | 'program' = 'library'): Promise<NftSession | null> {
  if (prefer === 'library') {
    try {
      return openLibrary();
    } catch {
      // No koffi or no libnftables.so.1 on this machine: the program does the same, slower.
    }
  }
  const version = await program(['-v'], '').catch(() => null);
  return version?.status === 0 ? new NftProgram() : null;
}

interface Koffi {
  load(path: string): { func(definition: string): (...args: unknown[]) => unknown };
}

function openLibrary(): NftSession {
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const library = koffi.load('libnftables.so.1');
  const context = library.func('void *nft_ctx_new(uint32_t flags)')(0);
  if (context === null) throw new Error('nft_ctx_new failed');
  const run = library.func('int nft_run_cmd_from_buffer(void *ctx, const char *buf)');
  const output = library.func('const char *nft_ctx_get_output_buffer(void *ctx)');
  const errors = library.func('const char *nft_ctx_get_error_buffer(void *ctx)');
  const setFlags = library.func('void nft_ctx_output_set_flags(void *ctx, unsigned int flags)');
  const free = library.func('void nft_ctx_free(void *ctx)');
  library.func('int nft_ctx_buffer_output(void *ctx)')(context);
  library.func('int nft_ctx_buffer_error(void *ctx)')(context);
  const execute = (commands: string): { status: number; output: string; error: string } => {
    const status = run(context, commands) as number;
    return { status, output: output(context) as string, error: errors(context) as string };
  };
  return {
    kind: 'library',
    run: (commands) => {
      setFlags(context, 0);
      const { status, error } = execute(commands);
      return Promise.resolve(status === 0 ? null : firstLine(error));
    },
    list: (table) => {
      setFlags(context, JSON_OUTPUT);
      const { status, output: text, error } = execute(`list table ${table}`);
      if (status === 0) return Promise.resolve(text);
      return MISSING.test(error) ? Promise.resolve(null) : Promise.reject(new Error(firstLine(error)));
    },
    tables: () => {
      setFlags(context, JSON_OUTPUT);
      const { status, output: text, error } = execute('list tables');
      return status === 0 ? Promise.resolve(text) : Promise.reject(new Error(firstLine(error)));
    },
    ports: () => ownNetlinkPorts(NETLINK_NETFILTER),
    close: () => {
      free(context);
    },
  };
}

class NftProgram implements NftSession {
  readonly kind = 'program';
  readonly #pids: number[] = [];

  async run(commands: string): Promise<string | null> {
    const started = (pid: number): void => {
      this.#pids.push(pid);
      if (this.#pids.length > REMEMBERED_PIDS) this.#pids.shift();
    };
    const { status, error } = await program(['-f', '-'], commands, started);
    return status === 0 ? null : firstLine(error);
  }

  async list(table: string): Promise<string | null> {
    const { status, output, error } = await program(['-n', '-j', 'list', 'table', ...table.split(' ')], '');
    if (status === 0) return output;
    if (MISSING.test(error)) return null;
    throw new Error(firstLine(error));
  }

  async tables(): Promise<string> {
    const { status, output, error } = await program(['-n', '-j', 'list', 'tables'], '');
    if (status === 0) return output;
    throw new Error(firstLine(error));
  }

  /** A process's first netlink socket has its number (netlink(7)). */
  ports(): readonly number[] {
    return this.#pids;
  }

  close(): void {
    // Nothing is kept open between calls.
  }
}

function program(
  args: readonly string[],
  input: string,
  started?: (pid: number) => void,
): Promise<{ status: number; output: string; error: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('nft', args, { env: { ...process.env, LC_ALL: 'C' } });
    if (child.pid !== undefined) started?.(child.pid);
    let output = '';
    let error = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (error += chunk));
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ status: status ?? 1, output, error });
    });
    child.stdin.end(input);
  });
}

const firstLine = (text: string): string => text.trim().split('\n')[0]?.trim() || 'nft refused the transaction';
