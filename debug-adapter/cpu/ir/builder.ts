/** What a semantics definition is written with: builds the statements of one instruction variant. */
import { assert, InvariantError } from '../../support/assert';
import { segmentCheckOffset, segmentCheckOffsets } from '../memory-map';
import type { Addressing } from './addressing';
import type { ConditionCode } from './condition-codes';
import type {
  AccessDescription,
  ArithmeticFlag,
  BinaryOperator,
  CompareOperator,
  DecodedField,
  Expression,
  FlagEffect,
  IrType,
  Local,
  RegisterSlot,
  Statement,
  VectorLocal,
  Width,
} from './ir';

/** An operand of an instruction variant, as the decoder resolved it. */
export type Operand =
  | { readonly kind: 'register'; readonly slot: RegisterSlot; readonly width: Width }
  | { readonly kind: 'memory'; readonly width: Width }
  | { readonly kind: 'immediate'; readonly width: Width }
  /** Ten bytes of memory. */
  | { readonly kind: 'memory80' }
  /** ST, or ST(i) whose number is the decoded immediate. */
  | { readonly kind: 'stack'; readonly isTop: boolean }
  /** A segment, control or debug register; its number is the decoded immediate. */
  | { readonly kind: 'special'; readonly file: 'segment' | 'control' | 'debug' }
  | { readonly kind: 'vectorRegister'; readonly slot: RegisterSlot; readonly file: VectorFile }
  /** The memory form of a vector operand. */
  | { readonly kind: 'vectorMemory'; readonly width: Width | 128 };

/** MMX registers are the significands of the x87 registers. */
export type VectorFile = 'xmm' | 'mmx';

const decodedSegmentFields = {
  base: 'segmentBase',
  readLow: 'segmentReadLow',
  readHigh: 'segmentReadHigh',
  writeLow: 'segmentWriteLow',
  writeHigh: 'segmentWriteHigh',
} as const;

/** A read-modify-write access: the old value, and a function that writes the new one. */
export interface Modification {
  readonly value: Expression;
  write(value: Expression): void;
}

const widthMask: Readonly<Record<Width, bigint>> = {
  8: 0xffn,
  16: 0xffffn,
  32: 0xffffffffn,
  64: 0xffffffffffffffffn,
};

/** A segment of an access: the memory operand's, or one that the instruction implies. */
export type AccessSegment = 'operand' | 'ES' | 'SS';

const impliedSegments = { ES: 0, SS: 2 } as const;
const generalProtection = 13;
const stackFault = 12;
const linearMask = 0xffffffffn;
const stackPointerRegister = 4;

export class Builder {
  /** Whether the meaning depends on segments being checked, and on the width of the stack pointer. */
  readonly consulted = { checks: false, stackSize: false };
  private statements: Statement[] = [];
  private nextLocal = 0;
  /** Locals of this variant in order of creation. */
  readonly locals: Local[] = [];
  private vectorLocals = 0;

  constructor(private readonly addressing: Addressing) {}

  /** Segments have bases, limits and types; else they are flat. */
  get isChecked(): boolean {
    this.consulted.checks = true;
    return this.addressing.isChecked;
  }

  /** Width of the stack pointer. */
  get stackSize(): 16 | 32 | 64 {
    this.consulted.stackSize = true;
    return this.addressing.stackSize;
  }

  /** Adds a statement; for what `VectorBuilder` adds to this class. */
  push(statement: Statement): void {
    this.statements.push(statement);
  }

  vectorLocal(): VectorLocal {
    return { vectorId: this.vectorLocals++ };
  }

  /** The statements built so far. */
  finish(): readonly Statement[] {
    return this.statements;
  }

  // Expressions

  i64(value: bigint | number): Expression {
    return { kind: 'const', type: 'i64', value: BigInt(value) };
  }

  i32(value: number): Expression {
    return { kind: 'const', type: 'i32', value: BigInt(value) };
  }

  binary(operator: BinaryOperator, a: Expression, b: Expression): Expression {
    assert(a.type === b.type, `${operator} of ${a.type} and ${b.type}`);
    return { kind: 'binary', type: a.type, operator, a, b };
  }

  add(a: Expression, b: Expression): Expression {
    return this.binary('add', a, b);
  }

  sub(a: Expression, b: Expression): Expression {
    return this.binary('sub', a, b);
  }

  and(a: Expression, b: Expression): Expression {
    return this.binary('and', a, b);
  }

  or(a: Expression, b: Expression): Expression {
    return this.binary('or', a, b);
  }

  xor(a: Expression, b: Expression): Expression {
    return this.binary('xor', a, b);
  }

  compare(operator: CompareOperator, a: Expression, b: Expression): Expression {
    assert(a.type === b.type, `${operator} of ${a.type} and ${b.type}`);
    return { kind: 'compare', type: 'i32', operator, a, b };
  }

  isZero(a: Expression): Expression {
    return { kind: 'isZero', type: 'i32', a };
  }

  wrap(a: Expression): Expression {
    return { kind: 'wrap', type: 'i32', a };
  }

  widen(a: Expression, signed = false): Expression {
    return { kind: 'widen', type: 'i64', a, signed };
  }

  unary(operator: 'clz' | 'ctz' | 'popcnt', a: Expression): Expression {
    return { kind: 'unary', type: a.type, operator, a };
  }

  /** `value`'s low `width` bits, sign-extended to 64. */
  signed(value: Expression, width: Width): Expression {
    return width === 64 ? value : { kind: 'signExtend', type: 'i64', from: width, a: value };
  }

  /** `value`'s low `width` bits, zero-extended to 64. */
  truncate(value: Expression, width: Width): Expression {
    return width === 64 ? value : this.and(value, this.i64(widthMask[width]));
  }

  select(condition: Expression, a: Expression, b: Expression): Expression {
    return { kind: 'select', type: a.type, condition, a, b };
  }

  /** Bit `index` of `value` as 0 or 1, of the value's type. */
  bit(value: Expression, index: number): Expression {
    const shifted =
      index === 0 ? value : this.binary('shr_u', value, this.constantOf(value.type, index));
    return this.and(shifted, this.constantOf(value.type, 1));
  }

  decoded(field: DecodedField): Expression {
    return { kind: 'decoded', type: 'i64', field };
  }

  state(offset: number, bytes: 1 | 2 | 4 | 8): Expression {
    return { kind: 'state', type: bytes === 8 ? 'i64' : 'i32', offset, bytes };
  }

  flag(flag: ArithmeticFlag): Expression {
    return { kind: 'flag', type: 'i32', flag };
  }

  /** 1 where the condition holds, else 0. */
  condition(code: ConditionCode): Expression {
    return { kind: 'condition', type: 'i32', code };
  }

  register(index: number, width: Width = 64): Expression {
    return { kind: 'fixedRegister', type: 'i64', index, width };
  }

  /** Offset of the memory operand, without segment base. */
  effectiveAddress(): Expression {
    return { kind: 'effectiveAddress', type: 'i64' };
  }

  // Statements

  /** Evaluates now and names the result. */
  let(value: Expression): Expression {
    const local = this.local(value.type);
    this.statements.push({ kind: 'set', local, value });
    return { kind: 'local', type: value.type, local };
  }

  local(type: IrType): Local {
    const local = { id: this.nextLocal++, type };
    this.locals.push(local);
    return local;
  }

  valueOf(local: Local): Expression {
    return { kind: 'local', type: local.type, local };
  }

  assign(local: Local, value: Expression): void {
    this.statements.push({ kind: 'set', local, value });
  }

  setRegister(index: number, value: Expression, width: Width = 64): void {
    this.statements.push({ kind: 'setFixedRegister', index, width, value });
  }

  setState(offset: number, bytes: 4 | 8, value: Expression): void {
    this.statements.push({ kind: 'setState', offset, bytes, value });
  }

  setFlags(width: Width, effect: FlagEffect): void {
    this.statements.push({ kind: 'setFlags', width, effect });
  }

  if(condition: Expression, then: () => void, otherwise: () => void = () => undefined): void {
    this.statements.push({
      kind: 'if',
      condition,
      then: this.collect(then),
      otherwise: this.collect(otherwise),
    });
  }

  raise(vector: number, errorCode?: number): void {
    this.statements.push({
      kind: 'raise',
      vector,
      errorCode: errorCode === undefined ? undefined : this.i32(errorCode),
    });
  }

  jumpRelative(): void {
    this.statements.push({ kind: 'jumpRelative' });
  }

  jump(target: Expression): void {
    this.statements.push({ kind: 'jump', target });
  }

  routine(name: string): void {
    this.statements.push({ kind: 'routine', name });
  }

  repeat(): void {
    this.statements.push({ kind: 'repeat' });
  }

  /** Steps that may still be taken after the present one, an i32. */
  stepsLeft(): Expression {
    return { kind: 'stepsLeft', type: 'i32' };
  }

  takeSteps(steps: Expression): void {
    this.statements.push({ kind: 'takeSteps', steps });
  }

  copyMemory(to: Expression, from: Expression, bytes: Expression): void {
    this.statements.push({ kind: 'copyMemory', to, from, bytes });
  }

  fillMemory(to: Expression, bytes: Expression, width: Width, value: Expression): void {
    this.statements.push({ kind: 'fillMemory', to, bytes, width, value });
  }

  // Operands and memory

  /** Value of an operand, zero-extended (immediates sign-extended, then cut to their operand's width). */
  read(operand: Operand): Expression {
    switch (operand.kind) {
      case 'register':
        return this.let({
          kind: 'operandRegister',
          type: 'i64',
          slot: operand.slot,
          width: operand.width,
        });
      case 'memory':
        return this.loadOperand(operand.width);
      case 'immediate':
        return this.decoded('imm');
      case 'special':
        return this.decoded('imm');
      default:
        throw new InvariantError(`operand ${operand.kind} is not an integer`);
    }
  }

  /** Prepares a read-modify-write of an operand: its value now, its write later. */
  modify(operand: Operand): Modification {
    if (operand.kind !== 'memory') {
      return { value: this.read(operand), write: (value) => this.write(operand, value) };
    }
    const { width } = operand;
    const host = this.translate(this.operandAddress(), { width, intent: 'modify', stack: false });
    const value = this.let({ kind: 'load', type: 'i64', host, width });
    return { value, write: (result) => this.store(host, width, result) };
  }

  /** Writes an operand; a memory operand is translated and stored at once. */
  write(operand: Operand, value: Expression): void {
    switch (operand.kind) {
      case 'register':
        this.statements.push({
          kind: 'setOperandRegister',
          slot: operand.slot,
          width: operand.width,
          value,
        });
        return;
      case 'memory': {
        const { width } = operand;
        const access: AccessDescription = { width, intent: 'write', stack: false };
        this.store(this.translate(this.operandAddress(), access), width, value);
        return;
      }
      default:
        assert(false, `operand ${operand.kind} cannot be written`);
    }
  }

  /** Linear address of the memory operand, plus `displacement` before the address size cuts it. */
  operandAddress(displacement?: Expression): Expression {
    const offset =
      displacement === undefined
        ? this.effectiveAddress()
        : this.and(this.add(this.effectiveAddress(), displacement), this.decoded('addressMask'));
    return this.linear(offset, 'operand');
  }

  /** Linear address of an offset in a segment; without checks, only FS and GS of 64-bit mode have a base. */
  linear(offset: Expression, segment: AccessSegment): Expression {
    if (this.isChecked) {
      return this.let(
        this.and(this.add(offset, this.segmentField(segment, 'base')), this.i64(linearMask)),
      );
    }
    if (segment !== 'operand') return this.let(offset);
    return this.let(this.add(offset, this.decoded('segmentBase')));
  }

  /** The stack pointer, zero-extended. */
  stackPointer(): Expression {
    return this.register(stackPointerRegister, this.stackSize);
  }

  /** Writes as much of RSP as the stack has. */
  setStackPointer(value: Expression): void {
    this.setRegister(stackPointerRegister, value, this.stackSize);
  }

  /** A stack pointer that moved, cut to the stack's size. */
  stackOffset(value: Expression): Expression {
    return this.let(this.truncate(value, this.stackSize));
  }

  loadOperand(width: Width, displacement?: Expression): Expression {
    return this.load(this.operandAddress(displacement), { width, intent: 'read', stack: false });
  }

  /** Reads memory at a linear address. */
  load(address: Expression, access: AccessDescription, segment?: AccessSegment): Expression {
    const host = this.translate(address, access, segment);
    const { width } = access;
    assert(width !== 128, 'an integer has at most 64 bits');
    return this.let({ kind: 'load', type: 'i64', host, width });
  }

  /** Checks an access to a linear address; the result is only good for this instruction. */
  translate(
    address: Expression,
    access: AccessDescription,
    segment: AccessSegment = access.stack ? 'SS' : 'operand',
  ): Local {
    if (this.isChecked) this.checkSegment(address, access, segment);
    const host = this.local('i32');
    this.statements.push({ kind: 'translate', host, address, access });
    return host;
  }

  store(host: Local, width: Width, value: Expression): void {
    this.statements.push({ kind: 'store', host, width, value });
  }

  /** Limit and type of the segment (SDM vol. 3, 5.3 and 5.5). */
  private checkSegment(
    address: Expression,
    { width, intent }: AccessDescription,
    segment: AccessSegment,
  ): void {
    const kind = intent === 'read' ? 'read' : 'write';
    const base = this.segmentField(segment, 'base');
    const offset = this.let(this.and(this.sub(address, base), this.i64(linearMask)));
    const last = this.add(offset, this.i64(width / 8 - 1));
    const isOutside = this.or(
      this.compare('lt_u', offset, this.segmentField(segment, `${kind}Low`)),
      this.compare('gt_u', last, this.segmentField(segment, `${kind}High`)),
    );
    this.if(isOutside, () => {
      if (segment !== 'operand') {
        return this.raise(segment === 'SS' ? stackFault : generalProtection, 0);
      }
      const isStack = this.compare('eq', this.decoded('segmentFault'), this.i64(stackFault));
      this.if(isStack, () => this.raise(stackFault, 0));
      this.raise(generalProtection, 0);
    });
  }

  private segmentField(
    segment: AccessSegment,
    field: keyof typeof decodedSegmentFields,
  ): Expression {
    if (segment === 'operand') return this.decoded(decodedSegmentFields[field]);
    const entry = segmentCheckOffset(impliedSegments[segment]);
    return this.state(entry + segmentCheckOffsets[field], 8);
  }

  private constantOf(type: IrType, value: number): Expression {
    return type === 'i64' ? this.i64(value) : this.i32(value);
  }

  private collect(body: () => void): readonly Statement[] {
    const outer = this.statements;
    this.statements = [];
    body();
    const inner = this.statements;
    this.statements = outer;
    return inner;
  }
}
