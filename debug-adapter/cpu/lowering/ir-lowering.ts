/**
 * Lowers the intermediate representation to WebAssembly: all that does not depend on where operands live. A consumer
 * says where registers, decoded fields and flags are, how memory is reached, and how an instruction ends.
 */
import { assert, InvariantError, present, unreachable } from '../../support/assert';
import { conditionFlags } from '../ir/condition-flags';
import { integerOfVectorOperators, vectorOperators } from '../ir/vector-operators';
import type {
  ArithmeticFlag,
  DecodedField,
  Expression,
  FlagEffect,
  Local,
  RegisterSlot,
  Statement,
  VectorExpression,
  VectorLocal,
  Width,
} from '../ir/ir';
import type { FunctionBody } from '../wasm/function-body';
import { op, opFd } from '../wasm/opcodes';
import { copyMemory, fillMemory } from './bulk-memory';
import { binaryOpcodes, compareOpcodes, loadOpcodes, unaryOpcodes } from './opcodes';

const carryBits = 0xc0000008;
const v128Const = [op.prefixFd, opFd.v128Const];

/** Statements that end an instruction or an iteration of it. */
export type Ending = Extract<
  Statement,
  { kind: 'jumpRelative' | 'jump' | 'raise' | 'routine' | 'repeat' }
>;

export type Translate = Extract<Statement, { kind: 'translate' }>;
export type Store = Extract<Statement, { kind: 'store' }>;
export type StoreVector = Extract<Statement, { kind: 'storeVector' }>;
export type StateAccess = Extract<Expression, { kind: 'state' }>;

export abstract class IrLowering {
  /** WebAssembly locals of the instruction's own locals, by id. */
  protected assigned: readonly number[] = [];
  private readonly vectors: number[] = [];
  protected readonly resultScratch: number;
  protected readonly carryScratch: number;

  constructor(protected readonly body: FunctionBody) {
    this.resultScratch = body.addLocal('i64');
    this.carryScratch = body.addLocal('i32');
  }

  // Where things live

  /** Pushes a register operand, zero-extended to i64. */
  protected abstract operandRegister(slot: RegisterSlot, width: Width): void;
  /** Pushes a register that the opcode fixes, zero-extended to i64. */
  protected abstract fixedRegister(index: number, width: Width): void;
  protected abstract setOperandRegister(slot: RegisterSlot, width: Width, value: Expression): void;
  protected abstract setFixedRegister(index: number, width: Width, value: Expression): void;
  /** Pushes a field of the decoded instruction, an i64. */
  protected abstract decoded(field: DecodedField): void;
  protected abstract effectiveAddress(): void;
  protected abstract state(access: StateAccess): void;
  protected abstract setState(offset: number, bytes: 4 | 8, value: Expression): void;
  /** Pushes the i64 from which ZF, SF and PF are read. */
  protected abstract flagResult(): void;
  /** Pushes the i32 with carries and deltas. */
  protected abstract flagCarries(): void;
  protected abstract setFlagResult(push: () => void): void;
  protected abstract setFlagCarries(push: () => void): void;

  /** Pushes the address of a vector register operand, an i32. */
  protected operandVectorAddress(slot: RegisterSlot): void {
    throw new InvariantError(`no vector operand ${slot} here`);
  }

  /** Pushes the address of the processor's state, an i32. */
  protected stateAddress(): void {
    throw new InvariantError('no vectors here');
  }

  // What an instruction does to the outside

  protected abstract translate(statement: Translate): void;
  protected abstract store(statement: Store): void;
  protected storeVector(statement: StoreVector): void {
    throw new InvariantError(`no ${statement.kind} here`);
  }

  protected abstract ending(statement: Ending): void;
  /** Pushes the number of steps that may still be taken, an i32. */
  protected abstract stepsLeft(): void;
  /** Takes further steps; `push` pushes how many, an i32. */
  protected abstract takeSteps(push: () => void): void;

  protected statements(list: readonly Statement[]): void {
    for (const statement of list) this.statement(statement);
  }

  protected statement(statement: Statement): void {
    const { body } = this;
    switch (statement.kind) {
      case 'set':
        this.expression(statement.value);
        body.set(this.local(statement.local));
        return;
      case 'setOperandRegister':
        return this.setOperandRegister(statement.slot, statement.width, statement.value);
      case 'setFixedRegister':
        return this.setFixedRegister(statement.index, statement.width, statement.value);
      case 'setState':
        return this.setState(statement.offset, statement.bytes, statement.value);
      case 'translate':
        return this.translate(statement);
      case 'store':
        return this.store(statement);
      case 'setFlags':
        return this.setFlags(statement.width, statement.effect);
      case 'setVector':
        this.vector(statement.value);
        body.set(this.vectorLocal(statement.local));
        return;
      case 'setOperandVector':
        this.operandVectorAddress(statement.slot);
        this.vector(statement.value);
        body.simdMemory(opFd.v128Store, 0);
        return;
      case 'setStateVector':
        this.stateAddress();
        this.vector(statement.value);
        body.simdMemory(opFd.v128Store, statement.offset);
        return;
      case 'storeVector':
        return this.storeVector(statement);
      case 'takeSteps':
        return this.takeSteps(() => this.expression(statement.steps));
      case 'copyMemory':
        return copyMemory(body, () => {
          this.expression(statement.to);
          this.expression(statement.from);
          this.expression(statement.bytes);
        });
      case 'fillMemory':
        return this.fillMemory(statement);
      case 'if':
        this.expression(statement.condition);
        body.if();
        this.branch(statement.then);
        if (statement.otherwise.length > 0) {
          body.else();
          this.branch(statement.otherwise);
        }
        body.end();
        return;
      default:
        return this.ending(statement);
    }
  }

  private fillMemory({
    to,
    bytes,
    width,
    value,
  }: Extract<Statement, { kind: 'fillMemory' }>): void {
    this.expression(value);
    this.body.set(this.resultScratch);
    fillMemory(this.body, {
      width,
      pushTo: () => this.expression(to),
      pushBytes: () => this.expression(bytes),
      value: this.resultScratch,
      scratch: this.carryScratch,
    });
  }

  /** One arm of an `if`. */
  protected branch(list: readonly Statement[]): void {
    this.statements(list);
  }

  protected setFlags(width: Width, effect: FlagEffect): void {
    switch (effect.kind) {
      case 'add':
      case 'sub':
        return this.setFlagsOfSum(width, effect);
      case 'logic':
        this.storeResult(width, effect.result);
        return this.setFlagCarries(() => this.body.i32(0));
      case 'given':
        return this.setFlagsGiven(width, effect);
      case 'carry':
        return this.setCarry(effect.carry, effect.overflow);
      case 'zeroOnly':
        return this.setZeroOnly(effect.zero);
      case 'image':
        return this.setFlagImage(effect.image, effect.overflow);
      default:
        return unreachable(effect);
    }
  }

  private storeResult(width: Width, result: Expression): void {
    this.setFlagResult(() => {
      this.expression(result);
      this.signExtend(width);
    });
  }

  protected signExtend(width: Width): void {
    if (width === 8) this.body.op(op.i64Extend8S);
    else if (width === 16) this.body.op(op.i64Extend16S);
    else if (width === 32) this.body.op(op.i64Extend32S);
  }

  /** Carries out of every bit: addition (a & b) | ((a | b) & ~r), subtraction (~a & b) | ((~a | b) & r). */
  private setFlagsOfSum(width: Width, effect: Extract<FlagEffect, { kind: 'add' | 'sub' }>): void {
    const { body } = this;
    this.storeResult(width, effect.result);
    const notA = (): void => {
      this.expression(effect.a);
      if (effect.kind === 'sub') body.i64(-1n).op(op.i64Xor);
    };
    this.setFlagCarries(() => {
      notA();
      this.expression(effect.b);
      body.op(op.i64And);
      notA();
      this.expression(effect.b);
      body.op(op.i64Or);
      this.expression(effect.result);
      if (effect.kind === 'add') body.i64(-1n).op(op.i64Xor);
      body.op(op.i64And).op(op.i64Or);
      this.foldCarries(width);
    });
  }

  /** Turns the i64 carry vector on the stack into the i32 of `flagCarries`. */
  private foldCarries(width: Width): void {
    const { body } = this;
    if (width === 64) {
      body.tee(this.resultScratch).i64(32n).op(op.i64ShrU).op(op.i32WrapI64);
      body.i32(0xc0000000).op(op.i32And);
      body.get(this.resultScratch).op(op.i32WrapI64).i32(8).op(op.i32And).op(op.i32Or);
      return;
    }
    body.op(op.i32WrapI64);
    if (width === 32) {
      body.i32(carryBits).op(op.i32And);
      return;
    }
    body
      .tee(this.carryScratch)
      .i32(32 - width)
      .op(op.i32Shl)
      .i32(0xc0000000)
      .op(op.i32And);
    body.get(this.carryScratch).i32(8).op(op.i32And).op(op.i32Or);
  }

  private setFlagsGiven(width: Width, effect: Extract<FlagEffect, { kind: 'given' }>): void {
    const { body } = this;
    // All inputs are read before the first write: they may be flags themselves.
    this.expression(effect.carry);
    body.tee(this.carryScratch).i32(31).op(op.i32Shl);
    body.get(this.carryScratch);
    this.expression(effect.overflow);
    body.op(op.i32Xor).i32(30).op(op.i32Shl).op(op.i32Or);
    this.expression(effect.auxiliary);
    body.i32(3).op(op.i32Shl).op(op.i32Or).set(this.carryScratch);
    this.storeResult(width, effect.result);
    this.setFlagCarries(() => body.get(this.carryScratch));
  }

  private setCarry(carry: Expression, overflow: Expression | undefined): void {
    const { body } = this;
    if (overflow === undefined) this.flag('OF');
    else this.expression(overflow);
    this.expression(carry);
    body.tee(this.carryScratch).op(op.i32Xor).i32(30).op(op.i32Shl);
    body.get(this.carryScratch).i32(31).op(op.i32Shl).op(op.i32Or).set(this.carryScratch);
    this.setFlagCarries(() => {
      this.flagCarries();
      body.i32(0x3fffffff).op(op.i32And).get(this.carryScratch).op(op.i32Or);
    });
  }

  /** Keeps the others by moving them into the deltas of a fresh result (1 for ZF=0, 0 for ZF=1). */
  private setZeroOnly(zero: Expression): void {
    const { body } = this;
    this.expression(zero);
    body.op(op.i32Eqz).op(op.i64ExtendI32U).set(this.resultScratch);
    this.flag('SF');
    this.flag('PF');
    // PF of the fresh result is the new ZF.
    body.get(this.resultScratch).op(op.i64Eqz).op(op.i32Xor).i32(8).op(op.i32Shl);
    body.op(op.i32Or).set(this.carryScratch);
    this.setFlagCarries(() => {
      this.flagCarries();
      body.i32(carryBits).op(op.i32And).get(this.carryScratch).op(op.i32Or);
    });
    this.setFlagResult(() => body.get(this.resultScratch));
  }

  private setFlagImage(image: Expression, withOverflow: boolean): void {
    const { body } = this;
    const bit = (index: number): void => {
      body.get(this.carryScratch).i32(index).op(op.i32ShrU).i32(1).op(op.i32And);
    };
    if (!withOverflow) {
      this.flag('OF');
      body.i32(11).op(op.i32Shl);
    }
    this.expression(image);
    if (!withOverflow) body.i32(0x7ff).op(op.i32And).op(op.i32Or);
    body.set(this.carryScratch);
    this.setFlagResult(() => {
      bit(6);
      body.i32(1).op(op.i32Xor).op(op.i64ExtendI32U);
    });
    this.setFlagCarries(() => {
      bit(0);
      body.i32(31).op(op.i32Shl);
      bit(0);
      bit(11);
      body.op(op.i32Xor).i32(30).op(op.i32Shl).op(op.i32Or);
      bit(4);
      body.i32(3).op(op.i32Shl).op(op.i32Or);
      bit(7);
      body.op(op.i32Or);
      bit(2);
      bit(6);
      body.op(op.i32Xor).i32(8).op(op.i32Shl).op(op.i32Or);
    });
  }

  /** Pushes an expression's value. */
  protected expression(expression: Expression): void {
    const { body } = this;
    switch (expression.kind) {
      case 'const':
        if (expression.type === 'i64') body.i64(expression.value);
        else body.i32(Number(expression.value));
        return;
      case 'local':
        body.get(this.local(expression.local));
        return;
      case 'binary':
        this.expression(expression.a);
        this.expression(expression.b);
        body.op(binaryOpcodes[expression.type][expression.operator]);
        return;
      case 'compare':
        this.expression(expression.a);
        this.expression(expression.b);
        body.op(compareOpcodes[expression.a.type][expression.operator]);
        return;
      case 'unary':
        this.expression(expression.a);
        body.op(unaryOpcodes[expression.type][expression.operator]);
        return;
      case 'isZero':
        this.expression(expression.a);
        body.op(expression.a.type === 'i64' ? op.i64Eqz : op.i32Eqz);
        return;
      case 'wrap':
        this.expression(expression.a);
        body.op(op.i32WrapI64);
        return;
      case 'widen':
        this.expression(expression.a);
        body.op(expression.signed ? op.i64ExtendI32S : op.i64ExtendI32U);
        return;
      case 'signExtend':
        this.expression(expression.a);
        this.signExtend(expression.from);
        return;
      case 'select':
        this.expression(expression.a);
        this.expression(expression.b);
        this.expression(expression.condition);
        body.op(op.select);
        return;
      default:
        return this.leaf(expression);
    }
  }

  private leaf(
    expression: Extract<
      Expression,
      {
        kind:
          | 'operandRegister'
          | 'fixedRegister'
          | 'decoded'
          | 'effectiveAddress'
          | 'state'
          | 'load'
          | 'flag'
          | 'condition'
          | 'stepsLeft'
          | 'integerOfVector';
      }
    >,
  ): void {
    const { body } = this;
    switch (expression.kind) {
      case 'operandRegister':
        return this.operandRegister(expression.slot, expression.width);
      case 'fixedRegister':
        return this.fixedRegister(expression.index, expression.width);
      case 'decoded':
        return this.decoded(expression.field);
      case 'effectiveAddress':
        return this.effectiveAddress();
      case 'state':
        return this.state(expression);
      case 'load':
        body.get(this.local(expression.host));
        body.memory(loadOpcodes[expression.width], 0);
        return;
      case 'flag':
        return this.flag(expression.flag);
      case 'condition':
        return this.condition(expression);
      case 'stepsLeft':
        return this.stepsLeft();
      case 'integerOfVector':
        expression.operands.forEach((operand) => this.expressionOrVector(operand));
        body.bytes(integerOfVectorOperators[expression.operator].code);
        body.bytes(expression.immediates);
        return;
      default:
        return unreachable(expression);
    }
  }

  /** Pushes 1 where a condition holds, else 0. */
  protected condition(expression: Extract<Expression, { kind: 'condition' }>): void {
    this.expression(conditionFlags(expression.code));
  }

  /** Pushes a flag as 0 or 1. */
  protected flag(flag: ArithmeticFlag): void {
    const { body } = this;
    switch (flag) {
      case 'CF':
        this.flagCarries();
        body.i32(31).op(op.i32ShrU);
        return;
      case 'OF':
        this.flagCarries();
        this.flagCarries();
        body.i32(1).op(op.i32Shl).op(op.i32Xor).i32(31).op(op.i32ShrU);
        return;
      case 'AF':
        this.flagCarries();
        body.i32(3).op(op.i32ShrU).i32(1).op(op.i32And);
        return;
      case 'ZF':
        this.flagResult();
        body.op(op.i64Eqz);
        return;
      case 'SF':
        this.flagResult();
        body.i64(63n).op(op.i64ShrU).op(op.i32WrapI64);
        this.flagCarries();
        body.i32(1).op(op.i32And).op(op.i32Xor);
        return;
      case 'PF':
        this.flagResult();
        body.op(op.i32WrapI64);
        this.flagCarries();
        body.i32(8).op(op.i32ShrU).op(op.i32Xor).i32(0xff).op(op.i32And);
        body.op(op.i32Popcnt).i32(1).op(op.i32And).op(op.i32Eqz);
        return;
      default:
        return unreachable(flag);
    }
  }

  /** Pushes a 128-bit value. */
  protected vector(expression: VectorExpression): void {
    const { body } = this;
    switch (expression.kind) {
      case 'vectorConst':
        body.bytes(v128Const).bytes(expression.bytes);
        return;
      case 'vectorLocal':
        body.get(this.vectorLocal(expression.local));
        return;
      case 'operandVector':
        this.operandVectorAddress(expression.slot);
        body.simdMemory(opFd.v128Load, 0);
        return;
      case 'loadVector':
        body.get(this.local(expression.host)).simdMemory(opFd.v128Load, 0);
        return;
      case 'vector':
        expression.operands.forEach((operand) => this.expressionOrVector(operand));
        body.bytes(vectorOperators[expression.operator]).bytes(expression.immediates);
        return;
      default:
        return unreachable(expression);
    }
  }

  private expressionOrVector(operand: Expression | VectorExpression): void {
    if ('type' in operand) this.expression(operand);
    else this.vector(operand);
  }

  /** One WebAssembly local for each number, made at first use. */
  private vectorLocal(local: VectorLocal): number {
    const known = this.vectors[local.vectorId] ?? this.body.addLocal('v128');
    this.vectors[local.vectorId] = known;
    return known;
  }

  protected local(local: Local): number {
    const index = present(this.assigned[local.id], 'local of an instruction');
    assert(index > 0, 'locals follow the parameters');
    return index;
  }
}
