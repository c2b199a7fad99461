/** Decodes x86 instructions (SDM vol. 2, chapter 2) into what the interpreter's records need. */
import { stateOffsets, vmcsEncoding, vmcsSlotOffset } from '../../machine/processor-state';
import { present } from '../../support/assert';
import { rowsOf, type OpcodeRow, type OperandPattern } from './opcode-rows';
import { resolvedOperands, type Form, type OperandSize, type Repeat } from './variants';
import { addressingIndex, type AddressingIndex } from '../ir/addressing';
import { runOffsets, segmentCheckOffset } from '../memory-map';
import { mmxOffset, xmmOffset } from '../vector-state';
import { longCode, type CodeMode } from './code-mode';

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

/** A decoded instruction. Register operands are byte offsets from `vpBase`. */
export interface DecodedInstruction {
  readonly row: OpcodeRow;
  readonly operandSize: OperandSize;
  readonly form: Form;
  readonly repeat: Repeat;
  readonly addressing: AddressingIndex;
  readonly length: number;
  readonly dst: number;
  readonly src: number;
  readonly third: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** Base of the memory operand's segment; in checked addressing the first of all its checks. */
  readonly segmentBase: number;
  /** Sign-extended; relative to the next instruction where `base` is `runOffsets.ipBase`. */
  readonly displacement: bigint;
  readonly addressMask: bigint;
  readonly immediate: bigint;
}

const fsBase = vmcsSlotOffset(vmcsEncoding('GUEST_FS_BASE'));
const gsBase = vmcsSlotOffset(vmcsEncoding('GUEST_GS_BASE'));
const noRegister = stateOffsets.zero;
const mask64 = 0xffffffffffffffffn;
const mask32 = 0xffffffffn;
const mask16 = 0xffffn;

/** Numbers of the segment registers (SDM vol. 2, table 2-8 order). */
const segment = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5 } as const;

type SegmentNumber = (typeof segment)[keyof typeof segment];

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
  const decoder = new Decoder(bytes, mode);
  const result = decoder.decode();
  if (decoder.ranOut) return bytes.length >= instructionBytesMax ? tooLong : truncated;
  return result;
}

const truncated: DecodeResult = { kind: 'truncated' };
const tooLong: DecodeResult = { kind: 'too-long' };
const undefinedOpcode: DecodeResult = { kind: 'undefined' };

class Decoder {
  ranOut = false;
  private position = 0;
  private operandPrefix = false;
  private addressPrefix = false;
  private lockPrefix = false;
  /** The last of F2 and F3, or 0. */
  private repeatPrefix = 0;
  private segmentOverride: SegmentNumber | undefined;
  private defaultSegment: SegmentNumber = segment.DS;
  private rex = 0;
  private map = 0;
  private opcode = 0;
  private modrm = 0;
  private base: number = noRegister;
  private index: number = noRegister;
  private scale = 0;
  private displacement = 0n;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly mode: CodeMode,
  ) {}

  decode(): DecodeResult {
    this.prefixes();
    this.opcodeBytes();
    if (this.ranOut) return truncated;
    const row = this.findRow();
    if (row === undefined) return this.ranOut ? truncated : undefinedOpcode;
    if (namesMissingRegister(row, this.modrm, this.rex)) return undefinedOpcode;
    const form: Form =
      row.hasModrm && this.modrm >>> 6 !== 3 && !isMoveSpecial(row) ? 'mem' : 'reg';
    if (this.lockPrefix && !(row.attributes.has('lock') && form === 'mem')) return undefinedOpcode;
    if (row.hasModrm && form === 'mem') this.memoryOperand();
    const operandSize = this.operandSizeOf(row);
    return this.finish(row, form, operandSize);
  }

  private next(): number {
    if (this.position >= this.bytes.length || this.position >= instructionBytesMax) {
      this.ranOut = true;
      return 0;
    }
    return present(this.bytes[this.position++], 'instruction byte');
  }

  private prefixes(): void {
    for (;;) {
      const byte = this.next();
      if (this.ranOut) return;
      if (byte >= 0x40 && byte <= 0x4f && this.isLong) {
        // A REX prefix only counts directly before the opcode (SDM vol. 2, 2.2.1).
        this.rex = byte;
        continue;
      }
      if (!this.legacyPrefix(byte)) {
        this.position--;
        return;
      }
      this.rex = 0;
    }
  }

  private legacyPrefix(byte: number): boolean {
    switch (byte) {
      case 0x66:
        this.operandPrefix = true;
        return true;
      case 0x67:
        this.addressPrefix = true;
        return true;
      case 0xf0:
        this.lockPrefix = true;
        return true;
      case 0xf2:
      case 0xf3:
        this.repeatPrefix = byte;
        return true;
      case 0x26:
        return this.override(segment.ES);
      case 0x2e:
        return this.override(segment.CS);
      case 0x36:
        return this.override(segment.SS);
      case 0x3e:
        return this.override(segment.DS);
      case 0x64:
        return this.override(segment.FS);
      case 0x65:
        return this.override(segment.GS);
      default:
        return false;
    }
  }

  /** CS, DS, ES and SS overrides are ignored in 64-bit mode, and FS or GS before them stays. */
  private override(number: SegmentNumber): true {
    if (!this.isLong || number >= segment.FS) this.segmentOverride = number;
    return true;
  }

  private get isLong(): boolean {
    return this.mode.codeSize === 64;
  }

  /** Bits of an address: the prefix takes the other size. */
  private get addressSize(): 16 | 32 | 64 {
    if (this.isLong) return this.addressPrefix ? 32 : 64;
    return (this.mode.codeSize === 16) === this.addressPrefix ? 32 : 16;
  }

  /** Flat code checks only what leaves its four flat segments, or has 16-bit addresses. */
  private get addressing(): AddressingIndex {
    const { addressing } = this.mode;
    if (addressing !== addressingIndex.flat) return addressing;
    const { segmentOverride: number } = this;
    const leaves = number === segment.CS || (number !== undefined && number >= segment.FS);
    return leaves || this.addressSize === 16 ? addressingIndex.checked32 : addressing;
  }

  private segmentBase(): number {
    const number = this.segmentOverride;
    if (this.isLong) return number === undefined ? noRegister : number === 4 ? fsBase : gsBase;
    if (this.addressing === addressingIndex.flat) return noRegister;
    return segmentCheckOffset(number ?? this.defaultSegment);
  }

  private opcodeBytes(): void {
    this.opcode = this.next();
    if (this.opcode !== 0x0f) return;
    this.map = 1;
    this.opcode = this.next();
    if (this.opcode === 0x38 || this.opcode === 0x3a) {
      this.map = this.opcode === 0x38 ? 2 : 3;
      this.opcode = this.next();
    }
  }

  private findRow(): OpcodeRow | undefined {
    // 90 with REX.B is XCHG with R8, not NOP (SDM vol. 2B, NOP); with F3 it stays PAUSE.
    const isExchange =
      this.map === 0 && this.opcode === 0x90 && (this.rex & 1) !== 0 && this.repeatPrefix !== 0xf3;
    const opcode = isExchange ? 0x91 : this.opcode;
    const { rows, hasModrm } = rowsOf(this.map, opcode, this.isLong);
    if (hasModrm) {
      this.modrm = this.next();
      if (this.ranOut) return undefined;
    }
    let found: OpcodeRow | undefined;
    for (const row of rows) {
      if (!this.matches(row)) continue;
      if (row.modrm !== undefined || row.attributes.has('f3')) return row;
      found ??= row;
    }
    return found;
  }

  private matches(row: OpcodeRow): boolean {
    const { attributes } = row;
    if (attributes.has('f3') && this.repeatPrefix !== 0xf3) return false;
    if (attributes.has('f2') && this.repeatPrefix !== 0xf2) return false;
    if (attributes.has('p66') && (this.repeatPrefix !== 0 || !this.operandPrefix)) return false;
    if (attributes.has('norep') && this.repeatPrefix !== 0) return false;
    if (attributes.has('np') && (this.repeatPrefix !== 0 || this.operandPrefix)) return false;
    if (row.modrm !== undefined) return row.modrm === this.modrm;
    if (row.extension !== undefined && row.extension !== ((this.modrm >>> 3) & 7)) return false;
    if (row.form === 'any' || isMoveSpecial(row)) return true;
    return (row.form === 'reg') === this.modrm >>> 6 >= 3;
  }

  private operandSizeOf(row: OpcodeRow): OperandSize {
    if (!this.isLong) return (this.mode.codeSize === 16) === this.operandPrefix ? 32 : 16;
    if (row.attributes.has('f64')) return 64;
    if ((this.rex & 8) !== 0) return 64;
    if (this.operandPrefix) return 16;
    return row.attributes.has('d64') ? 64 : 32;
  }

  /** ModR/M, SIB and displacement (SDM vol. 2, 2.1.3 and 2.2.1.3). */
  private memoryOperand(): void {
    const mod = this.modrm >>> 6;
    const rm = this.modrm & 7;
    if (this.addressSize === 16) return this.shortMemoryOperand(mod, rm);
    if (rm === 4) this.sib(mod);
    else if (mod === 0 && rm === 5) {
      if (this.isLong) this.base = runOffsets.ipBase;
      this.displacement = this.signed(4);
    } else {
      this.baseRegister((rm | ((this.rex & 1) << 3)) >>> 0);
    }
    if (mod === 1) this.displacement = this.signed(1);
    else if (mod === 2) this.displacement = this.signed(4);
  }

  private sib(mod: number): void {
    const sib = this.next();
    const index = ((sib >>> 3) & 7) | ((this.rex & 2) << 2);
    this.scale = sib >>> 6;
    if (index !== 4) this.index = this.register(index);
    if ((sib & 7) === 5 && mod === 0) this.displacement = this.signed(4);
    else this.baseRegister((sib & 7) | ((this.rex & 1) << 3));
  }

  /** ModR/M and displacement with 16-bit addresses. */
  private shortMemoryOperand(mod: number, rm: number): void {
    const form = present(shortForms[rm], 'form of a 16-bit address');
    if (mod === 0 && rm === 6) {
      this.displacement = this.signed(2);
      return;
    }
    this.baseRegister(form.base);
    if ('index' in form) this.index = this.register(form.index);
    if (mod === 1) this.displacement = this.signed(1);
    else if (mod === 2) this.displacement = this.signed(2);
  }

  /** A base of SP or BP means the stack segment (SDM vol. 1, table 3-5). */
  private baseRegister(number: number): void {
    this.base = this.register(number);
    if (number === 4 || number === 5) this.defaultSegment = segment.SS;
  }

  private finish(row: OpcodeRow, form: Form, operandSize: OperandSize): DecodeResult {
    const slots = [noRegister, noRegister, noRegister];
    let immediate = 0n;
    const operands = resolvedOperands(row, operandSize, form);
    row.operands.forEach((pattern, position) => {
      const operand = operands[position];
      if (operand === undefined) return;
      if (operand.kind === 'register') {
        slots[position] = this.registerOffset(pattern, operand.width);
      } else if (operand.kind === 'vectorRegister') {
        slots[position] = this.vectorRegisterOffset(pattern);
      } else if (operand.kind === 'immediate' || operand.kind === 'special') {
        const value = this.immediateOf(pattern, row, operandSize);
        // ENTER has two immediates; the second goes above the first.
        immediate = position > 0 && row.mnemonic === 'ENTER' ? immediate | (value << 16n) : value;
      } else if (operand.kind === 'stack') {
        if (!operand.isTop) immediate = BigInt(this.modrm & 7);
      } else if (pattern.method === 'O') {
        this.displacement = this.unsigned(this.addressSize / 8);
      }
    });
    if (this.ranOut) return truncated;
    return {
      kind: 'instruction',
      instruction: {
        row,
        operandSize,
        form,
        repeat: this.repeatOf(row),
        addressing: this.addressing,
        length: this.position,
        dst: slots[0] ?? noRegister,
        src: slots[1] ?? noRegister,
        third: slots[2] ?? noRegister,
        base: this.base,
        index: this.index,
        scale: this.scale,
        segmentBase: this.segmentBase(),
        displacement: this.displacement,
        addressMask: { 16: mask16, 32: mask32, 64: mask64 }[this.addressSize],
        immediate,
      },
    };
  }

  private repeatOf(row: OpcodeRow): Repeat {
    if (!row.attributes.has('rep') || this.repeatPrefix === 0) return 'none';
    return this.repeatPrefix === 0xf3 ? 'rep' : 'repne';
  }

  private registerOffset(pattern: OperandPattern, width: number): number {
    switch (pattern.method) {
      case 'fixed':
        return this.register({ CL: 1, DX: 2 }[pattern.name] ?? 0);
      case 'G':
        return this.operandRegister(((this.modrm >>> 3) & 7) | ((this.rex & 4) << 1), width);
      case 'Z':
        return this.operandRegister((this.opcode & 7) | ((this.rex & 1) << 3), width);
      default:
        return this.operandRegister((this.modrm & 7) | ((this.rex & 1) << 3), width);
    }
  }

  /** XMM registers by ModR/M and REX; MMX registers ignore REX (SDM vol. 2, table 3-1). */
  private vectorRegisterOffset(pattern: OperandPattern): number {
    const isReg = pattern.method === 'V' || pattern.method === 'P';
    const low = isReg ? (this.modrm >>> 3) & 7 : this.modrm & 7;
    if ('PNQ'.includes(pattern.method)) return mmxOffset + low * 16;
    const high = isReg ? (this.rex & 4) << 1 : (this.rex & 1) << 3;
    return xmmOffset + (low | high) * 16;
  }

  /** Without REX, byte registers 4 to 7 are AH, CH, DH and BH. */
  private operandRegister(number: number, width: number): number {
    if (width === 8 && this.rex === 0 && number >= 4) return this.register(number - 4) + 1;
    return this.register(number);
  }

  private register(number: number): number {
    return stateOffsets.gpr + number * 8;
  }

  private immediateOf(pattern: OperandPattern, row: OpcodeRow, operandSize: OperandSize): bigint {
    switch (pattern.method) {
      case 'fixed':
        return isSegmentName(pattern.name) ? BigInt(segment[pattern.name]) : 1n;
      case 'A':
        return this.unsigned(operandSize === 16 ? 2 : 4) | (this.unsigned(2) << 32n);
      case 'S':
        return BigInt((this.modrm >>> 3) & 7);
      case 'C':
      case 'D':
        return BigInt(((this.modrm >>> 3) & 7) | ((this.rex & 4) << 1));
      case 'J':
        return BigInt.asUintN(64, this.signed(this.branchBytes(pattern, operandSize)));
      default:
        return this.plainImmediate(pattern, row, operandSize);
    }
  }

  private branchBytes(pattern: OperandPattern, operandSize: OperandSize): number {
    if (pattern.size === 'b') return 1;
    return operandSize === 16 ? 2 : 4;
  }

  /** An immediate, sign-extended to the width of the operand it meets and then cut to it. */
  private plainImmediate(
    pattern: OperandPattern,
    row: OpcodeRow,
    operandSize: OperandSize,
  ): bigint {
    const first = row.operands[0];
    const meetsByte = first?.size === 'b' || first?.name === 'AL';
    switch (pattern.size) {
      case 'b': {
        const target =
          meetsByte || first === pattern
            ? row.mnemonic === 'PUSH'
              ? operandSize
              : 8
            : operandSize;
        return BigInt.asUintN(target, this.signed(1));
      }
      case 'w':
        return this.unsigned(2);
      case 'v':
        return BigInt.asUintN(operandSize, this.signed(operandSize / 8));
      default:
        return BigInt.asUintN(operandSize, this.signed(operandSize === 16 ? 2 : 4));
    }
  }

  private unsigned(bytes: number): bigint {
    if (bytes > 4) return this.unsigned(4) | (this.unsigned(bytes - 4) << 32n);
    let value = 0;
    for (let index = 0; index < bytes; index++) value |= this.next() << (index * 8);
    return BigInt(value >>> 0);
  }

  private signed(bytes: number): bigint {
    return BigInt.asIntN(bytes * 8, this.unsigned(bytes));
  }
}

/** MOV to and from control and debug registers ignores ModR/M.mod (SDM vol. 2B, MOV). */
function isMoveSpecial(row: OpcodeRow): boolean {
  return row.operands.some((operand) => operand.method === 'C' || operand.method === 'D');
}

function isSegmentName(name: string): name is keyof typeof segment {
  return name in segment;
}

const controlRegisters: ReadonlySet<number> = new Set([0, 2, 3, 4, 8]);

/** Segment, control and debug registers that do not exist, and CS as a target (SDM vol. 2B, MOV). */
function namesMissingRegister(row: OpcodeRow, modrm: number, rex: number): boolean {
  const number = (modrm >>> 3) & 7;
  const extended = number | ((rex & 4) << 1);
  return row.operands.some(({ method }, position) => {
    if (method === 'S') return number > 5 || (position === 0 && number === 1);
    if (method === 'C') return !controlRegisters.has(extended);
    return method === 'D' && extended > 7;
  });
}
