import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyPatches, type Changeable } from '../../../src/core/qos/parse-patch.ts';
import { Bytes, Micros } from '../../../src/core/base/units.ts';
import { must } from '../../support/network.ts';
import { qos } from '../admission/fixtures.ts';

const current: Changeable = {
  name: 'camera',
  labels: { job: '42', site: 'x' },
  qos: qos(10e6, { serviceType: 'guaranteed', maxDelayMicros: Micros(20_000), tokenBucketBytes: Bytes(12_500) }),
};
const patched = (...patches: unknown[]) => must(applyPatches(current, patches));
const problems = (...patches: unknown[]) => {
  const outcome = applyPatches(current, patches);
  if (outcome.ok) throw new Error('taken');
  return outcome.error.map(({ field, code }) => `${field} ${code}`);
};

describe('a merge patch', () => {
  it('changes what it names and nothing else', () => {
    expect(patched({ qos: { tokenRateBitsPerSecond: 20e6 } })).toEqual({
      ...current,
      qos: { ...current.qos, tokenRateBitsPerSecond: 20e6 },
    });
    expect(patched({})).toEqual(current);
    expect(patched({ name: 'new', labels: { job: null, shift: 'late' } })).toEqual({
      ...current,
      name: 'new',
      labels: { site: 'x', shift: 'late' },
    });
  });

  it('takes away with null, and what has a default gets it', () => {
    expect(patched({ name: null, labels: null })).toEqual({ ...current, name: null, labels: {} });
    const { qos: next } = patched({
      qos: { serviceType: 'controlledLoad', maxDelayMicros: null, tokenBucketBytes: null, minPolicedUnitBytes: null },
    });
    expect(next).toMatchObject({ maxDelayMicros: null, tokenBucketBytes: 12_500, minPolicedUnitBytes: 128 });
  });

  it('after another starts from its outcome', () => {
    expect(patched({ labels: null }, { labels: { only: 'this' } }).labels).toEqual({ only: 'this' });
  });

  it.each([
    [{ flow: {} }, ['flow INVALID_ARGUMENT']],
    [{ window: { end: null }, etag: '3' }, ['window INVALID_ARGUMENT', 'etag INVALID_ARGUMENT']],
    [{ colour: 'red' }, ['colour INVALID_ARGUMENT']],
    [{ qos: { colour: 'red' } }, ['qos.colour INVALID_ARGUMENT']],
    [{ qos: null }, ['qos INVALID_ARGUMENT']],
    [{ qos: 5 }, ['qos INVALID_ARGUMENT']],
    [{ qos: [] }, ['qos INVALID_ARGUMENT']],
    [{ labels: 'x' }, ['labels INVALID_ARGUMENT']],
    [{ labels: { 'Not A Key': 'x' } }, ['labels.Not A Key INVALID_ARGUMENT']],
    [{ labels: { job: 42 } }, ['labels.job INVALID_ARGUMENT']],
    [{ labels: { job: { deep: 'x' } } }, ['labels.job INVALID_ARGUMENT']],
    [{ name: 7 }, ['name INVALID_ARGUMENT']],
    [{ name: '' }, ['name OUT_OF_RANGE']],
    [{ qos: { tokenRateBitsPerSecond: null } }, ['qos.tokenRateBitsPerSecond INVALID_ARGUMENT']],
    [{ qos: { tokenRateBitsPerSecond: '20M' } }, ['qos.tokenRateBitsPerSecond INVALID_ARGUMENT']],
    [{ qos: { tokenRateBitsPerSecond: 0 } }, ['qos.tokenRateBitsPerSecond OUT_OF_RANGE']],
    [{ qos: { peakRateBitsPerSecond: 9e6 } }, ['qos.peakRateBitsPerSecond OUT_OF_RANGE']],
    [{ qos: { serviceType: 'controlledLoad' } }, ['qos.maxDelayMicros INVALID_ARGUMENT']],
    [{ qos: { tokenBucketBytes: 100 } }, ['qos.tokenBucketBytes OUT_OF_RANGE']],
    [null, ['body INVALID_ARGUMENT']],
    [[], ['body INVALID_ARGUMENT']],
    ['x', ['body INVALID_ARGUMENT']],
  ])('%j is refused: %j', (patch, expected) => {
    expect(problems(patch)).toEqual(expected);
  });

  it('of any JSON is taken or refused, and never throws', () => {
    const member = fc.constantFrom('name', 'labels', 'qos', 'flow', '__proto__', 'constructor', 'other');
    const inner = fc.dictionary(
      fc.constantFrom(
        'tokenRateBitsPerSecond',
        'serviceType',
        'tokenBucketBytes',
        'maxDelayMicros',
        'job',
        '__proto__',
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(fc.dictionary(member, fc.oneof(fc.jsonValue(), inner)), { maxLength: 3 }), (patches) => {
        const outcome = applyPatches(current, patches);
        if (!outcome.ok) expect(outcome.error).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
