import type { Command } from 'commander';
import type { Finding } from '../agent/doctor/finding.ts';
import { DEFAULT_STEERING } from '../core/shaping/steering.ts';
import { wholeNumber } from './options.ts';

/** Clocks that differ by less are no trouble: windows open and close by seconds. */
const CLOCK_TOLERANCE_MS = 1_500;
const ANSWER_MS = 5_000;

/** `headroom doctor`: what of this host keeps reservations from working, and what to do about it. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'look at this host as agent and server would find it: rights, kernel, firewall, marks, clock, database',
    )
    .option('--server <url>', 'whose clock to compare (default: HEADROOM_URL; without it no server is asked)')
    .option('--mark-mask <bits>', 'the bits of packet marks that the agent uses', wholeNumber, DEFAULT_STEERING.mask)
    .option('--json', 'print JSON')
    .action(async (options: { readonly server?: string; readonly markMask: number; readonly json?: boolean }) => {
      const url = options.server ?? process.env['HEADROOM_URL'];
      // Loaded here: the command line does without them.
      const { examineHost } = await import('../agent/doctor/host.ts');
      const findings = [
        ...(await examineHost(options.markMask)),
        ...(url === undefined ? [] : [await clock(url)]),
        ...(await database(process.env['DATABASE_URL'])),
      ];
      if (options.json) process.stdout.write(`${JSON.stringify({ findings }, null, 2)}\n`);
      else for (const finding of findings) process.stdout.write(lineOf(finding));
      // As of a refusal: asked in order, and the answer is no.
      if (findings.some(({ severity }) => severity === 'error')) process.exitCode = 3;
    });
}

async function database(url: string | undefined): Promise<readonly Finding[]> {
  if (url === undefined || url === '') {
    return [
      { check: 'database', severity: 'ok', what: 'DATABASE_URL is not set: a server here has its own', mend: null },
    ];
  }
  const { examineDatabase } = await import('../server/store/examine.ts');
  return (await examineDatabase(url)).map((finding) => ({ check: 'database', ...finding }));
}

async function clock(url: string): Promise<Finding> {
  const check = 'clock';
  try {
    const before = Date.now();
    const answer = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(ANSWER_MS) });
    await answer.arrayBuffer();
    const told = Date.parse(answer.headers.get('date') ?? '');
    if (Number.isNaN(told)) throw new Error('the answer has no Date header');
    // The header is cut to whole seconds.
    const ahead = told + 500 - (before + Date.now()) / 2;
    if (Math.abs(ahead) <= CLOCK_TOLERANCE_MS) return { check, severity: 'ok', what: `as that of ${url}`, mend: null };
    const what = `that of ${url} is ${(ahead / 1000).toFixed(1)} s off this host's`;
    return { check, severity: 'warning', what, mend: 'run NTP on both: windows open and close by the server' };
  } catch (error) {
    const cause =
      error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
    return {
      check,
      severity: 'error',
      what: `${url} does not answer: ${cause}`,
      mend: 'start the server, correct --server',
    };
  }
}

const lineOf = ({ check, severity, what, mend }: Finding): string =>
  `${severity.padEnd(8)}${check.padEnd(12)}${what}\n${mend === null ? '' : `${' '.repeat(20)}→ ${mend}\n`}`;
