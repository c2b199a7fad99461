/** What a region needs to know of its instructions before it is emitted: registers used, and what they do to flags. */
import { stateOffsets } from '../../machine/processor-state';
import type { Expression, FlagEffect, Statement, VectorExpression } from '../ir/ir';
import type { Block, Region, RegionInstruction } from './region';

const gprCount = 16;

/** Number of the general register whose state starts at or one byte before `offset`; undefined for other state. */
export function registerAt(offset: number): number | undefined {
  const number = (offset - stateOffsets.gpr) >> 3;
  return offset >= stateOffsets.gpr && number < gprCount ? number : undefined;
}

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

/** General registers that the region reads or writes, and those it writes. */
export function registersOf(region: Region): {
  readonly used: ReadonlySet<number>;
  readonly written: ReadonlySet<number>;
} {
  const used = new Set<number>();
  const written = new Set<number>();
  const use = (offset: number): void => {
    const number = registerAt(offset);
    if (number !== undefined) used.add(number);
  };
  for (const { decoded, variant } of region.blocks.flatMap((block) => block.instructions)) {
    visitExpressions(variant.statements, (expression) => {
      if (expression.kind === 'operandRegister') use(decoded[expression.slot]);
      else if (expression.kind === 'fixedRegister') used.add(expression.index);
      else if (expression.kind === 'effectiveAddress') {
        use(decoded.base);
        use(decoded.index);
      }
    });
    visitStatements(variant.statements, (statement) => {
      if (statement.kind === 'setFixedRegister') written.add(statement.index);
      if (statement.kind !== 'setOperandRegister') return;
      const number = registerAt(decoded[statement.slot]);
      if (number !== undefined) written.add(number);
    });
  }
  for (const number of written) used.add(number);
  return { used, written };
}

/** How the region accesses memory. */
export function accessIntentsOf(region: Region): {
  readonly reads: boolean;
  readonly writes: boolean;
} {
  const found = { reads: false, writes: false };
  for (const { variant } of region.blocks.flatMap((block) => block.instructions)) {
    visitStatements(variant.statements, (statement) => {
      if (statement.kind !== 'translate') return;
      if (statement.access.intent === 'read') found.reads = true;
      else found.writes = true;
    });
  }
  return found;
}

/** Whether an instruction needs the flags that were there before it: reads them, keeps some, or may be given up. */
function needsFlags(instruction: RegionInstruction): boolean {
  let isNeeded = false;
  const { statements } = instruction.variant;
  visitExpressions(statements, (expression) => {
    if (expression.kind === 'flag' || expression.kind === 'condition') isNeeded = true;
  });
  visitStatements(statements, (statement) => {
    if (
      statement.kind === 'translate' ||
      statement.kind === 'raise' ||
      statement.kind === 'routine'
    ) {
      isNeeded = true;
    }
    if (statement.kind === 'setFlags' && !replacesAll(statement.effect)) isNeeded = true;
  });
  return isNeeded;
}

function replacesAll(effect: FlagEffect): boolean {
  return (
    effect.kind === 'add' ||
    effect.kind === 'sub' ||
    effect.kind === 'logic' ||
    effect.kind === 'given'
  );
}

/** True where a block replaces all flags before anything could need them. */
export function flagsAreDeadAt(block: Block): boolean {
  for (const instruction of block.instructions) {
    if (needsFlags(instruction)) return false;
    const replaces = instruction.variant.statements.some(
      (statement) => statement.kind === 'setFlags' && replacesAll(statement.effect),
    );
    if (replaces) return true;
    if (instruction.variant.statements.some((statement) => statement.kind === 'if')) return false;
  }
  return false;
}

/** True where a block reads flags, or changes some of them, before it replaces all. */
export function readsFlags(block: Block): boolean {
  for (const { variant } of block.instructions) {
    let isReader = false;
    visitExpressions(variant.statements, (expression) => {
      if (expression.kind === 'flag' || expression.kind === 'condition') isReader = true;
    });
    let isReplaced = false;
    for (const statement of variant.statements) {
      if (statement.kind === 'setFlags' && replacesAll(statement.effect)) isReplaced = true;
    }
    visitStatements(variant.statements, (statement) => {
      if (statement.kind === 'setFlags' && !isReplaced) isReader = true;
    });
    if (isReader || isReplaced) return isReader;
  }
  return false;
}
