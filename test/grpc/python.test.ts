import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RESERVATION_ID } from '../server/edge-control.ts';
import { startGrpc } from '../server/grpc/grpc.ts';
import { requires } from '../support/requires.ts';

const PROTOS = ['flow', 'reservation', 'event', 'topology', 'agent'].map((name) => `headroom/v1/${name}.proto`);

describe.skipIf(requires('python3-grpc', 'protoc'))('a client made by protoc for Python', () => {
  it('books, reads, lists and releases, and understands a refusal', async () => {
    const stubs = mkdtempSync(join(tmpdir(), 'headroom-python-'));
    onTestFinished(() => rmSync(stubs, { recursive: true }));
    execFileSync('protoc', ['-Iproto', `--python_out=${stubs}`, ...PROTOS]);
    const { port, control } = await startGrpc();
    const script = join(import.meta.dirname, 'python_client.py');
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [
      script,
      stubs,
      `127.0.0.1:${port}`,
      '10.1.0.2',
      '10.2.0.2',
    ]);
    expect(JSON.parse(stdout)).toEqual({
      id: RESERVATION_ID,
      read: RESERVATION_ID,
      rate: 25_000_000,
      hops: ['host-a:eth0', 'r1:eth1'],
      listed: [RESERVATION_ID],
      refusal: { code: 'INVALID_ARGUMENT', names_field: true, names_value: true },
    });
    const calls = control.calls.map((each) => each.name).filter((name) => name !== 'readiness');
    expect(calls).toEqual(['reserve', 'getReservation', 'listReservations', 'releaseReservation', 'reserve']);
    expect(control.calls.find((each) => each.name === 'reserve')!.args).toMatchObject([
      { name: 'from-python', qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: 1_000_000 } },
      { idempotencyKey: 'python-1' },
    ]);
  });
});
