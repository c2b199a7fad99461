/** Decodes x86-64 instructions (SDM vol. 2, chapter 2) into what the interpreter's records need. */
import { stateOffsets, vmcsEncoding, vmcsSlotOffset } from '../../machine/processor-state';
import { present } from '../../support/assert';
import { unbuiltOpcodes } from './opcode-map';
import { rowsOf, type OpcodeRow, type OperandPattern } from './opcode-rows';
import { resolveOperand, type Form, type OperandSize, type Repeat } from './variants';
import { runOffsets } from '../memory-map';

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
  | { readonly kind: 'too-long' }
  /** The architecture defines it, but no definition exists here. */
  | { readonly kind: 'unbuilt'; readonly name: string; readonly length: number };

/** A decoded instruction. Register operands are byte offsets from `vpBase`. */
export interface DecodedInstruction {
  readonly row: OpcodeRow;
  readonly operandSize: OperandSize;
  readonly form: Form;
  readonly repeat: Repeat;
  readonly length: number;
  readonly dst: number;
  readonly src: number;
  readonly third: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
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

/** Decodes one instruction of 64-bit mode at the start of `bytes`. */
export function decodeInstruction(bytes: Uint8Array): DecodeResult {
  const decoder = new Decoder(bytes);
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
  private segmentBase: number = noRegister;
  private rex = 0;
  private map = 0;
  private opcode = 0;
  private modrm = 0;
  private base: number = noRegister;
  private index: number = noRegister;
  private scale = 0;
  private displacement = 0n;

  constructor(private readonly bytes: Uint8Array) {}

  decode(): DecodeResult {
    this.prefixes();
    this.opcodeBytes();
    if (this.ranOut) return truncated;
    const row = this.findRow();
    if (row === undefined) return this.unbuiltOrUndefined();
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
      if (byte >= 0x40 && byte <= 0x4f) {
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
      case 0x2e:
      case 0x36:
      case 0x3e:
        // CS, DS, ES and SS overrides are ignored in 64-bit mode, and FS or GS before them stays.
        return true;
      case 0x64:
        this.segmentBase = fsBase;
        return true;
      case 0x65:
        this.segmentBase = gsBase;
        return true;
      default:
        return false;
    }
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
    const rows = rowsOf(this.map, opcode);
    if (rows.some((row) => row.hasModrm)) {
      this.modrm = this.next();
      if (this.ranOut) return undefined;
    }
    const matching = rows.filter((row) => this.matches(row));
    return (
      matching.find((row) => row.modrm !== undefined || row.attributes.has('f3')) ?? matching[0]
    );
  }

  private matches(row: OpcodeRow): boolean {
    const { attributes } = row;
    if (attributes.has('i64')) return false;
    if (attributes.has('f3') && this.repeatPrefix !== 0xf3) return false;
    if (attributes.has('np') && (this.repeatPrefix !== 0 || this.operandPrefix)) return false;
    if (row.modrm !== undefined) return row.modrm === this.modrm;
    if (row.extension !== undefined && row.extension !== ((this.modrm >>> 3) & 7)) return false;
    if (row.form === 'any' || isMoveSpecial(row)) return true;
    return (row.form === 'reg') === this.modrm >>> 6 >= 3;
  }

  private unbuiltOrUndefined(): DecodeResult {
    if (this.ranOut) return truncated;
    const family = unbuiltOpcodes.find(
      (entry) => entry.map === this.map && entry.from <= this.opcode && this.opcode <= entry.to,
    );
    if (family === undefined) return undefinedOpcode;
    return { kind: 'unbuilt', name: family.name, length: this.position };
  }

  private operandSizeOf(row: OpcodeRow): OperandSize {
    if (row.attributes.has('f64')) return 64;
    if ((this.rex & 8) !== 0) return 64;
    if (this.operandPrefix) return 16;
    return row.attributes.has('d64') ? 64 : 32;
  }

  /** ModR/M, SIB and displacement (SDM vol. 2, 2.1.3 and 2.2.1.3). */
  private memoryOperand(): void {
    const mod = this.modrm >>> 6;
    const rm = this.modrm & 7;
    if (rm === 4) this.sib(mod);
    else if (mod === 0 && rm === 5) {
      this.base = runOffsets.ipBase;
      this.displacement = this.signed(4);
    } else {
      this.base = this.register((rm | ((this.rex & 1) << 3)) >>> 0);
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
    else this.base = this.register((sib & 7) | ((this.rex & 1) << 3));
  }

  private finish(row: OpcodeRow, form: Form, operandSize: OperandSize): DecodeResult {
    const slots = [noRegister, noRegister, noRegister];
    let immediate = 0n;
    row.operands.forEach((pattern, position) => {
      const operand = resolveOperand(pattern, position, operandSize, form);
      if (operand.kind === 'register') {
        slots[position] = this.registerOffset(pattern, operand.width);
      } else if (operand.kind === 'immediate' || operand.kind === 'special') {
        const value = this.immediateOf(pattern, row, operandSize);
        // ENTER has two immediates; the second goes above the first.
        immediate = position > 0 && row.mnemonic === 'ENTER' ? immediate | (value << 16n) : value;
      } else if (pattern.method === 'O') {
        this.displacement = this.unsigned(this.addressPrefix ? 4 : 8);
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
        length: this.position,
        dst: slots[0] ?? noRegister,
        src: slots[1] ?? noRegister,
        third: slots[2] ?? noRegister,
        base: this.base,
        index: this.index,
        scale: this.scale,
        segmentBase: this.segmentBase,
        displacement: this.displacement,
        addressMask: this.addressPrefix ? mask32 : mask64,
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
        return { FS: 4n, GS: 5n }[pattern.name] ?? 1n;
      case 'S':
        return BigInt((this.modrm >>> 3) & 7);
      case 'C':
      case 'D':
        return BigInt(((this.modrm >>> 3) & 7) | ((this.rex & 4) << 1));
      case 'J':
        return BigInt.asUintN(64, this.signed(pattern.size === 'b' ? 1 : 4));
      default:
        return this.plainImmediate(pattern, row, operandSize);
    }
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
    let value = 0n;
    for (let index = 0; index < bytes; index++) value |= BigInt(this.next()) << BigInt(index * 8);
    return value;
  }

  private signed(bytes: number): bigint {
    return BigInt.asIntN(bytes * 8, this.unsigned(bytes));
  }
}

/** MOV to and from control and debug registers ignores ModR/M.mod (SDM vol. 2B, MOV). */
function isMoveSpecial(row: OpcodeRow): boolean {
  return row.operands.some((operand) => operand.method === 'C' || operand.method === 'D');
}
