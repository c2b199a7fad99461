// Prefixes, the LOCK rules, and the limits of an instruction's length (SDM vol. 2, 2.1.1, 2.2.1, 2.3.11).
import assert from 'node:assert/strict';
import { decodeInstruction } from '../../../../debug-adapter/cpu/decode/decoder';
import { opcodeRows, type OpcodeRow } from '../../../../debug-adapter/cpu/decode/opcode-rows';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

function summary(hex: string): string {
  const result = decodeInstruction(machineCode(hex));
  if (result.kind !== 'instruction') return result.kind;
  const { row, operandSize, repeat, length } = result.instruction;
  return `${repeat === 'none' ? '' : `${repeat} `}${row.mnemonic} ${operandSize} (${length})`;
}

describe('prefixes', () => {
  for (const [title, hex, expected] of [
    ['operand size', '66 89 c3', 'MOV 16 (3)'],
    ['REX.W', '48 89 c3', 'MOV 64 (3)'],
    ['REX.W beats 66', '66 48 89 c3', 'MOV 64 (4)'],
    ['REX before a legacy prefix is ignored', '48 66 89 c3', 'MOV 16 (4)'],
    ['the last REX counts', '48 40 89 c3', 'MOV 32 (4)'],
    ['a prefix may be repeated', '66 66 89 c3', 'MOV 16 (4)'],
    ['segment overrides are accepted', '2e 64 89 03', 'MOV 32 (4)'],
    ['stack operations are 64 bits wide', '50', 'PUSH 64 (1)'],
    ['66 makes them 16 bits wide', '66 50', 'PUSH 16 (2)'],
    ['near branches ignore 66', '66 e8 00 00 00 00', 'CALL 64 (6)'],
    ['F3 repeats strings', 'f3 a4', 'rep MOVS 32 (2)'],
    ['F2 repeats strings', 'f2 a6', 'repne CMPS 32 (2)'],
    ['the last of F2 and F3 counts', 'f3 f2 ae', 'repne SCAS 32 (3)'],
    ['F3 before other instructions is ignored', 'f3 89 c3', 'MOV 32 (3)'],
    ['F3 90 is PAUSE', 'f3 90', 'PAUSE 32 (2)'],
    ['90 with REX.B is an exchange with R8', '41 90', 'XCHG 32 (2)'],
    ['F3 90 with REX.B stays PAUSE', 'f3 41 90', 'PAUSE 32 (3)'],
    ['VMCALL takes no 66', '66 0f 01 c1', 'undefined'],
    ['opcodes of other modes', '06', 'undefined'],
    ['far calls with an immediate', '9a', 'undefined'],
    ['UD2', '0f 0b', 'UD 32 (2)'],
  ] as const) {
    it(`${title}: ${expected}`, () => assert.equal(summary(hex), expected));
  }

  it('byte registers are the low ones with any REX', () => {
    const operand = (hex: string): number => {
      const result = decodeInstruction(machineCode(hex));
      assert.equal(result.kind, 'instruction');
      return result.kind === 'instruction' ? result.instruction.dst % 8 : -1;
    };
    assert.equal(operand('88 cc'), 1, 'MOV AH, CL');
    assert.equal(operand('40 88 cc'), 0, 'MOV SPL, CL');
  });
});

describe('LOCK', () => {
  const lockable = opcodeRows().filter(
    (row) => row.attributes.has('lock') && !row.attributes.has('i64'),
  );
  const plain = opcodeRows().filter((row) => !row.attributes.has('lock') && row.hasModrm);

  const decode = (opcode: readonly number[], modrm: number): string => {
    const bytes = new Uint8Array(15);
    bytes.set([0xf0, ...opcode, modrm]);
    return decodeInstruction(bytes).kind;
  };
  const opcodeOf = (row: OpcodeRow): readonly number[] =>
    row.map === 0 ? [row.opcode] : [0x0f, row.opcode];

  it('is taken by exactly the instructions that the SDM lists', () => {
    const names = [...new Set(lockable.map((row) => row.mnemonic))].sort();
    const listed =
      'ADC ADD AND BTC BTR BTS CMPXCHG CMPXCHG8B DEC INC NEG NOT OR SBB SUB XADD XCHG XOR';
    assert.equal(names.join(' '), listed);
  });

  it('needs a memory destination', () => {
    for (const row of lockable) {
      const reg = (row.extension ?? 0) << 3;
      assert.equal(decode(opcodeOf(row), reg | 3), 'instruction', `${row.mnemonic} memory`);
      assert.equal(decode(opcodeOf(row), 0xc0 | reg | 3), 'undefined', `${row.mnemonic} register`);
    }
  });

  it('is undefined with everything else', () => {
    for (const row of plain) {
      if (row.map > 1) continue;
      const reg = (row.extension ?? 0) << 3;
      const isShared = lockable.some(
        (other) =>
          other.map === row.map && other.opcode === row.opcode && other.extension === row.extension,
      );
      if (isShared) continue;
      assert.notEqual(decode(opcodeOf(row), reg | 3), 'instruction', row.mnemonic);
    }
    for (const hex of ['f0 90', 'f0 a4', 'f0 f3 a4', 'f0 c3', 'f0 0f a2', 'f0 cc']) {
      assert.equal(summary(hex), 'undefined', hex);
    }
  });

  it('raises #UD, whatever the operand', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('f0 89 03'));
    kernel.state.setGpr(3, 0x5000_0000n);
    assert.equal(kernel.outcome(), 'vector 6');
  });
});

describe('length', () => {
  const add = '81 84 24 00 00 00 00 01 00 00 00';

  it('of 15 bytes is legal', () =>
    assert.equal(summary(`66 ${'2e '.repeat(5)}${add.slice(0, -6)}`), 'ADD 16 (15)'));

  for (const [title, hex] of [
    ['of 16 bytes', `${'2e '.repeat(5)}${add}`],
    ['of nothing but prefixes', '66 '.repeat(20)],
    ['of 15 bytes of prefixes and an opcode', `${'66 '.repeat(15)}90`],
  ] as const) {
    it(`${title} is too long: #GP(0)`, () => {
      assert.equal(summary(hex), 'too-long');
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode(hex));
      const start = kernel.state.rip;
      assert.equal(kernel.outcome(), 'vector 13 (0x0)');
      assert.equal(kernel.stack(2)[1], start);
    });
  }

  it('a decoder that runs out of bytes says so, at every length', () => {
    const whole = machineCode(add);
    for (let count = 0; count < whole.length; count++) {
      assert.equal(decodeInstruction(whole.subarray(0, count)).kind, 'truncated', `${count} bytes`);
    }
    assert.equal(decodeInstruction(whole).kind, 'instruction');
  });

  for (const first of [1, 2, 7, 10]) {
    it(`an instruction with ${first} bytes before a page break runs`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(0, new Uint8Array());
      const start = layout.kernelCode + 0x1000 - first;
      kernel.memory.write(start, machineCode(add));
      kernel.state.rip = BigInt(start);
      kernel.writeU64(Number(kernel.state.gpr(4)), 5n);
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.state.rip, BigInt(start + 11));
      assert.equal(kernel.stack(1)[0], 6n);
    });
  }

  it('a page fault on the second part has its address and the fetch bit', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, new Uint8Array());
    kernel.map(0x5000_0000n, layout.kernelCode, { user: false });
    kernel.memory.write(layout.kernelCode + 0xffe, machineCode('b8 01'));
    kernel.state.rip = 0x5000_0ffen;
    assert.equal(kernel.outcome(), 'vector 14 (0x10)');
    kernel.enter(0, machineCode('0f 20 d0'));
    kernel.step();
    assert.equal(kernel.state.gpr(0), 0x5000_1000n);
  });

  it('an undefined opcode at the end of a page needs no second page', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, new Uint8Array());
    kernel.map(0x5000_0000n, layout.kernelCode, { user: false });
    kernel.memory.write(layout.kernelCode + 0xfff, machineCode('06'));
    kernel.state.rip = 0x5000_0fffn;
    assert.equal(kernel.outcome(), 'vector 6');
  });
});
