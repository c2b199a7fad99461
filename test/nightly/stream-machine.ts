/** A processor that random streams run on, in each mode of the architecture. */
import type { ProcessorRun } from '../../debug-adapter/machine/processor';
import { stateOffsets } from '../../debug-adapter/machine/processor-state';
import type { BareProcessor } from '../support/bare-processor';
import { type BareProcessorOptions } from '../support/bare-processor';
import { GuestKernel, layout, selector } from '../support/guest-kernel';
import { codeAt, enterHostileMode, type HostileMode } from '../support/hostile-mode';
import { ModeMachine } from '../support/mode-machine';
import type { SeededRandom } from '../support/seeded-random';
import type { CodeSetting } from './stream-code';

/** Modes by the privilege and kind of their code. */
export const streamModes = [
  ...(['long kernel', 'long user', 'compatibility kernel', 'compatibility user'] as const),
  ...(['real', 'virtual', 'flat', 'segmented'] as const),
] as const;

export type StreamMode = (typeof streamModes)[number];

/** What of a machine the streams use. */
export interface StreamMachine {
  readonly processor: BareProcessor;
  setting(mode: StreamMode): CodeSetting;
  /** Memory, tables and segments as the mode wants them; the random numbers decide what is unusual. */
  prepare(mode: StreamMode, random: SeededRandom): void;
  /** Puts the code where the mode runs it. */
  load(bytes: Uint8Array): void;
  /** Registers for a run that begins at an offset of the code. */
  enter(offset: number, random: SeededRandom): void;
}

const userFlags = 0x8d5;
const systemFlags = 0x7cd5;
const virtualFlags = 0x20000;
const fixedFlags = 2;
const nestedTask = 0x4000;
/** OSFXSR and OSXMMEXCPT. */
const vectorsEnabled = 0x600n;
/** PAE, PGE, OSFXSR, OSXMMEXCPT and FSGSBASE. */
const longControls = 0x106a0n;
/** LMA, LME, NXE and SCE. */
const systemCallsEnabled = 0xd01n;
/** "Enable RDTSCP" and "enable INVPCID", behind "activate secondary controls" (SDM vol. 3, 25.6.2). */
const secondaryControls = 0x1008n;
const pageBytes = 0x1000;

/** An address with room on both sides, more often than not aligned, a selector, or any number. */
function randomValue(
  random: SeededRandom,
  places: readonly number[],
  selectors: readonly number[],
): bigint {
  if (random.chance(12)) return random.chance(50) ? 0n : BigInt(random.pick(selectors));
  if (random.chance(80)) {
    const at = random.pick(places) + 0x100 + random.below(pageBytes - 0x200);
    return BigInt(random.chance(60) ? at & ~15 : at);
  }
  if (random.chance(30)) return BigInt(random.below(16));
  const shift = BigInt(random.below(64));
  return BigInt.asUintN(64, (BigInt(random.next()) << 32n) | BigInt(random.next())) >> shift;
}

/** Random vectors and x87 registers with the usual controls. */
function enterVectors({ state }: BareProcessor, random: SeededRandom): void {
  const bytes = state.architecturalBytes;
  const xmm = stateOffsets.fxsave + 160;
  for (let turn = 0; turn < 8; turn++) bytes[xmm + random.below(256)] = random.next() & 0xff;
  const stack = stateOffsets.fxsave + 32;
  for (let turn = 0; turn < 6; turn++) bytes[stack + random.below(128)] = random.next() & 0xff;
  const isFull = random.chance(50);
  state.writeU32(stateOffsets.fxsave, 0x37f);
  state.writeU32(stateOffsets.fxsave + 4, isFull ? 0xff : random.next() & 0xff);
  state.writeU32(stateOffsets.fxsave + 24, 0x1f80);
}

/** What decides the mode and the translations of a processor: two fields of the tables, and all of the segments. */
const modeFields: readonly string[] = [
  ...['CR0', 'CR3', 'CR4', 'IA32_EFER', 'DR7'],
  ...['ES', 'CS', 'SS', 'DS', 'FS', 'GS'].flatMap((name) =>
    ['BASE', 'LIMIT', 'AR_BYTES'].map((part) => `${name}_${part}`),
  ),
].map((name) => `GUEST_${name}`);

/** Puts a state back; TLBs survive where nothing that they depend on has changed, so that translated code finds them. */
function putBack(processor: BareProcessor, wanted: Uint8Array): void {
  const now = modeFields.map((name) => processor.field(name));
  processor.state.architecturalBytes.set(wanted);
  if (modeFields.some((name, index) => processor.field(name) !== now[index])) {
    processor.core.stateWasEdited();
  }
}

const longSelectors = Object.values(selector);

/** 64-bit and compatibility mode: a small kernel with tables, stacks and handlers. */
export class LongStreamMachine implements StreamMachine {
  readonly processor: GuestKernel;
  private readonly memory;
  private readonly initial: Uint8Array;
  private mode: StreamMode = 'long kernel';
  private prepared: Uint8Array;
  private start = 0;

  constructor(options: BareProcessorOptions) {
    this.processor = new GuestKernel(options);
    this.memory = this.processor.memory.save();
    this.initial = this.processor.state.architecturalBytes.slice();
    this.prepared = this.initial;
  }

  setting(mode: StreamMode): CodeSetting {
    return {
      codeSize: mode.startsWith('long') ? 64 : 32,
      places: this.placesOf(mode),
      selectors: longSelectors,
      codeAt: this.codePage(mode),
    };
  }

  prepare(mode: StreamMode, random: SeededRandom): void {
    const { processor } = this;
    if (!processor.memory.restore(this.memory)) throw new Error('the memory does not fit');
    processor.state.architecturalBytes.set(this.initial);
    this.mode = mode;
    for (let vector = 0; vector < 32; vector++) {
      if (random.chance(10))
        processor.setGate(vector, { privilege: 3, present: random.chance(80) });
    }
    this.start = random.chance(20) ? 0xf00 : random.below(0xd00);
    for (const page of [layout.kernelStack, layout.userStack, layout.userData]) {
      processor.memory.write(page - pageBytes / 2, framesOf(this.codePage(mode) + this.start));
    }
    const isUser = mode.endsWith('user');
    processor.setField('GUEST_CR4', longControls);
    processor.setField('GUEST_IA32_EFER', systemCallsEnabled);
    processor.setField('GUEST_SYSENTER_CS', BigInt(selector.kernelCode));
    processor.setField('GUEST_SYSENTER_EIP', BigInt(layout.kernelCode + this.start));
    processor.setField('GUEST_SYSENTER_ESP', BigInt(layout.kernelStack - 0x100));
    processor.setField('SECONDARY_VM_EXEC_CONTROL', secondaryControls);
    const callSelectors = BigInt(selector.kernelCode) << 32n;
    processor.state.setMsr('IA32_STAR', callSelectors | (BigInt(selector.kernelData + 3) << 48n));
    processor.state.setMsr('IA32_LSTAR', BigInt(layout.kernelCode + this.start));
    processor.setField(
      'GUEST_CS_SELECTOR',
      BigInt(isUser ? selector.userCode : selector.kernelCode),
    );
    processor.setField(
      'GUEST_SS_SELECTOR',
      BigInt(isUser ? selector.userData : selector.kernelData),
    );
    if (mode.startsWith('long')) processor.setPrivilege(isUser ? 3 : 0);
    else processor.setCompatibilityMode(isUser ? 3 : 0);
    this.prepared = processor.state.architecturalBytes.slice();
  }

  load(bytes: Uint8Array): void {
    this.processor.memory.write(this.codePage(this.mode) + this.start, bytes);
  }

  enter(offset: number, random: SeededRandom): void {
    const { processor, mode } = this;
    const { state } = processor;
    putBack(processor, this.prepared);
    const places = this.placesOf(mode);
    for (let index = 0; index < 16; index++) {
      state.setGpr(index, randomValue(random, places, longSelectors));
    }
    const stack = mode.endsWith('user') ? layout.userStack : layout.kernelStack;
    if (random.chance(80)) state.setGpr(4, BigInt(stack - 0x100 - random.below(64) * 8));
    enterVectors(processor, random);
    state.rip = BigInt(this.codePage(mode) + this.start + offset);
    const flags = random.chance(70) ? userFlags : systemFlags & ~nestedTask;
    state.rflags = (random.next() & flags) | fixedFlags;
    state.writeU32(stateOffsets.exitPending, 0);
  }

  private codePage(mode: StreamMode): number {
    return mode.endsWith('user') ? layout.userCode : layout.kernelCode;
  }

  private placesOf(mode: StreamMode): number[] {
    const user = [layout.userData, layout.userData, layout.userStack - pageBytes];
    if (mode.endsWith('user')) return user;
    return [...user, layout.kernelData, layout.kernelData, layout.globalTable];
  }
}

/** Words that far returns, interrupt returns and pops of segments find on a stack. */
function framesOf(code: number): Uint8Array {
  const bytes = new Uint8Array(pageBytes / 2);
  const view = new DataView(bytes.buffer);
  const words = [
    code,
    selector.kernelCode,
    userFlags,
    layout.kernelStack - 0x80,
    selector.kernelData,
  ];
  for (let at = 0; at < bytes.length; at += 8) {
    view.setBigUint64(at, BigInt(words[(at >> 3) % words.length] ?? 0), true);
  }
  return bytes;
}

const modeSelectors = [8, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x1b, 0x23];
const modePlaces = [0x7000, 0x8000, 0x9000];
const dataSegments = ['ES', 'SS', 'DS', 'FS', 'GS'] as const;
const hostileModes: readonly string[] = ['real', 'virtual', 'flat', 'segmented'];

/** Real, virtual-8086 and protected mode, with tables of which some entries are unusual. */
export class ModeStreamMachine implements StreamMachine {
  private readonly machine: ModeMachine;
  private readonly memory;
  private readonly initial: Uint8Array;
  private mode: HostileMode = 'flat';
  private prepared: Uint8Array;
  private start = codeAt;

  constructor(options: BareProcessorOptions) {
    this.machine = new ModeMachine(options);
    this.memory = this.processor.memory.save();
    this.initial = this.processor.state.architecturalBytes.slice();
    this.prepared = this.initial;
  }

  get processor(): BareProcessor {
    return this.machine.processor;
  }

  setting(mode: StreamMode): CodeSetting {
    const is16 = mode === 'real' || mode === 'virtual' || (this.rights() & 0x4000) === 0;
    return {
      codeSize: is16 ? 16 : 32,
      places: modePlaces,
      selectors: modeSelectors,
      codeAt: this.start,
    };
  }

  prepare(mode: StreamMode, random: SeededRandom): void {
    const { machine, processor } = this;
    if (!processor.memory.restore(this.memory)) throw new Error('the memory does not fit');
    processor.state.architecturalBytes.set(this.initial);
    if (hostileModes.includes(mode)) this.mode = mode as HostileMode;
    enterHostileMode(machine, random, this.mode);
    if (random.chance(60)) this.widenSegments(random);
    machine.set('GUEST_CR4', vectorsEnabled);
    machine.set('EXCEPTION_BITMAP', 0n);
    this.start = random.chance(10) ? 0xfe00 : codeAt;
    processor.core.stateWasEdited();
    this.prepared = processor.state.architecturalBytes.slice();
  }

  /** Data segments that hold all places, of which the stack's has either size. */
  private widenSegments(random: SeededRandom): void {
    const { machine, mode } = this;
    if (mode === 'virtual' || mode === 'flat') return;
    for (const name of dataSegments) {
      const base = machine.field(`GUEST_${name}_BASE`);
      const size = random.pick([0, 0x4000]);
      machine.segment(name, 0x10, base, 0xffffffff, 0x8093 | size);
    }
  }

  load(bytes: Uint8Array): void {
    const base = Number(this.machine.field('GUEST_CS_BASE'));
    this.processor.memory.write(base + this.start, bytes);
  }

  enter(offset: number, random: SeededRandom): void {
    const { processor } = this;
    const { state } = processor;
    putBack(processor, this.prepared);
    for (let index = 0; index < 8; index++) {
      state.setGpr(index, randomValue(random, modePlaces, modeSelectors) & 0xffffffffn);
    }
    enterVectors(processor, random);
    state.rip = BigInt(this.start + offset);
    const flags = random.chance(70) ? userFlags : systemFlags & ~nestedTask;
    state.rflags =
      (random.next() & flags) | fixedFlags | (this.mode === 'virtual' ? virtualFlags : 0);
    state.writeU32(stateOffsets.exitPending, 0);
  }

  private rights(): number {
    return Number(this.machine.field('GUEST_CS_AR_BYTES'));
  }
}

/** Exits that end an instruction as the hypervisor would: CPUID, HLT, INVLPG, RDTSC, accesses to CRs, ports and MSRs. */
const completed: ReadonlySet<number> = new Set([10, 12, 14, 16, 28, 30, 31, 32]);

/** Answers a stop so that the stream may go on; false where it ends. */
export function goesOn(processor: BareProcessor, { stop }: ProcessorRun): boolean {
  if (stop.kind !== 'vm-exit') return false;
  processor.state.writeU32(stateOffsets.exitPending, 0);
  if (!completed.has(Number(processor.field('VM_EXIT_REASON') & 0xffffn))) return false;
  processor.core.completeInstruction();
  return true;
}
