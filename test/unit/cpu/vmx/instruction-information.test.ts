// VMX_INSTRUCTION_INFO and the displacement, by the form of the memory operand (SDM vol. 3, tables 28-9 to 28-11).
import assert from 'node:assert/strict';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const active = 0x80000000n;
const invlpgExiting = 1n << 9n;
const descriptorTables = 1n << 2n;
const enableInvpcid = 1n << 12n;

const size64 = 2 << 7;
const size32 = 1 << 7;
const wide = 1 << 11;
const noIndex = 1 << 22;
const noBase = 1 << 27;
const segment = (number: number): number => number << 15;
const index = (number: number, scale: number): number => (number << 18) | scale;
const base = (number: number): number => number << 23;

/** Name, bytes, exit, information, qualification. */
const rows: readonly (readonly [string, string, number, number, bigint])[] = [
  ['SGDT [RSP]', '0f 01 04 24', 46, size64 | wide | segment(2) | noIndex | base(4), 0n],
  [
    'LIDT FS:[RAX + R9*8 - 8]',
    '64 42 0f 01 5c c8 f8',
    46,
    size64 | wide | segment(4) | index(9, 3) | base(0) | (3 << 28),
    0xfffffffffffffff8n,
  ],
  [
    'SIDT [EBX + 0x12345678]',
    '67 0f 01 8b 78 56 34 12',
    46,
    size32 | wide | segment(3) | noIndex | base(3) | (1 << 28),
    0x12345678n,
  ],
  [
    'LGDT [RIP + 16]',
    '0f 01 15 10 00 00 00',
    46,
    size64 | wide | segment(3) | noIndex | noBase | (2 << 28),
    BigInt(layout.kernelCode + 7 + 16),
  ],
  [
    'STR [R13 + R12*2 + 4]',
    '43 0f 00 4c 65 04',
    47,
    size64 | segment(3) | index(12, 1) | base(13) | (1 << 28),
    4n,
  ],
  ['SLDT R10', '49 0f 00 c2', 47, (1 << 10) | (10 << 3), 0n],
  ['LLDT [RBP]', '0f 00 55 00', 47, size64 | segment(2) | noIndex | base(5) | (2 << 28), 0n],
  [
    'INVPCID R11, [RSI + 0x40]',
    '66 44 0f 38 82 5e 40',
    58,
    size64 | segment(3) | noIndex | base(6) | (11 << 28),
    0x40n,
  ],
];

describe('instruction information of VM exits', () => {
  for (const [name, code, reason, information, qualification] of rows) {
    it(`${name}: exit ${reason}`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode(code));
      kernel.state.setGpr(5, BigInt(layout.kernelData));
      kernel.setField('CPU_BASED_VM_EXEC_CONTROL', active | invlpgExiting);
      kernel.setField('SECONDARY_VM_EXEC_CONTROL', descriptorTables | enableInvpcid);
      assert.equal(kernel.outcome(), `exit ${reason}`);
      assert.equal(
        kernel.field('VMX_INSTRUCTION_INFO').toString(16),
        (information >>> 0).toString(16),
      );
      assert.equal(kernel.field('EXIT_QUALIFICATION'), qualification);
      assert.equal(kernel.field('VM_EXIT_INSTRUCTION_LEN'), BigInt(machineCode(code).length));
    });
  }
});
