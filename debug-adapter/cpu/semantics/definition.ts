/** How an instruction's meaning is written down. */
import { InvariantError } from '../../support/assert';
import type { Builder, Operand } from '../ir/builder';
import { runOffsets } from '../memory-map';

/** What a variant has beyond its operands. */
export interface VariantContext {
  readonly operandSize: 16 | 32 | 64;
  readonly repeat: 'none' | 'rep' | 'repne';
}

/** Builds the meaning of one variant. Falling off the end goes on with the next instruction. */
export type Build = (b: Builder, operands: readonly Operand[], context: VariantContext) => void;

/**
 * The functions of the interpreter, in handler order. The hot one calls the others; it and the warm one have what
 * kernels execute of the usual and vector variants (`decode/hot-variants.ts`).
 */
export const handlerGroups = [
  'hot',
  'warm',
  'usual',
  'string',
  'rare',
  'x87',
  'vectorMove',
  'vector',
  'vectorFloat',
  'checked32',
  'checked16',
  'checkedRare',
  'checkedVector',
  'checkedVectorFloat',
] as const;

export type HandlerGroup = (typeof handlerGroups)[number];

/** The one definition of a mnemonic. */
export interface Definition {
  readonly mnemonic: string;
  readonly build: Build;
  /** The interpreter's function that has its handlers. */
  readonly group: HandlerGroup;
}

export function defineIn(group: HandlerGroup, mnemonic: string, build: Build): Definition {
  return { mnemonic, build, group };
}

export function define(mnemonic: string, build: Build): Definition {
  return defineIn('usual', mnemonic, build);
}

export function defineRare(mnemonic: string, build: Build): Definition {
  return defineIn('rare', mnemonic, build);
}

/** Operand at a position that the opcode map guarantees. */
export function operandAt(operands: readonly Operand[], position: number): Operand {
  const operand = operands[position];
  if (operand === undefined) throw new InvariantError(`operand ${position}`);
  return operand;
}

/** Width of an operand that has one. */
export function widthOf(operand: Operand): 8 | 16 | 32 | 64 {
  switch (operand.kind) {
    case 'register':
    case 'memory':
    case 'immediate':
      return operand.width;
    default:
      throw new InvariantError(`operand ${operand.kind} has no integer width`);
  }
}

/** A routine that needs the operand size gets it, in bytes, as its operand. */
export function defineSizedRoutine(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b, _operands, { operandSize }) => {
    b.setState(runOffsets.operand, 8, b.i64(operandSize / 8));
    b.routine(routine);
  });
}
