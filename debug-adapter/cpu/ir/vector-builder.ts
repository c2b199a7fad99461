/** What definitions of SIMD instructions are written with: 128-bit values on top of a `Builder`. */
import { assert } from '../../support/assert';
import type { Builder, Operand } from './builder';
import type { AccessDescription, Expression, Local, VectorExpression, VectorLocal } from './ir';
import {
  integerOfVectorOperators,
  type IntegerOfVectorOperator,
  type VectorOperator,
} from './vector-operators';

type AnyExpression = Expression | VectorExpression;

const generalProtection = 13;
const vectorBytes = 16;

export class VectorBuilder {
  constructor(readonly b: Builder) {}

  /** 16 bytes, lowest first. */
  constant(bytes: readonly number[]): VectorExpression {
    assert(bytes.length === vectorBytes, 'a vector constant has 16 bytes');
    return { kind: 'vectorConst', bytes };
  }

  zero(): VectorExpression {
    return this.constant(new Array<number>(vectorBytes).fill(0));
  }

  /** The same 64 bits in both halves. */
  repeated64(value: bigint): VectorExpression {
    const bytes = Array.from({ length: 8 }, (_, index) =>
      Number((value >> BigInt(8 * index)) & 0xffn),
    );
    return this.constant([...bytes, ...bytes]);
  }

  repeated32(value: number): VectorExpression {
    const word = BigInt(value >>> 0);
    return this.repeated64((word << 32n) | word);
  }

  op(operator: VectorOperator, ...operands: readonly AnyExpression[]): VectorExpression {
    return { kind: 'vector', operator, operands, immediates: [] };
  }

  integer(operator: IntegerOfVectorOperator, ...operands: readonly AnyExpression[]): Expression {
    const { type } = integerOfVectorOperators[operator];
    return { kind: 'integerOfVector', type, operator, operands, immediates: [] };
  }

  lane32(value: VectorExpression, lane: number): Expression {
    return this.extract('i32x4.extract_lane', value, lane);
  }

  lane64(value: VectorExpression, lane: number): Expression {
    return this.extract('i64x2.extract_lane', value, lane);
  }

  lane16(value: VectorExpression, lane: number): Expression {
    return this.extract('i16x8.extract_lane_u', value, lane);
  }

  withLane32(vector: VectorExpression, lane: number, value: Expression): VectorExpression {
    return this.replace('i32x4.replace_lane', vector, lane, value);
  }

  withLane64(vector: VectorExpression, lane: number, value: Expression): VectorExpression {
    return this.replace('i64x2.replace_lane', vector, lane, value);
  }

  /** Bytes of `low` (0 to 15) and `high` (16 to 31) in the order of `indices`. */
  shuffle(
    low: VectorExpression,
    high: VectorExpression,
    indices: readonly number[],
  ): VectorExpression {
    assert(indices.length === vectorBytes, 'a shuffle has 16 indices');
    return {
      kind: 'vector',
      operator: 'i8x16.shuffle',
      operands: [low, high],
      immediates: indices,
    };
  }

  /** Evaluates now and names the result. */
  let(value: VectorExpression): VectorExpression {
    const local = this.b.vectorLocal();
    this.assign(local, value);
    return this.valueOf(local);
  }

  assign(local: VectorLocal, value: VectorExpression): void {
    this.b.push({ kind: 'setVector', local, value });
  }

  valueOf(local: VectorLocal): VectorExpression {
    return { kind: 'vectorLocal', local };
  }

  /**
   * Value of a vector operand. A narrower memory operand is zero-extended; the upper half of an MMX register is not
   * part of its value.
   * @param isAligned a 128-bit memory operand must be aligned, else #GP(0)
   */
  read(operand: Operand, isAligned = true): VectorExpression {
    if (operand.kind === 'vectorRegister') {
      return this.let({ kind: 'operandVector', slot: operand.slot });
    }
    assert(operand.kind === 'vectorMemory', 'a vector operand');
    const { width } = operand;
    if (width !== 128) {
      return this.let(this.withLane64(this.zero(), 0, this.b.loadOperand(width)));
    }
    return this.load(this.translate('read', isAligned));
  }

  /** Writes a whole vector operand: 128 bits to an XMM register, 64 to an MMX register, the width to memory. */
  write(
    operand: Operand,
    value: VectorExpression,
    isAligned = true,
    mmxFault?: AccessDescription['mmxFault'],
  ): void {
    if (operand.kind === 'vectorRegister') {
      // The exponent of the x87 register becomes all ones (SDM vol. 1, 9.5.1).
      const whole = operand.file === 'xmm' ? value : this.withLane64(value, 1, this.b.i64(0xffff));
      this.b.push({ kind: 'setOperandVector', slot: operand.slot, value: whole });
      return;
    }
    assert(operand.kind === 'vectorMemory', 'a vector operand');
    const { width } = operand;
    if (width === 128) {
      this.store(this.translate('write', isAligned), value);
      return;
    }
    const { b } = this;
    const access = { width, intent: 'write', stack: false } as const;
    const host = b.translate(
      b.operandAddress(),
      mmxFault === undefined ? access : { ...access, mmxFault },
    );
    b.store(host, width, b.truncate(this.lane64(value, 0), width));
  }

  /** The 16 bytes at an address that `translate` produced. */
  load(host: Local): VectorExpression {
    return this.let({ kind: 'loadVector', host });
  }

  /** Writes 16 bytes to an address that `translate` produced for writing. */
  store(host: Local, value: VectorExpression): void {
    this.b.push({ kind: 'storeVector', host, value });
  }

  setState(offset: number, value: VectorExpression): void {
    this.b.push({ kind: 'setStateVector', offset, value });
  }

  private translate(intent: 'read' | 'write', isAligned: boolean): Local {
    const { b } = this;
    const address = b.operandAddress();
    if (isAligned) {
      const low = b.and(address, b.i64(vectorBytes - 1));
      b.if(b.compare('ne', low, b.i64(0)), () => b.raise(generalProtection, 0));
    }
    return b.translate(address, { width: 128, intent, stack: false });
  }

  private extract(
    operator: IntegerOfVectorOperator,
    value: VectorExpression,
    lane: number,
  ): Expression {
    const { type } = integerOfVectorOperators[operator];
    return { kind: 'integerOfVector', type, operator, operands: [value], immediates: [lane] };
  }

  private replace(
    operator: VectorOperator,
    vector: VectorExpression,
    lane: number,
    value: Expression,
  ): VectorExpression {
    return { kind: 'vector', operator, operands: [vector, value], immediates: [lane] };
  }
}
