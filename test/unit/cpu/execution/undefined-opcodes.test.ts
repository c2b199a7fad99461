// Each opcode of every map raises #UD where iced-x86, limited to what CPUID offers, has it as undefined; no other does.
import assert from 'node:assert/strict';
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction, Mnemonic } from 'iced-x86';
import type { BareProcessorOptions, BareProcessor } from '../../../support/bare-processor';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { ModeMachine } from '../../../support/mode-machine';
import { isOffered } from '../../../support/native-features';

type CodeSize = 16 | 32 | 64;

const slotBytes = 16;
const slots = 2048;
const breakpoint = 0xcc;
const codeAt = 0x50_000;
const dataAt = 0x72_000;
const invalidOpcode = 0x80000306n;
const exceptionExit = 0n;
/** OSFXSR, OSXMMEXCPT, PAE and FSGSBASE, so that nothing is undefined for want of a setting. */
const longControls = 0x10620n;
const shortControls = 0x600n;
const longMode = 0xd01n;
/** "Enable RDTSCP" and "enable INVPCID" (SDM vol. 3, 25.6.2). */
const secondaryControls = 0x1008n;
const allExceptions = 0xffffffffn;

/** What decides the mode and the translations. */
const modeFields = [
  ...['CR0', 'CR3', 'CR4', 'IA32_EFER', 'DR7'],
  ...['ES', 'CS', 'SS', 'DS', 'FS', 'GS'].flatMap((name) =>
    ['BASE', 'LIMIT', 'AR_BYTES'].map((part) => `${name}_${part}`),
  ),
].map((name) => `GUEST_${name}`);

type Outcome = '#UD' | 'unimplemented' | 'defined';

/** A processor at privilege level 0 with every feature on, which executes instructions from the places of a batch. */
class OneByOne {
  private readonly processor: BareProcessor;
  private readonly initial: Uint8Array;

  constructor(size: CodeSize, options: BareProcessorOptions = {}) {
    const processor = size === 64 ? longProcessor(options) : shortProcessor(size, options);
    processor.setField('EXCEPTION_BITMAP', allExceptions);
    processor.setField('SECONDARY_VM_EXEC_CONTROL', secondaryControls);
    for (let register = 0; register < 16; register++) {
      processor.state.setGpr(register, BigInt(dataAt));
    }
    processor.core.stateWasEdited();
    this.processor = processor;
    this.initial = processor.state.architecturalBytes.slice();
  }

  get translatedSteps(): number {
    return this.processor.translatedSteps;
  }

  load(batch: Uint8Array): void {
    this.processor.memory.write(codeAt, batch);
  }

  /** What happens to the instruction in a place; `defined` is whatever happens to one that exists. */
  execute(slot: number): Outcome {
    const { processor } = this;
    const { state, core } = processor;
    state.rip = BigInt(codeAt + slot * slotBytes);
    const { stop } = core.run(1, 0);
    const isException =
      stop.kind === 'vm-exit' && processor.field('VM_EXIT_REASON') === exceptionExit;
    const isUndefined = isException && processor.field('VM_EXIT_INTR_INFO') === invalidOpcode;
    this.putBack();
    if (stop.kind === 'unimplemented') return 'unimplemented';
    return isUndefined ? '#UD' : 'defined';
  }

  private putBack(): void {
    const { processor } = this;
    const now = modeFields.map((name) => processor.field(name));
    processor.state.architecturalBytes.set(this.initial);
    if (modeFields.some((name, index) => processor.field(name) !== now[index])) {
      processor.core.stateWasEdited();
    }
  }
}

function longProcessor(options: BareProcessorOptions): BareProcessor {
  const kernel = new GuestKernel(options);
  for (let page = codeAt; page < codeAt + slots * slotBytes; page += 0x1000) {
    kernel.map(BigInt(page), page, { user: false });
  }
  kernel.setPrivilege(0);
  kernel.setField('GUEST_CR4', longControls);
  kernel.setField('GUEST_IA32_EFER', longMode);
  kernel.state.setMsr('IA32_LSTAR', BigInt(layout.kernelCode));
  return kernel;
}

function shortProcessor(size: 16 | 32, options: BareProcessorOptions): BareProcessor {
  const machine = new ModeMachine(options);
  machine.protect([], size === 32 ? 0xc09b : 0x809b);
  machine.set('GUEST_CR4', shortControls);
  return machine.processor;
}

/** What differs from iced, and why: by the name of the instruction. */
const differences: readonly {
  readonly why: string;
  readonly names: readonly string[];
  readonly ours: Outcome;
  readonly sizes?: readonly CodeSize[];
}[] = [
  { why: 'undefined on purpose', names: ['Ud0', 'Ud1', 'Ud2'], ours: '#UD' },
  {
    why: 'Intel has them in 64-bit mode only (SDM vol. 2)',
    names: ['Syscall', 'Sysret'],
    ours: '#UD',
    sizes: [16, 32],
  },
  {
    why: 'VM exits in VMX non-root operation (SDM vol. 3, 26.1.2)',
    names: ['Vmcall'],
    ours: 'defined',
  },
  {
    why: 'the hypervisor, which does not offer them, makes them exit and answers with #UD (decision 14)',
    names: ['Monitor', 'Mwait'],
    ours: 'defined',
  },
  {
    why: 'WBINVD with a prefix that it ignores, where the feature is absent (SDM vol. 2, WBNOINVD)',
    names: ['Wbnoinvd'],
    ours: 'defined',
  },
  {
    why: 'not built: they stop the debugger with their name',
    names: ['F2xm1', 'Fyl2x', 'Fptan', 'Fpatan', 'Fyl2xp1', 'Fsincos', 'Fsin', 'Fcos'],
    ours: 'unimplemented',
  },
];

function wantedOf({ isDefined, name }: Expected, size: CodeSize): Outcome {
  const other = differences.find(
    ({ names, sizes }) => names.includes(name) && sizes?.includes(size) !== false,
  );
  return other?.ours ?? (isDefined ? 'defined' : '#UD');
}

interface Expected {
  readonly isDefined: boolean;
  readonly name: string;
  readonly code: Code;
  readonly length: number;
}

class Oracle {
  private readonly instruction = new Instruction();

  constructor(private readonly size: CodeSize) {}

  expected(bytes: Uint8Array): Expected {
    const options =
      DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.ForceReservedNop;
    const decoder = new Decoder(this.size, bytes, options);
    const { instruction } = this;
    decoder.decodeOut(instruction);
    decoder.free();
    const features = [...instruction.cpuidFeatures()].map((feature) => CpuidFeature[feature] ?? '');
    const isValid = instruction.code !== Code.INVALID && isOffered(features);
    return {
      isDefined: isValid,
      name: Mnemonic[instruction.mnemonic] ?? '?',
      code: instruction.code,
      length: instruction.length,
    };
  }

  free(): void {
    this.instruction.free();
  }
}

/** Opcodes whose ModR/M byte says more than a register and a form. */
function isDense(escape: readonly number[], opcode: number): boolean {
  if (escape.length === 0) return opcode >= 0xd8 && opcode <= 0xdf;
  return escape.length === 1 && [0x00, 0x01, 0x0d, 0x18, 0xae, 0xc7].includes(opcode);
}

const registers = [0, 1, 2, 3, 4, 5, 6, 7];
/** A memory form of each value of `reg`, and a register form of each, or every one. */
const memoryForms = registers.map((reg) => (reg << 3) | 3);
const sparse = [...memoryForms, ...registers.map((reg) => 0xc1 | (reg << 3))];
const dense = [...memoryForms, ...Array.from({ length: 64 }, (_, index) => 0xc0 | index)];
/** Of the maps with three bytes hardly anything is offered. */
const few = [0x03, 0xc1];

const maps: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

function formsOf(escape: readonly number[], opcode: number): readonly number[] {
  if (escape.length > 1) return few;
  return isDense(escape, opcode) ? dense : sparse;
}

/** Behind each, a displacement or an immediate that is harmless. */
function everyOpcode(prefix: readonly number[]): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (const escape of maps) {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (const modrm of formsOf(escape, opcode)) {
        const code = new Uint8Array(slotBytes).fill(0x11);
        code.set([...prefix, ...escape, opcode, modrm]);
        all.push(code);
      }
    }
  }
  return all;
}

const prefixes: readonly (readonly [string, readonly number[], readonly CodeSize[]])[] = [
  ['no prefix', [], [16, 32, 64]],
  ['66', [0x66], [16, 32, 64]],
  ['F2', [0xf2], [16, 32, 64]],
  ['F3', [0xf3], [16, 32, 64]],
  ['LOCK', [0xf0], [16, 32, 64]],
  ['REX.WRB', [0x4d], [64]],
];

/** Runs a batch on the interpreter, and one instruction of each kind on the translator. */
class Comparison {
  readonly found = new Map<string, string>();
  cases = 0;
  undefinedOpcodes = 0;
  translated = 0;
  private readonly interpreter: OneByOne;
  private readonly translator: OneByOne;
  private readonly oracle: Oracle;
  private readonly met = new Set<string>();

  constructor(private readonly size: CodeSize) {
    this.interpreter = new OneByOne(size);
    this.translator = new OneByOne(size, { hotCount: 1, changesOfUnstablePage: Infinity });
    this.oracle = new Oracle(size);
  }

  compare(title: string, codes: readonly Uint8Array[]): void {
    const expected = codes.map((code) => this.oracle.expected(code));
    const batch = new Uint8Array(slots * slotBytes).fill(breakpoint);
    // The translated region ends with the instruction: what follows is for the interpreter.
    codes.forEach((code, slot) => {
      batch.set(
        code.subarray(0, expected[slot]?.isDefined === true ? expected[slot].length : slotBytes),
        slot * slotBytes,
      );
    });
    this.interpreter.load(batch);
    this.translator.load(batch);
    codes.forEach((code, slot) => {
      const one = expected[slot];
      if (one === undefined) return;
      this.cases++;
      const hex = Buffer.from(code.subarray(0, 6)).toString('hex');
      const ours = this.interpreter.execute(slot);
      const wanted = wantedOf(one, this.size);
      if (ours !== wanted)
        this.found.set(`${title} ${one.name}: ${ours} instead of ${wanted}`, hex);
      if (ours === '#UD') this.undefinedOpcodes++;
      // Of what is undefined, each opcode; of the rest, each instruction.
      const kind = `${title} ${ours === '#UD' ? hex.slice(0, 6) : one.code}`;
      if (this.met.has(kind)) return;
      this.met.add(kind);
      this.translate(slot, ours, `${title} ${one.name}`, hex);
    });
  }

  /** Twice: the first run fills the TLB, without which translated code leaves at its first access to memory. */
  private translate(slot: number, interpreted: Outcome, name: string, hex: string): void {
    const first = this.translator.execute(slot);
    const before = this.translator.translatedSteps;
    const second = this.translator.execute(slot);
    if (this.translator.translatedSteps !== before) this.translated++;
    if (first !== interpreted || second !== interpreted) {
      this.found.set(`${name}: translated ${first}, ${second} instead of ${interpreted}`, hex);
    }
  }

  free(): void {
    this.oracle.free();
  }
}

describe('undefined opcodes, against iced-x86 and the features that CPUID offers (SDM vol. 2)', () => {
  for (const [size, casesMin, translatedMin] of [
    [64, 55_000, 1000],
    [32, 45_000, 1000],
    [16, 45_000, 0],
  ] as const) {
    it(`every opcode of ${size}-bit code raises #UD, or does not, on both engines`, () => {
      const comparison = new Comparison(size);
      for (const [title, prefix, sizes] of prefixes) {
        if (!sizes.includes(size)) continue;
        const codes = everyOpcode(prefix);
        for (let at = 0; at < codes.length; at += slots) {
          comparison.compare(title, codes.slice(at, at + slots));
        }
      }
      comparison.free();
      assert.deepEqual([...comparison.found], []);
      const { cases, undefinedOpcodes, translated } = comparison;
      assert.ok(cases >= casesMin, `${cases} cases`);
      assert.ok(undefinedOpcodes >= 20_000, `${undefinedOpcodes} undefined`);
      assert.ok(translated >= translatedMin, `${translated} translated`);
    }).timeout(300_000);
  }
});
