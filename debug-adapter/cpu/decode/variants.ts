/**
 * Instruction variants: an opcode row at one operand size and form. Each distinct variant gets one handler; rows that
 * mean the same (ADD AL,Ib and ADD Eb,Ib on a register) share it.
 */
import { present } from '../../support/assert';
import { Builder, type Operand } from '../ir/builder';
import type { Local, RegisterSlot, Statement, Width } from '../ir/ir';
import { handlerGroups, type HandlerGroup } from '../semantics/definition';
import { definitionOf } from '../semantics/definitions';
import { opcodeRows, type OpcodeRow, type OperandPattern } from './opcode-rows';

export type OperandSize = 16 | 32 | 64;

/** Where ModR/M.rm points; `reg` for rows without ModR/M. */
export type Form = 'reg' | 'mem';

/** REP prefix of a string instruction. */
export type Repeat = 'none' | 'rep' | 'repne';

/** An instruction variant with its meaning. */
export interface Variant {
  /** Mnemonic and operand kinds, for example `ADD r32,m32`. */
  readonly name: string;
  /** The interpreter's function that has its handler. */
  readonly group: HandlerGroup;
  readonly statements: readonly Statement[];
  readonly locals: readonly Local[];
}

const slots: readonly RegisterSlot[] = ['dst', 'src', 'third'];

function widthOf(size: string, operandSize: OperandSize): Width {
  switch (size) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
      return 32;
    case 'q':
      return 64;
    case 'z':
      return operandSize === 16 ? 16 : 32;
    case 'y':
      return operandSize === 64 ? 64 : 32;
    default:
      return operandSize;
  }
}

function fixedOperand(name: string, slot: RegisterSlot, operandSize: OperandSize): Operand {
  switch (name) {
    case 'AL':
    case 'CL':
      return { kind: 'register', slot, width: 8 };
    case 'DX':
      return { kind: 'register', slot, width: 16 };
    case 'rAX':
      return { kind: 'register', slot, width: operandSize };
    case 'eAX':
      return { kind: 'register', slot, width: operandSize === 16 ? 16 : 32 };
    case '1':
      return { kind: 'immediate', width: 8 };
    default:
      return { kind: 'special', file: 'segment' };
  }
}

/** Resolves a row's operand pattern; register operands take the slot of their position. */
export function resolveOperand(
  pattern: OperandPattern,
  position: number,
  operandSize: OperandSize,
  form: Form,
): Operand {
  const slot = present(slots[position], 'operand slot');
  const width = widthOf(pattern.size, operandSize);
  switch (pattern.method) {
    case 'fixed':
      return fixedOperand(pattern.name, slot, operandSize);
    case 'E':
      return form === 'mem' ? { kind: 'memory', width } : { kind: 'register', slot, width };
    case 'M':
    case 'O':
    case 'X':
    case 'Y':
      return { kind: 'memory', width };
    case 'I':
    case 'J':
      return { kind: 'immediate', width };
    case 'S':
      return { kind: 'special', file: 'segment' };
    case 'C':
      return { kind: 'special', file: 'control' };
    case 'D':
      return { kind: 'special', file: 'debug' };
    default:
      return { kind: 'register', slot, width };
  }
}

function describe(operand: Operand): string {
  switch (operand.kind) {
    case 'register':
      return `r${operand.width}`;
    case 'memory':
      return `m${operand.width}`;
    case 'immediate':
      return 'i';
    case 'special':
      return operand.file;
  }
}

const sizes: readonly OperandSize[] = [16, 32, 64];
const forms: readonly Form[] = ['reg', 'mem'];
const repeats: readonly Repeat[] = ['none', 'rep', 'repne'];

function combinationIndex(row: number, size: OperandSize, form: Form, repeat: Repeat): number {
  return ((row * 3 + sizes.indexOf(size)) * 2 + forms.indexOf(form)) * 3 + repeats.indexOf(repeat);
}

const rowNumbers = new Map<OpcodeRow, number>(opcodeRows.map((row, index) => [row, index]));

/** Every variant that has a definition, and the way from a decoded row to it. */
export class VariantTable {
  /** Variants by group, in the order of `handlerGroups`; together they are in handler order. */
  readonly groups: readonly Variant[][] = handlerGroups.map(() => []);
  private readonly byName = new Map<string, Variant>();
  private readonly byCombination = new Map<number, Variant>();
  private readonly handlers = new Map<Variant, number>();

  constructor(firstHandler: number) {
    for (const row of opcodeRows) this.addRow(row);
    this.groups.flat().forEach((variant, index) => {
      this.handlers.set(variant, firstHandler + index);
    });
  }

  /** Handler number of a decoded row, or undefined where no definition exists. */
  handlerOf(row: OpcodeRow, size: OperandSize, form: Form, repeat: Repeat): number | undefined {
    const number = present(rowNumbers.get(row), 'opcode row');
    const variant = this.byCombination.get(combinationIndex(number, size, form, repeat));
    return variant === undefined ? undefined : this.handlers.get(variant);
  }

  /** Handler number of a variant by its whole name. */
  handlerNamed(name: string): number | undefined {
    const variant = this.byName.get(name);
    return variant === undefined ? undefined : this.handlers.get(variant);
  }

  private addRow(row: OpcodeRow): void {
    for (const size of sizes) {
      for (const form of forms) {
        if (row.form !== 'any' && row.form !== form) continue;
        if (!row.hasModrm && form === 'mem') continue;
        for (const repeat of row.attributes.has('rep') ? repeats : (['none'] as const)) {
          this.addCombination(row, size, form, repeat);
        }
      }
    }
  }

  private addCombination(row: OpcodeRow, size: OperandSize, form: Form, repeat: Repeat): void {
    const definition = definitionOf(row.mnemonic);
    if (definition === undefined) return;
    const operands = row.operands.map((pattern, position) =>
      resolveOperand(pattern, position, size, form),
    );
    const name = variantName(row, operands, size, repeat);
    let variant = this.byName.get(name);
    if (variant === undefined) {
      const builder = new Builder();
      definition.build(builder, operands, { operandSize: size, repeat });
      variant = {
        name,
        group: definition.group,
        statements: builder.finish(),
        locals: builder.locals,
      };
      this.byName.set(name, variant);
      present(this.groups[handlerGroups.indexOf(variant.group)], 'handler group').push(variant);
    }
    const number = present(rowNumbers.get(row), 'opcode row');
    this.byCombination.set(combinationIndex(number, size, form, repeat), variant);
  }
}

function variantName(
  row: OpcodeRow,
  operands: readonly Operand[],
  size: OperandSize,
  repeat: Repeat,
): string {
  const prefix = repeat === 'none' ? '' : `${repeat} `;
  const suffix = row.attributes.has('sized') ? ` /${size}` : '';
  return `${prefix}${row.mnemonic} ${operands.map(describe).join()}${suffix}`;
}
