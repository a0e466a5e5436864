/**
 * What an agent takes: how long its kernel part installs 1,000 and 10,000 reservations on one interface and one more beside them;
 * how many packets of 64 bytes a second get through a class beside ten and beside ten thousand others, as a ratio of both; and the
 * memory and the share of a core of a router's agent that is idle with 0 and COUNT reservations. The reference of the
 * second is the same agent without any. Usage: npm run bench:agent [-- COUNT [IDLE_SECONDS]], default 1000 and 10; as root with
 * iproute2, nftables and iperf3, after npm run build.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { BitsPerSecond, Bytes } from '../src/core/base/units.ts';
import { ip } from '../test/support/network.ts';
import { Headroom } from '../test/e2e/headroom.ts';
import { flow, iface, KernelProcess, Namespaces } from '../test/agent/kernel/namespace.ts';

const count = Number(process.argv[2] ?? 1000);
const idleSeconds = Number(process.argv[3] ?? 10);
const TICKS_PER_SECOND = 100;

await installs();
await idle();

async function installs(): Promise<void> {
  const namespaces = new Namespaces();
  const [here, there] = [namespaces.add('b'), namespaces.add('c')];
  namespaces.cable(here, 'eth1', '10.2.0.1/24', there, 'eth0', '10.2.0.2/24');
  const { kernel } = await KernelProcess.start(here);
  try {
    await kernel.call('reconcile', { interfaces: [], flows: [] });
    await kernel.call('setInterfaces', [iface('eth1', 10_000_000_000)]);
    // One whose packets are counted; its rate is more than they can come to.
    const counted = flow(16, 2_000_000_000, {
      filters: [{ protocol: 17, source: null, sourcePort: null, destination: ip('10.2.0.2'), destinationPort: 5201 }],
      burstBytes: Bytes(1_000_000),
      rateBitsPerSecond: BitsPerSecond(2_000_000_000),
    });
    await kernel.call('installEach', [counted]);
    let next = 17;
    const flows = (n: number) => Array.from({ length: n }, () => flow(next++, 100_000));
    const timed = async (n: number): Promise<number> => {
      const start = performance.now();
      const results = await kernel.call('installEach', flows(n));
      if (!results.every(({ ok }) => ok)) throw new Error('an installation failed');
      return performance.now() - start;
    };
    const oneMore = async (): Promise<string> => {
      const times = [...(await kernel.call('installTimed', flows(50)))].sort((a, b) => a - b);
      return `p50 ${times[25]!.toFixed(1)} ms, p95 ${times[47]!.toFixed(1)} ms`;
    };
    await timed(10);
    const besideTen = await packetsPerSecond(here, there);
    const thousand = await timed(1000);
    console.log(`1,000 installed in ${thousand.toFixed(0)} ms; one more: ${await oneMore()}`);
    const tenThousand = thousand + (await timed(8940));
    const ratio = (tenThousand / thousand / 10).toFixed(1);
    console.log(`10,000 in ${tenThousand.toFixed(0)} ms (each ${ratio} times 1,000); one more: ${await oneMore()}`);
    const besideAll = await packetsPerSecond(here, there);
    const share = (besideAll / besideTen).toFixed(2);
    console.log(`64-byte packets: ${besideAll} a second beside 10,000 flows, ${besideTen} beside 10: ratio ${share}`);
  } finally {
    await kernel.kill();
    namespaces.clean();
  }
}

/** UDP as fast as one sender goes, as many as arrive: the best of three runs of a second. */
async function packetsPerSecond(here: string, there: string): Promise<number> {
  const inside = (ns: string, ...args: readonly string[]) => ['netns', 'exec', ns, 'iperf3', ...args];
  const server = spawn('ip', inside(there, '-s', '--forceflush'), { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    for await (const line of createInterface({ input: server.stdout })) if (line.includes('listening')) break;
    const runs = [1, 2, 3].map(() => {
      // 22 bytes of payload are 64 with the headers of UDP, IP and Ethernet.
      const args = ['-c', '10.2.0.2', '-u', '-b', '0', '-l', '22', '-t', '1', '-J'];
      const said = execFileSync('ip', inside(here, ...args), { encoding: 'utf8' });
      const { end } = JSON.parse(said) as { end: { sum: { packets: number; lost_packets: number; seconds: number } } };
      return Math.round((end.sum.packets - end.sum.lost_packets) / end.sum.seconds);
    });
    return Math.max(...runs);
  } finally {
    server.kill();
  }
}

async function idle(): Promise<void> {
  const headroom = new Headroom('kernel');
  await headroom.start();
  try {
    const pid = agentOf('r1');
    const none = await load(pid);
    console.log(`r1 with 0 reservations: ${none.mebibytes} MiB, ${none.share.toFixed(2)} % of a core`);
    for (let i = 0; i < count; i++) {
      const { status, body } = await headroom.book(10_000 + i, 5_000);
      if (status !== 201) throw new Error(JSON.stringify(body));
    }
    await headroom.until('all are active', 60_000, async () => {
      const held = (await headroom.call('GET', '/v1/reservations?state=establishing&pageSize=1')).body.items;
      return (held as unknown[]).length === 0;
    });
    const some = await load(pid);
    const more = `${(some.mebibytes / none.mebibytes).toFixed(2)} times the memory`;
    console.log(`r1 with ${count}: ${some.mebibytes} MiB, ${some.share.toFixed(2)} % of a core; ${more} of none`);
  } finally {
    await headroom.stop();
  }
}

/** Resident memory, and the share of one core over some seconds, kernel worker included. */
async function load(pid: number): Promise<{ readonly mebibytes: number; readonly share: number }> {
  const before = ticks(pid);
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  const share = ((ticks(pid) - before) / TICKS_PER_SECOND / idleSeconds) * 100;
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return { mebibytes: Math.round((pages * 4096) / 2 ** 20), share };
}

function ticks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Our own lab's: a grandchild of this process. */
function agentOf(node: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words.includes(node) && words.includes('agent') && descends(Number(pid))) return Number(pid);
    } catch {
      // Gone meanwhile.
    }
  }
  throw new Error(`no agent of ${node} runs`);
}

function descends(pid: number): boolean {
  for (let at = pid; at > 1;) {
    if (at === process.pid) return true;
    const text = readFileSync(`/proc/${at}/stat`, 'utf8');
    at = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  }
  return false;
}
