/** Command descriptor blocks taken apart: fields by their places in SPC-5 and SBC-4. */
import assert from 'node:assert/strict';
import { commandBlock } from '../../../debug-adapter/spec/scsi/command-blocks';
import { ScsiOperation } from '../../../debug-adapter/spec/scsi/commands';
import { decodeTree } from '../../../debug-adapter/support/struct-tree';
import { readValues } from '../../../debug-adapter/support/struct-values';
import { machineCode } from '../../support/machine-code';

type Row = readonly [title: string, block: string, fields: Readonly<Record<string, number>>];

const rows: readonly Row[] = [
  ['INQUIRY, SPC-5 6.7', '12 01 b0 00 40 00', { PageCode: 0xb0, AllocationLength: 64 }],
  ['READ(6), SBC-4 5.11', '08 01 23 45 08 00', { LogicalBlockAddress: 0x12345, TransferLength: 8 }],
  [
    'READ(10), SBC-4 5.12',
    '28 08 12 34 56 78 00 01 00 00',
    { LogicalBlockAddress: 0x12345678, TransferLength: 256 },
  ],
  [
    'WRITE(16), SBC-4 5.40',
    '8a 00 00 00 00 01 00 00 00 02 00 00 10 00 00 00',
    { LogicalBlockAddress: 0x1_0000_0002, TransferLength: 4096 },
  ],
  [
    'READ(12), SBC-4 5.13',
    'a8 00 00 00 00 07 00 00 02 00 00 00',
    { LogicalBlockAddress: 7, TransferLength: 512 },
  ],
  [
    'SYNCHRONIZE CACHE(10), SBC-4 5.23',
    '35 02 00 00 00 09 00 00 03 00',
    { LogicalBlockAddress: 9, NumberOfBlocks: 3 },
  ],
  ['UNMAP, SBC-4 5.28', '42 00 00 00 00 00 00 00 18 00', { ParameterListLength: 24 }],
  ['MODE SENSE(6), SPC-5 6.14', '1a 08 48 00 c0 00', { AllocationLength: 192, Page: 0x48 }],
  [
    'READ CAPACITY(16), SBC-4 5.16',
    '9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00',
    { Byte1: 0x10, AllocationLength: 32 },
  ],
  ['REPORT LUNS, SPC-5 6.33', 'a0 00 00 00 00 00 00 00 10 08 00 00', { AllocationLength: 4104 }],
];

describe('command descriptor blocks', () => {
  for (const [title, block, fields] of rows) {
    it(title, () => {
      const bytes = machineCode(block);
      const values = readValues(commandBlock, bytes);
      for (const [name, value] of Object.entries(fields)) {
        assert.equal(values.get(name)?.value, BigInt(value), name);
      }
      const { nodes, end } = decodeTree(commandBlock, bytes);
      assert.equal(end, bytes.length, 'the whole block is known');
      assert.equal(nodes[0]?.value, BigInt(bytes[0] ?? 0));
    });
  }

  it('has one for every command that a disk takes', () => {
    for (const [name, code] of Object.entries(ScsiOperation)) {
      // The group of the code says how long the block is (SPC-5 4.2.5.1).
      const sizeBytes = [6, 10, 10, 0, 16, 12][code >>> 5] ?? 0;
      const bytes = new Uint8Array(sizeBytes);
      bytes[0] = code;
      assert.equal(decodeTree(commandBlock, bytes).end, sizeBytes, name);
    }
  });
});
