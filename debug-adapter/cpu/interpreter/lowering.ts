/** Lowers the intermediate representation to WebAssembly for the interpreter: operands are read from the record. */
import { StopCode, stateOffsets } from '../../machine/processor-state';
import { unreachable } from '../../support/assert';
import type {
  AccessDescription,
  DecodedField,
  Expression,
  IrType,
  Local,
  RegisterSlot,
  Statement,
  Width,
} from '../ir/ir';
import {
  IrLowering,
  type Ending,
  type StateAccess,
  type Store,
  type StoreVector,
  type Translate,
} from '../lowering/ir-lowering';
import { loadOpcodes, stateLoadOpcode, storeOpcodes } from '../lowering/opcodes';
import { frameBase, runOffsets, segmentCheckOffsets, tlbEntryShift } from '../memory-map';
import { RoutineEnd } from '../processor-context';
import type { FunctionBody } from '../wasm/function-body';
import { op, opFd } from '../wasm/opcodes';
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
  /** Pushes the number of steps left. */
  stepsLeft(): void;
  /** Takes as many steps of those left as `push` pushes. */
  takeSteps(push: () => void): void;
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
/** A fault makes the top of the x87 stack 0, or enters MMX state altogether. */
export const accessMmxTopBit = 0x400;
export const accessMmxAllBit = 0x800;
/** The access is only checked. */
export const accessProbeBit = 0x1000;

export class InterpreterLowering extends IrLowering {
  private readonly pool: Record<IrType, number[]> = { i32: [], i64: [] };
  private storesMemory = false;
  private readonly address: number;
  private readonly entry: number;

  constructor(
    body: FunctionBody,
    private readonly shared: SharedLocals,
    private readonly tails: Tails,
    private readonly tlbEntries: number,
    private readonly routineNumber: (name: string) => number,
  ) {
    super(body);
    this.address = body.addLocal('i64');
    this.entry = body.addLocal('i32');
  }

  /** Emits one handler: the statements, then the way to the next instruction. */
  handler(
    statements: readonly Statement[],
    locals: readonly Local[],
    next = (): void => this.tails.next(),
  ): void {
    const used: Record<IrType, number> = { i32: 0, i64: 0 };
    const assigned: number[] = [];
    this.assigned = assigned;
    this.storesMemory = false;
    for (const local of locals) {
      const pool = this.pool[local.type];
      const index = used[local.type]++;
      const known = pool[index] ?? this.body.addLocal(local.type);
      pool[index] = known;
      assigned[local.id] = known;
    }
    this.statements(statements);
    this.whenCommitted(() => this.storeRip(() => this.decoded('nextIp')));
    next();
  }

  protected ending(statement: Ending): void {
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
      default:
        return unreachable(statement);
    }
  }

  private storeStop(code: number): void {
    this.body.get(this.shared.vpBase).i32(code).memory(op.i32Store, runOffsets.stop);
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

  protected translate(statement: Translate): void {
    const { body } = this;
    const { width, intent } = statement.access;
    const bytes = width / 8;
    const host = this.local(statement.host);
    this.expression(statement.address);
    body.tee(this.address).i64(12n).op(op.i64ShrU).op(op.i32WrapI64);
    body
      .i32(this.tlbEntries - 1)
      .op(op.i32And)
      .i32(tlbEntryShift)
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
    const flags = accessFlags(statement.access);
    body.i32(bytes | flags).call(intent === 'read' ? importIndex.read : importIndex.write);
    body.tee(host).op(op.i32Eqz).if();
    this.tails.leave();
    body.end().end();
  }

  protected store(statement: Store): void {
    const { body } = this;
    body.get(this.local(statement.host));
    this.expression(statement.value);
    body.memory(storeOpcodes[statement.width], 0);
    this.commitStaged(statement.host);
  }

  /** Makes a write happen that went to a scratch slot. */
  private commitStaged(local: Local): void {
    const { body } = this;
    const host = this.local(local);
    this.storesMemory = true;
    body.get(host).i32(frameBase).op(op.i32LtU).if();
    body.get(this.shared.vpBase).get(host).call(importIndex.commit).if();
    this.tails.leave();
    body.end();
    body.i32(1).set(this.shared.committed);
    body.end();
  }

  protected override storeVector(statement: StoreVector): void {
    this.body.get(this.local(statement.host));
    this.vector(statement.value);
    this.body.simdMemory(opFd.v128Store, 0);
    this.commitStaged(statement.host);
  }

  protected override operandVectorAddress(slot: RegisterSlot): void {
    this.operandRegisterAddress(slot);
  }

  protected override stateAddress(): void {
    this.body.get(this.shared.vpBase);
  }

  protected operandRegister(slot: RegisterSlot, width: Width): void {
    this.operandRegisterAddress(slot);
    this.body.memory(loadOpcodes[width], 0);
  }

  protected fixedRegister(index: number, width: Width): void {
    this.body.get(this.shared.vpBase).memory(loadOpcodes[width], gprOffset(index));
  }

  protected setOperandRegister(slot: RegisterSlot, width: Width, value: Expression): void {
    this.operandRegisterAddress(slot);
    this.storeRegister(width, value, 0);
  }

  protected setFixedRegister(index: number, width: Width, value: Expression): void {
    this.body.get(this.shared.vpBase);
    this.storeRegister(width, value, gprOffset(index));
  }

  protected state(access: StateAccess): void {
    this.body.get(this.shared.vpBase).memory(stateLoadOpcode(access.bytes), access.offset);
  }

  protected setState(offset: number, bytes: 4 | 8, value: Expression): void {
    this.body.get(this.shared.vpBase);
    this.expression(value);
    this.body.memory(bytes === 8 ? op.i64Store : op.i32Store, offset);
  }

  protected flagResult(): void {
    this.body.get(this.shared.vpBase).memory(op.i64Load, stateOffsets.flagResult);
  }

  protected flagCarries(): void {
    this.body.get(this.shared.vpBase).memory(op.i32Load, stateOffsets.flagCarries);
  }

  protected setFlagResult(push: () => void): void {
    this.body.get(this.shared.vpBase);
    push();
    this.body.memory(op.i64Store, stateOffsets.flagResult);
  }

  protected setFlagCarries(push: () => void): void {
    this.body.get(this.shared.vpBase);
    push();
    this.body.memory(op.i32Store, stateOffsets.flagCarries);
  }

  protected stepsLeft(): void {
    this.tails.stepsLeft();
  }

  protected takeSteps(push: () => void): void {
    this.tails.takeSteps(push);
  }

  private storeRegister(width: Width, value: Expression, offset: number): void {
    this.expression(value);
    // Writing a 32-bit register clears the upper half (SDM vol. 1, 3.4.1.1).
    if (width === 32) this.body.i64(0xffffffffn).op(op.i64And).memory(op.i64Store, offset);
    else this.body.memory(storeOpcodes[width], offset);
  }

  protected decoded(field: DecodedField): void {
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
      case 'segmentReadLow':
        return this.segmentCheck(segmentCheckOffsets.readLow);
      case 'segmentReadHigh':
        return this.segmentCheck(segmentCheckOffsets.readHigh);
      case 'segmentWriteLow':
        return this.segmentCheck(segmentCheckOffsets.writeLow);
      case 'segmentWriteHigh':
        return this.segmentCheck(segmentCheckOffsets.writeHigh);
      case 'segmentFault':
        return this.segmentCheck(segmentCheckOffsets.fault);
      default:
        return unreachable(field);
    }
  }

  private registerThroughRecord(field: number, offset = 0): void {
    this.body.get(this.shared.vpBase).get(this.shared.record).memory(op.i32Load16U, field);
    this.body.op(op.i32Add).memory(op.i64Load, offset);
  }

  /** In checked addressing the record's segment base is the first field of the segment's checks. */
  private segmentCheck(offset: number): void {
    this.registerThroughRecord(recordOffsets.segmentBase, offset);
  }

  protected effectiveAddress(): void {
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
}

function accessFlags({ stack, intent, mmxFault, isProbe }: AccessDescription): number {
  return (
    (stack ? accessStackBit : 0) |
    (isProbe === true ? accessProbeBit : 0) |
    (intent === 'modify' ? accessModifyBit : 0) |
    (mmxFault === 'top' ? accessMmxTopBit : 0) |
    (mmxFault === 'all' ? accessMmxAllBit : 0)
  );
}

function gprOffset(index: number): number {
  return stateOffsets.gpr + index * 8;
}
