import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLoggers, type Logger } from '../../src/telemetry/logger.ts';

export const silentLog: Logger = createLoggers({ base: 'silent', bySubsystem: new Map() })('agent');

/** A logger whose lines can be looked at. */
export function loggedLines(): { readonly log: Logger; readonly lines: readonly Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { log: createLoggers({ base: 'info', bySubsystem: new Map() }, { write })('agent'), lines };
}

/** A real file system of a few pages, which can be filled and made read-only. Root only. */
export class SmallDisk {
  readonly folder: string;

  /** @param folder that it is mounted on, which exists; one of its own when absent */
  constructor(kibibytes: number, folder = mkdtempSync(join(tmpdir(), 'hr-disk-'))) {
    this.folder = folder;
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=700`, 'headroom-test', folder]);
  }

  fill(): void {
    const fd = openSync(join(this.folder, 'filler'), 'a');
    try {
      for (const size of [4096, 1]) for (;;) if (!fits(fd, size)) break;
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(join(this.folder, 'filler'));
  }

  readOnly(on: boolean): void {
    execFileSync('mount', ['-o', `remount,${on ? 'ro' : 'rw'}`, this.folder]);
  }

  remove(): void {
    execFileSync('umount', ['-l', this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function fits(fd: number, bytes: number): boolean {
  try {
    return writeSync(fd, Buffer.alloc(bytes)) === bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
