/** What recorded cases cannot show of the x87 FPU: availability, pending exceptions, layouts, and what is not built. */
import assert from 'node:assert/strict';
import { TranslationSources } from '../../../../debug-adapter/cpu/paging/translation-sources';
import { linearAddressBits } from '../../../../debug-adapter/spec/x86/address-widths';
import { ProcessorContext } from '../../../../debug-adapter/cpu/processor-context';
import { loadImage, storeImage } from '../../../../debug-adapter/cpu/x87/fxsave-image';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const codeGpa = 0x100000;
const dataGpa = 0x101000;
const code = 0x10000000n;
const data = 0x20000000n;

const cr0Default = 0x80010031n;
const cr0 = { MP: 2n, EM: 4n, TS: 8n, NE: 0x20n } as const;

/** FSW.ES and B with ZE, which the control word 0x37B leaves unmasked. */
const pendingZeroDivide = { control: 0x37b, status: 0x8084 };

class Fpu {
  readonly processor = new BareProcessor();
  readonly context: ProcessorContext;

  constructor() {
    const { processor } = this;
    processor.map(code, codeGpa);
    processor.map(data, dataGpa);
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    const { state, memory } = processor;
    this.context = new ProcessorContext(
      state.bytes,
      state.vpBase,
      memory,
      new TranslationSources(state.bytes, memory, {
        dropAll: () => {},
        dropPage: () => {},
        dropRange: () => {},
      }),
      linearAddressBits.fourLevels,
    );
    this.setWords(0x37f, 0);
  }

  setWords(control: number, status: number): void {
    this.processor.state.writeU32(stateOffsets.fxsave, control | (status << 16));
  }

  get status(): number {
    return this.processor.state.readU32(stateOffsets.fxsave) >>> 16;
  }

  /** Runs as many steps as the code has instructions; RBX points to the data page. */
  run(hex: string, steps: number): string {
    const { processor } = this;
    processor.memory.write(codeGpa, machineCode(hex));
    processor.state.setGpr(3, data);
    processor.state.rip = code;
    const { stop } = processor.core.run(steps, 0);
    if (stop.kind === 'unimplemented') return stop.text;
    if (stop.kind !== 'vm-exit') return stop.kind;
    return `#${processor.field('VM_EXIT_INTR_INFO') & 0xffn}`;
  }

  bytes(length: number): string {
    const bytes = this.processor.memory.read(dataGpa, length) ?? new Uint8Array();
    return Buffer.from(bytes).toString('hex');
  }
}

describe('availability of the x87 FPU', () => {
  // SDM vol. 3, table 2-2: FWAIT asks for MP and TS together, everything else for EM or TS.
  const rows: readonly (readonly [string, bigint, string, string])[] = [
    ['FLD1', 0n, 'd9 e8', 'budget'],
    ['FLD1', cr0.EM, 'd9 e8', '#7'],
    ['FLD1', cr0.TS, 'd9 e8', '#7'],
    ['FLD1', cr0.MP, 'd9 e8', 'budget'],
    ['FNINIT', cr0.TS, 'db e3', '#7'],
    ['FNSTSW', cr0.EM, 'df e0', '#7'],
    ['FWAIT', cr0.EM, '9b', 'budget'],
    ['FWAIT', cr0.TS, '9b', 'budget'],
    ['FWAIT', cr0.TS | cr0.MP, '9b', '#7'],
  ];
  for (const [name, bits, hex, expected] of rows) {
    it(`${name} with CR0 bits ${bits.toString(16)}: ${expected}`, () => {
      const fpu = new Fpu();
      fpu.processor.setField('GUEST_CR0', cr0Default | bits);
      assert.equal(fpu.run(hex, 1), expected);
    });
  }
});

describe('a pending x87 exception', () => {
  // SDM vol. 1, 8.7: the next waiting instruction reports it, FN… instructions do not.
  const rows: readonly (readonly [string, string, string])[] = [
    ['FLD1', 'd9 e8', '#16'],
    ['FWAIT', '9b', '#16'],
    ['FNOP', 'd9 d0', '#16'],
    ['FLDCW', 'd9 2b', '#16'],
    ['FNSTSW AX', 'df e0', 'budget'],
    ['FNSTCW', 'd9 3b', 'budget'],
    ['FNCLEX', 'db e2', 'budget'],
    ['FNINIT', 'db e3', 'budget'],
    ['FNSTENV', 'd9 33', 'budget'],
    ['FNSAVE', 'dd 33', 'budget'],
  ];
  for (const [name, hex, expected] of rows) {
    it(`${name}: ${expected}`, () => {
      const fpu = new Fpu();
      fpu.setWords(pendingZeroDivide.control, pendingZeroDivide.status);
      assert.equal(fpu.run(hex, 1), expected);
    });
  }

  it('arises from the division itself and is met by the next instruction', () => {
    const fpu = new Fpu();
    fpu.setWords(0x37b, 0);
    assert.equal(fpu.run('d9 e8 d9 ee de f9', 3), 'budget');
    assert.equal(fpu.status & 0x80ff, 0x8084);
    assert.equal(fpu.run('d9 e8', 1), '#16');
  });

  it('is forgotten by FNCLEX', () => {
    const fpu = new Fpu();
    fpu.setWords(pendingZeroDivide.control, pendingZeroDivide.status);
    assert.equal(fpu.run('db e2 d9 e8', 2), 'budget');
  });

  it('stops the debugger where it would be reported by an interrupt', () => {
    const fpu = new Fpu();
    fpu.processor.setField('GUEST_CR0', cr0Default & ~cr0.NE);
    fpu.setWords(pendingZeroDivide.control, pendingZeroDivide.status);
    assert.match(fpu.run('9b', 1), /FERR#/);
  });
});

describe('x87 instructions that are not built', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['F2XM1', 'd9 f0'],
    ['FYL2X', 'd9 f1'],
    ['FPTAN', 'd9 f2'],
    ['FPATAN', 'd9 f3'],
    ['FYL2XP1', 'd9 f9'],
    ['FSINCOS', 'd9 fb'],
    ['FSIN', 'd9 fe'],
    ['FCOS', 'd9 ff'],
  ];
  for (const [name, hex] of rows) {
    it(`${name} stops with its name`, () => assert.equal(new Fpu().run(hex, 1), name));
  }

  it('FISTTP is undefined: it belongs to SSE3', () => {
    for (const hex of ['db 0b', 'dd 0b', 'df 0b']) assert.equal(new Fpu().run(hex, 1), '#6');
  });
});

describe('areas in memory', () => {
  it('FNSTENV stores seven doublewords and masks all exceptions', () => {
    const fpu = new Fpu();
    fpu.setWords(0x340, 0);
    assert.equal(fpu.run('d9 e8 d9 33', 2), 'budget');
    const words = '4003ffff 0038ffff ff3fffff 00000000 00000000 00000000 0000ffff';
    assert.equal(fpu.bytes(28), words.replaceAll(' ', ''));
    assert.equal(fpu.processor.state.readU32(stateOffsets.fxsave) & 0xffff, 0x37f);
  });

  it('FNSAVE and FRSTOR carry the whole state', () => {
    const fpu = new Fpu();
    assert.equal(fpu.run('d9 e8 d9 eb dd 33 dd 23', 4), 'budget');
    assert.equal(fpu.status, 0x3000);
    assert.equal(fpu.run('de c1 db 3b', 2), 'budget');
    // 1 + pi, rounded to 64 bits.
    assert.equal(fpu.bytes(10), '1a61b41051ed87840140');
  });

  it('an FXSAVE image has the registers in stack order', () => {
    const fpu = new Fpu();
    assert.equal(fpu.run('d9 e8 d9 ee', 2), 'budget');
    const image = new Uint8Array(512);
    storeImage(fpu.context, image);
    const view = new DataView(image.buffer);
    assert.equal(view.getUint16(2, true), 0x3000);
    assert.equal(image[4], 0xc0);
    assert.equal(view.getBigUint64(32, true), 0n);
    assert.equal(view.getUint16(48 + 8, true), 0x3fff);
    const other = new Fpu();
    loadImage(other.context, image);
    assert.equal(other.run('d9 c9 db 3b', 2), 'budget');
    assert.equal(other.bytes(10), '0000000000000080ff3f');
  });
});
