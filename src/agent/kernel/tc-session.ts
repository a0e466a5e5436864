import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

/** What became of one command: null when tc accepted it, else what it said. */
export type TcOutcome = string | null;

interface Waiting {
  readonly end: number;
  readonly resolve: (output: string) => void;
  output: string;
}

/** A word that is no tc object: tc answers it with an error that carries the number of its line, without asking the kernel. */
const SYNC = 'end-of-batch';
const SYNC_ANSWER = `Object "${SYNC}" is unknown, try "tc help".\n`;
const FLAGS = { details: ['-d'], raw: ['-d', '-raw'], counters: ['-s'] } as const;

/** Notifications of what a process has done come after its end, but not long after. */
const REMEMBERED_PIDS = 64;

/**
 * `tc -force -batch -` kept open on a pipe: starting tc for every command would cost milliseconds.
 * tc leaves when an argument does not parse; the next command then starts it again.
 */
export class TcSession {
  readonly #flags: readonly string[];
  #child: ChildProcessWithoutNullStreams | null = null;
  #lines = 0;
  #buffer = '';
  readonly #waiting: Waiting[] = [];
  #closed = false;
  /** Process numbers, the last ones. */
  readonly #pids: number[] = [];

  /**
   * @param shows what `show` prints besides the usual: details; with `raw` also the limit of a TBF; or counters, which make long
   * answers three times as long.
   */
  constructor(shows: 'details' | 'raw' | 'counters' = 'details') {
    this.#flags = FLAGS[shows];
  }

  /** Runs the commands in order; one that fails does not stop those after it. One outcome a line. */
  async run(lines: readonly string[]): Promise<TcOutcome[]> {
    if (lines.length === 0) return [];
    const { first, text, ended } = await this.#send(lines);
    const outcomes: TcOutcome[] = lines.map(() => null);
    let last = -1;
    let said = '';
    for (const line of text.split('\n')) {
      const failed = /^Command failed -:(\d+)$/.exec(line);
      if (!failed) {
        if (line !== '') said += (said && ' ') + line;
        continue;
      }
      last = Number(failed[1]) - first;
      if (last >= 0 && last < outcomes.length) outcomes[last] = said || 'tc refused the command';
      said = '';
    }
    if (ended) {
      // Which of the commands after the last known failure were carried out is unknown: each of them counts as failed.
      for (let i = last + 1; i < outcomes.length; i++) outcomes[i] = `tc ended early: ${said || ended}`;
    }
    return outcomes;
  }

  /** Output of a `show` command. @throws Error with what tc said when it failed. */
  async query(line: string): Promise<string> {
    const { text, ended } = await this.#send([line]);
    const failed = /^Command failed -:\d+$/m.test(text);
    if (failed || ended) throw new Error(text.replace(/^Command failed -:\d+\n/m, '').trim() || ended || 'tc failed');
    return text;
  }

  /** Lets the next command start tc anew: it remembers the number of every interface name that it has seen, also of a former one. */
  renew(): void {
    this.#child?.stdin.end();
    this.#child = null;
  }

  /** Ports of the netlink sockets by which it changes the kernel: a process's first one has its number (netlink(7)). */
  ports(): readonly number[] {
    return this.#pids;
  }

  close(): void {
    this.#closed = true;
    this.renew();
  }

  async #send(lines: readonly string[]): Promise<{ first: number; text: string; ended: string | null }> {
    if (this.#closed) throw new Error('the tc session is closed');
    const child = this.#child ?? this.#start();
    const first = this.#lines + 1;
    this.#lines += lines.length + 1;
    const end = this.#lines;
    const text = await new Promise<string>((resolve) => {
      this.#waiting.push({ end, resolve, output: '' });
      child.stdin.write(`${lines.join('\n')}\n${SYNC}\n`);
    });
    const mark = `${SYNC_ANSWER}Command failed -:${end}\n`;
    if (text.endsWith(mark)) return { first, text: text.slice(0, -mark.length), ended: null };
    return { first, text, ended: 'without a word' };
  }

  #start(): ChildProcessWithoutNullStreams {
    // One pipe for both outputs keeps errors and answers in order.
    const child = spawn('sh', ['-c', 'exec tc "$@" -force -batch - 2>&1', 'tc', ...this.#flags], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    this.#child = child;
    if (child.pid !== undefined) this.#pids.push(child.pid);
    if (this.#pids.length > REMEMBERED_PIDS) this.#pids.shift();
    this.#lines = 0;
    this.#buffer = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      if (this.#child === child) this.#receive(chunk);
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      this.#ended(child, error.message);
    });
    child.on('close', () => {
      this.#ended(child, '');
    });
    return child;
  }

  #receive(chunk: string): void {
    this.#buffer += chunk;
    for (;;) {
      const next = this.#waiting[0];
      if (!next) return;
      const mark = `Command failed -:${next.end}\n`;
      // The mark stands at the start of a line and at most a chunk back from the new text.
      const from = Math.max(0, this.#buffer.length - chunk.length - mark.length);
      const at = this.#buffer.indexOf(mark, from);
      if (at < 0) return;
      const text = this.#buffer.slice(0, at + mark.length);
      chunk = this.#buffer = this.#buffer.slice(at + mark.length);
      this.#waiting.shift();
      next.resolve(text);
    }
  }

  #ended(child: ChildProcessWithoutNullStreams, message: string): void {
    if (this.#child !== child && this.#child !== null) return;
    this.#child = null;
    const text = this.#buffer + message;
    this.#buffer = '';
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(text);
  }
}
