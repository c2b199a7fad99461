/** #AC: which accesses of user code must be aligned, when, and what comes before it (SDM vol. 3, 6.15 and tables 6-2, 6-7). */
import assert from 'node:assert/strict';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const codeLinear = 0x1000_0000n;
const dataLinear = 0x2000_0000n;
const [codeGpa, dataGpa] = [0x100_000, 0x110_000];
const [amBit, acFlag, halt] = [0x40000n, 0x40000, 0xf4];
const alignmentCheck = 17;
const pageFault = 14;

interface Options {
  readonly level?: 0 | 3;
  readonly hasMask?: boolean;
  readonly hasFlag?: boolean;
  readonly hotCount?: number;
  /** Offset of RBX in the two pages of data, of RSP, and of RDI. */
  readonly at?: bigint;
  readonly is32Bit?: boolean;
}

/** Runs until something exits: HLT at level 0, the #GP of HLT at level 3, or what the code raises. */
function vectorOf(code: string, options: Options = {}): number | 'ran' {
  const { level = 3, hasMask = true, hasFlag = true, hotCount = 0, at = 0x801n } = options;
  const processor = new BareProcessor({ hotCount });
  const { state, memory } = processor;
  processor.map(codeLinear, codeGpa);
  processor.map(dataLinear, dataGpa);
  processor.map(dataLinear + 0x1000n, dataGpa + 0x1000);
  memory.write(codeGpa, new Uint8Array(4096).fill(halt));
  memory.write(codeGpa, machineCode(code));
  if (options.is32Bit === true) processor.setCompatibilityMode(level);
  else processor.setPrivilege(level);
  processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
  processor.setField('GUEST_CR0', 0x80010031n | (hasMask ? amBit : 0n));
  state.rflags = 2 | (hasFlag ? acFlag : 0);
  state.rip = codeLinear;
  state.setGpr(1, 1000n);
  for (const register of [3, 4, 7]) state.setGpr(register, dataLinear + at);
  processor.core.stateWasEdited();
  for (let turn = 0; turn < 20; turn++) {
    const { stop } = processor.core.run(100_000, 0);
    if (stop.kind !== 'vm-exit') continue;
    const information = Number(processor.field('VM_EXIT_INTR_INFO'));
    const vector = information & 0xff;
    if (processor.field('VM_EXIT_REASON') !== 0n || vector === 13) return 'ran';
    if (vector === alignmentCheck) {
      assert.equal(information, 0x80000b11, 'a hardware exception with an error code');
      assert.equal(processor.field('VM_EXIT_INTR_ERROR_CODE'), 0n);
    }
    return vector;
  }
  throw new Error('stuck');
}

/**
 * Instructions, and the offsets at which they are misaligned and at which they are not: as a physical processor (an AMD
 * EPYC, with a program that sets RFLAGS.AC) has it, but for SGDT, which systems keep from programs.
 */
const rows: readonly (readonly [
  string,
  string,
  bad: readonly bigint[],
  good: readonly bigint[],
])[] = [
  ['MOV r8, m8', '8a 03', [], [0x801n]],
  ['MOV r16, m16', '66 8b 03', [0x801n], [0x802n]],
  ['MOV r32, m32', '8b 03', [0x801n, 0x802n], [0x804n]],
  ['MOV r64, m64', '48 8b 03', [0x801n, 0x804n, 0xffdn], [0x808n]],
  ['MOV m64, r64', '48 89 03', [0x801n, 0x804n], [0x808n]],
  ['ADD m32, r32', '01 03', [0x802n], [0x804n]],
  ['LOCK XADD m32, r32', 'f0 0f c1 03', [0x802n], [0x804n]],
  ['MOVSQ', '48 89 de 48 a5', [0x804n], [0x808n]],
  ['STOSD', 'ab', [0x802n], [0x804n]],
  ['PUSH r64', '50', [0x804n], [0x808n]],
  ['POP r64', '58', [0x804n], [0x808n]],
  ['CALL', 'e8 00 01 00 00', [0x804n], [0x808n]],
  ['POP m64', '8f 03', [0x804n], [0x808n]],
  ['PUSH r16', '66 50', [0x801n], [0x802n]],
  ['MOVUPS', '0f 10 03', [0x804n, 0x808n], [0x810n]],
  ['MOVDQU', 'f3 0f 6f 03', [0x808n], [0x810n]],
  ['MOVHPS', '0f 16 03', [0x804n], [0x808n]],
  ['MOVQ to MMX', '0f 6f 03', [0x804n], [0x808n]],
  ['CVTPS2PD', '0f 5a 03', [0x804n], [0x808n]],
  ['MASKMOVDQU', '66 0f 76 c0 66 0f f7 c0', [0x804n], [0x808n]],
  ['MASKMOVQ with no byte chosen', '0f f7 c0', [0x804n], [0x808n]],
  ['CMPXCHG8B', '0f c7 0b', [0x804n], [0x808n]],
  ['BT m64, r64', '48 0f a3 03', [0x804n], [0x808n]],
  ['BT m32, imm8', '0f ba 23 03', [0x802n], [0x804n]],
  ['REP MOVSB', '48 89 de f3 a4', [], [0x801n]],
  ['MOVSD', 'f2 0f 10 03', [0x804n], [0x808n]],
  ['FLD m80', 'db 2b', [0x804n], [0x808n]],
  ['FSTP m80', 'd9 e8 db 3b', [0x804n], [0x808n]],
  ['FNSTENV', 'd9 33', [0x802n], [0x804n]],
  ['FNSAVE', 'dd 33', [0x802n, 0x806n], [0x804n]],
  ['FILD m16', 'df 03', [0x801n], [0x802n]],
  ['FLD m64', 'dd 03', [0x804n], [0x808n]],
  ['FNSTCW', 'd9 3b', [0x801n], [0x802n]],
  ['SGDT, which wants an odd word', '0f 01 03', [0x801n, 0x804n], [0x802n, 0x806n]],
  ['STMXCSR', '0f ae 1b', [0x802n], [0x804n]],
  ['ENTER 0, 2', '48 89 dd c8 00 00 02', [0x804n], [0x808n]],
];

describe('alignment checking', () => {
  for (const [name, code, bad, good] of rows) {
    it(name, () => {
      for (const at of bad) assert.equal(vectorOf(code, { at }), alignmentCheck, `at ${at}`);
      for (const at of good) assert.equal(vectorOf(code, { at }), 'ran', `at ${at}`);
    });
  }

  const read = '8b 03';
  for (const [name, options] of [
    ['without CR0.AM', { hasMask: false }],
    ['without RFLAGS.AC', { hasFlag: false }],
    ['at privilege level 0', { level: 0 }],
  ] as const) {
    it(`is off ${name}`, () => {
      assert.equal(vectorOf(read, options), 'ran');
    });
  }

  it('checks each access of 32-bit code, PUSHA among them', () => {
    assert.equal(vectorOf('8b 03', { is32Bit: true }), alignmentCheck);
    assert.equal(vectorOf('60', { is32Bit: true, at: 0x822n }), alignmentCheck);
    assert.equal(vectorOf('60', { is32Bit: true, at: 0x824n }), 'ran');
  });

  it('comes behind a page fault on either page', () => {
    assert.equal(vectorOf('48 8b 03', { at: 0x1ffcn }), pageFault);
    assert.equal(vectorOf('8b 03', { at: 0x2001n }), pageFault);
  });

  it('is not forgotten by code that is translated, nor by pages that were reached before', () => {
    // A loop of aligned reads; then POPF clears AC, reads misaligned, sets AC, and reads so again.
    const loop = '8b 43 07 ff c9 75 f9';
    const code = `${loop} 6a 02 9d 8b 03 68 02 00 04 00 9d 8b 43 07 8b 03`;
    for (const hotCount of [0, 1]) {
      assert.equal(vectorOf(code, { hotCount, at: 0x801n }), alignmentCheck);
    }
  });
});
