/**
 * Instruction shapes: all that opcode, prefixes and the class of ModR/M settle. Choosing a row of the opcode map and
 * resolving its operands takes long; a shape is worked out at its first occurrence, and only read after that.
 */
import { present } from '../../support/assert';
import type { Operand } from '../ir/builder';
import { rowsOf, type OpcodeRow, type OperandPattern } from './opcode-rows';
import { resolvedOperands, type Form, type OperandSize, type Repeat } from './variants';

/** Where the number of a register operand comes from. */
export const slotSource = {
  none: 0,
  /** The register that the row names. */
  fixed: 1,
  /** ModR/M.reg, ModR/M.rm, low bits of the opcode; each also of byte registers, where 4 to 7 may be AH to BH. */
  reg: 2,
  regByte: 3,
  rm: 4,
  rmByte: 5,
  opcode: 6,
  opcodeByte: 7,
  xmmReg: 8,
  xmmRm: 9,
  mmxReg: 10,
  mmxRm: 11,
} as const;

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
  /** It jumps to a relative target, or control reaches the next instruction. */
  readonly isConditional: boolean;
  readonly isLockable: boolean;
  /** Whether ModR/M.reg names a register of a file in which some do not exist. */
  readonly namesSystemRegister: boolean;
  /** For each operand a `slotSource`, and the register number where that is fixed. */
  readonly slots: readonly number[];
  readonly fixedRegisters: readonly number[];
  /** An `immediateSource`, and what it needs: a value, or bytes and the bits that are kept. */
  readonly immediate: number;
  readonly fixedValue: number;
  readonly immediateBytes: number;
  readonly immediateBits: number;
  /** The offset of a memory operand stands where an immediate would. */
  readonly hasOffset: boolean;
}

const opcodesOfMap = 256;
const byOpcode = new Map<16 | 32 | 64, (InstructionShape | null | undefined)[][]>();
const byWholeModrm = new Map<string, InstructionShape | null>();
let shapeCount = 0;

/** The shape of an opcode; null where none is defined. `modrm` is 0 for rows without one. */
export function shapeOf(
  codeSize: 16 | 32 | 64,
  map: number,
  opcode: number,
  modrm: number,
  prefixes: ShapePrefixes,
): InstructionShape | null {
  let opcodes = byOpcode.get(codeSize);
  if (opcodes === undefined) byOpcode.set(codeSize, (opcodes = []));
  const shapes = (opcodes[map * opcodesOfMap + opcode] ??= []);
  const key = combinationOf(modrm, prefixes);
  const known = shapes[key];
  if (known !== undefined) return known;
  const choice = rowsOf(map, opcode, codeSize === 64);
  if (modrm >>> 6 === 3 && choice.rows.some((row) => row.modrm !== undefined)) {
    // Rows of this opcode demand whole ModR/M bytes.
    const name = `${codeSize} ${map} ${opcode} ${key} ${modrm}`;
    const exact = byWholeModrm.get(name);
    if (exact !== undefined) return exact;
    const made = makeShape(codeSize, choice.rows, modrm, prefixes);
    byWholeModrm.set(name, made);
    return made;
  }
  return (shapes[key] = makeShape(codeSize, choice.rows, modrm, prefixes));
}

function combinationOf(modrm: number, { operandSize, repeat, rexW }: ShapePrefixes): number {
  const group = ((modrm >>> 3) & 7) | (modrm >= 0xc0 ? 8 : 0);
  const repetition = repeat === 0 ? 0 : repeat - 0xf1;
  return (group * 4 + repetition) * 4 + (operandSize ? 2 : 0) + (rexW ? 1 : 0);
}

function makeShape(
  codeSize: 16 | 32 | 64,
  rows: readonly OpcodeRow[],
  modrm: number,
  prefixes: ShapePrefixes,
): InstructionShape | null {
  const row = chooseRow(rows, modrm, prefixes);
  if (row === undefined) return null;
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
    isConditional: row.attributes.has('near') && !row.attributes.has('end'),
    isLockable: row.attributes.has('lock') && form === 'mem',
    namesSystemRegister: row.operands.some(({ method }) => 'SCD'.includes(method)),
    slots: operands.map((operand, position) =>
      slotSourceOf(present(row.operands[position], 'operand pattern'), operand),
    ),
    fixedRegisters: row.operands.map(({ name }) => ({ CL: 1, DX: 2 })[name] ?? 0),
    ...immediateOf(row, operands, operandSize),
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

function slotSourceOf({ method }: OperandPattern, operand: Operand): number {
  if (operand.kind === 'register') {
    const byte = operand.width === 8 ? 1 : 0;
    if (method === 'fixed') return slotSource.fixed;
    if (method === 'G') return slotSource.reg + byte;
    return (method === 'Z' ? slotSource.opcode : slotSource.rm) + byte;
  }
  if (operand.kind !== 'vectorRegister') return slotSource.none;
  const isReg = method === 'V' || method === 'P';
  if ('PNQ'.includes(method)) return isReg ? slotSource.mmxReg : slotSource.mmxRm;
  return isReg ? slotSource.xmmReg : slotSource.xmmRm;
}

type Immediate = Pick<
  InstructionShape,
  'immediate' | 'fixedValue' | 'immediateBytes' | 'immediateBits'
>;

const noImmediate: Immediate = {
  immediate: immediateSource.none,
  fixedValue: 0,
  immediateBytes: 0,
  immediateBits: 64,
};

/** The last operand that is an immediate, or counts as one, settles it. */
function immediateOf(
  row: OpcodeRow,
  operands: readonly Operand[],
  operandSize: OperandSize,
): Immediate {
  if (row.mnemonic === 'ENTER') return { ...noImmediate, immediate: immediateSource.wordAndByte };
  let found = noImmediate;
  row.operands.forEach((pattern, position) => {
    const operand = present(operands[position], 'operand');
    if (operand.kind === 'immediate' || operand.kind === 'special') {
      found = immediateBy(pattern, row, operandSize);
    } else if (operand.kind === 'stack' && !operand.isTop) {
      found = { ...noImmediate, immediate: immediateSource.stack };
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
      const fixedValue = isSegmentName(name) ? segmentNumber[name] : 1;
      return { ...noImmediate, immediate: immediateSource.fixed, fixedValue };
    }
    case 'A':
      return {
        ...noImmediate,
        immediate: immediateSource.farPointer,
        immediateBytes: operandSize === 16 ? 2 : 4,
      };
    case 'S':
      return { ...noImmediate, immediate: immediateSource.segment };
    case 'C':
    case 'D':
      return { ...noImmediate, immediate: immediateSource.control };
    case 'J':
      return immediateBytes(size === 'b' ? 1 : operandSize === 16 ? 2 : 4, 64);
    default:
      return plainImmediate(pattern, row, operandSize);
  }
}

function immediateBytes(bytes: number, bits: number): Immediate {
  return {
    ...noImmediate,
    immediate: immediateSource.bytes,
    immediateBytes: bytes,
    immediateBits: bits,
  };
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
      return immediateBytes(1, isByte ? 8 : operandSize);
    }
    case 'w':
      return immediateBytes(2, 16);
    case 'v':
      return immediateBytes(operandSize / 8, operandSize);
    default:
      return immediateBytes(operandSize === 16 ? 2 : 4, operandSize);
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
