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
import { constantValue, type ConstantContext } from './constant-value';
import { registerAt } from './instruction-facts';
import { dueFlagsOf, emitDueFlags } from './due-flags';
import {
  comparisons,
  isVolatile,
  needsVector,
  settleEffect,
  type DeferredEffect,
  type PendingFlags,
} from './pending-flags';
import { MemoryFastPath } from './memory-fast-path';
import { isNarrowValue, mask32 } from './narrow-value';
import { operandKey } from './operand-key';
import type { Block, RegionInstruction } from './region';
import { segmentFieldOffset } from './segment-field';
import { effectParts, setsFlags, visitTree } from './variant-facts';
import { isNear, wayOut } from './way-out';

/** Locals that the whole region shares. */
export interface RegionLocals {
  readonly vpBase: number;
  readonly budget: number;
  readonly ipBase: number;
  readonly exitIp: number;
  /** The way out, where control goes to the label `leave` (`way-out.ts`). */
  readonly leaving: number;
  readonly flagResult: number;
  readonly flagCarries: number;
  /** Second operand of flags that are due (`due-flags.ts`). */
  readonly dueB: number;
  readonly readTlb: number;
  readonly writeTlb: number;
  readonly registers: ReadonlyMap<number, number>;
}

/** How a block's end reaches other code; `RegionFunction` knows the structure. */
export interface Transfers {
  /** Goes to a page offset; the flags are deferred until it knows whether the target needs them. */
  toOffset(offset: number): void;
  /** Goes to the instruction pointer in `exitIp`. */
  toDynamic(): void;
}

const firstSyntheticLocal = 10_000;

/** Where flags are worked out later nothing is known of the locals of their instruction; neither is ever changed. */
const noConstants = new Map<number, bigint>();
const noLocals = new Set<number>();

/** Sizes and assumptions that hold for the whole region. */
export interface RegionTraits {
  readonly tlbEntries: number;
  /** Every register is taken to have a zero upper half, as in code that has no more than 32 bits. */
  readonly isNarrow: boolean;
}

export class RegionLowering extends IrLowering {
  pending: PendingFlags | undefined;
  /** Set where a register was written whose upper half may not be 0: the region must not be taken to be narrow. */
  wroteWide = false;
  private instruction: RegionInstruction | undefined;
  /** Locals for values within a block: all there are, and those not in use. */
  private readonly taken: Record<IrType, number[]> = { i32: [], i64: [] };
  private readonly free: Record<IrType, number[]> = { i32: [], i64: [] };
  private readonly typeOf = new Map<number, IrType>();
  private constants = new Map<number, bigint>();
  private readonly constantContext: {
    -readonly [key in keyof ConstantContext]: ConstantContext[key];
  } = {
    decoded: (field) => this.decodedConstant(field),
    locals: noConstants,
  };
  /** Whether no flags are due for certain, apart from those that are pending. */
  private isNothingDue = false;
  /** Whether the flags that are pending are also in the shared locals, as due. */
  private isHandedOver = false;
  /** Ids of locals, and WebAssembly locals of registers, whose upper halves are known to be 0. */
  private narrowLocals = new Set<number>();
  private narrowRegisters = new Set<number>();
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

  /** Emits a block; its flags are in the shared locals, or due if they may be, unless it does not need any. */
  block(block: Block, mayBeDue: boolean, isTight: boolean): void {
    this.isTight = isTight;
    this.pending = undefined;
    this.isHandedOver = false;
    this.isNothingDue = !mayBeDue;
    this.narrowRegisters.clear();
    this.free.i32 = [...this.taken.i32];
    this.free.i64 = [...this.taken.i64];
    this.body.get(this.shared.budget).i32(block.instructions.length).op(op.i32Sub);
    this.body.set(this.shared.budget);
    block.instructions.forEach((instruction, index) => {
      this.unexecuted = block.instructions.length - index;
      this.emitInstruction(instruction);
    });
    this.unexecuted = 0;
    if (block.fallThrough !== undefined) this.transfers.toOffset(block.fallThrough);
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
    const due = dueFlagsOf(pending);
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
    if (dueFlagsOf(pending) === undefined) return false;
    this.handOver();
    this.isHandedOver = true;
    return true;
  }

  /** Leaves the region to a page offset, with exact flags and step count, where a condition holds that `push` pushes. */
  leaveIf(push: () => void, offset: number, unexecuted = 0): void {
    const { body } = this;
    if (isNear(offset) && this.isReadyToLeave()) {
      body.i32(wayOut(offset, unexecuted)).set(this.shared.leaving);
      push();
      body.brIf('leave');
      return;
    }
    push();
    body.if();
    this.leaveTo(offset, unexecuted);
    body.end();
  }

  /** The same, always. */
  leaveTo(offset: number, unexecuted = 0): void {
    const { body, shared } = this;
    this.handOver();
    if (isNear(offset)) {
      body.i32(wayOut(offset, unexecuted)).set(shared.leaving).br('leave');
      return;
    }
    assert(unexecuted === 0, 'an instruction of the page gives steps back');
    this.pushIp(offset);
    body.set(shared.exitIp).br('exit');
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
    this.body.br('exit');
  }

  /** Pushes the instruction pointer of a page offset, which may lie outside the page. */
  pushIp(offset: number): void {
    this.body.get(this.shared.ipBase);
    if (offset !== 0) this.body.i64(BigInt(offset)).op(op.i64Add);
  }

  /** Whether the instruction being emitted is a near return. */
  get isReturning(): boolean {
    return this.current.decoded.row.mnemonic === 'RET';
  }

  private get current(): RegionInstruction {
    return present(this.instruction, 'current instruction');
  }

  private emitInstruction(instruction: RegionInstruction): void {
    this.instruction = instruction;
    if (this.constants.size > 0) this.constants = new Map();
    if (this.narrowLocals.size > 0) this.narrowLocals = new Set();
    const assigned = new Map<number, number>();
    this.assigned = assigned;
    for (const local of instruction.variant.locals) {
      assigned.set(local.id, this.takeLocal(local.type));
    }
    this.statements(instruction.variant.statements);
    this.releaseLocals(assigned.values());
  }

  private takeLocal(type: IrType): number {
    const known = this.free[type].pop();
    if (known !== undefined) return known;
    const local = this.body.addLocal(type);
    this.taken[type].push(local);
    this.typeOf.set(local, type);
    return local;
  }

  /** Gives locals back, except those that deferred flags still need. */
  private releaseLocals(locals: Iterable<number>): void {
    const { pending } = this;
    for (const local of locals) {
      if (pending !== undefined && isAmong(pending.locals, local)) continue;
      const list = this.free[present(this.typeOf.get(local), 'local type')];
      if (!list.includes(local)) list.push(local);
    }
  }

  private leaveHere(): void {
    this.leaveTo(this.current.offset, this.unexecuted);
  }

  // Constants: operands are known, so conditions over them are decided here

  private constantOf(expression: Expression): bigint | undefined {
    this.constantContext.locals = this.constants;
    return constantValue(expression, this.constantContext);
  }

  protected override statements(list: readonly Statement[]): void {
    for (const statement of list) {
      if (statement.kind === 'set') this.noteConstant(statement.local, statement.value);
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
      addressMask: this.current.decoded.addressMask,
    });
  }

  private noteConstant(local: Local, value: Expression): void {
    const known = this.constantOf(value);
    if (known !== undefined) this.constants.set(local.id, known);
    if (this.isNarrow(value)) this.narrowLocals.add(local.id);
    else this.narrowLocals.delete(local.id);
  }

  /** In an arm flags are set at once: whether the arm runs is not known here. */
  protected override branch(list: readonly Statement[]): void {
    const { pending, isNothingDue, isHandedOver } = this;
    const known = new Map(this.constants);
    const locals = new Set(this.narrowLocals);
    const registers = new Set(this.narrowRegisters);
    for (const statement of list) {
      if (statement.kind === 'setFlags') super.setFlags(statement.width, statement.effect);
      else this.statements([statement]);
    }
    this.pending = pending;
    this.isNothingDue = isNothingDue;
    this.isHandedOver = isHandedOver;
    this.constants = known;
    this.narrowLocals = intersection(locals, this.narrowLocals);
    this.narrowRegisters = intersection(registers, this.narrowRegisters);
  }

  // Registers

  protected operandRegister(slot: RegisterSlot, width: Width): void {
    this.readRegister(this.current.decoded[slot], width);
  }

  protected fixedRegister(index: number, width: Width): void {
    this.readRegister(stateOffsets.gpr + index * 8, width);
  }

  protected setOperandRegister(slot: RegisterSlot, width: Width, value: Expression): void {
    this.writeRegister(this.current.decoded[slot], width, value);
  }

  protected setFixedRegister(index: number, width: Width, value: Expression): void {
    this.writeRegister(stateOffsets.gpr + index * 8, width, value);
  }

  private registerLocal(offset: number): number {
    const number = present(registerAt(offset), 'a general register');
    return present(this.shared.registers.get(number), 'local of a register');
  }

  private readRegister(offset: number, width: Width): void {
    const { body } = this;
    const local = this.registerLocal(offset);
    body.get(local);
    if (width >= 32 && this.traits.isNarrow) return;
    if (width === 32 && this.narrowRegisters.has(local)) return;
    if ((offset & 7) !== 0) body.i64(8n).op(op.i64ShrU);
    if (width !== 64) body.i64((1n << BigInt(width)) - 1n).op(op.i64And);
  }

  private writeRegister(offset: number, width: Width, value: Expression): void {
    const { body } = this;
    const local = this.registerLocal(offset);
    if (width === 64 || width === 32) {
      this.expression(value);
      const isNarrow = this.isNarrow(value);
      if (width === 32 && !isNarrow) body.i64(mask32).op(op.i64And);
      body.set(local);
      if (width === 64 && !isNarrow) this.wroteWide = true;
      if (width === 32 || isNarrow) this.narrowRegisters.add(local);
      else this.narrowRegisters.delete(local);
      return;
    }
    const shift = (offset & 7) * 8;
    const mask = ((1n << BigInt(width)) - 1n) << BigInt(shift);
    this.expression(value);
    body.i64((1n << BigInt(width)) - 1n).op(op.i64And);
    if (shift !== 0) body.i64(BigInt(shift)).op(op.i64Shl);
    body.get(local).i64(~mask).op(op.i64And).op(op.i64Or).set(local);
  }

  // Decoded fields and state

  private decodedConstant(field: DecodedField): bigint | undefined {
    const { decoded } = this.current;
    switch (field) {
      case 'imm':
        return BigInt.asUintN(64, decoded.immediate);
      case 'addressMask':
        return decoded.addressMask;
      case 'segmentBase':
        return decoded.segmentBase === stateOffsets.zero ? 0n : undefined;
      default:
        return undefined;
    }
  }

  protected decoded(field: DecodedField): void {
    const constant = this.decodedConstant(field);
    if (constant !== undefined) this.body.i64(constant);
    else if (field === 'nextIp') this.pushIp(this.current.nextOffset);
    else {
      const at = this.current.decoded.segmentBase + segmentFieldOffset(field);
      this.body.get(this.shared.vpBase).memory(op.i64Load, at);
    }
  }

  protected effectiveAddress(): void {
    const { body } = this;
    const { decoded, nextOffset } = this.current;
    const isIpRelative = decoded.base === runOffsets.ipBase;
    if (isIpRelative) body.get(this.shared.ipBase);
    else if (decoded.base === stateOffsets.zero) body.i64(0n);
    else body.get(this.registerLocal(decoded.base));
    if (decoded.index !== stateOffsets.zero) {
      body.get(this.registerLocal(decoded.index));
      if (decoded.scale !== 0) body.i64(BigInt(decoded.scale)).op(op.i64Shl);
      body.op(op.i64Add);
    }
    const displacement = decoded.displacement + (isIpRelative ? BigInt(nextOffset) : 0n);
    if (displacement !== 0n) body.i64(displacement).op(op.i64Add);
    if (decoded.addressMask <= mask32) body.i64(decoded.addressMask).op(op.i64And);
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
    const { assigned } = this;
    const made: number[] = [];
    const settle = (part: Expression): Expression => {
      if (part.kind === 'local' || part.kind === 'const') return part;
      let isFixed = true;
      visitTree(part, (inner) => {
        if (isVolatile(inner)) isFixed = false;
      });
      if (isFixed) return part;
      const local: Local = { id: firstSyntheticLocal + made.length, type: part.type };
      const index = this.takeLocal(part.type);
      made.push(index);
      this.expression(part);
      this.body.set(index);
      return { kind: 'local', type: part.type, local };
    };
    const settled = settleEffect(effect, settle);
    const before = this.pending;
    const kept = new Map<number, number>();
    const keep = (inner: Expression): void => {
      if (inner.kind !== 'local') return;
      const { id } = inner.local;
      const index = id < firstSyntheticLocal ? assigned.get(id) : made[id - firstSyntheticLocal];
      kept.set(id, present(index, 'local of an effect'));
    };
    for (const part of effectParts(settled)) visitTree(part, keep);
    this.pending = { width, effect: settled, instruction: this.current, locals: kept };
    this.isHandedOver = false;
    if (before !== undefined) this.releaseUnassigned(before.locals);
  }

  /** Locals of replaced flags are free, unless the current instruction or the new flags use them. */
  private releaseUnassigned(locals: ReadonlyMap<number, number>): void {
    const { assigned } = this;
    this.releaseLocals([...locals.values()].filter((local) => !isAmong(assigned, local)));
  }

  private inContextOf(pending: PendingFlags, action: () => void): void {
    const { instruction, constants, narrowLocals, assigned } = this;
    this.instruction = pending.instruction;
    this.constants = noConstants;
    this.narrowLocals = noLocals;
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
        if (width !== 64) body.i64((1n << BigInt(width)) - 1n).op(op.i64And);
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
    const { width, intent } = statement.access;
    const access = {
      pushAddress: () => this.expression(statement.address),
      tlb: intent === 'read' ? this.shared.readTlb : this.shared.writeTlb,
      bytes: width / 8,
      host: this.local(statement.host),
    };
    const leave = (push: () => void): void => {
      this.leaveIf(push, this.current.offset, this.unexecuted);
    };
    const page = this.isTight ? this.memory.pageOf(operandKey(statement, this.current)) : undefined;
    if (page === undefined) return this.memory.lookUp(access, leave);
    // What ways out have in common has to be done on the way around the look-up too.
    this.isReadyToLeave();
    this.inArm(() => this.memory.goThrough(page, access, leave));
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
    this.body.get(this.shared.vpBase).i32(this.current.decoded[slot]).op(op.i32Add);
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

function isAmong(locals: ReadonlyMap<number, number>, local: number): boolean {
  for (const other of locals.values()) if (other === local) return true;
  return false;
}

function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): Set<number> {
  return new Set([...a].filter((value) => b.has(value)));
}
