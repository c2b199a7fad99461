/**
 * Emits the blocks of a region: registers are WebAssembly locals, operands are constants, flags wait until they are
 * needed. Whatever the fast path cannot do leaves the region before the instruction; the interpreter then executes it.
 */
import { stateOffsets } from '../../machine/processor-state';
import { assert, present } from '../../support/assert';
import type {
  DecodedField,
  Expression,
  FlagEffect,
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
import { stateLoadOpcode, storeOpcodes } from '../lowering/opcodes';
import { runOffsets } from '../memory-map';
import type { FunctionBody } from '../wasm/function-body';
import { op, opFd } from '../wasm/opcodes';
import { constantValue } from './constant-value';
import { registerAt } from './instruction-facts';
import { dueFlagsOf, emitDueFlags } from './due-flags';
import {
  comparisons,
  isFixed,
  keepLocals,
  needsVector,
  settleEffect,
  type DeferredEffect,
  type PendingFlags,
} from './pending-flags';
import { MemoryFastPath } from './memory-fast-path';
import { bitOfLocal, isNarrowValue } from './narrow-value';
import { operandKey } from './operand-key';
import { registerOf, type Block, type RegionInstruction } from './region';
import type { RegionLocals, RegionTraits, Transfers } from './region-context';
import { segmentFieldOffset } from './segment-field';
import { setsFlags } from './variant-facts';
import { isNear, labels, wayOut } from './way-out';

export class RegionLowering extends IrLowering {
  pending: PendingFlags | undefined;
  /** Set where a register was written whose upper half may not be 0: the region must not be taken to be narrow. */
  wroteWide = false;
  private instruction: RegionInstruction | undefined;
  /** Locals for values within a block: all there are, and those not in use. */
  private readonly taken: Record<IrType, number[]> = { i32: [], i64: [] };
  private readonly free: Record<IrType, number[]> = { i32: [], i64: [] };
  /** Of these locals, by index. */
  private readonly typeOf: (IrType | undefined)[] = [];
  /** Known values of locals, by id; only in instructions that branch. */
  private constants: (bigint | undefined)[] = [];
  /** Whether no flags are due for certain, apart from those that are pending. */
  private isNothingDue = false;
  /** Whether the flags that are pending are also in the shared locals, as due. */
  private isHandedOver = false;
  /** Locals by id, and registers by number, whose upper halves are known to be 0: bits. */
  private narrowLocals = 0;
  private narrowRegisters = 0;
  private readonly memory: MemoryFastPath;
  /** Whether the block belongs to a loop of few instructions. */
  private isTight = false;
  /** Instructions of the block that have not begun, the current one included. */
  private unexecuted = 0;

  constructor(
    body: FunctionBody,
    private readonly shared: RegionLocals,
    private readonly transfers: Transfers,
    private readonly traits: RegionTraits,
  ) {
    super(body);
    this.memory = new MemoryFastPath(body, traits.tlbEntries);
  }

  /** Emits a block. If it reads flags they are in the shared locals, else they may be due. */
  block(block: Block, isTight: boolean): void {
    const { instructions } = block;
    this.isTight = isTight;
    this.pending = undefined;
    this.isHandedOver = false;
    this.isNothingDue = block.readsFlags;
    this.narrowRegisters = 0;
    this.free.i32 = this.taken.i32.slice();
    this.free.i64 = this.taken.i64.slice();
    this.unexecuted = instructions.length;
    this.body.get(this.shared.budget).i32(this.unexecuted).op(op.i32Sub);
    this.body.set(this.shared.budget);
    for (const instruction of instructions) {
      this.emitInstruction(instruction);
      this.unexecuted--;
    }
    if (block.fallsThrough) this.transfers.toOffset(block.nextOffset);
  }

  /** Brings the flags into `flagResult` and `flagCarries`. */
  private materialize(): void {
    this.workOut();
    this.pending = undefined;
    this.isNothingDue = true;
  }

  /** The same, on the way that is about to be taken only. */
  workOut(): void {
    const { pending, body, shared } = this;
    if (pending !== undefined) this.storePending(pending);
    else if (!this.isNothingDue) emitDueFlags(body, shared, this.resultScratch);
  }

  private storePending(pending: PendingFlags): void {
    this.inContextOf(pending, () => super.setFlags(pending.width, pending.effect));
  }

  /** Hands the flags to another block or to the end of the region, on the way that is about to be taken only. */
  handOver(): void {
    const { pending, body, shared } = this;
    if (pending === undefined || this.isHandedOver) return;
    const { due } = pending;
    if (due === undefined) return this.storePending(pending);
    this.inContextOf(pending, () => {
      this.expression(due.a);
      body.set(shared.flagResult);
      if (due.b === undefined) body.i64(0n);
      else this.expression(due.b);
      body.set(shared.dueB);
    });
    body.i32(due.kind).set(shared.flagCarries);
  }

  /**
   * Hands the flags over once for all ways out that follow, each of which is then a single branch.
   * @returns false where that takes more than a few moves, so that each way out has to do it
   */
  private isReadyToLeave(): boolean {
    const { pending } = this;
    if (pending === undefined || this.isHandedOver) return true;
    if (pending.due === undefined) return false;
    this.handOver();
    this.isHandedOver = true;
    return true;
  }

  /**
   * Before a condition is pushed for {@link leaveIf}.
   * @returns whether leaving is a single branch
   */
  prepareToLeave(offset: number, unexecuted = 0): boolean {
    if (!isNear(offset) || !this.isReadyToLeave()) return false;
    this.body.i32(wayOut(offset, unexecuted)).set(this.shared.leaving);
    return true;
  }

  /** Leaves the region to a page offset, with exact flags and step count, where the condition that was pushed holds. */
  leaveIf(isPrepared: boolean, offset: number, unexecuted = 0): void {
    const { body } = this;
    if (isPrepared) {
      body.brIf(labels.leave);
      return;
    }
    body.if();
    this.leaveTo(offset, unexecuted);
    body.end();
  }

  /** The same, always. */
  leaveTo(offset: number, unexecuted = 0): void {
    const { body, shared } = this;
    this.handOver();
    if (isNear(offset)) {
      body.i32(wayOut(offset, unexecuted)).set(shared.leaving).br(labels.leave);
      return;
    }
    assert(unexecuted === 0, 'an instruction of the page gives steps back');
    this.pushIp(offset);
    body.set(shared.exitIp).br(labels.exit);
  }

  /** Emits what only some ways lead through: what is handed over there has not been handed over elsewhere. */
  inArm(emit: () => void): void {
    const { isHandedOver } = this;
    emit();
    this.isHandedOver = isHandedOver;
  }

  /** Leaves the region to the address in `exitIp`. */
  leaveDynamically(): void {
    this.handOver();
    this.body.br(labels.exit);
  }

  /** Pushes the instruction pointer of a page offset, which may lie outside the page. */
  pushIp(offset: number): void {
    this.body.get(this.shared.ipBase);
    if (offset !== 0) this.body.i64Halves(offset | 0, offset < 0 ? -1 : 0).op(op.i64Add);
  }

  /** Whether the instruction being emitted is a near return. */
  get isReturning(): boolean {
    return this.current.kind.isReturn;
  }

  private get current(): RegionInstruction {
    return present(this.instruction, 'current instruction');
  }

  private emitInstruction(instruction: RegionInstruction): void {
    const { locals, statements } = instruction.kind.variant;
    this.instruction = instruction;
    if (this.constants.length > 0) this.constants = [];
    this.narrowLocals = 0;
    const assigned: number[] = [];
    this.assigned = assigned;
    for (const { id, type } of locals) assigned[id] = this.takeLocal(type);
    this.statements(statements);
    for (const local of assigned) this.release(local);
  }

  private takeLocal(type: IrType): number {
    const known = this.free[type].pop();
    if (known !== undefined) return known;
    const local = this.body.addLocal(type);
    this.taken[type].push(local);
    this.typeOf[local] = type;
    return local;
  }

  /** Gives a local back, unless deferred flags still need it. */
  private release(local: number): void {
    if (this.pending?.keeps.includes(local) === true) return;
    const list = this.free[present(this.typeOf[local], 'local type')];
    if (!list.includes(local)) list.push(local);
  }

  private leaveHere(): void {
    this.leaveTo(this.current.offset, this.unexecuted);
  }

  // Constants: operands are known, so conditions over them are decided here

  private constantOf(expression: Expression): bigint | undefined {
    return constantValue(expression, this.current, this.constants);
  }

  protected override statements(list: readonly Statement[]): void {
    for (const statement of list) {
      if (statement.kind === 'set') this.noteValue(statement.local.id, statement.value);
      if (statement.kind !== 'if') {
        this.statement(statement);
        continue;
      }
      const decided = this.constantOf(statement.condition);
      if (decided !== undefined) {
        this.statements(decided !== 0n ? statement.then : statement.otherwise);
        continue;
      }
      if (setsFlags(statement)) this.materialize();
      this.statement(statement);
    }
  }

  private isNarrow(value: Expression): boolean {
    return isNarrowValue(value, {
      locals: this.narrowLocals,
      registersAreNarrow: this.traits.isNarrow,
      addressesAreNarrow: this.current.addressSize !== 64,
    });
  }

  /** Notes what is known of the value that a local gets. */
  private noteValue(id: number, value: Expression): void {
    if (this.current.kind.facts.branches) this.constants[id] = this.constantOf(value);
    if (this.isNarrow(value)) this.narrowLocals |= bitOfLocal(id);
    else this.narrowLocals &= ~bitOfLocal(id);
  }

  /** In an arm flags are set at once: whether the arm runs is not known here. */
  protected override branch(list: readonly Statement[]): void {
    const { pending, isNothingDue, isHandedOver, narrowLocals, narrowRegisters } = this;
    const before = this.constants;
    this.constants = before.slice();
    for (const statement of list) {
      if (statement.kind === 'setFlags') super.setFlags(statement.width, statement.effect);
      else this.statements([statement]);
    }
    this.pending = pending;
    this.isNothingDue = isNothingDue;
    this.isHandedOver = isHandedOver;
    // What the arm has set is not known behind it.
    this.constants = before.map((value, id) => (this.constants[id] === value ? value : undefined));
    this.narrowLocals &= narrowLocals;
    this.narrowRegisters &= narrowRegisters;
  }

  // Registers

  protected operandRegister(slot: RegisterSlot, width: Width): void {
    this.readRegister(registerOf(this.current, slot), width);
  }

  protected fixedRegister(index: number, width: Width): void {
    this.readRegister(stateOffsets.gpr + index * 8, width);
  }

  protected setOperandRegister(slot: RegisterSlot, width: Width, value: Expression): void {
    this.writeRegister(registerOf(this.current, slot), width, value);
  }

  protected setFixedRegister(index: number, width: Width, value: Expression): void {
    this.writeRegister(stateOffsets.gpr + index * 8, width, value);
  }

  private registerLocal(number: number): number {
    return present(this.shared.registers[number], 'local of a register');
  }

  private readRegister(offset: number, width: Width): void {
    const { body } = this;
    const number = registerAt(offset);
    body.get(this.registerLocal(number));
    if (width >= 32 && this.traits.isNarrow) return;
    if (width === 32 && (this.narrowRegisters & (1 << number)) !== 0) return;
    if ((offset & 7) !== 0) body.i64(8n).op(op.i64ShrU);
    this.cutTo(width);
  }

  /** Cuts the i64 on the stack to a width. */
  private cutTo(width: Width): void {
    if (width === 64) return;
    // In halves, all bits of an i32 are -1.
    this.body.i64Halves(width === 32 ? -1 : (1 << width) - 1, 0).op(op.i64And);
  }

  private writeRegister(offset: number, width: Width, value: Expression): void {
    const { body } = this;
    const number = registerAt(offset);
    const local = this.registerLocal(number);
    this.expression(value);
    if (width === 64 || width === 32) {
      const isNarrow = this.isNarrow(value);
      if (width === 32 && !isNarrow) this.cutTo(32);
      body.set(local);
      if (width === 64 && !isNarrow) this.wroteWide = true;
      const bit = 1 << number;
      if (width === 32 || isNarrow) this.narrowRegisters |= bit;
      else this.narrowRegisters &= ~bit;
      return;
    }
    const shift = (offset & 7) * 8;
    this.cutTo(width);
    if (shift !== 0) body.i64(BigInt(shift)).op(op.i64Shl);
    const kept = ~(((1 << width) - 1) << shift);
    body.get(local).i64Halves(kept, -1).op(op.i64And).op(op.i64Or).set(local);
  }

  // Decoded fields and state

  protected decoded(field: DecodedField): void {
    const { body, current } = this;
    switch (field) {
      case 'imm':
        body.i64Halves(current.immediateLow, current.immediateHigh);
        return;
      case 'addressMask':
        return this.addressMask();
      case 'nextIp':
        return this.pushIp(current.nextOffset);
      case 'segmentBase':
        if (current.segmentBase === stateOffsets.zero) {
          body.i64(0n);
          return;
        }
        break;
      default:
    }
    const at = current.segmentBase + segmentFieldOffset(field);
    body.get(this.shared.vpBase).memory(op.i64Load, at);
  }

  private addressMask(): void {
    const { addressSize } = this.current;
    this.body.i64Halves(addressSize === 16 ? 0xffff : -1, addressSize === 64 ? -1 : 0);
  }

  protected effectiveAddress(): void {
    const { body, current } = this;
    const { base, index, scale } = current;
    const isIpRelative = base === runOffsets.ipBase;
    if (isIpRelative) body.get(this.shared.ipBase);
    else if (base === stateOffsets.zero) body.i64(0n);
    else body.get(this.registerLocal(registerAt(base)));
    if (index !== stateOffsets.zero) {
      body.get(this.registerLocal(registerAt(index)));
      if (scale !== 0) body.i64Halves(scale, 0).op(op.i64Shl);
      body.op(op.i64Add);
    }
    this.addDisplacement(isIpRelative ? current.nextOffset : 0);
    if (current.addressSize === 64) return;
    this.addressMask();
    body.op(op.i64And);
  }

  /** Adds the displacement and an offset in the page to the i64 on the stack. */
  private addDisplacement(offset: number): void {
    const { displacementLow, displacementHigh } = this.current;
    // As unsigned halves the sum may have a carry.
    const sum = (displacementLow >>> 0) + offset;
    const low = sum | 0;
    const high = (displacementHigh + (sum > 0xffffffff ? 1 : 0)) | 0;
    if (low !== 0 || high !== 0) this.body.i64Halves(low, high).op(op.i64Add);
  }

  protected state(access: StateAccess): void {
    this.body.get(this.shared.vpBase).memory(stateLoadOpcode(access.bytes), access.offset);
  }

  protected setState(offset: number, bytes: 4 | 8, value: Expression): void {
    this.body.get(this.shared.vpBase);
    this.expression(value);
    this.body.memory(bytes === 8 ? op.i64Store : op.i32Store, offset);
  }

  // Flags

  protected flagResult(): void {
    this.materialize();
    this.body.get(this.shared.flagResult);
  }

  protected flagCarries(): void {
    this.materialize();
    this.body.get(this.shared.flagCarries);
  }

  protected setFlagResult(push: () => void): void {
    push();
    this.body.set(this.shared.flagResult);
  }

  protected setFlagCarries(push: () => void): void {
    push();
    this.body.set(this.shared.flagCarries);
  }

  protected override setFlags(width: Width, effect: FlagEffect): void {
    switch (effect.kind) {
      case 'add':
      case 'sub':
      case 'logic':
      case 'given':
        return this.defer(width, effect);
      default:
        this.materialize();
        return super.setFlags(width, effect);
    }
  }

  /** Remembers an effect; parts that could change until it is needed are evaluated now. */
  private defer(width: Width, effect: DeferredEffect): void {
    const before = this.pending;
    const outer = this.assigned;
    // The locals that parts are evaluated to follow those of the instruction.
    const assigned = outer.slice();
    const settled = settleEffect(effect, (part) => this.settle(part, assigned));
    const keeps: number[] = [];
    keepLocals(settled, assigned, keeps);
    const due = dueFlagsOf(settled, width);
    const instruction = this.current;
    this.pending = { width, effect: settled, due, instruction, locals: assigned, keeps };
    this.isHandedOver = false;
    if (before === undefined) return;
    // Locals of replaced flags are free, unless the current instruction or the new flags use them.
    for (const local of before.keeps) if (!outer.includes(local)) this.release(local);
  }

  private settle(part: Expression, assigned: number[]): Expression {
    if (isFixed(part)) return part;
    const index = this.takeLocal(part.type);
    const local: Local = { id: assigned.length, type: part.type };
    assigned.push(index);
    this.expression(part);
    this.body.set(index);
    return { kind: 'local', type: part.type, local };
  }

  private inContextOf(pending: PendingFlags, action: () => void): void {
    const { instruction, constants, narrowLocals, assigned } = this;
    this.instruction = pending.instruction;
    // Nothing is known here of the locals of that instruction.
    this.constants = [];
    this.narrowLocals = 0;
    this.assigned = pending.locals;
    action();
    this.instruction = instruction;
    this.constants = constants;
    this.narrowLocals = narrowLocals;
    this.assigned = assigned;
  }

  /** A condition on deferred flags of a comparison or a logic operation needs no flags at all. */
  protected override condition(expression: Extract<Expression, { kind: 'condition' }>): void {
    const { pending } = this;
    if (pending === undefined || !this.fused(pending, expression.code)) super.condition(expression);
  }

  private fused(pending: PendingFlags, code: string): boolean {
    const { effect, width } = pending;
    if (code === 'E' || code === 'NE' || code === 'S' || code === 'NS') {
      this.inContextOf(pending, () => this.resultTest(effect, width, code));
      return true;
    }
    if (effect.kind === 'sub' && !effect.withCarry) {
      const compare = comparisons[code];
      if (compare === undefined) return false;
      this.inContextOf(pending, () => {
        this.comparisonOperand(effect.a, width, compare.signed);
        this.comparisonOperand(effect.b, width, compare.signed);
        this.body.op(compare.opcode);
      });
      return true;
    }
    return false;
  }

  /** ZF and SF depend on the result only; equality of a subtraction on its operands. */
  private resultTest(effect: DeferredEffect, width: Width, code: 'E' | 'NE' | 'S' | 'NS'): void {
    const { body } = this;
    if (effect.kind === 'sub' && !effect.withCarry && (code === 'E' || code === 'NE')) {
      this.expression(effect.a);
      this.expression(effect.b);
      body.op(code === 'E' ? op.i64Eq : op.i64Ne);
      return;
    }
    this.expression(effect.result);
    this.signExtend(width);
    if (code === 'E') body.op(op.i64Eqz);
    else if (code === 'NE') body.i64(0n).op(op.i64Ne);
    else body.i64(0n).op(code === 'S' ? op.i64LtS : op.i64GeS);
  }

  private comparisonOperand(operand: Expression, width: Width, isSigned: boolean): void {
    this.expression(operand);
    if (isSigned) this.signExtend(width);
  }

  /** CF of a plain addition, subtraction or logic operation without the carry vector. */
  protected override flag(flag: Parameters<IrLowering['flag']>[0]): void {
    const { pending, body } = this;
    if (flag === 'ZF' || flag === 'SF') {
      if (pending !== undefined) {
        this.inContextOf(pending, () =>
          this.resultTest(pending.effect, pending.width, flag === 'ZF' ? 'E' : 'S'),
        );
        return;
      }
    } else if (flag === 'CF' && pending !== undefined && !needsVector(pending.effect)) {
      this.inContextOf(pending, () => this.plainCarry(pending.effect, pending.width));
      return;
    } else if (flag === 'OF' && pending?.effect.kind === 'logic') {
      body.i32(0);
      return;
    }
    super.flag(flag);
  }

  private plainCarry(effect: DeferredEffect, width: Width): void {
    const { body } = this;
    switch (effect.kind) {
      case 'sub':
        this.expression(effect.a);
        this.expression(effect.b);
        body.op(op.i64LtU);
        return;
      case 'add':
        this.expression(effect.result);
        this.cutTo(width);
        this.expression(effect.a);
        body.op(op.i64LtU);
        return;
      case 'logic':
        body.i32(0);
        return;
      case 'given':
        this.expression(effect.carry);
        return;
    }
  }

  // Memory: the fast path, or out

  protected translate(statement: Translate): void {
    const { memory } = this;
    const host = this.local(statement.host);
    const page = this.isTight ? memory.pageOf(operandKey(statement, this.current)) : undefined;
    if (page === undefined) {
      const isPrepared = this.prepareToLeave(this.current.offset, this.unexecuted);
      this.expression(statement.address);
      this.lookUp(statement, isPrepared);
      memory.setHost(host);
      return;
    }
    // What ways out have in common has to be done on the way around the look-up too.
    this.isReadyToLeave();
    const { isHandedOver } = this;
    memory.beginKnown();
    this.expression(statement.address);
    memory.goIfKnown(page, host);
    const isPrepared = this.prepareToLeave(this.current.offset, this.unexecuted);
    memory.pushAddress();
    this.lookUp(statement, isPrepared);
    memory.endKnown(page, host);
    this.isHandedOver = isHandedOver;
  }

  /** Looks the address on the stack up in the TLB, and leaves where that does not have it. */
  private lookUp({ access }: Translate, isPrepared: boolean): void {
    const { readTlb, writeTlb } = this.shared;
    this.memory.lookUp(access.intent === 'read' ? readTlb : writeTlb, access.width / 8);
    this.leaveIf(isPrepared, this.current.offset, this.unexecuted);
  }

  /** The write TLB only knows pages that can be written directly. */
  protected store(statement: Store): void {
    this.body.get(this.local(statement.host));
    this.expression(statement.value);
    this.body.memory(storeOpcodes[statement.width], 0);
  }

  protected override storeVector(statement: StoreVector): void {
    this.body.get(this.local(statement.host));
    this.vector(statement.value);
    this.body.simdMemory(opFd.v128Store, 0);
  }

  protected override operandVectorAddress(slot: RegisterSlot): void {
    this.body.get(this.shared.vpBase).i32(registerOf(this.current, slot)).op(op.i32Add);
  }

  protected override stateAddress(): void {
    this.body.get(this.shared.vpBase);
  }

  protected stepsLeft(): void {
    // The instruction itself is among those not executed, but has been taken from the budget.
    this.body
      .get(this.shared.budget)
      .i32(this.unexecuted - 1)
      .op(op.i32Add);
  }

  protected takeSteps(): void {
    assert(false, 'repeated instructions are left to the interpreter');
  }

  protected ending(statement: Ending): void {
    switch (statement.kind) {
      case 'jumpRelative':
        return this.transfers.toOffset(this.current.target);
      case 'jump':
        this.expression(statement.target);
        this.body.set(this.shared.exitIp);
        return this.transfers.toDynamic();
      case 'raise':
      case 'routine':
        return this.leaveHere();
      default:
        assert(false, `${statement.kind} is left to the interpreter`);
    }
  }
}
