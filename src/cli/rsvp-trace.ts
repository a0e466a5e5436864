import type { Command } from 'commander';
import type { RsvpTraceItem, TracedRsvpMessage } from '../client/client.ts';
import { fromBase64 } from '../core/base/base64.ts';
import type { IpAddress } from '../core/base/ip.ts';
import { withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { write, type CliOutput } from './output.ts';
import { messageLine } from './rsvp-line.ts';
import { readMessage } from './rsvp-message.ts';
import { objectJson } from './rsvp-object-json.ts';
import { messageTree } from './rsvp-tree.ts';

interface TraceOptions extends ConnectionOptions {
  readonly verbose?: boolean;
}

/** `headroom rsvp trace AGENT` */
export function registerRsvpTrace(rsvp: Command, output: CliOutput = process): void {
  withConnection(rsvp.command('trace'))
    .description("an agent's RSVP messages as they come and go, a line each, until it is interrupted")
    .argument('<agent>', 'the name of its node')
    .option('--verbose', 'each message as a tree')
    .action(async (agent: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<TraceOptions>();
      await withClient(options, async (client) => {
        for await (const item of client.watchAgentRsvp(agent)) {
          if (!(await write(output, `${itemText(item, options)}\n`))) return;
        }
      });
    });
}

/** A line, with `verbose` a tree, with `json` an object. */
export function itemText(item: RsvpTraceItem, { json, verbose }: Pick<TraceOptions, 'json' | 'verbose'>): string {
  if (item.type === 'message') {
    if (json) return messageJson(item);
    return verbose ? treeText(item) : lineText(item);
  }
  if (json) return JSON.stringify(item);
  return item.type === 'leftOut'
    ? `-- ${item.count} messages left out`
    : `-- agent ${item.connected ? 'connected' : 'disconnected'}`;
}

const read = ({ bytes }: TracedRsvpMessage) => readMessage(fromBase64(bytes) ?? new Uint8Array());
/** Why it changed nothing, or did not go out. */
const fate = ({ dropped, problem }: TracedRsvpMessage): string[] => [
  ...(dropped.length > 0 ? [`DROPPED ${dropped.join(', ')}`] : []),
  ...(problem === null ? [] : [`NOT SENT ${problem}`]),
];
const clock = (time: string): string => time.slice(11, -1);

function lineText(message: TracedRsvpMessage): string {
  const { time, direction, interface: name } = message;
  const line = messageLine(message, read(message));
  return `${clock(time)} ${direction.padEnd(3)} ${name.padEnd(6)} ${[line, ...fate(message)].join('; ')}`;
}

function treeText(message: TracedRsvpMessage): string {
  const { time, direction, interface: name, bytes } = message;
  const tree = messageTree(`${time} ${direction} ${name}`, {
    ...read(message),
    source: message.source as IpAddress,
    destination: message.destination as IpAddress,
    ttl: message.ttl,
    routerAlert: message.routerAlert,
    encapsulation: 'ip',
    lengthBytes: fromBase64(bytes)?.length ?? 0,
  });
  return `${[tree, ...fate(message)].join('\n')}\n`;
}

function messageJson(message: TracedRsvpMessage): string {
  const { type: _, messageType, bytes, ...around } = { type: '', ...message };
  const { objects, messages, error, checksumValid, sendTtl } = read(message);
  return JSON.stringify({
    type: messageType,
    ...around,
    sendTtl,
    checksumValid,
    objects: objects.map(objectJson),
    ...(messages ? { messages: messages.map((inner) => ({ ...inner, objects: inner.objects.map(objectJson) })) } : {}),
    ...(error ? { error } : {}),
    bytes,
  });
}
