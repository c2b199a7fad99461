/** Lowers the intermediate representation to WebAssembly for the interpreter: operands are read from the record. */
import { assert, present, unreachable } from '../../support/assert';
import { StopCode, stateOffsets } from '../../machine/processor-state';
import type {
  ArithmeticFlag,
  DecodedField,
  Expression,
  FlagEffect,
  IrType,
  Local,
  RegisterSlot,
  Statement,
  Width,
} from '../ir/ir';
import { frameBase, runOffsets, tlbEntryBytes } from '../memory-map';
import { RoutineEnd } from '../processor-context';
import type { FunctionBody } from '../wasm/function-body';
import { op } from '../wasm/opcodes';
import {
  binaryOpcodes,
  compareOpcodes,
  loadOpcodes,
  storeOpcodes,
  unaryOpcodes,
} from './lowering-opcodes';
import { recordOffsets } from './record';

/** Indices of the imported functions, in import order. */
export const importIndex = { read: 0, write: 1, commit: 2, routine: 3 } as const;

/** How an instruction ends; the two interpreter functions differ only here. */
export interface Tails {
  /** Execution goes on with the next record. */
  next(): void;
  /** Execution goes on at state.rip. */
  lookup(): void;
  /** The relative jump is taken. */
  jumpRelative(): void;
  /** Writes the relative jump's target to state.rip. */
  storeRelativeTarget(): void;
  /** The instruction is given up without effect; the stop code is stored. */
  leave(): void;
  /** The instruction is done and generated code returns; the stop code and state.rip are stored. */
  finish(): void;
  /** The instruction runs again as the next step. */
  repeat(): void;
  /** Takes further steps; the count is an i32 on the stack. */
  takeSteps(): void;
  /** Pushes the number of steps left. */
  stepsLeft(): void;
  /** Pushes the instruction pointer of page offset 0. */
  ipBase(): void;
}

/** WebAssembly locals that every handler uses. */
export interface SharedLocals {
  readonly vpBase: number;
  readonly record: number;
  /** i32: 1 after a store went through a scratch buffer, so that cached records may be out of date. */
  readonly committed: number;
}

/** Description of an access as the slow path gets it: bytes, and these bits. */
export const accessStackBit = 0x100;
export const accessModifyBit = 0x200;

const carryBits = 0xc0000008;

export class Lowering {
  private readonly pool: Record<IrType, number[]> = { i32: [], i64: [] };
  private readonly assigned = new Map<number, number>();
  private storesMemory = false;
  private readonly address: number;
  private readonly entry: number;
  private readonly resultScratch: number;
  private readonly carryScratch: number;

  constructor(
    private readonly body: FunctionBody,
    private readonly shared: SharedLocals,
    private readonly tails: Tails,
    private readonly tlbEntries: number,
    private readonly routineNumber: (name: string) => number,
  ) {
    this.address = body.addLocal('i64');
    this.entry = body.addLocal('i32');
    this.resultScratch = body.addLocal('i64');
    this.carryScratch = body.addLocal('i32');
  }

  /** Emits one handler: the statements, then the fall-through to the next instruction. */
  handler(statements: readonly Statement[], locals: readonly Local[]): void {
    const used: Record<IrType, number> = { i32: 0, i64: 0 };
    this.assigned.clear();
    this.storesMemory = false;
    for (const local of locals) {
      const pool = this.pool[local.type];
      const index = used[local.type]++;
      const known = pool[index] ?? this.body.addLocal(local.type);
      pool[index] = known;
      this.assigned.set(local.id, known);
    }
    this.statements(statements);
    this.next();
  }

  private statements(list: readonly Statement[]): void {
    for (const statement of list) this.statement(statement);
  }

  private statement(statement: Statement): void {
    const { body } = this;
    switch (statement.kind) {
      case 'set':
        this.expression(statement.value);
        body.set(this.local(statement.local));
        return;
      case 'setOperandRegister':
        this.operandRegisterAddress(statement.slot);
        return this.storeRegister(statement.width, statement.value, 0);
      case 'setFixedRegister':
        body.get(this.shared.vpBase);
        return this.storeRegister(statement.width, statement.value, gprOffset(statement.index));
      case 'setState':
        body.get(this.shared.vpBase);
        this.expression(statement.value);
        body.memory(statement.bytes === 8 ? op.i64Store : op.i32Store, statement.offset);
        return;
      case 'translate':
        return this.translate(statement);
      case 'store':
        return this.store(statement);
      case 'setFlags':
        return this.setFlags(statement.width, statement.effect);
      case 'if':
        this.expression(statement.condition);
        body.if();
        this.statements(statement.then);
        if (statement.otherwise.length > 0) {
          body.else();
          this.statements(statement.otherwise);
        }
        body.end();
        return;
      default:
        return this.ending(statement);
    }
  }

  private ending(
    statement: Extract<
      Statement,
      { kind: 'jumpRelative' | 'jump' | 'raise' | 'routine' | 'repeat' | 'takeSteps' }
    >,
  ): void {
    const { body } = this;
    switch (statement.kind) {
      case 'jumpRelative':
        this.whenCommitted(() => this.tails.storeRelativeTarget());
        return this.tails.jumpRelative();
      case 'jump':
        if (this.storesMemory) body.i32(0).set(this.shared.committed);
        body.get(this.shared.vpBase);
        this.expression(statement.target);
        body.memory(op.i64Store, stateOffsets.rip);
        return this.tails.lookup();
      case 'raise':
        body.get(this.shared.vpBase).i32(statement.vector);
        body.memory(op.i32Store, runOffsets.faultVector);
        body.get(this.shared.vpBase);
        if (statement.errorCode === undefined) body.i32(-1);
        else this.expression(statement.errorCode);
        body.memory(op.i32Store, runOffsets.faultErrorCode);
        this.storeStop(StopCode.fault);
        return this.tails.leave();
      case 'routine':
        return this.routine(statement.name);
      case 'repeat':
        this.whenCommitted(() => this.storeRip(() => this.currentIp()));
        return this.tails.repeat();
      case 'takeSteps':
        this.expression(statement.count);
        return this.tails.takeSteps();
      default:
        return unreachable(statement);
    }
  }

  private storeStop(code: number): void {
    this.body.get(this.shared.vpBase).i32(code).memory(op.i32Store, runOffsets.stop);
  }

  private next(): void {
    this.whenCommitted(() => this.storeRip(() => this.decoded('nextIp')));
    this.tails.next();
  }

  /** After a store through a scratch buffer any cached record may be stale: store RIP and look it up again. */
  private whenCommitted(storeRip: () => void): void {
    if (!this.storesMemory) return;
    this.body.get(this.shared.committed).if();
    this.body.i32(0).set(this.shared.committed);
    storeRip();
    this.tails.lookup();
    this.body.end();
  }

  private storeRip(pushIp: () => void): void {
    this.body.get(this.shared.vpBase);
    pushIp();
    this.body.memory(op.i64Store, stateOffsets.rip);
  }

  private routine(name: string): void {
    const { body } = this;
    this.storeRip(() => this.currentIp());
    body.get(this.shared.vpBase);
    this.tails.stepsLeft();
    body.memory(op.i32Store, runOffsets.remaining);
    body.get(this.shared.vpBase).get(this.shared.record).i32(this.routineNumber(name));
    body.call(importIndex.routine).set(this.entry);
    const endings = [
      [RoutineEnd.leave, () => this.tails.leave()],
      [RoutineEnd.lookup, () => this.tails.lookup()],
      [RoutineEnd.finish, () => this.tails.finish()],
    ] as const;
    for (const [end, emit] of endings) {
      body.get(this.entry).i32(end).op(op.i32Eq).if();
      emit();
      body.end();
    }
    this.tails.next();
  }

  /** Pushes the instruction pointer of this instruction. */
  private currentIp(): void {
    this.tails.ipBase();
    this.body.get(this.shared.record).memory(op.i64Load16U, recordOffsets.pageOffset);
    this.body.op(op.i64Add);
  }

  private translate(statement: Extract<Statement, { kind: 'translate' }>): void {
    const { body } = this;
    const { width, intent, stack } = statement.access;
    const bytes = width / 8;
    const host = this.local(statement.host);
    this.expression(statement.address);
    body.tee(this.address).i64(12n).op(op.i64ShrU).op(op.i32WrapI64);
    body
      .i32(this.tlbEntries - 1)
      .op(op.i32And)
      .i32(Math.log2(tlbEntryBytes))
      .op(op.i32Shl);
    body.get(this.shared.vpBase);
    body.memory(op.i32Load, intent === 'read' ? runOffsets.readTlb : runOffsets.writeTlb);
    body.op(op.i32Add).set(this.entry);
    body.get(this.address).get(this.entry).memory(op.i64Load, 0).op(op.i64Sub);
    body
      .tee(this.resultScratch)
      .i64(BigInt(4096 - bytes))
      .op(op.i64LeU)
      .if();
    body.get(this.entry).memory(op.i32Load, 8).get(this.resultScratch).op(op.i32WrapI64);
    body.op(op.i32Add).set(host);
    body.else();
    body.get(this.shared.vpBase).get(this.shared.record);
    body.get(this.address).op(op.i32WrapI64);
    body.get(this.address).i64(32n).op(op.i64ShrU).op(op.i32WrapI64);
    const flags = (stack ? accessStackBit : 0) | (intent === 'modify' ? accessModifyBit : 0);
    body.i32(bytes | flags).call(intent === 'read' ? importIndex.read : importIndex.write);
    body.tee(host).op(op.i32Eqz).if();
    this.tails.leave();
    body.end().end();
  }

  private store(statement: Extract<Statement, { kind: 'store' }>): void {
    const { body } = this;
    const host = this.local(statement.host);
    this.storesMemory = true;
    body.get(host);
    this.expression(statement.value);
    body.memory(storeOpcodes[statement.width], 0);
    body.get(host).i32(frameBase).op(op.i32LtU).if();
    body.get(this.shared.vpBase).get(host).call(importIndex.commit).if();
    this.tails.leave();
    body.end();
    body.i32(1).set(this.shared.committed);
    body.end();
  }

  private storeRegister(width: Width, value: Expression, offset: number): void {
    this.expression(value);
    // Writing a 32-bit register clears the upper half (SDM vol. 1, 3.4.1.1).
    if (width === 32) this.body.i64(0xffffffffn).op(op.i64And).memory(op.i64Store, offset);
    else this.body.memory(storeOpcodes[width], offset);
  }

  private setFlags(width: Width, effect: FlagEffect): void {
    switch (effect.kind) {
      case 'add':
      case 'sub':
        return this.setFlagsOfSum(width, effect);
      case 'logic':
        this.storeResult(width, effect.result);
        this.body.get(this.shared.vpBase).i32(0).memory(op.i32Store, stateOffsets.flagCarries);
        return;
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
    const { body } = this;
    body.get(this.shared.vpBase);
    this.expression(result);
    this.signExtend(width);
    body.memory(op.i64Store, stateOffsets.flagResult);
  }

  private signExtend(width: Width): void {
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
    body.get(this.shared.vpBase);
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
    body.memory(op.i32Store, stateOffsets.flagCarries);
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
    body.get(this.shared.vpBase).get(this.carryScratch);
    body.memory(op.i32Store, stateOffsets.flagCarries);
  }

  private setCarry(carry: Expression, overflow: Expression | undefined): void {
    const { body } = this;
    if (overflow === undefined) this.flag('OF');
    else this.expression(overflow);
    this.expression(carry);
    body.tee(this.carryScratch).op(op.i32Xor).i32(30).op(op.i32Shl);
    body.get(this.carryScratch).i32(31).op(op.i32Shl).op(op.i32Or).set(this.carryScratch);
    body.get(this.shared.vpBase).get(this.shared.vpBase);
    body.memory(op.i32Load, stateOffsets.flagCarries).i32(0x3fffffff).op(op.i32And);
    body.get(this.carryScratch).op(op.i32Or).memory(op.i32Store, stateOffsets.flagCarries);
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
    body.get(this.shared.vpBase).get(this.shared.vpBase);
    body.memory(op.i32Load, stateOffsets.flagCarries).i32(carryBits).op(op.i32And);
    body.get(this.carryScratch).op(op.i32Or).memory(op.i32Store, stateOffsets.flagCarries);
    body.get(this.shared.vpBase).get(this.resultScratch);
    body.memory(op.i64Store, stateOffsets.flagResult);
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
    body.get(this.shared.vpBase);
    bit(6);
    body.i32(1).op(op.i32Xor).op(op.i64ExtendI32U).memory(op.i64Store, stateOffsets.flagResult);
    body.get(this.shared.vpBase);
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
    body.memory(op.i32Store, stateOffsets.flagCarries);
  }

  /** Pushes an expression's value. */
  private expression(expression: Expression): void {
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
          | 'stepsLeft';
      }
    >,
  ): void {
    const { body } = this;
    switch (expression.kind) {
      case 'operandRegister':
        this.operandRegisterAddress(expression.slot);
        body.memory(loadOpcodes[expression.width], 0);
        return;
      case 'fixedRegister':
        body.get(this.shared.vpBase);
        body.memory(loadOpcodes[expression.width], gprOffset(expression.index));
        return;
      case 'decoded':
        return this.decoded(expression.field);
      case 'effectiveAddress':
        return this.effectiveAddress();
      case 'state':
        body.get(this.shared.vpBase);
        body.memory(stateLoadOpcode(expression.bytes), expression.offset);
        return;
      case 'load':
        body.get(this.local(expression.host));
        body.memory(loadOpcodes[expression.width], 0);
        return;
      case 'flag':
        return this.flag(expression.flag);
      case 'stepsLeft':
        return this.tails.stepsLeft();
      default:
        return unreachable(expression);
    }
  }

  private decoded(field: DecodedField): void {
    const { body } = this;
    switch (field) {
      case 'imm':
        body.get(this.shared.record).memory(op.i64Load, recordOffsets.immediate);
        return;
      case 'addressMask':
        body.get(this.shared.record).memory(op.i64Load, recordOffsets.addressMask);
        return;
      case 'nextIp':
        this.tails.ipBase();
        body.get(this.shared.record).memory(op.i64Load16U, recordOffsets.nextOffset);
        body.op(op.i64Add);
        return;
      case 'segmentBase':
        return this.registerThroughRecord(recordOffsets.segmentBase);
      default:
        return unreachable(field);
    }
  }

  private registerThroughRecord(field: number): void {
    this.body.get(this.shared.vpBase).get(this.shared.record).memory(op.i32Load16U, field);
    this.body.op(op.i32Add).memory(op.i64Load, 0);
  }

  private effectiveAddress(): void {
    const { body } = this;
    this.registerThroughRecord(recordOffsets.base);
    this.registerThroughRecord(recordOffsets.index);
    body.get(this.shared.record).memory(op.i64Load8U, recordOffsets.scale).op(op.i64Shl);
    body.op(op.i64Add);
    body.get(this.shared.record).memory(op.i64Load, recordOffsets.displacement).op(op.i64Add);
    body.get(this.shared.record).memory(op.i64Load, recordOffsets.addressMask).op(op.i64And);
  }

  private operandRegisterAddress(slot: RegisterSlot): void {
    const { body } = this;
    body.get(this.shared.vpBase).get(this.shared.record);
    body.memory(slot === 'third' ? op.i32Load8U : op.i32Load16U, recordOffsets[slot]);
    body.op(op.i32Add);
  }

  /** Pushes a flag as 0 or 1. */
  private flag(flag: ArithmeticFlag): void {
    const { body } = this;
    const carries = (): void => {
      body.get(this.shared.vpBase).memory(op.i32Load, stateOffsets.flagCarries);
    };
    const result = (): void => {
      body.get(this.shared.vpBase).memory(op.i64Load, stateOffsets.flagResult);
    };
    switch (flag) {
      case 'CF':
        carries();
        body.i32(31).op(op.i32ShrU);
        return;
      case 'OF':
        carries();
        carries();
        body.i32(1).op(op.i32Shl).op(op.i32Xor).i32(31).op(op.i32ShrU);
        return;
      case 'AF':
        carries();
        body.i32(3).op(op.i32ShrU).i32(1).op(op.i32And);
        return;
      case 'ZF':
        result();
        body.op(op.i64Eqz);
        return;
      case 'SF':
        result();
        body.i64(63n).op(op.i64ShrU).op(op.i32WrapI64);
        carries();
        body.i32(1).op(op.i32And).op(op.i32Xor);
        return;
      case 'PF':
        result();
        body.op(op.i32WrapI64);
        carries();
        body.i32(8).op(op.i32ShrU).op(op.i32Xor).i32(0xff).op(op.i32And);
        body.op(op.i32Popcnt).i32(1).op(op.i32And).op(op.i32Eqz);
        return;
      default:
        return unreachable(flag);
    }
  }

  private local(local: Local): number {
    const index = present(this.assigned.get(local.id), `local ${local.id}`);
    assert(index > 0, 'locals follow the parameters');
    return index;
  }
}

function gprOffset(index: number): number {
  return stateOffsets.gpr + index * 8;
}

function stateLoadOpcode(bytes: 1 | 2 | 4 | 8): number {
  switch (bytes) {
    case 1:
      return op.i32Load8U;
    case 2:
      return op.i32Load16U;
    case 4:
      return op.i32Load;
    case 8:
      return op.i64Load;
  }
}
