/** What follows from a variant for all its instructions: registers used, memory accessed, what it does to flags. */
import type { Expression, FlagEffect, RegisterSlot, Statement, VectorExpression } from '../ir/ir';
import type { Variant } from '../decode/variants';

/** Calls `visit` for every expression of the statements, outermost first. */
export function visitExpressions(
  statements: readonly Statement[],
  visit: (expression: Expression) => void,
): void {
  for (const statement of statements) {
    switch (statement.kind) {
      case 'set':
      case 'setOperandRegister':
      case 'setFixedRegister':
      case 'setState':
      case 'store':
        visitTree(statement.value, visit);
        break;
      case 'translate':
        visitTree(statement.address, visit);
        break;
      case 'setFlags':
        for (const part of effectParts(statement.effect)) visitTree(part, visit);
        break;
      case 'setVector':
      case 'setOperandVector':
      case 'setStateVector':
      case 'storeVector':
        visitVector(statement.value, visit);
        break;
      case 'if':
        visitTree(statement.condition, visit);
        visitExpressions(statement.then, visit);
        visitExpressions(statement.otherwise, visit);
        break;
      case 'jump':
        visitTree(statement.target, visit);
        break;
      case 'copyMemory':
        for (const part of [statement.to, statement.from, statement.bytes]) visitTree(part, visit);
        break;
      case 'fillMemory':
        for (const part of [statement.to, statement.bytes, statement.value]) visitTree(part, visit);
        break;
      case 'takeSteps':
        visitTree(statement.steps, visit);
        break;
      default:
    }
  }
}

/** The expressions of a flag effect. */
export function effectParts(effect: FlagEffect): readonly Expression[] {
  switch (effect.kind) {
    case 'add':
    case 'sub':
      return [effect.a, effect.b, effect.result];
    case 'logic':
      return [effect.result];
    case 'given':
      return [effect.result, effect.carry, effect.overflow, effect.auxiliary];
    case 'carry':
      return effect.overflow === undefined ? [effect.carry] : [effect.carry, effect.overflow];
    case 'zeroOnly':
      return [effect.zero];
    case 'image':
      return [effect.image];
  }
}

/** Calls `visit` for an expression and everything inside it. */
export function visitTree(expression: Expression, visit: (expression: Expression) => void): void {
  visit(expression);
  switch (expression.kind) {
    case 'binary':
    case 'compare':
      visitTree(expression.a, visit);
      visitTree(expression.b, visit);
      return;
    case 'select':
      visitTree(expression.condition, visit);
      visitTree(expression.a, visit);
      visitTree(expression.b, visit);
      return;
    case 'unary':
    case 'isZero':
    case 'wrap':
    case 'widen':
    case 'signExtend':
      visitTree(expression.a, visit);
      return;
    case 'integerOfVector':
      for (const operand of expression.operands) visitOperand(operand, visit);
      return;
    default:
  }
}

/** The integer expressions inside a 128-bit one. */
function visitVector(expression: VectorExpression, visit: (expression: Expression) => void): void {
  if (expression.kind !== 'vector') return;
  for (const operand of expression.operands) visitOperand(operand, visit);
}

function visitOperand(
  operand: Expression | VectorExpression,
  visit: (expression: Expression) => void,
): void {
  if ('type' in operand) visitTree(operand, visit);
  else visitVector(operand, visit);
}

function visitStatements(list: readonly Statement[], visit: (statement: Statement) => void): void {
  for (const statement of list) {
    visit(statement);
    if (statement.kind !== 'if') continue;
    visitStatements(statement.then, visit);
    visitStatements(statement.otherwise, visit);
  }
}

/** How control leaves an instruction. */
export type InstructionEnd =
  /** Only to the next instruction. */
  | 'next'
  /** To the next instruction or the relative target. */
  | 'conditional'
  /** To the relative target. */
  | 'relative'
  /** To an address known when it runs. */
  | 'dynamic';

/** The slots of register operands, as bits. */
export const slotBits: Readonly<Record<RegisterSlot, number>> = { dst: 1, src: 2, third: 4 };

/** What holds for every instruction of a variant. */
export interface VariantFacts {
  /** How it ends; undefined where the interpreter has to execute it. */
  readonly end: InstructionEnd | undefined;
  /** Register operands that it reads or writes, and those that it writes: `slotBits`. */
  readonly usedSlots: number;
  readonly writtenSlots: number;
  /** General registers that it names, as bits. */
  readonly usedRegisters: number;
  readonly writtenRegisters: number;
  /** Whether it has a memory operand, whose base and index it reads. */
  readonly usesAddress: boolean;
  readonly readsMemory: boolean;
  readonly writesMemory: boolean;
  readonly readsFlags: boolean;
  /** It reads flags, keeps some, or may be given up: those from before it must be known. */
  readonly needsFlags: boolean;
  /** Whatever happens, all flags are new. */
  readonly replacesFlags: boolean;
  readonly branches: boolean;
}

/** What holds for every instruction of a variant. */
export function factsOf({ statements }: Variant): VariantFacts {
  let [usedSlots, writtenSlots] = [0, 0];
  let [usedRegisters, writtenRegisters] = [0, 0];
  const found = { usesAddress: false, readsMemory: false, writesMemory: false };
  let [readsFlags, needsFlags] = [false, false];
  visitExpressions(statements, (expression) => {
    if (expression.kind === 'operandRegister') usedSlots |= slotBits[expression.slot];
    else if (expression.kind === 'fixedRegister') usedRegisters |= 1 << expression.index;
    else if (expression.kind === 'effectiveAddress') found.usesAddress = true;
    else if (expression.kind === 'flag' || expression.kind === 'condition') readsFlags = true;
  });
  visitStatements(statements, (statement) => {
    if (statement.kind === 'setFixedRegister') writtenRegisters |= 1 << statement.index;
    else if (statement.kind === 'setOperandRegister') writtenSlots |= slotBits[statement.slot];
    else if (statement.kind === 'translate') {
      needsFlags = true;
      if (statement.access.intent === 'read') found.readsMemory = true;
      else found.writesMemory = true;
    } else if (statement.kind === 'raise' || statement.kind === 'routine') needsFlags = true;
    else if (statement.kind === 'setFlags' && !replacesAll(statement.effect)) needsFlags = true;
  });
  const replacesFlags = statements.some(
    (statement) => statement.kind === 'setFlags' && replacesAll(statement.effect),
  );
  const keepsFlags = !replacesFlags && contains(statements, 'setFlags');
  return {
    end: endOf(statements),
    usedSlots: usedSlots | writtenSlots,
    writtenSlots,
    usedRegisters: usedRegisters | writtenRegisters,
    writtenRegisters,
    ...found,
    readsFlags: readsFlags || keepsFlags,
    needsFlags: needsFlags || readsFlags,
    replacesFlags,
    branches: statements.some((statement) => statement.kind === 'if'),
  };
}

/** How statements end; undefined where the interpreter has to execute them. */
function endOf(statements: readonly Statement[]): InstructionEnd | undefined {
  let end: InstructionEnd = 'next';
  for (const statement of statements) {
    switch (statement.kind) {
      case 'jumpRelative':
        return 'relative';
      case 'jump':
        return 'dynamic';
      case 'routine':
      case 'raise':
      case 'repeat':
        return undefined;
      case 'if': {
        const arms = [...statement.then, ...statement.otherwise];
        if (contains(arms, 'repeat') || contains(arms, 'jump')) return undefined;
        if (contains(arms, 'jumpRelative')) end = 'conditional';
        break;
      }
      default:
    }
  }
  return end;
}

function contains(statements: readonly Statement[], kind: Statement['kind']): boolean {
  return statements.some(
    (statement) =>
      statement.kind === kind ||
      (statement.kind === 'if' &&
        (contains(statement.then, kind) || contains(statement.otherwise, kind))),
  );
}

/** Whether an arm sets flags. */
export function setsFlags(statement: Extract<Statement, { kind: 'if' }>): boolean {
  return [...statement.then, ...statement.otherwise].some(
    (inner) => inner.kind === 'setFlags' || (inner.kind === 'if' && setsFlags(inner)),
  );
}

function replacesAll(effect: FlagEffect): boolean {
  return (
    effect.kind === 'add' ||
    effect.kind === 'sub' ||
    effect.kind === 'logic' ||
    effect.kind === 'given'
  );
}
