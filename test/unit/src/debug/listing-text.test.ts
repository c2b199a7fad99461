// The listing of disassembled instructions.
import assert from 'node:assert/strict';
import { listingText } from '../../../../src/debug/listing-text';

describe('listingText', () => {
  it('marks the wanted instruction, labels symbols and leaves padding rows out', () => {
    const text = listingText(
      [
        { address: '0x0', instruction: '', presentationHint: 'invalid' },
        { address: '0x100000', instruction: 'mov eax, 1', instructionBytes: 'b8 01 00 00 00' },
        { address: '0x100005', instruction: 'cpuid', symbol: 'detect' },
      ],
      '0x0000000000100005',
    );
    assert.deepEqual(
      text.split('\n').map((line) => line.replace(/ +/g, ' ')),
      [' mov eax, 1 # 0x100000 b8 01 00 00 00', '', 'detect:', '=> cpuid # 0x100005', ''],
    );
  });

  it('says so where nothing can be disassembled', () => {
    assert.equal(listingText([], '0x10'), '# Nothing can be disassembled at 0x10.\n');
  });
});
