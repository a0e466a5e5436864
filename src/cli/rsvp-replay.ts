import { createHash, createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { createEngine } from '../core/rsvp/engine/engine.ts';
import type { DigestFunction } from '../core/rsvp/wire/integrity.ts';
import { toJson } from '../core/rsvp/recording/plain-text.ts';
import { Replay, ReplayError, type ReplayStep } from '../core/rsvp/recording/replay.ts';
import { RefusalError, UsageError } from './errors.ts';
import { readMessage } from './rsvp-message.ts';
import { write, type CliOutput } from './output.ts';
import { messageTree } from './rsvp-tree.ts';

/** What an agent signs and verifies messages with. */
const hmac: DigestFunction = (algorithm, key, bytes) =>
  new Uint8Array(createHmac(algorithm.slice('hmac-'.length), key).update(bytes).digest());

/** Adds `rsvp replay FILE`. */
export function registerRsvpReplay(rsvp: Command, output: CliOutput = process): void {
  rsvp
    .command('replay')
    .argument('<file>', 'what "headroom agent --record FILE" wrote')
    .description("play a recording of an agent's inputs again, and compare every output with the recorded one")
    .option('--print', 'show each input and what came of it, messages as trees')
    .option('--json', 'print JSON: the result, and with --print an object a step before it')
    .action(async (file: string, _: unknown, command: Command) => {
      await replayFile(file, command.optsWithGlobals<ReplayOptions>(), output);
    });
}

export interface ReplayOptions {
  readonly print?: boolean;
  readonly json?: boolean;
}

/**
 * @throws UsageError when the file cannot be read or is no recording, RefusalError where it was altered or this engine
 * gives other outputs.
 */
export async function replayFile(file: string, options: ReplayOptions, output: CliOutput): Promise<void> {
  const replay = new Replay({ createEngine: (settings) => createEngine(settings, hmac), digest });
  let first: number | null = null;
  let last = 0;
  let cut = false;
  try {
    for await (const { text, whole } of linesOf(file)) {
      // What a killed agent was writing.
      if (!whole && replay.header !== null) {
        cut = true;
        break;
      }
      const step = replay.line(text);
      if (step === null) continue;
      first ??= step.at;
      last = step.at;
      const shown = options.print ? (options.json ? stepJson(step) : stepText(step, step.at - first)) : null;
      if (shown !== null && !(await write(output, shown))) return;
    }
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    const where = `${file}:${error.line}: ${error.message}`;
    throw error.fault === 'form' ? new UsageError(where) : new RefusalError(where, error.details);
  }
  const { header } = replay;
  if (header === null) throw new UsageError(`${file}: this is no recording of an RSVP engine`);
  const seconds = (last - (first ?? 0)) / 1_000;
  if (options.json) {
    const { node, program, startedAt } = header;
    const result = { node, program, startedAt, inputs: replay.inputs, seconds, identical: true, end: replay.end };
    await write(output, `${JSON.stringify(result)}\n`);
  } else {
    await write(
      output,
      `${header.node}, recorded from ${header.startedAt} by ${header.program}: ${replay.inputs} inputs in ` +
        `${seconds.toFixed(3)} s, every output as it was recorded\n`,
    );
  }
  if (replay.end === null) {
    const why = cut ? 'the last line is cut off' : 'it has no end';
    output.stderr.write(`${file}: ${why}: the agent was killed, or writes it still\n`);
  } else if (replay.end !== 'stopped') output.stderr.write(`${file}: the recording ended early: ${replay.end}\n`);
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

const stepJson = ({ n, at, input, outputs }: ReplayStep): string =>
  `${JSON.stringify({ n, at, input: toJson(input), outputs: toJson(outputs) })}\n`;

function stepText({ n, input, outputs }: ReplayStep, sinceFirst: number): string {
  const title = `#${n}  +${(sinceFirst / 1_000).toFixed(3)}`;
  const { type, ...rest } = input;
  const lines =
    input.type === 'packet'
      ? [messageTree(`${title}  in ${input.interface}`, packetMessage(input, false))]
      : [`${title}  ${type}${Object.keys(rest).length > 0 ? ` ${JSON.stringify(toJson(rest))}` : ''}`];
  for (const output of outputs) {
    if (output.type === 'send') {
      const tree = messageTree(`out ${output.interface}`, packetMessage(output, output.routerAlert));
      lines.push(tree.replaceAll(/^/gm, '  '));
    } else {
      const { type: kind, ...what } = output;
      lines.push(`  ${kind} ${JSON.stringify(toJson(what))}`);
    }
  }
  return `${lines.join('\n')}\n\n`;
}

function packetMessage<P extends { readonly bytes: Uint8Array }>(packet: P, routerAlert: boolean) {
  return {
    ...packet,
    ...readMessage(packet.bytes),
    routerAlert,
    encapsulation: 'ip' as const,
    lengthBytes: packet.bytes.length,
  };
}

/** The lines of a file; `whole` is false for a last one without a line break. */
async function* linesOf(file: string): AsyncGenerator<{ readonly text: string; readonly whole: boolean }> {
  let pending = '';
  try {
    for await (const chunk of createReadStream(file, 'utf8')) {
      const lines = (pending + (chunk as string)).split('\n');
      pending = lines.pop() ?? '';
      for (const text of lines) yield { text, whole: true };
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new UsageError(`${file}: cannot be read: ${(cause as Error).message}`);
  }
  if (pending !== '') yield { text: pending, whole: false };
}
