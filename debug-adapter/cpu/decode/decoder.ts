/** Decodes x86 instructions (SDM vol. 2, chapter 2) into what the interpreter's records need. */
import { stateOffsets, vmcsEncoding, vmcsSlotOffset } from '../../machine/processor-state';
import { present } from '../../support/assert';
import { addressingIndex, type AddressingIndex } from '../ir/addressing';
import { runOffsets, segmentCheckOffset } from '../memory-map';
import { longCode, type CodeMode } from './code-mode';
import type { OpcodeRow } from './opcode-rows';
import {
  immediateSource,
  namesMissingRegister,
  registerField,
  segmentNumber,
  shapesOf,
  type Immediate,
  type InstructionShape,
  type OperandSlot,
} from './shape';
import type { Form, OperandSize, Repeat } from './variants';

/** Longest legal instruction in bytes. */
export const instructionBytesMax = 15;

/** What the decoder says of the bytes at an address. */
export type DecodeResult =
  | { readonly kind: 'instruction'; readonly instruction: DecodedInstruction }
  /** The instruction needs more bytes than were given. */
  | { readonly kind: 'truncated' }
  /** #UD. */
  | { readonly kind: 'undefined' }
  /** Longer than 15 bytes: #GP(0). */
  | { readonly kind: 'too-long' };

/** Where the operands of an instruction lie: registers as byte offsets from `vpBase`. */
export interface OperandPlaces {
  readonly dst: number;
  readonly src: number;
  readonly third: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** Base of the memory operand's segment; in checked addressing the first of all its checks. */
  readonly segmentBase: number;
}

export interface DecodedInstruction extends OperandPlaces {
  readonly row: OpcodeRow;
  readonly operandSize: OperandSize;
  readonly form: Form;
  readonly repeat: Repeat;
  readonly addressing: AddressingIndex;
  readonly length: number;
  /** Sign-extended; relative to the next instruction where `base` is `runOffsets.ipBase`. */
  readonly displacement: bigint;
  readonly addressMask: bigint;
  readonly immediate: bigint;
}

const fsBase = vmcsSlotOffset(vmcsEncoding('GUEST_FS_BASE'));
const gsBase = vmcsSlotOffset(vmcsEncoding('GUEST_GS_BASE'));
const noRegister = stateOffsets.zero;

/** Base and index of ModR/M.rm with 16-bit addresses (SDM vol. 2, table 2-1): BX 3, BP 5, SI 6, DI 7. */
const shortForms = [
  { base: 3, index: 6 },
  { base: 3, index: 7 },
  { base: 5, index: 6 },
  { base: 5, index: 7 },
  { base: 6 },
  { base: 7 },
  { base: 5 },
  { base: 3 },
] as const;

/** Decodes one instruction at the start of `bytes`. */
export function decodeInstruction(bytes: Uint8Array, mode = longCode): DecodeResult {
  const kind = decoder.decode(bytes, 0, bytes.length, mode);
  if (kind !== 'instruction') return { kind };
  return { kind, instruction: decoder.instruction };
}

const addressMasks = { 16: 0xffffn, 32: 0xffffffffn, 64: 0xffffffffffffffffn } as const;

/** What prefixes a byte can be: 1 for a legacy prefix, 2 for REX in 64-bit mode. */
const prefixKinds = new Uint8Array(256);
for (const byte of [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]) {
  prefixKinds[byte] = 1;
}
prefixKinds.fill(2, 0x40, 0x50);

const segmentOfPrefix: ReadonlyMap<number, number> = new Map([
  [0x26, segmentNumber.ES],
  [0x2e, segmentNumber.CS],
  [0x36, segmentNumber.SS],
  [0x3e, segmentNumber.DS],
  [0x64, segmentNumber.FS],
  [0x65, segmentNumber.GS],
]);

/** No segment prefix. */
const noSegment = -1;

/**
 * Decodes one instruction after another into the same fields: a boot decodes hundreds of thousands. Numbers of 64 bits
 * are in halves, each an i32.
 */
export class Decoder {
  length = 0;
  dst: number = noRegister;
  src: number = noRegister;
  third: number = noRegister;
  base: number = noRegister;
  index: number = noRegister;
  scale = 0;
  displacementLow = 0;
  displacementHigh = 0;
  immediateLow = 0;
  immediateHigh = 0;
  addressSize: 16 | 32 | 64 = 64;
  addressing: AddressingIndex = addressingIndex.long;
  segmentBase: number = noRegister;
  private current: InstructionShape | undefined;

  private bytes: Uint8Array = new Uint8Array(0);
  private position = 0;
  private end = 0;
  private ranOut = false;
  private mode = longCode;
  private isLong = true;
  private hasAddressPrefix = false;
  private hasLockPrefix = false;
  private segmentOverride = noSegment;
  private defaultSegment: number = segmentNumber.DS;
  private rex = 0;
  private map = 0;
  private opcode = 0;
  private modrm = 0;
  private readonly prefixes = { operandSize: false, repeat: 0, rexW: false };
  /** By `registerField`. */
  private readonly fields = new Uint8Array(4);

  /** Shape of the instruction that was decoded last. */
  get shape(): InstructionShape {
    return present(this.current, 'a decoded instruction');
  }

  /** The instruction that was decoded last, as an object of its own. */
  get instruction(): DecodedInstruction {
    const { shape } = this;
    return {
      row: shape.row,
      operandSize: shape.operandSize,
      form: shape.form,
      repeat: shape.repeat,
      addressing: this.addressing,
      length: this.length,
      dst: this.dst,
      src: this.src,
      third: this.third,
      base: this.base,
      index: this.index,
      scale: this.scale,
      segmentBase: this.segmentBase,
      displacement: whole(this.displacementLow, this.displacementHigh),
      addressMask: addressMasks[this.addressSize],
      immediate: BigInt.asUintN(64, whole(this.immediateLow, this.immediateHigh)),
    };
  }

  /** Decodes the instruction at `start`, of which bytes up to `end` are there. */
  decode(bytes: Uint8Array, start: number, end: number, mode: CodeMode): DecodeResult['kind'] {
    this.begin(bytes, start, end, mode);
    const kind = this.decodeAll();
    if (!this.ranOut) return kind;
    return end - start >= instructionBytesMax ? 'too-long' : 'truncated';
  }

  private begin(bytes: Uint8Array, start: number, end: number, mode: CodeMode): void {
    this.bytes = bytes;
    this.position = start;
    this.end = Math.min(end, start + instructionBytesMax);
    this.ranOut = false;
    this.mode = mode;
    this.isLong = mode.codeSize === 64;
    this.hasAddressPrefix = false;
    this.hasLockPrefix = false;
    this.segmentOverride = noSegment;
    this.defaultSegment = segmentNumber.DS;
    this.rex = 0;
    this.modrm = 0;
    this.prefixes.operandSize = false;
    this.prefixes.repeat = 0;
    this.base = this.index = noRegister;
    this.scale = 0;
    this.displacementLow = this.displacementHigh = 0;
    this.immediateLow = this.immediateHigh = 0;
  }

  private decodeAll(): DecodeResult['kind'] {
    const start = this.position;
    this.readPrefixes();
    this.readOpcode();
    if (this.ranOut) return 'truncated';
    const { mode, map, prefixes } = this;
    // 90 with REX.B is XCHG with R8, not NOP (SDM vol. 2B, NOP); with F3 it stays PAUSE.
    const isExchange =
      this.opcode === 0x90 && map === 0 && (this.rex & 1) !== 0 && prefixes.repeat !== 0xf3;
    const shapes = shapesOf(mode.codeSize, map, isExchange ? 0x91 : this.opcode);
    if (shapes.hasModrm) this.modrm = this.next();
    if (this.ranOut) return 'truncated';
    prefixes.rexW = (this.rex & 8) !== 0;
    const shape = shapes.shapeWith(this.modrm, prefixes);
    if (shape === null) return 'undefined';
    if (shape.namesSystemRegister && namesMissingRegister(shape.row, this.modrm, this.rex)) {
      return 'undefined';
    }
    if (this.hasLockPrefix && !shape.isLockable) return 'undefined';
    this.current = shape;
    this.addressSize = this.addressSizeOf();
    if (shape.form === 'mem') this.memoryOperand();
    this.operands(shape);
    this.addressing = this.addressingOf();
    this.segmentBase = this.segmentBaseOf();
    this.length = this.position - start;
    return 'instruction';
  }

  private next(): number {
    if (this.position >= this.end) {
      this.ranOut = true;
      return 0;
    }
    return this.bytes[this.position++] ?? 0;
  }

  private readPrefixes(): void {
    const { bytes, end } = this;
    for (; this.position < end; this.position++) {
      const byte = bytes[this.position] ?? 0;
      const kind = prefixKinds[byte];
      if (kind === 1) {
        // A REX prefix only counts directly before the opcode (SDM vol. 2, 2.2.1).
        this.rex = 0;
        this.legacyPrefix(byte);
      } else if (kind === 2 && this.isLong) {
        this.rex = byte;
      } else {
        return;
      }
    }
  }

  private legacyPrefix(byte: number): void {
    switch (byte) {
      case 0x66:
        this.prefixes.operandSize = true;
        return;
      case 0x67:
        this.hasAddressPrefix = true;
        return;
      case 0xf0:
        this.hasLockPrefix = true;
        return;
      case 0xf2:
      case 0xf3:
        this.prefixes.repeat = byte;
        return;
      default: {
        // CS, DS, ES and SS overrides are ignored in 64-bit mode, and FS or GS before them stays.
        const number = present(segmentOfPrefix.get(byte), 'segment of a prefix');
        if (!this.isLong || number >= segmentNumber.FS) this.segmentOverride = number;
      }
    }
  }

  /** Bits of an address: the prefix takes the other size. */
  private addressSizeOf(): 16 | 32 | 64 {
    if (this.isLong) return this.hasAddressPrefix ? 32 : 64;
    return (this.mode.codeSize === 16) === this.hasAddressPrefix ? 32 : 16;
  }

  /** Flat code checks only what leaves its four flat segments, or has 16-bit addresses. */
  private addressingOf(): AddressingIndex {
    const { addressing } = this.mode;
    if (addressing !== addressingIndex.flat) return addressing;
    const { segmentOverride: number } = this;
    const leaves = number === segmentNumber.CS || number >= segmentNumber.FS;
    return leaves || this.addressSize === 16 ? addressingIndex.checked32 : addressing;
  }

  private segmentBaseOf(): number {
    const number = this.segmentOverride;
    if (this.isLong) {
      return number === noSegment ? noRegister : number === segmentNumber.FS ? fsBase : gsBase;
    }
    if (this.addressing === addressingIndex.flat) return noRegister;
    return segmentCheckOffset(number === noSegment ? this.defaultSegment : number);
  }

  private readOpcode(): void {
    this.opcode = this.next();
    this.map = 0;
    if (this.opcode !== 0x0f) return;
    this.map = 1;
    this.opcode = this.next();
    if (this.opcode === 0x38 || this.opcode === 0x3a) {
      this.map = this.opcode === 0x38 ? 2 : 3;
      this.opcode = this.next();
    }
  }

  /** ModR/M, SIB and displacement (SDM vol. 2, 2.1.3 and 2.2.1.3). */
  private memoryOperand(): void {
    const mod = this.modrm >>> 6;
    const rm = this.modrm & 7;
    if (this.addressSize === 16) return this.shortMemoryOperand(mod, rm);
    if (rm === 4) this.sib(mod);
    else if (mod === 0 && rm === 5) {
      if (this.isLong) this.base = runOffsets.ipBase;
      this.displacement(4);
    } else {
      this.baseRegister(rm | ((this.rex & 1) << 3));
    }
    if (mod === 1) this.displacement(1);
    else if (mod === 2) this.displacement(4);
  }

  private sib(mod: number): void {
    const sib = this.next();
    const index = ((sib >>> 3) & 7) | ((this.rex & 2) << 2);
    this.scale = sib >>> 6;
    if (index !== 4) this.index = registerOffset(index);
    if ((sib & 7) === 5 && mod === 0) this.displacement(4);
    else this.baseRegister((sib & 7) | ((this.rex & 1) << 3));
  }

  /** ModR/M and displacement with 16-bit addresses. */
  private shortMemoryOperand(mod: number, rm: number): void {
    const form = present(shortForms[rm], 'form of a 16-bit address');
    if (mod === 0 && rm === 6) return this.displacement(2);
    this.baseRegister(form.base);
    if ('index' in form) this.index = registerOffset(form.index);
    if (mod === 1) this.displacement(1);
    else if (mod === 2) this.displacement(2);
  }

  /** A base of SP or BP means the stack segment (SDM vol. 1, table 3-5). */
  private baseRegister(number: number): void {
    this.base = registerOffset(number);
    if (number === 4 || number === 5) this.defaultSegment = segmentNumber.SS;
  }

  private displacement(bytes: number): void {
    this.displacementLow = this.signed(bytes);
    this.displacementHigh = this.displacementLow >> 31;
  }

  private operands(shape: InstructionShape): void {
    const { modrm, rex, fields } = this;
    fields[registerField.reg] = ((modrm >>> 3) & 7) | ((rex & 4) << 1);
    fields[registerField.rm] = (modrm & 7) | ((rex & 1) << 3);
    fields[registerField.opcode] = (this.opcode & 7) | ((rex & 1) << 3);
    this.dst = this.register(shape.dst);
    this.src = this.register(shape.src);
    this.third = this.register(shape.third);
    const { source, bytes, bits } = shape.immediate;
    if (source === immediateSource.bytes) this.plainImmediate(bytes, bits);
    else if (source !== immediateSource.none) this.otherImmediate(shape.immediate);
    if (!shape.hasOffset) return;
    this.displacementLow = this.unsigned(Math.min(this.addressSize / 8, 4));
    this.displacementHigh = this.addressSize === 64 ? this.unsigned(4) : 0;
  }

  private register({ field, mask, base, stride, isByte, fixed }: OperandSlot): number {
    const number = field === registerField.fixed ? fixed : (this.fields[field] ?? 0) & mask;
    // Without REX, byte registers 4 to 7 are AH, CH, DH and BH.
    if (isByte && this.rex === 0 && number >= 4) return registerOffset(number - 4) + 1;
    return base + number * stride;
  }

  private otherImmediate({ source, value, bytes }: Immediate): void {
    switch (source) {
      case immediateSource.fixed:
        this.immediateLow = value;
        return;
      case immediateSource.segment:
        this.immediateLow = (this.modrm >>> 3) & 7;
        return;
      case immediateSource.control:
        this.immediateLow = this.fields[registerField.reg] ?? 0;
        return;
      case immediateSource.stack:
        this.immediateLow = this.modrm & 7;
        return;
      case immediateSource.farPointer:
        this.immediateLow = this.unsigned(bytes);
        this.immediateHigh = this.unsigned(2);
        return;
      default:
        this.immediateLow = this.unsigned(2);
        this.immediateLow |= this.unsigned(1) << 16;
    }
  }

  private plainImmediate(bytes: number, bits: number): void {
    if (bytes === 8) {
      this.immediateLow = this.unsigned(4);
      this.immediateHigh = this.unsigned(4);
      return;
    }
    const value = this.signed(bytes);
    this.immediateLow = bits < 32 ? value & ((1 << bits) - 1) : value;
    this.immediateHigh = bits === 64 ? value >> 31 : 0;
  }

  /** One, two or four bytes, as an i32. */
  private unsigned(count: number): number {
    const { bytes, position } = this;
    if (position + count > this.end) {
      this.ranOut = true;
      return 0;
    }
    this.position = position + count;
    let value = bytes[position] ?? 0;
    if (count > 1) value |= (bytes[position + 1] ?? 0) << 8;
    if (count > 2) value |= ((bytes[position + 2] ?? 0) << 16) | ((bytes[position + 3] ?? 0) << 24);
    return value;
  }

  private signed(bytes: number): number {
    const unused = 32 - bytes * 8;
    return (this.unsigned(bytes) << unused) >> unused;
  }
}

/** Keeps nothing from one instruction to the next. */
const decoder = new Decoder();

function registerOffset(number: number): number {
  return stateOffsets.gpr + number * 8;
}

function whole(low: number, high: number): bigint {
  if (high === low >> 31) return BigInt(low);
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}
