import { pino, type DestinationStream, type Logger } from 'pino';
import type { LogLevels, Subsystem } from './log-levels.ts';

export type { Logger };

/** One logger a subsystem, all writing to the same place. */
export type Loggers = (subsystem: Subsystem) => Logger;

/** What waits while standard error takes nothing; lines beyond it are lost. */
const MAX_WAITING_BYTES = 1_048_576;

/** A log that cannot be written (it goes to a file on a full disk, say) ends no program: it goes on when there is room. */
function standardError(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_BYTES });
  destination.on('error', () => undefined);
  return destination;
}

/**
 * JSON lines with `time` (RFC 3339), `level` as a word and `subsystem`. Credentials in headers are never written.
 * `destination` defaults to standard error, so that standard output stays for what a program has to say.
 */
export function createLoggers(levels: LogLevels, destination?: DestinationStream): Loggers {
  const root = pino(
    {
      // Children may be chattier than the base: the root lets everything pass.
      level: 'trace',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['authorization', 'token', '*.authorization', '*.token', '*.headers.authorization'],
        censor: '[redacted]',
      },
    },
    destination ?? standardError(),
  );
  const made = new Map<Subsystem, Logger>();
  return (subsystem) => {
    const known = made.get(subsystem);
    if (known) return known;
    const logger = root.child({ subsystem }, { level: levels.bySubsystem.get(subsystem) ?? levels.base });
    made.set(subsystem, logger);
    return logger;
  };
}
