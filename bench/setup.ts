/**
 * How long a reservation takes from POST to `active` over the default lab: 1,000 in sequence, each released before the next.
 * The reference in the same run is a POST with validateOnly, which decides and answers but commits, signals and installs
 * nothing. Usage: npm run bench:setup [-- COUNT]; as root with iproute2 and nftables, after npm run build.
 */
import { createInterface } from 'node:readline';
import { createClient, type HeadroomEvent } from '../src/client/client.ts';
import { Headroom } from '../test/e2e/headroom.ts';

interface Sample {
  total: number;
  commit: number;
  /** From the assignment's arrival at the receiver's host to PATH's. */
  path: number;
  /** From there to the install of the sender's host, the last: RESV hop by hop, each with its kernel. */
  resv: number;
  /** Push of the assignments and the last report: what the server waited beyond the agents' own time; ± 1 ms. */
  pushAndReport: number;
  /** From the last hop's report at the server to the event at the client: the second commit and the event's delivery. */
  change: number;
  preview: number;
}

/** `elapsedMs` by the agent's clock since its assignment came, `reportedAt` when the server had it, as `performance.now()`. */
interface HopNews {
  readonly elapsedMs: number;
  readonly reportedAt: number;
}

const count = Number(process.argv[2] ?? 1000);
const headroom = new Headroom('kernel', { log: 'warn,agents=debug', stderr: 'pipe' });
await headroom.start();
try {
  const samples = await measure();
  console.log(`${samples.length} reservations over host-a – r1 – r2 – host-b, milliseconds`);
  const phases: [keyof Sample, string][] = [
    ['total', 'POST to active'],
    ['commit', '  commit (POST to 201)'],
    ['path', '  PATH'],
    ['resv', '  RESV with kernel'],
    ['pushAndReport', '  push and report'],
    ['change', '  commit of active, event'],
    ['preview', 'reference: validateOnly'],
  ];
  for (const [phase, label] of phases) {
    const sorted = samples.map((sample) => sample[phase]).sort((a, b) => a - b);
    const at = (share: number): string =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
    console.log(
      `${label.padEnd(26)} p50 ${at(0.5).padStart(7)}  p95 ${at(0.95).padStart(7)}  max ${at(1).padStart(7)}`,
    );
  }
  const median = (phase: keyof Sample): number =>
    samples.map((s) => s[phase]).sort((a, b) => a - b)[samples.length >> 1]!;
  console.log(`ratio POST to active / validateOnly: ${(median('total') / median('preview')).toFixed(1)}`);
  for (const [name, bytes] of await headroom.memory())
    console.log(`memory ${name}: ${(bytes / 2 ** 20).toFixed(0)} MiB`);
} finally {
  await headroom.stop();
}

async function measure(): Promise<Sample[]> {
  const elapsed = followReports();
  const client = createClient({ baseUrl: headroom.url });
  const stop = new AbortController();
  const waiting = new Map<string, (event: HeadroomEvent) => void>();
  const opened = new Promise<void>((resolve) => {
    void (async () => {
      for await (const event of client.watchEvents({ signal: stop.signal, onOpen: resolve })) {
        waiting.get(`${event.reservationId} ${event.type}`)?.(event);
      }
    })();
  });
  await opened;
  const happens = (id: string, type: string): Promise<number> =>
    new Promise((resolve) => waiting.set(`${id} ${type}`, () => resolve(performance.now())));

  const samples: Sample[] = [];
  for (let i = 0; i < count; i++) {
    const port = 10_000 + (i % 50_000);
    const request = {
      flow: {
        protocol: 'udp' as const,
        source: { address: '10.1.0.2', port },
        destination: { address: '10.2.0.2', port },
      },
      qos: { serviceType: 'controlledLoad' as const, tokenRateBitsPerSecond: 10_000_000, minPolicedUnitBytes: 1200 },
    };
    const previewed = performance.now();
    await client.reserve(request, { validateOnly: true });
    const preview = performance.now() - previewed;

    const started = performance.now();
    const reservation = await client.reserve(request);
    const id = reservation.id!;
    const committed = performance.now();
    const activeAt = await Promise.race([happens(id, 'reservation.active'), alreadyActive(client, id)]);
    const [atReceiver, atSender] = await Promise.all([elapsed(id, 'host-b'), elapsed(id, 'host-a')]);
    const total = activeAt - started;
    const commit = committed - started;
    const path = atReceiver.elapsedMs;
    const resv = Math.max(0, atSender.elapsedMs - path);
    const change = activeAt - atSender.reportedAt;
    samples.push({ total, commit, path, resv, preview, change, pushAndReport: total - commit - path - resv - change });

    const gone = happens(id, 'reservation.ended');
    await client.releaseReservation(id);
    await gone;
    waiting.clear();
  }
  stop.abort();
  return samples;
}

/** For the event that came before anybody waited for it. */
async function alreadyActive(client: ReturnType<typeof createClient>, id: string): Promise<number> {
  const { state } = await client.getReservation(id);
  const now = performance.now();
  return state === 'active' ? now : new Promise(() => undefined);
}

/** What agents measured from assignment to installation, as the server logs it. */
function followReports(): (id: string, node: string) => Promise<HopNews> {
  const known = new Map<string, HopNews>();
  const asked = new Map<string, (news: HopNews) => void>();
  createInterface({ input: headroom.serverProcess.stderr! }).on('line', (line) => {
    if (!line.includes('hop reported')) return;
    const { reservationId, node, state, elapsedMs, time } = JSON.parse(line) as Record<string, string> & {
      elapsedMs: number;
    };
    if (state !== 'installed') return;
    const key = `${reservationId} ${node}`;
    const news = { elapsedMs, reportedAt: Date.parse(time!) - performance.timeOrigin };
    known.set(key, news);
    asked.get(key)?.(news);
    if (known.size > 1000) known.delete(known.keys().next().value!);
  });
  return (id, node) => {
    const key = `${id} ${node}`;
    const value = known.get(key);
    return value === undefined ? new Promise((resolve) => asked.set(key, resolve)) : Promise.resolve(value);
  };
}
