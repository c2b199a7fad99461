/**
 * Instruction shapes: all that opcode, prefixes and the class of ModR/M settle. Choosing a row of the opcode map and
 * resolving its operands takes long; a shape is worked out at its first occurrence, and only read after that.
 */
import { stateOffsets } from '../../machine/processor-state';
import { present } from '../../support/assert';
import type { Operand } from '../ir/builder';
import { mmxOffset, xmmOffset } from '../vector-state';
import { rowsOf, type OpcodeChoice, type OpcodeRow, type OperandPattern } from './opcode-rows';
import { resolvedOperands, type Form, type OperandSize, type Repeat } from './variants';

/** Where the number of a register operand comes from: fields that REX extends to four bits. */
export const registerField = {
  /** The register that the row names. */
  fixed: 0,
  /** ModR/M.reg. */
  reg: 1,
  /** ModR/M.rm. */
  rm: 2,
  /** The low bits of the opcode. */
  opcode: 3,
} as const;

/** How a register operand is found: the decoder does the same for all of them. */
export class OperandSlot {
  constructor(
    /** A `registerField`. */
    readonly field: number,
    /** Bits of the field that count. */
    readonly mask: number,
    /** Offset of register 0 of the file, and bytes from one to the next. */
    readonly base: number,
    readonly stride: number,
    /** Whether 4 to 7 may be AH to BH. */
    readonly isByte: boolean,
    /** Number of a `fixed` register. */
    readonly fixed: number,
  ) {}
}

/** What follows ModR/M and displacement, or counts as an immediate. */
export const immediateSource = {
  none: 0,
  /** The value that the row names. */
  fixed: 1,
  /** ModR/M.reg: a segment register. */
  segment: 2,
  /** ModR/M.reg with REX.R: a control or debug register. */
  control: 3,
  /** ModR/M.rm: a register of the x87 stack. */
  stack: 4,
  /** Bytes, sign-extended and then cut to a number of bits. */
  bytes: 5,
  /** An offset and a selector, which goes above 32 bits. */
  farPointer: 6,
  /** A word, and a byte that goes above it. */
  wordAndByte: 7,
} as const;

/** Where an immediate comes from, and what that needs. */
export interface Immediate {
  /** An `immediateSource`. */
  readonly source: number;
  /** The value of a `fixed` one. */
  readonly value: number;
  /** How many bytes there are, and the bits that are kept. */
  readonly bytes: number;
  readonly bits: number;
}

/** Prefixes that choose among rows and sizes. */
export interface ShapePrefixes {
  readonly operandSize: boolean;
  /** The last of F2 and F3, or 0. */
  readonly repeat: number;
  readonly rexW: boolean;
}

export interface InstructionShape {
  /** Its place among all shapes, for tables of what else depends on it. */
  readonly number: number;
  readonly row: OpcodeRow;
  readonly operandSize: OperandSize;
  readonly form: Form;
  readonly repeat: Repeat;
  /** Control does not reach the next instruction. */
  readonly isEnd: boolean;
  /** It is a call: control does not reach the next instruction now, but comes back to it as a rule. */
  readonly isCall: boolean;
  /** It jumps to a relative target, or control reaches the next instruction. */
  readonly isConditional: boolean;
  readonly isLockable: boolean;
  /** Whether ModR/M.reg names a register of a file in which some do not exist. */
  readonly namesSystemRegister: boolean;
  readonly dst: OperandSlot;
  readonly src: OperandSlot;
  readonly third: OperandSlot;
  readonly immediate: Immediate;
  /** The offset of a memory operand stands where an immediate would. */
  readonly hasOffset: boolean;
}

const generalRegisterBytes = 8;
const vectorRegisterBytes = 16;
const opcodesOfMap = 256;
const opcodesOfSize = 4 * opcodesOfMap;
const byOpcode: (OpcodeShapes | undefined)[] = Array.from({ length: 3 * opcodesOfSize });

/** The shapes of an opcode byte; they are made once. */
export function shapesOf(codeSize: 16 | 32 | 64, map: number, opcode: number): OpcodeShapes {
  // Sizes shifted by 5 are 0, 1 and 2.
  const index = (codeSize >>> 5) * opcodesOfSize + map * opcodesOfMap + opcode;
  const known = byOpcode[index];
  if (known !== undefined) return known;
  return (byOpcode[index] = new OpcodeShapes(codeSize, rowsOf(map, opcode, codeSize === 64)));
}

let shapeCount = 0;

export class OpcodeShapes {
  readonly hasModrm: boolean;
  /** Whether rows of this opcode demand whole ModR/M bytes. */
  private readonly demandsModrm: boolean;
  private readonly byCombination: (InstructionShape | null | undefined)[] = [];
  private readonly byWholeModrm = new Map<number, InstructionShape | null>();

  constructor(
    private readonly codeSize: 16 | 32 | 64,
    private readonly choice: OpcodeChoice,
  ) {
    this.hasModrm = choice.hasModrm;
    this.demandsModrm = choice.rows.some((row) => row.modrm !== undefined);
  }

  /** The shape of an instruction; null where none is defined. `modrm` is 0 for opcodes without one. */
  shapeWith(modrm: number, prefixes: ShapePrefixes): InstructionShape | null {
    const combination = combinationOf(modrm, prefixes);
    const known = this.byCombination[combination];
    if (known !== undefined) return known;
    if (this.demandsModrm && modrm >>> 6 === 3)
      return this.exactShape(combination, modrm, prefixes);
    return (this.byCombination[combination] = this.makeShape(modrm, prefixes));
  }

  private exactShape(
    combination: number,
    modrm: number,
    prefixes: ShapePrefixes,
  ): InstructionShape | null {
    const key = combination * 256 + modrm;
    const known = this.byWholeModrm.get(key);
    if (known !== undefined) return known;
    const made = this.makeShape(modrm, prefixes);
    this.byWholeModrm.set(key, made);
    return made;
  }

  private makeShape(modrm: number, prefixes: ShapePrefixes): InstructionShape | null {
    const row = chooseRow(this.choice.rows, modrm, prefixes);
    return row === undefined ? null : makeShape(this.codeSize, row, modrm, prefixes);
  }
}

function combinationOf(modrm: number, { operandSize, repeat, rexW }: ShapePrefixes): number {
  const group = ((modrm >>> 3) & 7) | (modrm >= 0xc0 ? 8 : 0);
  const repetition = repeat === 0 ? 0 : repeat - 0xf1;
  return (group * 4 + repetition) * 4 + (operandSize ? 2 : 0) + (rexW ? 1 : 0);
}

function makeShape(
  codeSize: 16 | 32 | 64,
  row: OpcodeRow,
  modrm: number,
  prefixes: ShapePrefixes,
): InstructionShape {
  const form: Form = row.hasModrm && modrm >>> 6 !== 3 && !isMoveSpecial(row) ? 'mem' : 'reg';
  const operandSize = operandSizeOf(row, codeSize, prefixes);
  const operands = resolvedOperands(row, operandSize, form);
  return {
    number: shapeCount++,
    row,
    operandSize,
    form,
    repeat: repeatOf(row, prefixes.repeat),
    isEnd: row.attributes.has('end'),
    isCall: row.mnemonic === 'CALL',
    isConditional: row.attributes.has('near') && !row.attributes.has('end'),
    isLockable: row.attributes.has('lock') && form === 'mem',
    namesSystemRegister: row.operands.some(({ method }) => 'SCD'.includes(method)),
    dst: slotOf(row, operands, 0),
    src: slotOf(row, operands, 1),
    third: slotOf(row, operands, 2),
    immediate: immediateOf(row, operands, operandSize),
    hasOffset: row.operands.some(({ method }) => method === 'O'),
  };
}

/** A row that demands a whole ModR/M byte or F3 goes before one that does not. */
function chooseRow(
  rows: readonly OpcodeRow[],
  modrm: number,
  prefixes: ShapePrefixes,
): OpcodeRow | undefined {
  let found: OpcodeRow | undefined;
  for (const row of rows) {
    if (!matches(row, modrm, prefixes)) continue;
    if (row.modrm !== undefined || row.attributes.has('f3')) return row;
    found ??= row;
  }
  return found;
}

function matches(row: OpcodeRow, modrm: number, { repeat, operandSize }: ShapePrefixes): boolean {
  const { attributes } = row;
  if (attributes.has('f3') && repeat !== 0xf3) return false;
  if (attributes.has('f2') && repeat !== 0xf2) return false;
  if (attributes.has('p66') && (repeat !== 0 || !operandSize)) return false;
  if (attributes.has('norep') && repeat !== 0) return false;
  if (attributes.has('np') && (repeat !== 0 || operandSize)) return false;
  if (row.modrm !== undefined) return row.modrm === modrm;
  if (row.extension !== undefined && row.extension !== ((modrm >>> 3) & 7)) return false;
  if (row.form === 'any' || isMoveSpecial(row)) return true;
  return (row.form === 'reg') === modrm >>> 6 >= 3;
}

function operandSizeOf(
  row: OpcodeRow,
  codeSize: 16 | 32 | 64,
  { operandSize, rexW }: ShapePrefixes,
): OperandSize {
  if (codeSize !== 64) return (codeSize === 16) === operandSize ? 32 : 16;
  if (row.attributes.has('f64')) return 64;
  if (rexW) return 64;
  if (operandSize) return 16;
  return row.attributes.has('d64') ? 64 : 32;
}

function repeatOf(row: OpcodeRow, prefix: number): Repeat {
  if (!row.attributes.has('rep') || prefix === 0) return 'none';
  return prefix === 0xf3 ? 'rep' : 'repne';
}

const noSlot = new OperandSlot(registerField.fixed, 0, stateOffsets.zero, 0, false, 0);

function slotOf(row: OpcodeRow, operands: readonly Operand[], position: number): OperandSlot {
  const operand = operands[position];
  if (operand?.kind !== 'register' && operand?.kind !== 'vectorRegister') return noSlot;
  const { method, name } = present(row.operands[position], 'operand pattern');
  if (operand.kind === 'register') {
    const fixed = { CL: 1, DX: 2 }[name] ?? 0;
    return new OperandSlot(
      fieldOf(method),
      15,
      stateOffsets.gpr,
      generalRegisterBytes,
      operand.width === 8,
      fixed,
    );
  }
  const isReg = method === 'V' || method === 'P';
  const field = isReg ? registerField.reg : registerField.rm;
  // MMX registers ignore REX (SDM vol. 2, table 3-1).
  const isMmx = 'PNQ'.includes(method);
  const [mask, base] = isMmx ? [7, mmxOffset] : [15, xmmOffset];
  return new OperandSlot(field, mask, base, vectorRegisterBytes, false, 0);
}

function fieldOf(method: string): number {
  switch (method) {
    case 'fixed':
      return registerField.fixed;
    case 'G':
      return registerField.reg;
    case 'Z':
      return registerField.opcode;
    default:
      return registerField.rm;
  }
}

function immediateFrom(source: number, bytes = 0, bits = 64, value = 0): Immediate {
  return { source, value, bytes, bits };
}

const noImmediate = immediateFrom(immediateSource.none);

/** The last operand that is an immediate, or counts as one, settles it. */
function immediateOf(
  row: OpcodeRow,
  operands: readonly Operand[],
  operandSize: OperandSize,
): Immediate {
  if (row.mnemonic === 'ENTER') return immediateFrom(immediateSource.wordAndByte);
  let found = noImmediate;
  row.operands.forEach((pattern, position) => {
    const operand = present(operands[position], 'operand');
    if (operand.kind === 'immediate' || operand.kind === 'special') {
      found = immediateBy(pattern, row, operandSize);
    } else if (operand.kind === 'stack' && !operand.isTop) {
      found = immediateFrom(immediateSource.stack);
    }
  });
  return found;
}

/** Numbers of the segment registers (SDM vol. 2, table 2-8 order). */
export const segmentNumber = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5 } as const;

function isSegmentName(name: string): name is keyof typeof segmentNumber {
  return name in segmentNumber;
}

function immediateBy(pattern: OperandPattern, row: OpcodeRow, operandSize: OperandSize): Immediate {
  const { method, name, size } = pattern;
  switch (method) {
    case 'fixed': {
      const value = isSegmentName(name) ? segmentNumber[name] : 1;
      return immediateFrom(immediateSource.fixed, 0, 64, value);
    }
    case 'A':
      return immediateFrom(immediateSource.farPointer, operandSize === 16 ? 2 : 4);
    case 'S':
      return immediateFrom(immediateSource.segment);
    case 'C':
    case 'D':
      return immediateFrom(immediateSource.control);
    case 'J':
      return immediateFrom(
        immediateSource.bytes,
        size === 'b' ? 1 : operandSize === 16 ? 2 : 4,
        64,
      );
    default:
      return plainImmediate(pattern, row, operandSize);
  }
}

/** An immediate, sign-extended to the width of the operand it meets and then cut to it. */
function plainImmediate(
  pattern: OperandPattern,
  row: OpcodeRow,
  operandSize: OperandSize,
): Immediate {
  const first = row.operands[0];
  const meetsByte = first?.size === 'b' || first?.name === 'AL';
  switch (pattern.size) {
    case 'b': {
      const isByte = (meetsByte || first === pattern) && row.mnemonic !== 'PUSH';
      return immediateFrom(immediateSource.bytes, 1, isByte ? 8 : operandSize);
    }
    case 'w':
      return immediateFrom(immediateSource.bytes, 2, 16);
    case 'v':
      return immediateFrom(immediateSource.bytes, operandSize / 8, operandSize);
    default:
      return immediateFrom(immediateSource.bytes, operandSize === 16 ? 2 : 4, operandSize);
  }
}

/** MOV to and from control and debug registers ignores ModR/M.mod (SDM vol. 2B, MOV). */
function isMoveSpecial(row: OpcodeRow): boolean {
  return row.operands.some((operand) => operand.method === 'C' || operand.method === 'D');
}

const controlRegisters: ReadonlySet<number> = new Set([0, 2, 3, 4, 8]);

/** Segment, control and debug registers that do not exist, and CS as a target (SDM vol. 2B, MOV). */
export function namesMissingRegister(row: OpcodeRow, modrm: number, rex: number): boolean {
  const number = (modrm >>> 3) & 7;
  const extended = number | ((rex & 4) << 1);
  return row.operands.some(({ method }, position) => {
    if (method === 'S') return number > 5 || (position === 0 && number === 1);
    if (method === 'C') return !controlRegisters.has(extended);
    return method === 'D' && extended > 7;
  });
}
