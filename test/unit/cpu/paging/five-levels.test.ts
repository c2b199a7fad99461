// 5-level paging: walks, canonical addresses of 57 bits, and what follows the supported width rather than the mode.
import assert from 'node:assert/strict';
import { linearAddressBits } from '../../../../debug-adapter/spec/x86/address-widths';
import { Cr4 } from '../../../../debug-adapter/spec/x86/control-registers';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';
import { entryBits } from '../../../support/page-tables';

const { accessed, dirty, large, noExecute, present, user, writable } = entryBits;
const usual = present | writable | user;
const names = ['PML5E', 'PML4E', 'PDPTE', 'PDE', 'PTE'] as const;
/** Of the target, one for each of `names`; the first is the root. */
const tables = [0x80_000, 0x81_000, 0x82_000, 0x83_000, 0x84_000] as const;
/** What the processor's own structures map it with, four levels. */
const fourLevelRoot = 0x1000n;
const codeLinear = 0x1000_0000n;
const codeGpa = 0x100_000;
const targetGpa = 0x200_000n;
/** Needs bit 52, which 4-level paging does not have. */
const target = (1n << 52n) + 0x4020_3000n;
const pae = 0x620n;
const wide = pae | BigInt(Cr4.LA57);

/** A processor with linear addresses of 57 bits that has 5-level paging on, unless it is told not to. */
class WideProcessor extends BareProcessor {
  constructor(cr4 = wide, hotCount = 0) {
    super({ linearAddressBits: linearAddressBits.fiveLevels, hotCount });
    this.map(codeLinear, codeGpa);
    // The first PML5 entry leads to the structures that hold the code.
    this.writeU64(tables[0], fourLevelRoot | usual);
    for (let level = 0; level < 4; level++) {
      this.writeU64(this.entryAddress(level), BigInt(tables[level + 1] ?? 0) | usual);
    }
    this.writeU64(this.entryAddress(4), targetGpa | usual);
    if (cr4 === wide) this.setField('GUEST_CR3', BigInt(tables[0]));
    this.setField('GUEST_CR4', cr4);
    this.setField('EXCEPTION_BITMAP', 0xffffffffn);
    this.memory.write(Number(targetGpa), new Uint8Array(4096).fill(0x90));
    this.core.stateWasEdited();
  }

  entryAddress(level: number): number {
    return (tables[level] ?? 0) + Number((target >> BigInt(48 - level * 9)) & 511n) * 8;
  }

  change(level: number, set: bigint, clear = 0n): void {
    const at = this.entryAddress(level);
    this.writeU64(at, (this.readU64(at) | set) & ~clear);
  }

  /** Runs code; "done", or the exception's vector with its error code. */
  execute(code: string, registers: Readonly<Record<number, bigint>>, steps = 1): string {
    this.memory.write(codeGpa, machineCode(code));
    this.state.rip = codeLinear;
    for (const [number, value] of Object.entries(registers)) {
      this.state.setGpr(Number(number), value);
    }
    const { stop } = this.core.run(steps, 0);
    if (stop.kind === 'budget') return 'done';
    this.state.writeU32(stateOffsets.exitPending, 0);
    assert.equal(this.field('VM_EXIT_REASON'), 0n, stop.kind);
    const vector = this.field('VM_EXIT_INTR_INFO') & 0xffn;
    return `${vector} (${this.field('VM_EXIT_INTR_ERROR_CODE').toString(16)})`;
  }
}

const read = '48 8b 03';
const write = '48 89 03';
const jump = 'ff e3';

describe('5-level page walks (SDM vol. 3, 4.5)', () => {
  for (const [title, set, clear, expected] of [
    ['all rights', 0n, 0n, ['done', 'done', 'done']],
    ['not present', 0n, present, ['14 (0)', '14 (2)', '14 (10)']],
    ['read-only', 0n, writable, ['done', '14 (3)', 'done']],
    ['no-execute', noExecute, 0n, ['done', 'done', '14 (11)']],
    ['beyond the physical width', 1n << 45n, 0n, ['14 (9)', '14 (b)', '14 (19)']],
  ] as const) {
    it(`${title}, at every level`, () => {
      for (let level = 0; level < 5; level++) {
        const results = [read, write, jump].map((code) => {
          const processor = new WideProcessor();
          processor.change(level, set, clear);
          return processor.execute(code, { 3: target }, code === jump ? 2 : 1);
        });
        assert.deepEqual(results, expected, names[level]);
      }
    });
  }

  for (const [level, expected] of [
    [0, '14 (9)'],
    [1, '14 (9)'],
    [2, 'done'],
  ] as const) {
    it(`PS in a ${names[level] ?? ''}: ${expected}`, () => {
      const processor = new WideProcessor();
      processor.writeU64(processor.entryAddress(level), usual | large);
      assert.equal(processor.execute(read, { 3: target }), expected);
    });
  }

  it('sets accessed at every level and dirty in the last', () => {
    const processor = new WideProcessor();
    assert.equal(processor.execute(write, { 3: target }), 'done');
    for (let level = 0; level < 5; level++) {
      const bits = processor.readU64(processor.entryAddress(level)) & (accessed | dirty);
      assert.equal(bits, accessed | (level === 4 ? dirty : 0n), names[level]);
    }
  });

  it('is shown level by level', () => {
    const { core } = new WideProcessor();
    assert.deepEqual(
      core.walk(target).map(({ name }) => name),
      names,
    );
    assert.deepEqual(core.translate(target, 'read'), { kind: 'mapped', gpa: Number(targetGpa) });
  });

  it('keeps the upper half over a new CR3 only while its root entries are the same', () => {
    const upper = (0x1ffn << 55n) | (target & ((1n << 48n) - 1n)) | (1n << 52n);
    const processor = new WideProcessor();
    const index = Number((upper >> 48n) & 511n) * 8;
    const other = 0x90_000;
    const copyRoot = (): void => {
      processor.memory.write(other, processor.memory.read(tables[0], 4096) ?? new Uint8Array());
    };
    processor.writeU64(tables[0] + index, BigInt(tables[1]) | usual);
    const load = (root: number): string =>
      processor.execute('0f 22 d9 48 8b 03', { 1: BigInt(root), 3: upper }, 2);
    copyRoot();
    assert.equal(load(tables[0]), 'done');
    assert.equal(load(other), 'done');
    processor.writeU64(other + index, 0n);
    assert.equal(processor.execute(read, { 3: upper }), '14 (0)', 'the new root is watched');
    assert.equal(load(tables[0]), 'done');
    assert.equal(load(other), '14 (0)');
  });
});

describe('canonical addresses with 5-level paging (SDM vol. 1, 3.3.7.1)', () => {
  const beyond = 1n << 56n;
  for (const hotCount of [0, 1]) {
    const engine = hotCount === 0 ? 'interpreted' : 'translated';
    for (const [title, cr4, code, registers, expected] of [
      ['a read with bit 56 alone', wide, read, { 3: beyond }, '13 (0)'],
      ['a read below bit 56', wide, read, { 3: beyond - 8n }, '14 (0)'],
      ['a read in the upper half', wide, read, { 3: (1n << 64n) - beyond }, '14 (0)'],
      ['a read across the end of the lower half', wide, read, { 3: beyond - 4n }, '13 (0)'],
      ['a push at a stack with bit 56 alone', wide, '50', { 4: beyond + 8n }, '12 (0)'],
      ['a jump with bit 56 alone', wide, jump, { 3: beyond }, '13 (0)'],
      ['a read with bit 52, four levels', pae, read, { 3: target }, '13 (0)'],
      ['a jump with bit 52, four levels', pae, jump, { 3: target }, '13 (0)'],
    ] as const) {
      it(`${title}, ${engine}: ${expected}`, () => {
        assert.equal(new WideProcessor(cr4, hotCount).execute(code, registers), expected);
      });
    }

    it(`a jump with bit 52 is taken, ${engine}`, () => {
      const processor = new WideProcessor(wide, hotCount);
      assert.equal(processor.execute(jump, { 3: target }), 'done');
      assert.equal(processor.state.rip, target);
    });

    it(`a return with bit 52 is taken, ${engine}`, () => {
      const processor = new WideProcessor(wide, hotCount);
      processor.writeU64(Number(targetGpa) + 0x800, target);
      assert.equal(processor.execute('c3', { 4: target + 0x800n }), 'done');
      assert.equal(processor.state.rip, target);
    });
  }
});

describe('bases and the supported width, whatever the paging mode (SDM vol. 3, 4.5.2)', () => {
  const descriptor = codeLinear + 0x800n;
  /** The base is in RAX and at RBX + 2; a descriptor of INVPCID has it at RBX + 8. */
  const loads: readonly (readonly [string, string])[] = [
    ['WRFSBASE', 'f3 48 0f ae d0'],
    ['WRGSBASE', 'f3 48 0f ae d8'],
    ['LGDT', '0f 01 13'],
    ['LIDT', '0f 01 1b'],
    ['INVPCID', '66 0f 38 82 0b'],
  ];
  const fsgsbase = 1n << 16n;
  for (const [name, code] of loads) {
    for (const cr4 of [pae, wide]) {
      for (const [base, expected] of [
        [target, 'done'],
        [1n << 56n, '13 (0)'],
      ] as const) {
        it(`${name} of ${base.toString(16)} with CR4 ${cr4.toString(16)}: ${expected}`, () => {
          const processor = new WideProcessor(cr4);
          processor.setField('GUEST_CR4', cr4 | fsgsbase);
          processor.setField('CPU_BASED_VM_EXEC_CONTROL', 0x80000000n);
          processor.setField('SECONDARY_VM_EXEC_CONTROL', 0x1000n);
          processor.core.stateWasEdited();
          processor.writeU64(codeGpa + 0x802, base);
          const isInvpcid = name === 'INVPCID';
          if (isInvpcid) processor.writeU64(codeGpa + 0x808, base);
          if (isInvpcid) processor.writeU64(codeGpa + 0x800, 0n);
          const registers = { 0: base, 1: 0n, 3: descriptor };
          assert.equal(processor.execute(code, registers), expected);
        });
      }
    }
  }
});

describe('CR4.LA57 (SDM vol. 2, MOV to control registers; vol. 3, 2.5)', () => {
  const moveToCr4 = '0f 22 e0';
  it('does not change in IA-32e mode', () => {
    assert.equal(new WideProcessor(pae).execute(moveToCr4, { 0: wide }), '13 (0)');
    assert.equal(new WideProcessor(wide).execute(moveToCr4, { 0: pae }), '13 (0)');
    assert.equal(new WideProcessor(wide).execute(moveToCr4, { 0: wide | 0x80n }), 'done');
  });

  for (const [bits, expected] of [
    [linearAddressBits.fiveLevels, 'done'],
    [linearAddressBits.fourLevels, '13 (0)'],
  ] as const) {
    it(`is there to be set with linear addresses of ${bits} bits: ${expected}`, () => {
      const processor = new BareProcessor({ linearAddressBits: bits });
      processor.setField('GUEST_CR0', 0x31n);
      processor.setField('GUEST_IA32_EFER', 0n);
      processor.setField('GUEST_CR4', 0x20n);
      processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
      processor.setCompatibilityMode(0);
      processor.memory.write(codeGpa, machineCode(moveToCr4));
      processor.state.rip = BigInt(codeGpa);
      processor.state.setGpr(0, 0x1020n);
      const { stop } = processor.core.run(1, 0);
      assert.equal(stop.kind === 'budget' ? 'done' : '13 (0)', expected);
      assert.equal(processor.field('GUEST_CR4'), expected === 'done' ? 0x1020n : 0x20n);
    });
  }
});
