/** Control transfer (SDM vol. 2: JMP, Jcc, CALL, RET, LOOP, JCXZ, INT, IRET, far forms). */
import { conditionCodes, type ConditionCode } from '../ir/condition-codes';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';
import { define, defineRare, defineSizedRoutine, operandAt, type Definition } from './definition';
import { RCX, RSP } from './registers';
import { preparePush, top } from './stack';

/** A near branch to an address that is not canonical faults at the branch (SDM vol. 1, 3.3.7.1). */
function checkCanonical(b: Builder, target: Expression): void {
  const extended = b.binary('shr_s', b.binary('shl', target, b.i64(16)), b.i64(16));
  b.if(b.compare('ne', extended, target), () => b.raise(13, 0));
}

const jump = define('JMP', (b, operands) => {
  const target = operandAt(operands, 0);
  if (target.kind === 'immediate') return b.jumpRelative();
  const address = b.read(target);
  checkCanonical(b, address);
  b.jump(address);
});

const call = define('CALL', (b, operands) => {
  const target = operandAt(operands, 0);
  const address = target.kind === 'immediate' ? undefined : b.read(target);
  const slot = preparePush(b, 64);
  b.store(slot.host, 64, b.decoded('nextIp'));
  // Hardware has written the return address by the time the target faults; RSP has not moved.
  if (address !== undefined) checkCanonical(b, address);
  b.setRegister(RSP, slot.stackPointer);
  if (address === undefined) b.jumpRelative();
  else b.jump(address);
});

const ret = define('RET', (b, operands) => {
  const address = top(b, 64);
  checkCanonical(b, address);
  const released = operands.length === 0 ? b.i64(8) : b.add(b.decoded('imm'), b.i64(8));
  b.setRegister(RSP, b.add(b.register(RSP), released));
  b.jump(address);
});

function conditionalJump(code: ConditionCode): Definition {
  return define(`J${code}`, (b) => b.if(b.condition(code), () => b.jumpRelative()));
}

/** LOOP, LOOPE, LOOPNE: the count register has the address size (SDM vol. 2, LOOP). */
function loop(mnemonic: string, extra: (b: Builder) => Expression | undefined): Definition {
  return define(mnemonic, (b) => {
    const mask = b.decoded('addressMask');
    const count = b.let(b.and(b.sub(b.register(RCX), b.i64(1)), mask));
    const flag = extra(b);
    const again = b.compare('ne', count, b.i64(0));
    b.setRegister(RCX, count);
    b.if(flag === undefined ? again : b.and(again, flag), () => b.jumpRelative());
  });
}

const jumpIfCountZero = define('JCXZ', (b) => {
  b.if(b.isZero(b.and(b.register(RCX), b.decoded('addressMask'))), () => b.jumpRelative());
});

function byRoutine(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b) => b.routine(routine));
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
  byRoutine('JMPF', 'farJump'),
  byRoutine('CALLF', 'farCall'),
  byRoutine('SYSCALL', 'systemCall'),
  defineSizedRoutine('SYSRET', 'systemReturn'),
];
