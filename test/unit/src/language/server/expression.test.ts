// Constant expressions have the values that GNU as gives them.
import assert from 'node:assert/strict';
import { programOf } from './program-under-test';

/** Each row's value was read from an object file that GNU as 2.40 made of it. */
const rows: readonly (readonly [string, bigint | undefined])[] = [
  ['1 + 2 * 3', 7n],
  ['(1 + 2) * 3', 9n],
  ['1 << 4 | 1', 17n],
  ['1 | 2 + 4', 7n],
  ['0x10 - 1 & 7', 15n],
  ['-1', -1n],
  ['~0 >> 60', 15n],
  ['0b101 ^ 1', 4n],
  ['010', 8n],
  ["'A' + 1", 66n],
  ["'\\n'", 10n],
  ['7 / 2', 3n],
  ['-7 % 3', -1n],
  ['2 == 2', -1n],
  ['2 < 1', 0n],
  ['!5', 0n],
  ['0xc800000000010000 >> 32', 0xc8000000n],
  ['A + B', 30n],
  ['1 / 0', undefined],
  ['label + 1', undefined],
  ['1 +', undefined],
  ['(1', undefined],
  ['CIRCLE', undefined],
];

const names =
  '.equ A, 10\nB = A * 2\n.equ CIRCLE, CIRCLE_BACK + 1\n.equ CIRCLE_BACK, CIRCLE\nlabel:\n';

describe('constant expressions', () => {
  for (const [text, expected] of rows) {
    it(`${text} is ${String(expected)}`, () => {
      const { program } = programOf(`${names}.equ X, ${text}`);
      assert.equal(program.valueOf('X'), expected);
    });
  }

  it('ends on deep nesting', () => {
    const { program } = programOf(`.equ X, ${'('.repeat(10_000)}1${')'.repeat(10_000)}`);
    assert.equal(program.valueOf('X'), undefined);
  });
});
