import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Something of the machine that a test cannot do without: `root`, or a program on the PATH. */
export type Requirement =
  | 'root'
  | 'python3'
  | 'setpriv'
  | 'ip'
  | 'tc'
  | 'nft'
  | 'tshark'
  | 'tcpdump'
  | 'iperf3'
  | 'pgbouncer'
  | 'chromium'
  | 'python3-grpc'
  | 'protoc';

function present(requirement: Requirement): boolean {
  if (requirement === 'root') return process.getuid?.() === 0;
  try {
    if (requirement === 'python3-grpc') execFileSync('/usr/bin/python3', ['-c', 'import grpc'], { stdio: 'ignore' });
    else if (requirement === 'protoc') compileWellKnown();
    else execFileSync('sh', ['-c', `command -v ${requirement}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The compiler alone is not enough: the files of google.protobuf come in a package of their own. */
function compileWellKnown(): void {
  const file = join(import.meta.dirname, '../../proto/headroom/v1/reservation.proto');
  execFileSync('protoc', ['-I', join(file, '../../..'), '--descriptor_set_out=/dev/null', file], { stdio: 'ignore' });
}

/**
 * For `describe.skipIf`: true when something is missing, which is said on standard error.
 * @throws Error with CI=true, where a skipped test is a failure.
 */
export function requires(...needs: Requirement[]): boolean {
  const missing = needs.filter((need) => !present(need));
  if (missing.length === 0) return false;
  const sentence = `needs ${missing.join(', ')}`;
  if (process.env['CI'] === 'true') throw new Error(`${sentence}: with CI=true a skipped test is a failure`);
  console.warn(`skipped: ${sentence}`);
  return true;
}
