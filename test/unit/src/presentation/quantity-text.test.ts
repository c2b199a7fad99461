// Counts, times, sizes and addresses as people read them.
import assert from 'node:assert/strict';
import {
  addressText,
  bytesText,
  countedText,
  countText,
  virtualTimeColumn,
  virtualTimeText,
} from '../../../../src/presentation/quantity-text';

function rows<Input>(
  name: string,
  write: (input: Input) => string,
  table: readonly (readonly [Input, string])[],
): void {
  describe(name, () => {
    for (const [input, expected] of table) {
      it(`${String(input)} → ${expected}`, () => assert.equal(write(input), expected));
    }
  });
}

rows('countText', countText, [
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1234567, '1,234,567'],
  [2 ** 53 - 1, '9,007,199,254,740,991'],
]);

rows('countedText', (count: number) => countedText(count, 'exit'), [
  [0, '0 exits'],
  [1, '1 exit'],
  [1024, '1,024 exits'],
]);

rows('virtualTimeText', virtualTimeText, [
  [0, '0 ns'],
  [999, '999 ns'],
  [12_345, '12.345 µs'],
  [1_002_000, '1.002 ms'],
  [3_000_000_001, '3.000000 s'],
]);

rows('virtualTimeColumn', virtualTimeColumn, [
  [0, '0.000 000 000'],
  [42, '0.000 000 042'],
  [1_002_003_004, '1.002 003 004'],
  [61_000_000_000, '61.000 000 000'],
]);

rows('bytesText', bytesText, [
  [0, '0 B'],
  [1000, '1,000 B'],
  [4096, '4 KiB'],
  [64 * 2 ** 20, '64 MiB'],
  [3 * 2 ** 30, '3 GiB'],
]);

rows('addressText', addressText, [
  ['0x0000000000100000', '0x100000'],
  ['0x0000000000000000', '0x0'],
  ['0xffff800000000000', '0xffff800000000000'],
]);
