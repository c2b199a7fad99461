/** The stack (SDM vol. 2: PUSH, POP, PUSHF, POPF, ENTER, LEAVE). */
import { stateOffsets } from '../../machine/processor-state';
import type { Builder, Operand } from '../ir/builder';
import type { Expression, Local, Width } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { define, defineRare, defineSizedRoutine, operandAt, type Definition } from './definition';
import { RBP } from './registers';
import { segmentSelector } from './segment';

const generalProtection = 13;
const ioPrivilege = 0x3000;
const virtual8086 = 0x20000;

/** A push that has been checked but not made: where it goes, and the stack pointer after it. */
export interface PreparedPush {
  readonly host: Local;
  readonly stackPointer: Expression;
}

/** Checks the slot below the stack pointer. */
export function preparePush(b: Builder, width: Width): PreparedPush {
  const stackPointer = b.stackOffset(b.sub(b.stackPointer(), b.i64(width / 8)));
  const address = b.linear(stackPointer, 'SS');
  const host = b.translate(address, { width, intent: 'write', stack: true });
  return { host, stackPointer };
}

/** Stores the value, then moves the stack pointer: a store may still leave the instruction. */
export function push(b: Builder, width: Width, value: Expression): void {
  const slot = preparePush(b, width);
  b.store(slot.host, width, value);
  b.setStackPointer(slot.stackPointer);
}

/** Reads the top of the stack without moving the stack pointer. */
export function top(b: Builder, width: Width): Expression {
  return b.load(b.linear(b.stackPointer(), 'SS'), { width, intent: 'read', stack: true });
}

function pushValue(b: Builder, operand: Operand): Expression {
  return operand.kind === 'special' ? segmentSelector(b) : b.read(operand);
}

const pushDefinition = define('PUSH', (b, operands, { operandSize }) => {
  push(b, operandSize, pushValue(b, operandAt(operands, 0)));
});

const popDefinition = define('POP', (b, operands, { operandSize }) => {
  const target = operandAt(operands, 0);
  if (target.kind !== 'register') {
    return b.routine(
      target.kind === 'memory' ? `popMemory${operandSize}` : `popSegment${operandSize}`,
    );
  }
  const value = top(b, operandSize);
  b.setStackPointer(b.add(b.stackPointer(), b.i64(operandSize / 8)));
  b.write(target, value);
});

/** RFLAGS as one value, an i32. */
export function flagsImage(b: Builder): Expression {
  const at = (value: Expression, position: number): Expression =>
    b.binary('shl', value, b.i32(position));
  return [
    b.state(stateOffsets.flagsSystem, 4),
    b.flag('CF'),
    at(b.flag('PF'), 2),
    at(b.flag('AF'), 4),
    at(b.flag('ZF'), 6),
    at(b.flag('SF'), 7),
    at(b.flag('OF'), 11),
  ].reduce((whole, part) => b.or(whole, part));
}

/** VM and RF are pushed as 0 (SDM vol. 2, PUSHF). */
const pushFlags = define('PUSHF', (b, _operands, { operandSize }) => {
  if (b.isChecked) {
    // Virtual-8086 code needs IOPL 3 (SDM vol. 3, 21.2.2); such code is never flat.
    const flags = b.state(stateOffsets.flagsSystem, 4);
    const privileged = b.compare('eq', b.and(flags, b.i32(ioPrivilege)), b.i32(ioPrivilege));
    const isVirtual = b.compare('ne', b.and(flags, b.i32(virtual8086)), b.i32(0));
    b.if(b.and(isVirtual, b.isZero(privileged)), () => b.raise(generalProtection, 0));
  }
  const image = b.and(flagsImage(b), b.i32(~0x30000));
  push(b, operandSize, b.let(b.widen(image)));
});

const popFlags = defineSizedRoutine('POPF', 'popFlags');

const leave = define('LEAVE', (b, _operands, { operandSize }) => {
  const frame = b.let(b.register(RBP, b.stackSize));
  const value = b.load(b.linear(frame, 'SS'), {
    width: operandSize,
    intent: 'read',
    stack: true,
  });
  b.setStackPointer(b.add(frame, b.i64(operandSize / 8)));
  b.setRegister(RBP, value, operandSize);
});

/** Nesting level 0 makes a plain frame; deeper levels, which compilers never use, go to a routine. */
const enter = defineRare('ENTER', (b, _operands, { operandSize }) => {
  const immediate = b.decoded('imm');
  const level = b.and(b.binary('shr_u', immediate, b.i64(16)), b.i64(31));
  b.if(b.compare('ne', level, b.i64(0)), () => {
    b.setState(runOffsets.operand, 8, b.i64(operandSize / 8));
    b.routine('enterNested');
  });
  const slot = preparePush(b, operandSize);
  b.store(slot.host, operandSize, b.register(RBP, operandSize));
  b.setRegister(RBP, slot.stackPointer, operandSize);
  b.setStackPointer(b.sub(slot.stackPointer, b.and(immediate, b.i64(0xffff))));
});

export const stackDefinitions: readonly Definition[] = [
  pushDefinition,
  popDefinition,
  pushFlags,
  popFlags,
  leave,
  enter,
];
