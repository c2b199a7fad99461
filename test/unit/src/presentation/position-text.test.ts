/** What a person may type as a position. */
import assert from 'node:assert/strict';
import { parsePosition } from '../../../../src/presentation/position-text';

describe('position text', () => {
  const rows: readonly (readonly [text: string, expected: number | undefined])[] = [
    ['0', 0],
    [' 1234 ', 1234],
    ['1,234,567', 1_234_567],
    ['1_000', 1000],
    ['+20', 520],
    ['-20', 480],
    ['-501', undefined],
    ['', undefined],
    ['12a', undefined],
    ['1.5', undefined],
    ['+', undefined],
    ['99999999999999999999', undefined],
  ];
  for (const [text, expected] of rows) {
    it(`"${text}" from 500 is ${expected}`, () => {
      assert.equal(parsePosition(text, 500), expected);
    });
  }
});
