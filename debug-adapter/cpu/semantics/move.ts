/** Data movement and conversion (SDM vol. 2: MOV, MOVZX, MOVSX, LEA, XCHG, CMOVcc, SETcc, BSWAP, CBW, CWD, XLAT, …). */
import { stateOffsets } from '../../machine/processor-state';
import { conditionCodes, type ConditionCode } from '../ir/condition-codes';
import type { Builder, Operand } from '../ir/builder';
import type { Expression, Width } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { define, defineRare, operandAt, widthOf, type Definition } from './definition';
import { RAX, RBX, RCX, RDX } from './registers';
import { segmentSelector } from './segment';

const moveToSpecial = {
  segment: 'moveToSegment',
  control: 'moveToControl',
  debug: 'moveToDebug',
} as const;

const faultAddressRegister = 2;

const move = define('MOV', (b, operands) => {
  const target = operandAt(operands, 0);
  const source = operandAt(operands, 1);
  if (target.kind === 'special') {
    b.setState(runOffsets.operand, 8, b.read(source));
    return b.routine(moveToSpecial[target.file]);
  }
  if (source.kind !== 'special') return b.write(target, b.read(source));
  if (source.file === 'segment') return b.write(target, segmentSelector(b));
  if (source.file === 'debug') return b.routine('moveFromDebug');
  moveFromControl(b, target, b.read(source));
});

/** CR2 is never anyone's but the guest's: every page fault reads it. The routine knows the others. */
function moveFromControl(b: Builder, target: Operand, number: Expression): void {
  const isUser = b.compare('ne', b.state(runOffsets.cpl, 4), b.i32(0));
  const routine = (): void => b.routine('moveFromControl');
  b.if(b.compare('ne', number, b.i64(faultAddressRegister)), routine);
  b.if(isUser, routine);
  const address = b.state(stateOffsets.cr2, 8);
  b.write(target, b.stackSize === 64 ? address : b.and(address, b.i64(0xffffffff)));
}

const moveNonTemporal = define('MOVNTI', (b, operands) => {
  b.write(operandAt(operands, 0), b.read(operandAt(operands, 1)));
});

function extension(mnemonic: string, signed: boolean): Definition {
  return define(mnemonic, (b, operands) => {
    const source = operandAt(operands, 1);
    const value = b.read(source);
    b.write(operandAt(operands, 0), signed ? b.signed(value, widthOf(source)) : value);
  });
}

const loadEffectiveAddress = define('LEA', (b, operands) => {
  b.write(operandAt(operands, 0), b.effectiveAddress());
});

const exchange = define('XCHG', (b, operands) => {
  const source = operandAt(operands, 1);
  const old = b.modify(operandAt(operands, 0));
  const other = b.read(source);
  old.write(other);
  b.write(source, old.value);
});

/** The source is read, and may fault, whatever the condition (SDM vol. 2, CMOVcc). */
function conditionalMove(code: ConditionCode): Definition {
  return define(`CMOV${code}`, (b, operands) => {
    const target = operandAt(operands, 0);
    const source = b.read(operandAt(operands, 1));
    const old = b.read(target);
    b.write(target, b.select(b.condition(code), source, old));
  });
}

function setByCondition(code: ConditionCode): Definition {
  return define(`SET${code}`, (b, operands) => {
    b.write(operandAt(operands, 0), b.widen(b.condition(code)));
  });
}

/** Reverses the bytes of `value`, which has `width` bits. */
function swapBytes(b: Builder, value: Expression, width: 32 | 64): Expression {
  const parts = Array.from({ length: width / 8 }, (_, index) => {
    const byte = b.and(b.binary('shr_u', value, b.i64(index * 8)), b.i64(0xff));
    return b.binary('shl', byte, b.i64(width - 8 - index * 8));
  });
  return parts.reduce((whole, part) => b.or(whole, part));
}

const byteSwap = define('BSWAP', (b, operands) => {
  const target = operandAt(operands, 0);
  const width = widthOf(target);
  const value = b.read(target);
  // A 16-bit operand is undefined; hardware clears it.
  b.write(target, width === 32 || width === 64 ? swapBytes(b, value, width) : b.i64(0));
});

/** CBW, CWDE, CDQE: the accumulator's lower half, sign-extended. */
const convertAccumulator = define('CBW', (b, _operands, { operandSize }) => {
  const half: Width = operandSize === 64 ? 32 : operandSize === 32 ? 16 : 8;
  b.setRegister(RAX, b.signed(b.register(RAX, half), half), operandSize);
});

/** CWD, CDQ, CQO: the accumulator's sign fills DX, EDX or RDX. */
const convertToPair = define('CWD', (b, _operands, { operandSize }) => {
  const value = b.signed(b.register(RAX, operandSize), operandSize);
  b.setRegister(RDX, b.binary('shr_s', value, b.i64(63)), operandSize);
});

const translateByte = define('XLAT', (b) => {
  const sum = b.add(b.register(RBX), b.register(RAX, 8));
  const offset = b.and(sum, b.decoded('addressMask'));
  const address = b.linear(offset, 'operand');
  b.setRegister(RAX, b.load(address, { width: 8, intent: 'read', stack: false }), 8);
});

/**
 * CMPXCHG8B and CMPXCHG16B (SDM vol. 2): memory against rDX:rAX, replaced by rCX:rBX where equal. The 16-byte form
 * demands alignment, so both halves lie in one page; the 8-byte form may cross, and is one access.
 */
const compareAndExchangePair = defineRare('CMPXCHG8B', (b, _operands, { operandSize }) => {
  if (operandSize === 64) compareAndExchange16(b);
  else compareAndExchange8(b);
});

function compareAndExchange8(b: Builder): void {
  const pair = (high: number, low: number): Expression =>
    b.or(b.binary('shl', b.register(high, 32), b.i64(32)), b.register(low, 32));
  const host = b.translate(b.operandAddress(), { width: 64, intent: 'modify', stack: false });
  const old = b.let({ kind: 'load', type: 'i64', host, width: 64 });
  const equal = b.let(b.compare('eq', old, pair(RDX, RAX)));
  b.store(host, 64, b.select(equal, pair(RCX, RBX), old));
  b.if(b.isZero(equal), () => {
    b.setRegister(RAX, b.and(old, b.i64(0xffffffff)), 32);
    b.setRegister(RDX, b.binary('shr_u', old, b.i64(32)), 32);
  });
  b.setFlags(32, { kind: 'zeroOnly', zero: equal });
}

function compareAndExchange16(b: Builder): void {
  const address = b.operandAddress();
  b.if(b.compare('ne', b.and(address, b.i64(15)), b.i64(0)), () => b.raise(13, 0));
  const access = { width: 64, intent: 'modify', stack: false } as const;
  const lowHost = b.translate(address, access);
  const highHost = b.translate(b.add(address, b.i64(8)), access);
  const low = b.let({ kind: 'load', type: 'i64', host: lowHost, width: 64 });
  const high = b.let({ kind: 'load', type: 'i64', host: highHost, width: 64 });
  const equal = b.let(
    b.and(b.compare('eq', low, b.register(RAX)), b.compare('eq', high, b.register(RDX))),
  );
  b.store(lowHost, 64, b.select(equal, b.register(RBX), low));
  b.store(highHost, 64, b.select(equal, b.register(RCX), high));
  b.if(b.isZero(equal), () => {
    b.setRegister(RAX, low);
    b.setRegister(RDX, high);
  });
  b.setFlags(64, { kind: 'zeroOnly', zero: equal });
}

export const moveDefinitions: readonly Definition[] = [
  move,
  moveNonTemporal,
  extension('MOVZX', false),
  extension('MOVSX', true),
  extension('MOVSXD', true),
  loadEffectiveAddress,
  exchange,
  ...conditionCodes.map(conditionalMove),
  ...conditionCodes.map(setByCondition),
  byteSwap,
  convertAccumulator,
  convertToPair,
  translateByte,
  compareAndExchangePair,
];
