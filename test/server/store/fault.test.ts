import { expect, test } from 'vitest';
import { asFault } from '../../../src/server/store/fault.ts';

const failed = (code: string): Error => Object.assign(new Error(code), { code });

test.each([
  ['EPIPE', 'away'],
  ['ECONNRESET', 'away'],
  ['57P01', 'away'],
  ['57P03', 'away'],
  ['08006', 'away'],
  ['53300', 'away'],
  ['40001', 'retry'],
  ['40P01', 'retry'],
  ['55P03', 'retry'],
  ['23505', 'refused'],
  ['XX000', 'refused'],
])('%s is %s', (code, kind) => {
  expect(asFault(failed(code)).kind).toBe(kind);
});

test('what was lost after COMMIT was sent is in doubt, what PostgreSQL refused is not', () => {
  expect(asFault(failed('EPIPE'), true).kind).toBe('inDoubt');
  expect(asFault(new Error('Connection terminated'), true).kind).toBe('inDoubt');
  expect(asFault(failed('23505'), true).kind).toBe('refused');
});
