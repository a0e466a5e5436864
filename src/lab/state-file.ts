import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** A process as its pid and start time: pids come again. */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTime: string;
  readonly node: string;
}

/** What a lab has made, written before it is used, so that the next start can clean up after a crash. */
export interface LabState {
  readonly mode: 'kernel' | 'loopback';
  readonly prefix: string;
  readonly nodes: readonly string[];
  readonly supervisor: Omit<ProcessRecord, 'node'>;
  readonly processes: readonly ProcessRecord[];
}

export function readLabState(file: string): LabState | null {
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LabState;
  } catch {
    // Cut by a crash: the namespaces are found by their prefix.
    return null;
  }
}

export function writeLabState(file: string, state: LabState): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export const removeLabState = (file: string): void => rmSync(file, { force: true });

/** Clock ticks since boot at which the process started (proc(5), field 22); null when there is none. */
export function processStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

export const isAlive = (process: Omit<ProcessRecord, 'node'>): boolean =>
  processStartTime(process.pid) === process.startTime;
