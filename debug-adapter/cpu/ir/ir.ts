/**
 * The intermediate representation in which the meaning of every instruction is written once.
 *
 * Expressions are pure; statements act in order. Where an operand lives (register number, displacement, immediate)
 * is left to the consumer: dynamic for the interpreter, constant for a translator.
 */
import type { ConditionCode } from './condition-codes';
import type { IntegerOfVectorOperator, VectorOperator } from './vector-operators';

export type IrType = 'i32' | 'i64';

/** Bits of an integer operand. */
export type Width = 8 | 16 | 32 | 64;

/** A variable of one instruction's evaluation; assigned by `set`. */
export interface Local {
  readonly id: number;
  readonly type: IrType;
}

/** A 128-bit variable of one instruction's evaluation; assigned by `setVector`. */
export interface VectorLocal {
  readonly vectorId: number;
}

/** Which register a register operand means: a slot of the decoded instruction, or one fixed by the opcode. */
export type RegisterSlot = 'dst' | 'src' | 'third';

export type BinaryOperator =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div_s'
  | 'div_u'
  | 'rem_s'
  | 'rem_u'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr_s'
  | 'shr_u'
  | 'rotl'
  | 'rotr';

export type CompareOperator =
  'eq' | 'ne' | 'lt_s' | 'lt_u' | 'gt_s' | 'gt_u' | 'le_s' | 'le_u' | 'ge_s' | 'ge_u';

export type UnaryOperator = 'clz' | 'ctz' | 'popcnt';

/** RFLAGS bits that arithmetic sets. */
export type ArithmeticFlag = 'CF' | 'PF' | 'AF' | 'ZF' | 'SF' | 'OF';

/** Fields of the decoded instruction that are known when it is decoded. */
export type DecodedField =
  | 'imm'
  | 'nextIp'
  | 'addressMask'
  | 'segmentBase'
  /** Of the memory operand's segment, in checked addressing: what `segmentCheckOffsets` names. */
  | 'segmentReadLow'
  | 'segmentReadHigh'
  | 'segmentWriteLow'
  | 'segmentWriteHigh'
  | 'segmentFault';

export type Expression =
  | { readonly kind: 'const'; readonly type: IrType; readonly value: bigint }
  | { readonly kind: 'local'; readonly type: IrType; readonly local: Local }
  | {
      readonly kind: 'binary';
      readonly type: IrType;
      readonly operator: BinaryOperator;
      readonly a: Expression;
      readonly b: Expression;
    }
  | {
      readonly kind: 'compare';
      readonly type: 'i32';
      readonly operator: CompareOperator;
      readonly a: Expression;
      readonly b: Expression;
    }
  | {
      readonly kind: 'unary';
      readonly type: IrType;
      readonly operator: UnaryOperator;
      readonly a: Expression;
    }
  | { readonly kind: 'isZero'; readonly type: 'i32'; readonly a: Expression }
  | { readonly kind: 'wrap'; readonly type: 'i32'; readonly a: Expression }
  | {
      readonly kind: 'widen';
      readonly type: 'i64';
      readonly a: Expression;
      readonly signed: boolean;
    }
  | {
      readonly kind: 'signExtend';
      readonly type: 'i64';
      readonly from: 8 | 16 | 32;
      readonly a: Expression;
    }
  | {
      readonly kind: 'select';
      readonly type: IrType;
      readonly condition: Expression;
      readonly a: Expression;
      readonly b: Expression;
    }
  /** A register operand, zero-extended to 64 bits. */
  | {
      readonly kind: 'operandRegister';
      readonly type: 'i64';
      readonly slot: RegisterSlot;
      readonly width: Width;
    }
  /** A register fixed by the opcode (RSP for PUSH), zero-extended. */
  | {
      readonly kind: 'fixedRegister';
      readonly type: 'i64';
      readonly index: number;
      readonly width: Width;
    }
  | { readonly kind: 'decoded'; readonly type: 'i64'; readonly field: DecodedField }
  /** Offset part of the memory operand: base + index × scale + displacement, cut to the address size. */
  | { readonly kind: 'effectiveAddress'; readonly type: 'i64' }
  /** A field of the processor's state, zero-extended. */
  | {
      readonly kind: 'state';
      readonly type: IrType;
      readonly offset: number;
      readonly bytes: 1 | 2 | 4 | 8;
    }
  /** Memory at an address that `translate` produced, zero-extended. */
  | { readonly kind: 'load'; readonly type: 'i64'; readonly host: Local; readonly width: Width }
  | { readonly kind: 'flag'; readonly type: 'i32'; readonly flag: ArithmeticFlag }
  /** 1 where a condition over the flags holds, else 0. */
  | { readonly kind: 'condition'; readonly type: 'i32'; readonly code: ConditionCode }
  /** Steps that may still be taken after this one. */
  | { readonly kind: 'stepsLeft'; readonly type: 'i32' }
  /** An integer out of 128-bit values, or a conversion by way of a scalar float. */
  | {
      readonly kind: 'integerOfVector';
      readonly type: IrType;
      readonly operator: IntegerOfVectorOperator;
      readonly operands: readonly (VectorExpression | Expression)[];
      /** Lane number, where the operator takes one. */
      readonly immediates: readonly number[];
    };

/** A 128-bit value, little-endian. */
export type VectorExpression =
  | { readonly kind: 'vectorConst'; readonly bytes: readonly number[] }
  | { readonly kind: 'vectorLocal'; readonly local: VectorLocal }
  /** The 16 bytes of a vector register operand; those of an MMX register include the exponent of its x87 register. */
  | { readonly kind: 'operandVector'; readonly slot: RegisterSlot }
  /** 16 bytes at an address that `translate` produced. */
  | { readonly kind: 'loadVector'; readonly host: Local }
  | {
      readonly kind: 'vector';
      readonly operator: VectorOperator;
      readonly operands: readonly (VectorExpression | Expression)[];
      /** Lane number or shuffle indices, where the operator takes them. */
      readonly immediates: readonly number[];
    };

/** How an operation sets CF, PF, AF, ZF, SF and OF. */
export type FlagEffect =
  /** Of an addition or subtraction: `result` = `a` ± `b` (± CF, where `withCarry` says so). */
  | {
      readonly kind: 'add' | 'sub';
      readonly a: Expression;
      readonly b: Expression;
      readonly result: Expression;
      readonly withCarry: boolean;
    }
  /** CF = OF = AF = 0, the others by the result. */
  | { readonly kind: 'logic'; readonly result: Expression }
  /** CF, OF and AF given, the others by the result. */
  | {
      readonly kind: 'given';
      readonly result: Expression;
      readonly carry: Expression;
      readonly overflow: Expression;
      readonly auxiliary: Expression;
    }
  /** Only CF changes, and OF where it is given. */
  | { readonly kind: 'carry'; readonly carry: Expression; readonly overflow?: Expression }
  /** Only ZF changes; the others keep their values. */
  | { readonly kind: 'zeroOnly'; readonly zero: Expression }
  /** SF, ZF, AF, PF and CF from an RFLAGS image; OF is kept unless `overflow` is true. */
  | { readonly kind: 'image'; readonly image: Expression; readonly overflow: boolean };

/** An access that the slow path may have to explain. */
export interface AccessDescription {
  readonly width: Width | 128;
  /** `modify` reads the old value through the same address before it writes. */
  readonly intent: 'read' | 'write' | 'modify';
  /** Nothing is read, so that no device is asked: only whether it could be. */
  readonly isProbe?: boolean;
  /** What a fault of this access nevertheless does to the x87 state: the stack's top becomes 0, or all that MMX does. */
  readonly mmxFault?: 'top' | 'all';
  /** The access goes through SS (implicitly, or by the base register): faults become #SS. */
  readonly stack: boolean;
}

export type Statement =
  | { readonly kind: 'set'; readonly local: Local; readonly value: Expression }
  | {
      readonly kind: 'setOperandRegister';
      readonly slot: RegisterSlot;
      readonly width: Width;
      readonly value: Expression;
    }
  | {
      readonly kind: 'setFixedRegister';
      readonly index: number;
      readonly width: Width;
      readonly value: Expression;
    }
  | {
      readonly kind: 'setState';
      readonly offset: number;
      readonly bytes: 4 | 8;
      readonly value: Expression;
    }
  /** Checks and translates a linear address; leaves the instruction without effect where that fails. */
  | {
      readonly kind: 'translate';
      readonly host: Local;
      readonly address: Expression;
      readonly access: AccessDescription;
    }
  /** Writes to an address that `translate` produced for writing; may still leave for a device. */
  | {
      readonly kind: 'store';
      readonly host: Local;
      readonly width: Width;
      readonly value: Expression;
    }
  | { readonly kind: 'setVector'; readonly local: VectorLocal; readonly value: VectorExpression }
  | {
      readonly kind: 'setOperandVector';
      readonly slot: RegisterSlot;
      readonly value: VectorExpression;
    }
  /** Writes 16 bytes at an offset from `vpBase`. */
  | {
      readonly kind: 'setStateVector';
      readonly offset: number;
      readonly value: VectorExpression;
    }
  /** Writes 16 bytes to an address that `translate` produced for writing; may still leave for a device. */
  | { readonly kind: 'storeVector'; readonly host: Local; readonly value: VectorExpression }
  /** Copies between addresses of the same instruction's frames, as if all bytes were read before any is written. */
  | {
      readonly kind: 'copyMemory';
      readonly to: Expression;
      readonly from: Expression;
      readonly bytes: Expression;
    }
  /** Fills `bytes` bytes of a frame, a multiple of the width, with copies of a value. */
  | {
      readonly kind: 'fillMemory';
      readonly to: Expression;
      readonly bytes: Expression;
      readonly width: Width;
      readonly value: Expression;
    }
  /** Iterations that were done along with the present one: each is a step. */
  | { readonly kind: 'takeSteps'; readonly steps: Expression }
  | { readonly kind: 'setFlags'; readonly width: Width; readonly effect: FlagEffect }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  /** Ends the instruction: execution goes on at the relative target, `imm` bytes past the next instruction. */
  | { readonly kind: 'jumpRelative' }
  /** Ends the instruction: execution goes on at `target` (an instruction pointer). */
  | { readonly kind: 'jump'; readonly target: Expression }
  /** Ends the instruction without effect and raises an exception. */
  | { readonly kind: 'raise'; readonly vector: number; readonly errorCode: Expression | undefined }
  /** Ends the instruction: a named TypeScript routine performs it. */
  | { readonly kind: 'routine'; readonly name: string }
  /** Ends the iteration: the instruction runs again, as the next step. */
  | { readonly kind: 'repeat' };
