import { expect, test } from 'vitest';
import { noteLine } from '../../src/cli/note-line.ts';

test('a note names what it is about, and nothing where that is the whole topology', () => {
  expect(noteLine('renamed', { where: 'atlam5', what: 'Node "ATLAM5" is named atlam5.' })).toBe(
    'renamed: atlam5: Node "ATLAM5" is named atlam5.',
  );
  expect(noteLine('note', { where: '', what: 'Links have defaults.' })).toBe('note: Links have defaults.');
});
