/** Addition, subtraction, comparison and bitwise logic (SDM vol. 2: ADD, ADC, SUB, SBB, CMP, AND, OR, XOR, TEST, …). */
import type { Builder } from '../ir/builder';
import type { Expression, Width } from '../ir/ir';
import { define, operandAt, widthOf, type Definition } from './definition';

function sum(mnemonic: string, operator: 'add' | 'sub', withCarry: boolean): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const left = b.modify(target);
    const right = b.read(operandAt(operands, 1));
    const plain = b.binary(operator, left.value, right);
    const result = b.let(withCarry ? b.binary(operator, plain, b.widen(b.flag('CF'))) : plain);
    left.write(result);
    b.setFlags(widthOf(target), { kind: operator, a: left.value, b: right, result, withCarry });
  });
}

function logic(
  mnemonic: string,
  combine: (b: Builder, x: Expression, y: Expression) => Expression,
): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const left = b.modify(target);
    const result = b.let(combine(b, left.value, b.read(operandAt(operands, 1))));
    left.write(result);
    b.setFlags(widthOf(target), { kind: 'logic', result });
  });
}

const compare = define('CMP', (b, operands) => {
  const target = operandAt(operands, 0);
  const left = b.read(target);
  setCompareFlags(b, widthOf(target), left, b.read(operandAt(operands, 1)));
});

const test = define('TEST', (b, operands) => {
  const target = operandAt(operands, 0);
  const left = b.read(target);
  const result = b.let(b.and(left, b.read(operandAt(operands, 1))));
  b.setFlags(widthOf(target), { kind: 'logic', result });
});

/** INC and DEC leave CF alone; OF and AF follow from the result. */
function byOne(mnemonic: 'INC' | 'DEC'): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const width = widthOf(target);
    const old = b.modify(target);
    const one = b.i64(1);
    const sum = mnemonic === 'INC' ? b.add(old.value, one) : b.sub(old.value, one);
    const result = b.let(b.truncate(sum, width));
    old.write(result);
    const signBit = 1n << BigInt(width - 1);
    const overflowed = mnemonic === 'INC' ? signBit : signBit - 1n;
    const nibble = mnemonic === 'INC' ? 0 : 15;
    b.setFlags(width, {
      kind: 'given',
      result,
      carry: b.flag('CF'),
      overflow: b.compare('eq', result, b.i64(overflowed)),
      auxiliary: b.compare('eq', b.and(result, b.i64(15)), b.i64(nibble)),
    });
  });
}

const negate = define('NEG', (b, operands) => {
  const target = operandAt(operands, 0);
  const old = b.modify(target);
  const zero = b.i64(0);
  const result = b.let(b.sub(zero, old.value));
  old.write(result);
  b.setFlags(widthOf(target), { kind: 'sub', a: zero, b: old.value, result, withCarry: false });
});

const not = define('NOT', (b, operands) => {
  const old = b.modify(operandAt(operands, 0));
  old.write(b.xor(old.value, b.i64(-1)));
});

/** XADD: the sum goes to the first operand, its old value to the second (SDM vol. 2, XADD). */
const exchangeAndAdd = define('XADD', (b, operands) => {
  const target = operandAt(operands, 0);
  const source = operandAt(operands, 1);
  const left = b.modify(target);
  const right = b.read(source);
  const result = b.let(b.add(left.value, right));
  if (target.kind === 'memory') {
    left.write(result);
    b.write(source, left.value);
  } else {
    b.write(source, left.value);
    left.write(result);
  }
  b.setFlags(widthOf(target), { kind: 'add', a: left.value, b: right, result, withCarry: false });
});

/**
 * CMPXCHG: compares the accumulator with the target (SDM vol. 2, CMPXCHG). Memory is written in any case. A register
 * that differs is not: processors leave bits 63:32 of a 32-bit one alone, whatever the manual's pseudocode says.
 */
const compareAndExchange = define('CMPXCHG', (b, operands) => {
  const target = operandAt(operands, 0);
  const width = widthOf(target);
  const old = b.modify(target);
  const source = b.read(operandAt(operands, 1));
  const accumulator = b.let(b.register(0, width));
  const equal = b.let(b.compare('eq', accumulator, old.value));
  if (target.kind === 'memory') old.write(b.select(equal, source, old.value));
  else b.if(equal, () => old.write(source));
  b.if(b.isZero(equal), () => b.setRegister(0, old.value, width));
  setCompareFlags(b, width, accumulator, old.value);
});

/** Flags of `left` - `right`, as every comparison sets them (SDM vol. 2, CMP). */
export function setCompareFlags(
  b: Builder,
  width: Width,
  left: Expression,
  right: Expression,
): void {
  b.setFlags(width, {
    kind: 'sub',
    a: left,
    b: right,
    result: b.let(b.sub(left, right)),
    withCarry: false,
  });
}

export const arithmeticDefinitions: readonly Definition[] = [
  sum('ADD', 'add', false),
  sum('ADC', 'add', true),
  sum('SUB', 'sub', false),
  sum('SBB', 'sub', true),
  logic('AND', (b, x, y) => b.and(x, y)),
  logic('OR', (b, x, y) => b.or(x, y)),
  logic('XOR', (b, x, y) => b.xor(x, y)),
  compare,
  test,
  byOne('INC'),
  byOne('DEC'),
  negate,
  not,
  exchangeAndAdd,
  compareAndExchange,
];
