import { describe, expect, it } from 'vitest';
import { parseLogLevels } from '../../src/telemetry/log-levels.ts';
import { createLoggers } from '../../src/telemetry/logger.ts';

const parsed = (text: string | undefined) => {
  const result = parseLogLevels(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

describe('HEADROOM_LOG', () => {
  it('is info when absent or empty', () => {
    expect(parsed(undefined).base).toBe('info');
    expect(parsed(' ').base).toBe('info');
  });

  it('takes one level for everything and others by subsystem', () => {
    const levels = parsed('warn, http=debug,rsvp=trace');
    expect(levels.base).toBe('warn');
    expect([...levels.bySubsystem]).toEqual([
      ['http', 'debug'],
      ['rsvp', 'trace'],
    ]);
  });

  it.each(['verbose', 'http=loud', 'nothing=info', 'info,debug', 'http=info,http=debug', ',', 'http='])(
    'refuses %j and names it',
    (text) => {
      const result = parseLogLevels(text);
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.error).toContain(text.split(',').at(-1)!);
    },
  );
});

describe('loggers', () => {
  it('write at the level of their subsystem and never a credential', () => {
    const lines: string[] = [];
    const loggers = createLoggers(parsed('error,http=debug'), { write: (line) => void lines.push(line) });
    loggers('store').info('not written');
    loggers('http').debug({ request: { authorization: 'Bearer secret' } }, 'written');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 'debug', subsystem: 'http', msg: 'written' });
    expect(lines[0]).not.toContain('secret');
  });
});
