import { extname } from 'node:path';
import type { Command } from 'commander';
import { ProblemError, type HeadroomClient, type Link, type Node } from '../client/client.ts';
import { parsePrefix, type IpPrefix } from '../core/base/ip.ts';
import { ok } from '../core/base/result.ts';
import { checkTopology } from '../core/network/check.ts';
import { IMPORT_FORMATS, importTopology, isXmlText, type ImportFormat } from '../core/network/import.ts';
import { syntaxProblemText } from '../formats/syntax-problem.ts';
import { parseXml } from '../formats/xml.ts';
import { parseYaml } from '../formats/yaml.ts';
import { print, withClient, withConnection, type ConnectionOptions } from './connection.ts';
import { RefusalError, UsageError } from './errors.ts';
import { noteLine } from './note-line.ts';
import { formatRate, parseRate } from './rate.ts';
import { documentLine } from './refusal-lines.ts';
import { table } from './table.ts';
import { readTextFile } from './text-file.ts';

interface FileOptions extends ConnectionOptions {
  readonly format?: string;
  readonly defaultCapacity?: string;
  readonly addressPool?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

const withFile = (command: Command): Command =>
  withConnection(command)
    .option('--format <format>', 'headroom (YAML, JSON), graphml or sndlib (default: by what the file looks like)')
    .option('--default-capacity <rate>', 'of links whose speed the file does not tell')
    .option('--address-pool <prefix>', 'where nodes without an address get one from');

/** `headroom topology show|import|check`, `headroom node list|show`, `headroom link list|show` */
export function registerTopology(program: Command): void {
  const topology = program.command('topology').description('the stored network');
  withConnection(topology.command('show')).action(async (options: ConnectionOptions) => {
    const stored = await withClient(options, (client) => client.getTopology());
    print(options, stored.topology, ({ nodes, links }) => [
      ...table(
        ['NODE', 'AGENT', 'STATE', 'ADDRESSES'],
        nodes.map((n) => [n.name, n.agent, n.adminState, n.interfaces.flatMap((i) => i.addresses).join(' ')]),
      ),
      '',
      ...table(
        ['LINK', 'TO', 'CAPACITY', 'SHARE', 'COST', 'STATE'],
        links.map((l) => [
          l.id,
          l.to.node,
          capacity(l.capacityBitsPerSecond),
          String(l.reservableShare),
          String(l.cost),
          l.adminState,
        ]),
      ),
    ]);
  });
  withFile(topology.command('import'))
    .description('replace the stored network by what a file says')
    .argument('<file>')
    .option('--force', 'also where links with live bookings go')
    .option('--dry-run', 'say what would change, change nothing')
    .action(async (file: string, options: FileOptions) => {
      const text = readTextFile(file);
      const format = formatOf(file, text, options);
      const outcome = await withClient(options, async (client) =>
        client.importTopology(
          text,
          {
            format,
            force: options.force ?? false,
            validateOnly: options.dryRun ?? false,
            ...(options.defaultCapacity === undefined
              ? {}
              : { defaultCapacityBitsPerSecond: parseRate('--default-capacity', options.defaultCapacity) }),
            ...(options.addressPool === undefined ? {} : { addressPool: options.addressPool }),
          },
          await currentEtag(client),
        ),
      );
      print(options, outcome, ({ changes, notes }) => [
        ...Object.entries(changes).map(([what, names]) => `${what}: ${names.length}`),
        ...notes.map((note) => noteLine(note.kind, note)),
      ]);
    });
  withFile(topology.command('check'))
    .description('list inconsistencies of the stored network, or of a file without storing it')
    .argument('[file]')
    .action(async (file: string | undefined, options: FileOptions) => {
      const findings = file === undefined ? await storedFindings(options) : fileFindings(file, options);
      print(options, findings, (all) =>
        all.length === 0 ? ['nothing inconsistent'] : all.map((finding) => noteLine(finding.severity, finding)),
      );
      const errors = findings.filter((f) => f.severity === 'error').length;
      if (errors > 0) throw new RefusalError(`${errors} errors`);
    });
  registerNodes(program);
  registerLinks(program);
}

function registerNodes(program: Command): void {
  const node = program.command('node').description('hosts and routers');
  withConnection(node.command('list')).action(async (options: ConnectionOptions) => {
    print(options, await withClient(options, (client) => client.listNodes()), (nodes) =>
      table(
        ['NODE', 'AGENT', 'AGENT STATE', 'STATE', 'ADDRESSES'],
        nodes.map((n) => [
          n.name,
          n.agent,
          n.agentState ?? '-',
          n.adminState,
          n.interfaces.flatMap((i) => i.addresses).join(' '),
        ]),
      ),
    );
  });
  withConnection(node.command('show'))
    .argument('<name>')
    .action(async (name: string, options: ConnectionOptions) => {
      print(options, await withClient(options, (client) => client.getNode(name)), (n: Node) => [
        `${n.name}  ${n.adminState}, agent ${n.agent}${n.agentState ? ` (${n.agentState})` : ''}`,
        ...n.interfaces.map((i) => `  ${i.name}  ${i.addresses.join(' ')}  mtu ${i.mtuBytes}`),
      ]);
    });
}

interface TimeOptions extends ConnectionOptions {
  readonly at?: string;
  readonly from?: string;
  readonly to?: string;
}

const withTimes = (command: Command): Command =>
  withConnection(command)
    .option('--at <time>', 'what is booked then (default: now)')
    .option('--from <time>', 'the most that is booked from then on')
    .option('--to <time>', 'up to then (default: for ever)');

const timesOf = ({ at, from, to }: TimeOptions) => ({
  ...(at === undefined ? {} : { at }),
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
});

function registerLinks(program: Command): void {
  const link = program.command('link').description('directed links');
  withTimes(link.command('list')).action(async (options: TimeOptions) => {
    print(options, await withClient(options, (client) => client.listLinks(timesOf(options))), (links) =>
      table(
        ['LINK', 'TO', 'CAPACITY', 'RESERVABLE', 'BOOKED', 'STATE'],
        links.map((l) => [
          l.id,
          l.to.node,
          capacity(l.capacityBitsPerSecond),
          formatRate(l.reservableBitsPerSecond),
          formatRate(l.bookedBitsPerSecond),
          l.adminState,
        ]),
      ),
    );
  });
  withTimes(link.command('show'))
    .argument('<id>')
    .action(async (id: string, options: TimeOptions) => {
      print(options, await withClient(options, (client) => client.getLink(id, timesOf(options))), (l: Link) => [
        `${l.id}  to ${l.to.node}:${l.to.interface}  ${l.adminState}`,
        `  capacity    ${capacity(l.capacityBitsPerSecond)}, share ${l.reservableShare}`,
        `  reservable  ${formatRate(l.reservableBitsPerSecond)}`,
        `  booked      ${formatRate(l.bookedBitsPerSecond)}`,
        `  cost ${l.cost}, delay ${l.delayMicros} µs, mtu ${l.mtuBytes}, overhead ${l.overheadBytes} bytes`,
        ...(l.calendar ?? []).map(
          ({ start, bookedBitsPerSecond: booked, availableBitsPerSecond: available }) =>
            `  ${start}  booked ${formatRate(booked)}, free ${formatRate(available)}`,
        ),
      ]);
    });
}

const capacity = (bitsPerSecond: number | null): string =>
  bitsPerSecond === null ? 'unknown' : formatRate(bitsPerSecond);

/** Empty where nothing is stored yet, which needs no condition. */
async function currentEtag(client: HeadroomClient): Promise<{ ifMatch?: string }> {
  try {
    return { ifMatch: (await client.getTopology()).etag };
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return {};
    throw error;
  }
}

type Findings = ReturnType<typeof checkTopology>;

async function storedFindings(options: FileOptions): Promise<Findings> {
  const { topology, agents } = await withClient(options, async (client) => ({
    topology: (await client.getTopology()).topology,
    agents: await client.listAgents(),
  }));
  const parsed = importTopology('headroom', topology, {});
  if (!parsed.ok) throw new RefusalError('the stored topology does not parse', parsed.error.map(documentLine));
  const onHosts = agents.flatMap(({ id, findings }) =>
    findings.map(({ severity, object, detail, mend }) => ({
      severity,
      where: id,
      what: `${object}: ${detail}; to mend it: ${mend}`,
    })),
  );
  return [...checkTopology(parsed.value.topology), ...onHosts];
}

function fileFindings(file: string, options: FileOptions): Findings {
  const text = readTextFile(file);
  const format = formatOf(file, text, options);
  const document = documentOf(text, format);
  if (!document.ok) throw new UsageError(`${file}: ${syntaxProblemText(document.error)}`);
  const imported = importTopology(format, document.value, {
    ...(options.defaultCapacity === undefined
      ? {}
      : { defaultCapacityBitsPerSecond: parseRate('--default-capacity', options.defaultCapacity) }),
    ...(options.addressPool === undefined ? {} : { addressPool: pool(options.addressPool) }),
  });
  if (!imported.ok) {
    throw new UsageError([`${file}:`, ...imported.error.map((p) => `  ${documentLine(p)}`)].join('\n'));
  }
  const notes = imported.value.report.notes.map((note) => ({
    severity: 'note' as const,
    where: note.where,
    what: note.what,
  }));
  return [...notes, ...checkTopology(imported.value.topology)];
}

function pool(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if (!prefix.ok) throw new UsageError(`--address-pool: ${prefix.error}`);
  return prefix.value;
}

function documentOf(text: string, format: ImportFormat): ReturnType<typeof parseXml | typeof parseYaml> {
  if (isXmlText(format, text)) return parseXml(text);
  return format === 'sndlib' ? ok(text) : parseYaml(text);
}

function formatOf(file: string, text: string, options: FileOptions): ImportFormat {
  const { format } = options;
  if (format === undefined) {
    if (/^(\ufeff?\?SNDlib|[^]{0,1000}<network[\s>])/.test(text)) return 'sndlib';
    return ['.graphml', '.xml'].includes(extname(file).toLowerCase()) ? 'graphml' : 'headroom';
  }
  const known = IMPORT_FORMATS.find((each) => each === format);
  if (known) return known;
  throw new UsageError(`--format: "${format}" is none of ${IMPORT_FORMATS.join(', ')}`);
}
