/** Control transfer (SDM vol. 2: JMP, Jcc, CALL, RET, LOOP, JCXZ, INT, IRET, far forms). */
import { conditionCodes, type ConditionCode } from '../ir/condition-codes';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { requireCanonicalTarget } from './canonical';
import {
  define,
  defineRare,
  defineSizedRoutine,
  operandAt,
  type Definition,
  type VariantContext,
} from './definition';
import { RCX, setCounter } from './registers';
import { preparePush, top } from './stack';

type OperandSize = VariantContext['operandSize'];

const generalProtection = 13;

/**
 * A near branch faults at the branch where its target is not canonical (SDM vol. 1, 3.3.7.1) or, outside 64-bit mode,
 * beyond the limit of the code segment (SDM vol. 2, JMP).
 */
function checkTarget(b: Builder, target: Expression, size: OperandSize): void {
  if (size === 64) {
    requireCanonicalTarget(b, target);
  } else if (b.isChecked) {
    const isBeyond = b.compare('gt_u', target, b.state(runOffsets.codeLimit, 8));
    b.if(isBeyond, () => b.raise(generalProtection, 0));
  }
}

/** The target of a relative branch, or undefined where nothing cuts or checks it. */
function relativeTarget(b: Builder, size: OperandSize): Expression | undefined {
  if (!b.isChecked && size !== 16) return undefined;
  const width = size === 16 ? 16 : 32;
  return b.let(b.truncate(b.add(b.decoded('nextIp'), b.decoded('imm')), width));
}

function goTo(b: Builder, target: Expression | undefined): void {
  if (target === undefined) b.jumpRelative();
  else b.jump(target);
}

function jumpNear(b: Builder, size: OperandSize): void {
  const target = relativeTarget(b, size);
  if (target !== undefined) checkTarget(b, target, size === 16 ? 16 : 32);
  goTo(b, target);
}

const jump = define('JMP', (b, operands, { operandSize }) => {
  const operand = operandAt(operands, 0);
  if (operand.kind === 'immediate') return jumpNear(b, operandSize);
  const address = b.read(operand);
  checkTarget(b, address, operandSize);
  b.jump(address);
});

const call = define('CALL', (b, operands, { operandSize }) => {
  const operand = operandAt(operands, 0);
  const isRelative = operand.kind === 'immediate';
  const target = isRelative ? relativeTarget(b, operandSize) : b.read(operand);
  const slot = preparePush(b, operandSize);
  b.store(slot.host, operandSize, b.decoded('nextIp'));
  // Hardware has written the return address by the time the target faults; RSP has not moved.
  if (target !== undefined) checkTarget(b, target, operandSize);
  b.setStackPointer(slot.stackPointer);
  goTo(b, target);
});

const ret = define('RET', (b, operands, { operandSize }) => {
  const address = top(b, operandSize);
  checkTarget(b, address, operandSize);
  const popped = b.i64(operandSize / 8);
  const released = operands.length === 0 ? popped : b.add(b.decoded('imm'), popped);
  b.setStackPointer(b.add(b.stackPointer(), released));
  b.jump(address);
});

function conditionalJump(code: ConditionCode): Definition {
  return define(`J${code}`, (b, _operands, { operandSize }) => {
    b.if(b.condition(code), () => jumpNear(b, operandSize));
  });
}

/** LOOP, LOOPE, LOOPNE: the count register has the address size (SDM vol. 2, LOOP). */
function loop(mnemonic: string, extra: (b: Builder) => Expression | undefined): Definition {
  return define(mnemonic, (b, _operands, { operandSize }) => {
    const mask = b.decoded('addressMask');
    const count = b.let(b.and(b.sub(b.register(RCX), b.i64(1)), mask));
    const flag = extra(b);
    const isMore = b.compare('ne', count, b.i64(0));
    const again = b.let(flag === undefined ? isMore : b.and(isMore, flag));
    const target = relativeTarget(b, operandSize);
    if (target !== undefined) b.if(again, () => checkTarget(b, target, operandSize));
    setCounter(b, RCX, count);
    b.if(again, () => goTo(b, target));
  });
}

const jumpIfCountZero = define('JCXZ', (b, _operands, { operandSize }) => {
  const isZero = b.isZero(b.and(b.register(RCX), b.decoded('addressMask')));
  b.if(isZero, () => jumpNear(b, operandSize));
});

function byRoutine(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b) => b.routine(routine));
}

/** The far pointer is in the instruction or in memory; the routine gets the operand size in bytes. */
function farTransfer(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b, operands, { operandSize }) => {
    b.setState(runOffsets.operand, 8, b.i64(operandSize / 8));
    b.routine(operandAt(operands, 0).kind === 'immediate' ? `${routine}Immediate` : routine);
  });
}

export const controlDefinitions: readonly Definition[] = [
  jump,
  call,
  ret,
  ...conditionCodes.map(conditionalJump),
  loop('LOOP', () => undefined),
  loop('LOOPE', (b) => b.flag('ZF')),
  loop('LOOPNE', (b) => b.isZero(b.flag('ZF'))),
  jumpIfCountZero,
  byRoutine('INT', 'softwareInterrupt'),
  byRoutine('INT3', 'breakpointInterrupt'),
  byRoutine('INT1', 'debugInterrupt'),
  defineSizedRoutine('IRET', 'interruptReturn'),
  defineSizedRoutine('RETF', 'farReturn'),
  farTransfer('JMPF', 'farJump'),
  farTransfer('CALLF', 'farCall'),
  byRoutine('SYSCALL', 'systemCall'),
  defineSizedRoutine('SYSRET', 'systemReturn'),
];
