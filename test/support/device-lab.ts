/**
 * Instructions with operands in a recording device: they are run at once, step by step, translated, and with a restore
 * into another processor behind every step; all of that must come to the same.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { stateOffsets } from '../../debug-adapter/machine/processor-state';
import { ExitReasonNumber } from '../../debug-adapter/spec/x86/exit-reasons';
import { present } from '../../debug-adapter/support/assert';
import { BareProcessor } from './bare-processor';
import { machineCode } from './machine-code';

export const codeLinear = 0x1000_0000n;
const codeGpa = 0x100_000;
/** A page of RAM, then two pages of a device, then RAM. */
export const ramLinear = 0x2000_0000n;
export const deviceLinear = ramLinear + 0x1000n;
export const behindLinear = ramLinear + 0x3000n;
export const ramGpa = 0x110_000;
export const behindGpa = 0x120_000;
export const deviceGpa = 0xfec0_0000;
const deviceBytes = 0x2000;
/** Page tables and the three pages of RAM. */
const ramPages = [...Array.from({ length: 15 }, (_, page) => (page + 1) * 4096)].concat(
  codeGpa,
  ramGpa,
  behindGpa,
);

const halt = 0xf4;
export const codePageBytes = 4096;

/** A device whose bytes are those of `contents`; it notes every access. */
export class RecordingDevice {
  readonly contents = new Uint8Array(deviceBytes);
  /** Kind, bytes and offset, and what a write brings. */
  readonly log: string[] = [];

  constructor() {
    this.contents.forEach((_, index) => {
      this.contents[index] = (index * 7 + 1) & 0xff;
    });
  }

  access(offset: number, bytes: number, value?: bigint): bigint {
    const place = `${bytes}@${offset.toString(16)}`;
    this.log.push(value === undefined ? `r${place}` : `w${place}=${value.toString(16)}`);
    if (value !== undefined) this.put(offset, value, bytes);
    return value === undefined ? this.peek(offset, bytes) : 0n;
  }

  put(offset: number, value: bigint, bytes: number): void {
    for (let index = 0; index < bytes; index++) {
      this.contents[offset + index] = Number((value >> BigInt(index * 8)) & 0xffn);
    }
  }

  peek(offset: number, bytes: number): bigint {
    return this.contents
      .subarray(offset, offset + bytes)
      .reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }
}

/** Bytes of an untouched device from `offset` on, as an integer. */
export function fresh(offset: number, bytes: number): bigint {
  return new RecordingDevice().peek(offset, bytes);
}

/** A processor as every row finds it, and how it becomes so again. */
interface Bench {
  readonly processor: BareProcessor;
  readonly reset: () => void;
}

/** Making a processor takes far longer than a row; so the rows share them. */
const benches = new Map<string, Bench>();

function benchOf(hotCount: number, isSpare: boolean): BareProcessor {
  const key = `${hotCount} ${isSpare}`;
  const bench = benches.get(key) ?? makeBench(hotCount);
  benches.set(key, bench);
  bench.reset();
  return bench.processor;
}

function makeBench(hotCount: number): Bench {
  const processor = new BareProcessor({ hotCount, changesOfUnstablePage: Infinity });
  const { memory, state } = processor;
  processor.map(codeLinear, codeGpa);
  processor.map(ramLinear, ramGpa);
  processor.map(deviceLinear, deviceGpa);
  processor.map(deviceLinear + 0x1000n, deviceGpa + 0x1000);
  processor.map(behindLinear, behindGpa);
  memory.write(codeGpa, new Uint8Array(codePageBytes).fill(halt));
  memory.write(ramGpa, new Uint8Array(4096).fill(0xaa));
  memory.write(behindGpa, new Uint8Array(4096).fill(0xbb));
  state.rip = codeLinear;
  state.setGpr(0, 0x1122334455667788n);
  state.setGpr(1, 3n);
  state.setGpr(2, 0x99aabbccddeeff00n);
  state.setGpr(3, deviceLinear);
  state.setGpr(4, ramLinear + 0x800n);
  state.setGpr(6, deviceLinear);
  state.setGpr(7, ramLinear);
  state.setGpr(15, BigInt(warmUpTurns));
  const registers = state.architecturalBytes.slice();
  const pages = ramPages.map((page) => [page, present(memory.read(page, 4096), 'page')] as const);
  const reset = (): void => {
    for (const [page, bytes] of pages) memory.write(page, bytes);
    state.architecturalBytes.set(registers);
    processor.core.stateWasEdited();
  };
  return { processor, reset };
}

/** A processor with its device, and ports that answer with the number of the access. */
export class DeviceLab {
  processor: BareProcessor;
  readonly device = new RecordingDevice();
  /** What ports were given, and asked for. */
  readonly ports: string[] = [];
  private readonly translatedBefore: number;
  exits = 0;
  steps = 0;
  /** Vectors of delivered events. */
  readonly events: number[] = [];

  constructor(
    private readonly code: string,
    private readonly options: {
      readonly hotCount?: number;
      readonly prepare?: LabPreparation;
    } = {},
  ) {
    this.processor = this.makeProcessor();
    this.translatedBefore = this.processor.translatedSteps;
  }

  private makeProcessor(isSpare = false): BareProcessor {
    const hotCount = this.options.hotCount ?? 0;
    const processor = benchOf(hotCount, isSpare);
    processor.memory.write(codeGpa, machineCode(this.code));
    this.options.prepare?.(processor, this.device);
    processor.core.stateWasEdited();
    return processor;
  }

  /** Runs to the HLT that everything but the code is. @param isRestored goes on in another processor after every run */
  run(budget: number, isRestored = false): this {
    const spare = isRestored ? this.makeProcessor(true) : undefined;
    let other = spare;
    for (let turn = 0; turn < 2000; turn++) {
      const { stop, steps } = this.processor.core.run(budget, 0);
      this.steps += steps;
      if (stop.kind === 'event') this.events.push(stop.vector);
      else if (stop.kind === 'vm-exit') {
        if (this.processor.field('VM_EXIT_REASON') === BigInt(ExitReasonNumber.HLT)) return this;
        this.exits++;
        if (other !== undefined) other = this.moveTo(other);
        this.answer();
      } else assert.equal(stop.kind, 'budget');
      if (other !== undefined) other = this.moveTo(other);
    }
    throw new Error(`stuck: ${this.device.log.slice(0, 20).join(' ')}`);
  }

  /** Steps in translated code so far. */
  get translated(): number {
    return this.processor.translatedSteps - this.translatedBefore;
  }

  private moveTo(target: BareProcessor): BareProcessor {
    const source = this.processor;
    for (const page of ramPages) {
      target.memory.write(page, present(source.memory.read(page, 4096), 'page'));
    }
    target.state.architecturalBytes.set(source.state.architecturalBytes);
    target.core.stateWasEdited();
    this.processor = target;
    return source;
  }

  /** What the hypervisor does: asks the device or the port, and injects again what was being delivered. */
  private answer(): void {
    const { state, core } = this.processor;
    const vectoring = this.processor.field('IDT_VECTORING_INFO_FIELD');
    const reason = Number(this.processor.field('VM_EXIT_REASON'));
    state.writeU32(stateOffsets.exitPending, 0);
    const qualification = this.processor.field('EXIT_QUALIFICATION');
    const bytes = state.readU32(stateOffsets.accessBytes);
    const value = state.readU64(stateOffsets.accessValue);
    if (reason === ExitReasonNumber.IO_INSTRUCTION) {
      const isIn = (qualification & 8n) !== 0n;
      this.ports.push(isIn ? 'in' : `out=${value.toString(16)}`);
      core.answerAccess(isIn ? BigInt(0x51 + this.ports.length) : 0n);
      return;
    }
    assert.equal(reason, ExitReasonNumber.EPT_VIOLATION);
    assert.equal(qualification & ~3n, 0x180n, 'a translated linear address');
    const offset = Number(this.processor.field('GUEST_PHYSICAL_ADDRESS')) - deviceGpa;
    assert(offset >= 0 && offset < deviceBytes && bytes > 0, 'an access that a device can answer');
    assert.equal(this.processor.field('GUEST_LINEAR_ADDRESS'), deviceLinear + BigInt(offset));
    const isWrite = (qualification & 2n) !== 0n;
    core.answerAccess(this.device.access(offset, bytes, isWrite ? value : undefined));
    if ((vectoring & 0x80000000n) === 0n) return;
    this.processor.setField('VM_ENTRY_INTR_INFO_FIELD', vectoring);
    const errorCode = this.processor.field('IDT_VECTORING_ERROR_CODE');
    this.processor.setField('VM_ENTRY_EXCEPTION_ERROR_CODE', errorCode);
    const length = this.processor.field('VM_EXIT_INSTRUCTION_LEN');
    this.processor.setField('VM_ENTRY_INSTRUCTION_LEN', length);
  }

  /** All that can be told apart, for comparison. */
  get outcome(): object {
    const { state, memory } = this.processor;
    return {
      log: this.device.log.join(' '),
      ports: this.ports.join(' '),
      exits: this.exits,
      steps: this.steps,
      events: this.events.join(' '),
      state: hashOf(state.architecturalBytes),
      ram: ramPages.map((page) => hashOf(present(memory.read(page, 4096), 'page'))),
    };
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Changes the start of a run; called for each processor of it, before anything has run. */
export type LabPreparation = (processor: BareProcessor, device: RecordingDevice) => void;

export interface DeviceRow {
  readonly name: string;
  /** For code in 32-bit segments, from which EBP comes back as 0. */
  readonly is32Bit?: boolean;
  /** Machine code; HLT follows it, and is everywhere else in its page. */
  readonly code: string;
  /** The device's log. */
  readonly accesses: string;
  /** Instructions and iterations that retire, HLT not among them: 1 unless given. */
  readonly retires?: number;
  readonly prepare?: LabPreparation;
  readonly check?: (lab: DeviceLab) => void;
}

const ways = [
  ['at once', 1000, 0, false],
  ['in single steps', 1, 0, false],
  ['translated', 1000, 1, false],
  ['restored after each step', 1, 0, true],
] as const;

/** DEC R15; JNZ: a loop that becomes hot, so that what follows is translated with it. */
const warmUp = '49 ff cf 75 fb';
/** DEC EBP, which 64-bit code does not have in this form; JNZ. */
const warmUp32 = '4d 75 fd';
const warmUpTurns = 6;

/** Runs a row in every way; the outcomes must be equal, and those of the row. */
export function checkDeviceRow(row: DeviceRow): void {
  const { code, accesses, retires = 1, is32Bit = false, check } = row;
  const prepare: LabPreparation = (processor, device) => {
    if (is32Bit) {
      processor.setCompatibilityMode(0);
      processor.state.setGpr(5, BigInt(warmUpTurns));
    }
    row.prepare?.(processor, device);
  };
  let expected: object | undefined;
  for (const [name, budget, hotCount, isRestored] of ways) {
    const program = `${is32Bit ? warmUp32 : warmUp} ${code}`;
    const lab = new DeviceLab(program, { hotCount, prepare }).run(budget, isRestored);
    assert.equal(lab.device.log.join(' '), accesses, name);
    const retired = 2 * warmUpTurns + retires + 1;
    assert.equal(lab.steps, lab.exits + lab.events.length + retired, 'each of these is one step');
    if (!is32Bit) assert.equal(lab.translated > 0, hotCount > 0, 'translated where that is meant');
    check?.(lab);
    expected ??= lab.outcome;
    assert.deepEqual(lab.outcome, expected, name);
  }
}
