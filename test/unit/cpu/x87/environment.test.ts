/** The four layouts of the FPU environment, from the figures of the SDM (vol. 1, figures 8-9 to 8-12). */
import assert from 'node:assert/strict';
import {
  packEnvironment,
  unpackEnvironment,
  type Environment,
} from '../../../../debug-adapter/cpu/x87/environment';

const environment: Environment = {
  control: 0x37f,
  status: 0x3841,
  tags: 0xfffd,
  instructionPointer: 0x12345678,
  dataPointer: 0x9abcdef0,
  opcode: 0x5d8,
};

interface Row {
  readonly name: string;
  readonly size: 2 | 4;
  readonly isProtected: boolean;
  readonly fields: readonly number[];
  /** What of the pointers and the opcode comes back. */
  readonly kept: Partial<Environment>;
}

const rows: readonly Row[] = [
  {
    name: 'protected mode, 32 bits',
    size: 4,
    isProtected: true,
    fields: [0xffff037f, 0xffff3841, 0xfffffffd, 0x12345678, 0x05d80000, 0x9abcdef0, 0xffff0000],
    kept: {},
  },
  {
    name: 'protected mode, 16 bits',
    size: 2,
    isProtected: true,
    fields: [0x037f, 0x3841, 0xfffd, 0x5678, 0, 0xdef0, 0],
    kept: { instructionPointer: 0x5678, dataPointer: 0xdef0, opcode: 0 },
  },
  {
    name: 'real mode, 32 bits',
    size: 4,
    isProtected: false,
    fields: [0xffff037f, 0xffff3841, 0xfffffffd, 0xffff5678, 0x012345d8, 0xffffdef0, 0x09abc000],
    kept: {},
  },
  {
    name: 'real mode, 16 bits',
    size: 2,
    isProtected: false,
    fields: [0x037f, 0x3841, 0xfffd, 0x5678, 0x45d8, 0xdef0, 0xc000],
    kept: { instructionPointer: 0x45678, dataPointer: 0xcdef0 },
  },
];

describe('the FPU environment', () => {
  for (const { name, size, isProtected, fields, kept } of rows) {
    it(`is stored in ${name}`, () => {
      const bytes = packEnvironment(environment, size, isProtected);
      const view = new DataView(bytes.buffer);
      const found = fields.map((_, index) =>
        size === 2 ? view.getUint16(index * 2, true) : view.getUint32(index * 4, true),
      );
      assert.deepEqual(found, fields);
      assert.equal(bytes.length, 7 * size);
      assert.deepEqual(unpackEnvironment(bytes, size, isProtected), { ...environment, ...kept });
    });
  }
});
