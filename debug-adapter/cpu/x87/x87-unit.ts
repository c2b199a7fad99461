/** The x87 FPU's registers (SDM vol. 1, 8.1): control and status word, tags, and the register stack. */
import { stateOffsets } from '../../machine/processor-state';
import type { ProcessorContext } from '../processor-context';
import { classOf, type Float80 } from './float80';
import { statusBits, type RoundingControl } from './rounding';

/** Offsets in the state's FXSAVE area; register fields hold physical registers, not stack positions. */
export const x87Offsets = {
  control: stateOffsets.fxsave,
  status: stateOffsets.fxsave + 2,
  /** Bit i is set where physical register i is not empty. */
  tags: stateOffsets.fxsave + 4,
  opcode: stateOffsets.fxsave + 6,
  instructionPointer: stateOffsets.fxsave + 8,
  dataPointer: stateOffsets.fxsave + 16,
  registers: stateOffsets.fxsave + 32,
} as const;

export const registerStride = 16;

const exceptionFlags = 0x3f;
/** Exceptions found before the operation: unmasked, they leave operands and stack alone (SDM vol. 1, 8.6). */
const preComputation = statusBits.IE | statusBits.DE | statusBits.ZE;
const summary = statusBits.ES | statusBits.B;

/** Control word after FNINIT: all exceptions masked, 64 bits of precision, to nearest. */
const controlInitial = 0x37f;
/** Bits of the control word that exist; bit 6 always reads as 1. */
const controlWritable = 0x1f3f;
const controlFixed = 0x40;

export const stackUnderflow = statusBits.IE | statusBits.SF;
export const stackOverflow = statusBits.IE | statusBits.SF | statusBits.C1;

export class X87Unit {
  private readonly base: number;

  constructor(private readonly context: ProcessorContext) {
    this.base = context.vpBase;
  }

  get control(): number {
    return this.read16(x87Offsets.control);
  }

  /** Also decides anew whether an exception is pending. */
  set control(value: number) {
    this.write16(x87Offsets.control, (value & controlWritable) | controlFixed);
    this.setStatus(this.status);
  }

  get status(): number {
    return this.read16(x87Offsets.status);
  }

  /** ES and B follow from flags and masks. */
  set status(value: number) {
    this.setStatus(value);
  }

  private setStatus(value: number): void {
    const pending = (value & ~this.control & exceptionFlags) !== 0;
    this.write16(x87Offsets.status, pending ? value | summary : value & ~summary);
  }

  get tags(): number {
    return this.context.view.getUint8(this.base + x87Offsets.tags);
  }

  set tags(value: number) {
    this.context.view.setUint8(this.base + x87Offsets.tags, value);
  }

  get top(): number {
    return (this.status >>> 11) & 7;
  }

  set top(value: number) {
    this.write16(x87Offsets.status, (this.status & ~0x3800) | ((value & 7) << 11));
  }

  get rounding(): RoundingControl {
    const { control } = this;
    const precision = ([24, 64, 53, 64] as const)[(control >>> 8) & 3] ?? 64;
    return { mode: (control >>> 10) & 3, precision, masks: control & exceptionFlags };
  }

  isEmpty(index: number): boolean {
    return (this.tags & (1 << this.physical(index))) === 0;
  }

  /** ST(index), whatever its tag. */
  read(index: number): Float80 {
    return this.readPhysical(this.physical(index));
  }

  readPhysical(register: number): Float80 {
    const at = this.base + x87Offsets.registers + register * registerStride;
    const signAndExponent = this.context.view.getUint16(at + 8, true);
    return {
      sign: signAndExponent >= 0x8000 ? 1 : 0,
      exponent: signAndExponent & 0x7fff,
      significand: this.context.view.getBigUint64(at, true),
    };
  }

  /** Writes ST(index) and tags it as used. */
  write(index: number, value: Float80): void {
    const register = this.physical(index);
    this.writePhysical(register, value);
    this.tags |= 1 << register;
  }

  writePhysical(register: number, value: Float80): void {
    const at = this.base + x87Offsets.registers + register * registerStride;
    this.context.view.setBigUint64(at, value.significand, true);
    this.context.view.setUint16(at + 8, (value.sign << 15) | value.exponent, true);
  }

  push(value: Float80): void {
    this.top -= 1;
    this.write(0, value);
  }

  pop(): void {
    this.free(0);
    this.top += 1;
  }

  free(index: number): void {
    this.tags &= ~(1 << this.physical(index));
  }

  /**
   * Sets what an instruction found: exception flags, SF and C1, which is cleared otherwise unless it is kept.
   * @returns false where an unmasked exception forbids the result
   */
  settle(flags: number, keepsC1 = false): boolean {
    const status = keepsC1 ? this.status : this.status & ~statusBits.C1;
    const unmasked = flags & preComputation & ~this.control;
    if (unmasked === 0) {
      this.status = status | flags;
      return true;
    }
    const kept = preComputation | statusBits.SF;
    const condition = (flags & statusBits.SF) !== 0 ? flags & statusBits.C1 : 0;
    this.status = status | (flags & kept) | condition;
    return false;
  }

  /** C3, C2 and C0 get the given values. */
  setConditions(conditions: number): void {
    const all = statusBits.C3 | statusBits.C2 | statusBits.C0;
    this.write16(x87Offsets.status, (this.status & ~all) | conditions);
  }

  /** FNINIT. */
  initialize(): void {
    this.write16(x87Offsets.status, 0);
    this.control = controlInitial;
    this.tags = 0;
    this.write16(x87Offsets.opcode, 0);
    this.context.setRunU64(x87Offsets.instructionPointer, 0n);
    this.context.setRunU64(x87Offsets.dataPointer, 0n);
  }

  /** The tag word with two bits for each physical register (SDM vol. 1, figure 8-7). */
  get fullTags(): number {
    let word = 0;
    for (let register = 0; register < 8; register++) {
      word |= this.tagOf(register) << (2 * register);
    }
    return word;
  }

  set fullTags(word: number) {
    let tags = 0;
    for (let register = 0; register < 8; register++) {
      if (((word >>> (2 * register)) & 3) !== 3) tags |= 1 << register;
    }
    this.tags = tags;
  }

  private tagOf(register: number): number {
    if ((this.tags & (1 << register)) === 0) return 3;
    const kind = classOf(this.readPhysical(register));
    if (kind === 'zero') return 1;
    return kind === 'normal' ? 0 : 2;
  }

  private physical(index: number): number {
    return (this.top + index) & 7;
  }

  private read16(offset: number): number {
    return this.context.view.getUint16(this.base + offset, true);
  }

  private write16(offset: number, value: number): void {
    this.context.view.setUint16(this.base + offset, value, true);
  }
}
