import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { readCapture } from '../formats/pcap.ts';
import { UsageError } from './errors.ts';
import type { CliOutput } from './output.ts';
import { rsvpRecords, type CaptureTally } from './rsvp-capture.ts';
import { recordJson, recordTree } from './rsvp-tree.ts';

/** Adds `rsvp decode FILE`. */
export function registerRsvpDecode(rsvp: Command, output: CliOutput = process): void {
  rsvp
    .command('decode')
    .argument('<file>', 'a pcap or pcapng file')
    .description('show the RSVP messages of a capture as a tree; damaged ones with a reason and an offset')
    .option('--json', 'one JSON object a message, one a line')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      await decodeCapture(file, json === true, output);
    });
}

/** @throws UsageError when the file cannot be read or is no capture. */
export async function decodeCapture(file: string, json: boolean, output: CliOutput): Promise<void> {
  const capture = readCapture(await read(file));
  if (!capture.ok) throw new UsageError(`${file}: not a capture: ${capture.error}`);
  const tally: CaptureTally = { frames: 0, unknownLinkTypes: new Map() };
  let records = 0;
  const lines = function* (): Generator<string> {
    for (const record of rsvpRecords(capture.value, tally)) {
      records++;
      yield json ? `${recordJson(record)}\n` : `${recordTree(record)}\n\n`;
    }
  };
  try {
    await pipeline(Readable.from(lines()), output.stdout, { end: false });
  } catch (cause) {
    // Whoever read the output has seen enough (`… | head`).
    if ((cause as NodeJS.ErrnoException).code === 'EPIPE') return;
    throw cause;
  }
  for (const [linkType, count] of tally.unknownLinkTypes) {
    output.stderr.write(`${file}: ${count} frames of link type ${linkType} were not looked into\n`);
  }
  if (records === 0) output.stderr.write(`${file}: no RSVP message in ${tally.frames} frames\n`);
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new UsageError(`${file}: cannot be read: ${(cause as Error).message}`);
  }
}
