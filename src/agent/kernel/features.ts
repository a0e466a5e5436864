import { execFile } from 'node:child_process';
import { planFilter, renderNft } from '../../core/shaping/nft.ts';
import { absentFilter } from '../../core/shaping/observed.ts';
import { DEFAULT_STEERING, ROUTE_PROTOCOL, RULE_PREFERENCE } from '../../core/shaping/steering.ts';
import { absentSteering, planSteering, renderSteering } from '../../core/shaping/steering-nft.ts';
import type { NftSession } from './nft-session.ts';
import type { KernelFeatures } from './problem.ts';

/** Everything is tried in a throw-away network namespace of the same kernel, so that nothing of this machine is touched. */
const PROBES = {
  htb: 'tc qdisc add dev lo root handle 1: htb && tc class add dev lo parent 1: classid 1:1 htb rate 1mbit',
  tbf: 'tc qdisc add dev lo root handle 1: tbf rate 1mbit burst 3000b peakrate 1tbit mtu 1518b limit 30000b',
  bfifo: 'tc qdisc add dev lo root handle 1: bfifo limit 30000b',
} as const;

const STEERING = renderSteering(
  planSteering(new Map([['v4_to|17 . 10.0.0.1', 1]]), absentSteering()),
  DEFAULT_STEERING,
);
const RULE = `ip rule add fwmark 0x10000/0xff0000 lookup 42001 pref ${RULE_PREFERENCE} protocol ${ROUTE_PROTOCOL}`;

/** Finds out what this machine can do. */
export async function probeFeatures(nft: NftSession | null): Promise<KernelFeatures> {
  const tc = (await shell('tc -V')) === null;
  const isolated = (await shell('unshare -n true')) === null;
  const missing: string[] = [];
  if (!tc) missing.push('the program tc (package iproute2) is missing');
  if (!nft) missing.push('neither libnftables.so.1 nor the program nft (package nftables) is there');
  const probe = async (what: string, script: string, possible: boolean): Promise<boolean | null> => {
    if (!possible) return false;
    if (!isolated) return null;
    const error = await shell(`unshare -n sh -c '${script}'`);
    if (error !== null) missing.push(`${what} is not available: ${error}`);
    return error === null;
  };
  const table = (guard: boolean): string =>
    renderNft(
      planFilter({ interfaces: new Set(['lo']), elements: new Map(), rules: ['v4_full'], guard }, absentFilter()),
    );
  // The program serves as the probe of the library too: the library has no namespace of its own.
  const program = (await shell('nft -v')) === null;
  const load = (rules: string): string => `nft -f - <<"END"\n${rules.replaceAll("'", '')}END`;
  const found = await Promise.all([
    probe('HTB', PROBES.htb, tc),
    probe('TBF', PROBES.tbf, tc),
    probe('bfifo', PROBES.bfifo, tc),
    program ? probe('nftables maps to classes', load(table(false)), nft !== null) : null,
    program ? probe('the nftables match on router alert', load(table(true)), nft !== null) : null,
    program ? probe('steering by marks', `${RULE} && ${load(STEERING)}`, nft !== null) : null,
  ]);
  const [htb, tbf, bfifo, classifier, routerAlertGuard, steering] = found;
  return { tc, nft: nft?.kind ?? 'missing', htb, tbf, bfifo, classifier, routerAlertGuard, steering, missing };
}

/** Null on success, else the last line that was said. */
function shell(script: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', script], { timeout: 10_000, env: { ...process.env, LC_ALL: 'C' } }, (error, _out, stderr) => {
      resolve(error ? (stderr.trim().split('\n')[0] ?? error.message) : null);
    });
  });
}
