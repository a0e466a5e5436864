import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { DEFAULT_STEERING } from '../../core/shaping/steering.ts';
import { probeFeatures } from '../kernel/features.ts';
import { openNft } from '../kernel/nft-session.ts';
import { judgeFilters } from './filters.ts';
import { fine, named, warning, wrong, type Finding } from './finding.ts';

/** linux/capability.h */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;
const OUR_ROOT = 'htb fff0:';

/** Looks at this host as an agent would find it, and changes nothing. @param mask of our marks */
export async function examineHost(mask = DEFAULT_STEERING.mask): Promise<readonly Finding[]> {
  const parts = await Promise.all([rights(), kernel(), filters(mask), qdiscs(), offloads(), routing()]);
  return parts.flat();
}

async function rights(): Promise<readonly Finding[]> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const missing = [
    ...((effective >> CAP_NET_ADMIN) & 1n ? [] : ['CAP_NET_ADMIN']),
    ...((effective >> CAP_NET_RAW) & 1n ? [] : ['CAP_NET_RAW']),
  ];
  if (missing.length === 0) return [fine('rights', 'raw sockets and traffic control are allowed')];
  return [
    wrong('rights', `${missing.join(' and ')} is missing`, 'run the agent as root, or give it these capabilities'),
  ];
}

async function kernel(): Promise<readonly Finding[]> {
  const nft = await openNft('program');
  const features = await probeFeatures(nft);
  nft?.close();
  if (features.missing.length === 0) return [fine('kernel', 'classes, classifier and steering are there')];
  return features.missing.map((what) => wrong('kernel', what, 'install the package, or a kernel that has the module'));
}

async function filters(mask: number): Promise<readonly Finding[]> {
  const [ruleset, rules] = await Promise.all([json('nft', '-j', 'list', 'ruleset'), json('ip', '-j', 'rule')]);
  if (ruleset.problem !== null) {
    return [
      warning('firewall', `the packet filter cannot be read: ${ruleset.problem}`, 'run as root, with nft installed'),
    ];
  }
  return judgeFilters(ruleset.value, rules.value, mask);
}

/** Root qdiscs that somebody has set: shaping leaves them alone, and enforces nothing there. */
async function qdiscs(): Promise<readonly Finding[]> {
  const { said, problem } = await run('tc', 'qdisc', 'show');
  if (problem !== null) return [wrong('qdiscs', `tc does not answer: ${problem}`, 'install iproute2')];
  const foreign = said
    .split('\n')
    .filter((line) => / root /.test(line) && !/^qdisc \S+ 0: /.test(line) && !line.startsWith(`qdisc ${OUR_ROOT}`))
    .map((line) => /^qdisc (\S+) \S+ dev (\S+)/.exec(line))
    .flatMap((match) => (match === null ? [] : [`${match[2]} (${match[1]})`]));
  if (foreign.length === 0) return [fine('qdiscs', 'no interface has a root qdisc of somebody else')];
  const what = `root qdiscs of somebody else: ${named(foreign)}`;
  return [warning('qdiscs', what, 'where flows are to be reserved: tc qdisc del dev INTERFACE root')];
}

/** A router that glues packets together for good (LRO) breaks forwarding; TSO and GSO are no harm. */
async function offloads(): Promise<readonly Finding[]> {
  const names = await readdir('/sys/class/net').catch(() => [] as string[]);
  const glued: string[] = [];
  for (const name of names) {
    const { said, problem } = await run('ethtool', '-k', name);
    if (problem !== null) return [warning('offloads', `offloads cannot be read: ${problem}`, 'install ethtool')];
    if (/^large-receive-offload: on/m.test(said)) glued.push(name);
  }
  if (glued.length === 0) return [fine('offloads', 'no interface glues packets together for good')];
  const what = `large-receive-offload is on: ${named(glued)}`;
  return [warning('offloads', what, 'where this host forwards: ethtool -K INTERFACE lro off')];
}

async function routing(): Promise<readonly Finding[]> {
  const [routes, strict] = await Promise.all([json('ip', '-j', 'route'), strictInterfaces()]);
  const several = Array.isArray(routes.value)
    ? (routes.value as { dst?: unknown; nexthops?: unknown }[]).filter(({ nexthops }) => Array.isArray(nexthops))
    : [];
  const found: Finding[] = [];
  if (several.length > 0) {
    const what = `routes with several next hops: ${named(several.map(({ dst }) => String(dst)))}`;
    const mend =
      'reserved flows are pinned to one of them; where they cannot be, use one next hop, or different metrics';
    found.push(warning('routing', what, mend));
  }
  if (strict.length > 0) {
    const what = `reverse-path filtering is strict on ${named(strict)}`;
    found.push(warning('routing', what, 'for flows off their routed way: sysctl net.ipv4.conf.INTERFACE.rp_filter=2'));
  }
  return found.length > 0
    ? found
    : [fine('routing', 'every route has one next hop, no filtering by reverse path is strict')];
}

async function strictInterfaces(): Promise<readonly string[]> {
  const folder = '/proc/sys/net/ipv4/conf';
  const mode = async (name: string): Promise<number> =>
    Number(await readFile(`${folder}/${name}/rp_filter`, 'utf8').catch(() => 0));
  const all = await mode('all');
  const names = (await readdir(folder).catch(() => [] as string[])).filter(
    (name) => !['all', 'default', 'lo'].includes(name),
  );
  const modes = await Promise.all(names.map(mode));
  return names.filter((_, i) => Math.max(all, modes[i]!) === 1);
}

interface Said {
  readonly said: string;
  /** Why there is no answer. */
  readonly problem: string | null;
}

function run(program: string, ...args: readonly string[]): Promise<Said> {
  const options = { timeout: 10_000, maxBuffer: 256 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } };
  return new Promise((resolve) => {
    execFile(program, [...args], options, (error, said, complaint) => {
      const isMissing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
      const why = isMissing ? `${program} is not installed` : (complaint.trim().split('\n')[0] ?? '');
      resolve({ said, problem: error === null ? null : why || error.message });
    });
  });
}

async function json(program: string, ...args: readonly string[]): Promise<{ value: unknown; problem: string | null }> {
  const { said, problem } = await run(program, ...args);
  if (problem !== null) return { value: null, problem };
  try {
    return { value: said.trim() === '' ? null : JSON.parse(said), problem: null };
  } catch {
    return { value: null, problem: `${program} prints something else than JSON` };
  }
}
