import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { registerCommands } from '../../src/cli/commands.ts';
import { RefusalError, UsageError } from '../../src/cli/errors.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import type { Reservation } from '../../src/core/reservation/reservation.ts';
import { ControlError } from '../../src/server/control/errors.ts';
import type { Control } from '../../src/server/control/api.ts';
import { edgeControl, reservation, RESERVATION_ID } from '../server/edge-control.ts';
import { buildApp } from '../server/http/app.ts';

afterEach(() => vi.restoreAllMocks());

/** Runs the command line against a server whose control is played; what it printed, and what the control was asked. */
async function run(words: readonly string[], over: Partial<Control> = {}) {
  const control = edgeControl(over);
  const { app } = buildApp({ control });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(async () => void (await app.close()));
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  const program = new Command().exitOverride();
  registerCommands(program);
  await program.parseAsync([...words, '--server', url], { from: 'user' });
  return { printed, asked: control.calls.find(({ name }) => name === 'reserve')?.args[0] };
}

const shared = (): Reservation =>
  reservation({
    style: 'sharedExplicit',
    moreSenders: [
      {
        source: { address: '10.3.0.2' as IpAddress, port: 5005 },
        path: { ...reservation().path, nodes: ['host-c', 'r1', 'host-b'] },
        ...{ actualHops: [], nonRsvpHop: true, adspecDeviation: null },
      },
    ],
  });
const booking: Partial<Control> = { reserve: async () => ({ reservation: shared(), replayed: false }) };

describe('headroom reserve', () => {
  const to = ['10.2.0.2:5004', '--rate', '10M'];

  test.each([
    [[], undefined],
    [['--style', 'shared'], 'sharedExplicit'],
    [['--style', 'wildcard'], 'wildcardFilter'],
    [['--style', 'fixed'], 'fixedFilter'],
    [['--style', 'fixedFilter'], 'fixedFilter'],
  ])('takes several sources with commas between, %j', async (options, style) => {
    const { asked } = await run(['reserve', '10.1.0.2:5004,10.3.0.2:5005', ...to, ...options], booking);
    expect(asked).toEqual({
      flow: {
        protocol: 'udp',
        sources: [
          { address: '10.1.0.2', port: 5004 },
          { address: '10.3.0.2', port: 5005 },
        ],
        destination: { address: '10.2.0.2', port: 5004 },
      },
      qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: 10_000_000 },
      ...(style === undefined ? {} : { signaling: { style } }),
    });
  });

  test('has one source as ever', async () => {
    const { asked } = await run(['reserve', '10.1.0.2', '10.2.0.2', '--rate', '10M']);
    expect(asked).toMatchObject({ flow: { source: { address: '10.1.0.2' } } });
    expect(asked).not.toHaveProperty('flow.sources');
  });

  test('refuses a style that is none, and a source that is none, before it asks a server', async () => {
    await expect(run(['reserve', '10.1.0.2,10.3.0.2', ...to, '--style', 'toString'])).rejects.toThrow(
      '--style: "toString" is none of fixed, shared, wildcard',
    );
    await expect(run(['reserve', '10.1.0.2,', ...to])).rejects.toThrow(UsageError);
  });

  test('prints every sender with its path, and all of it as JSON', async () => {
    const words = ['reserve', '10.1.0.2:5004,10.3.0.2:5005', ...to];
    const { printed } = await run(words, booking);
    expect(printed).toContain('flow     udp 10.1.0.2:5004, 10.3.0.2:5005 to 10.2.0.2, sharedExplicit\n');
    expect(printed.match(/^ {2}from .*$/gm)).toEqual(['  from     10.1.0.2:5004', '  from     10.3.0.2:5005']);
    expect(printed.match(/nothing is reserved there/g)).toHaveLength(1);
    const json = JSON.parse((await run([...words, '--json'], booking)).printed) as { flow: { sources: object[] } };
    expect(json.flow.sources).toHaveLength(2);
  });

  test('says for how many senders a link has no room, and whose path is too slow', async () => {
    const refusal = new ControlError('BANDWIDTH_UNAVAILABLE', 'no room', {
      reasons: [
        {
          ...{ reason: 'BANDWIDTH_UNAVAILABLE', link: 'r1:eth1', requestedBitsPerSecond: 60_000_000, senders: 3 },
          ...{ availableBitsPerSecond: 50_000_000, interval: { start: 0, end: null }, conflicting: [] },
        } as never,
        {
          ...{ reason: 'DELAY_BOUND_UNREACHABLE', source: '10.3.0.2', requestedMicros: 10, smallestMicros: 20 },
        } as never,
      ],
    });
    const refused = run(['reserve', '10.1.0.2,10.3.0.2', ...to], { reserve: () => Promise.reject(refusal) });
    const error: unknown = await refused.catch((thrown: unknown) => thrown);
    if (!(error instanceof RefusalError)) throw error;
    expect(error.reasons).toEqual([
      'r1:eth1: 60 Mbit/s asked for 3 senders, 50 Mbit/s free',
      'a bound of 10 µs from 10.3.0.2 cannot be met, 20 µs can',
    ]);
  });
});

describe('headroom reservation', () => {
  test('lists and shows reservations of several senders', async () => {
    const over: Partial<Control> = {
      listReservations: async () => ({ items: [shared(), reservation()], nextPageToken: null }),
      getReservation: async () => shared(),
    };
    const list = await run(['reservation', 'list'], over);
    expect(list.printed).toMatch(/udp 10\.1\.0\.2:5004, 10\.3\.0\.2:5005 to 10\.2\.0\.2 /);
    expect(list.printed).toMatch(/udp 10\.1\.0\.2:5004 to 10\.2\.0\.2 /);
    const show = await run(['reservation', 'show', RESERVATION_ID], over);
    expect(show.printed).toContain('  from     10.3.0.2:5005\n');
  });
});
