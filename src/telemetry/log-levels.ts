import { err, ok, type Result } from '../core/base/result.ts';

/** Parts of the programs that log under their own name. */
export const SUBSYSTEMS = [
  'http',
  'grpc',
  'control',
  'store',
  'agents',
  'jobs',
  'channel',
  'agent',
  'rsvp',
  'kernel',
  'lab',
  'program',
] as const;
export type Subsystem = (typeof SUBSYSTEMS)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogLevels {
  /** Of every subsystem that is not named. */
  readonly base: LogLevel;
  readonly bySubsystem: ReadonlyMap<Subsystem, LogLevel>;
}

/**
 * Parses HEADROOM_LOG: `debug`, `rsvp=trace,store=warn`, or both (`warn,http=debug`). Empty or absent = `info`.
 * The error is a sentence for people that names the part which does not parse.
 */
export function parseLogLevels(text: string | undefined): Result<LogLevels, string> {
  let base: LogLevel | undefined;
  const bySubsystem = new Map<Subsystem, LogLevel>();
  if (text === undefined || text.trim() === '') return ok({ base: 'info', bySubsystem });
  for (const part of text.split(',').map((each) => each.trim())) {
    const equals = part.indexOf('=');
    const levelText = equals < 0 ? part : part.slice(equals + 1);
    const level = LOG_LEVELS.find((each) => each === levelText);
    if (level === undefined) return err(`"${part}" has no known level; levels are ${LOG_LEVELS.join(', ')}`);
    if (equals < 0) {
      if (base !== undefined) return err(`"${part}" is a second level for everything`);
      base = level;
      continue;
    }
    const subsystem = SUBSYSTEMS.find((each) => each === part.slice(0, equals));
    if (subsystem === undefined) return err(`"${part}" names no subsystem; subsystems are ${SUBSYSTEMS.join(', ')}`);
    if (bySubsystem.has(subsystem)) return err(`"${part}" is a second level for ${subsystem}`);
    bySubsystem.set(subsystem, level);
  }
  return ok({ base: base ?? 'info', bySubsystem });
}
