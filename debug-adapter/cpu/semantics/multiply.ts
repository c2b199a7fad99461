/** Multiplication and division (SDM vol. 2: MUL, IMUL, DIV, IDIV). */
import { runOffsets } from '../memory-map';
import type { Builder } from '../ir/builder';
import type { Expression, Width } from '../ir/ir';
import { define, operandAt, widthOf, type Definition } from './definition';
import { RAX, RDX } from './registers';

const divideError = 0;
const mask32 = 0xffffffffn;

/** High 64 bits of the unsigned product of two 64-bit values, by 32-bit halves. */
function highUnsigned(b: Builder, x: Expression, y: Expression): Expression {
  const low = (value: Expression): Expression => b.and(value, b.i64(mask32));
  const high = (value: Expression): Expression => b.binary('shr_u', value, b.i64(32));
  const [xl, xh, yl, yh] = [b.let(low(x)), b.let(high(x)), b.let(low(y)), b.let(high(y))];
  const lowHigh = b.let(b.binary('mul', xl, yh));
  const highLow = b.let(b.binary('mul', xh, yl));
  const middle = b.let(b.add(b.add(high(b.binary('mul', xl, yl)), low(lowHigh)), low(highLow)));
  const top = b.add(b.binary('mul', xh, yh), b.add(high(lowHigh), high(highLow)));
  return b.let(b.add(top, high(middle)));
}

function highSigned(b: Builder, x: Expression, y: Expression): Expression {
  const zero = b.i64(0);
  const correction = (sign: Expression, other: Expression): Expression =>
    b.select(b.compare('lt_s', sign, zero), other, zero);
  return b.let(b.sub(b.sub(highUnsigned(b, x, y), correction(x, y)), correction(y, x)));
}

function setOverflow(b: Builder, width: Width, overflow: Expression, result: Expression): void {
  // SF, ZF, AF and PF are undefined; hardware derives SF, ZF and PF from the low half.
  b.setFlags(width, { kind: 'given', result, carry: overflow, overflow, auxiliary: b.i32(0) });
}

/** One-operand form: the double-width product goes to AX, or to RDX:RAX. */
function multiplyAccumulator(b: Builder, width: Width, source: Expression, signed: boolean): void {
  const extend = (value: Expression): Expression => (signed ? b.signed(value, width) : value);
  const left = b.let(extend(b.register(RAX, width)));
  const right = b.let(extend(source));
  const low = b.let(b.binary('mul', left, right));
  if (width === 64) {
    const high = signed ? highSigned(b, left, right) : highUnsigned(b, left, right);
    const expected = signed ? b.binary('shr_s', low, b.i64(63)) : b.i64(0);
    b.setRegister(RAX, low);
    b.setRegister(RDX, high);
    return setOverflow(b, width, b.compare('ne', high, expected), low);
  }
  const cut = signed ? b.signed(low, width) : b.truncate(low, width);
  if (width === 8) {
    b.setRegister(RAX, low, 16);
  } else {
    b.setRegister(RAX, low, width);
    b.setRegister(RDX, b.binary('shr_u', low, b.i64(width)), width);
  }
  setOverflow(b, width, b.compare('ne', cut, low), low);
}

/** Two- and three-operand IMUL: the product is cut to the width; CF and OF say whether that lost bits. */
function multiplyRegister(b: Builder, width: Width, x: Expression, y: Expression): Expression {
  const left = b.let(b.signed(x, width));
  const right = b.let(b.signed(y, width));
  const product = b.let(b.binary('mul', left, right));
  const lost =
    width === 64
      ? b.compare('ne', highSigned(b, left, right), b.binary('shr_s', product, b.i64(63)))
      : b.compare('ne', b.signed(product, width), product);
  setOverflow(b, width, lost, product);
  return product;
}

const multiply = define('MUL', (b, operands) => {
  const source = operandAt(operands, 0);
  multiplyAccumulator(b, widthOf(source), b.read(source), false);
});

const signedMultiply = define('IMUL', (b, operands) => {
  const target = operandAt(operands, 0);
  const width = widthOf(target);
  if (operands.length === 1) return multiplyAccumulator(b, width, b.read(target), true);
  const first = operands.length === 2 ? target : operandAt(operands, 1);
  const second = operandAt(operands, operands.length - 1);
  b.write(target, multiplyRegister(b, width, b.read(first), b.read(second)));
});

function raiseIf(b: Builder, condition: Expression): void {
  b.if(condition, () => b.raise(divideError));
}

/** The dividend of a narrow division as one 64-bit value: AX, DX:AX or EDX:EAX. */
function narrowDividend(b: Builder, width: 8 | 16 | 32, signed: boolean): Expression {
  if (width === 8) {
    const ax = b.register(RAX, 16);
    return b.let(signed ? b.signed(ax, 16) : ax);
  }
  const high = b.binary('shl', b.register(RDX, width), b.i64(width));
  const both = b.or(high, b.register(RAX, width));
  return b.let(signed && width === 16 ? b.signed(both, 32) : both);
}

function storeQuotient(
  b: Builder,
  width: 8 | 16 | 32,
  quotient: Expression,
  remainder: Expression,
): void {
  if (width === 8) {
    const low = b.and(quotient, b.i64(0xff));
    const high = b.binary('shl', b.and(remainder, b.i64(0xff)), b.i64(8));
    b.setRegister(RAX, b.or(low, high), 16);
    return;
  }
  b.setRegister(RAX, quotient, width);
  b.setRegister(RDX, remainder, width);
}

function divideNarrow(b: Builder, width: 8 | 16 | 32, source: Expression, signed: boolean): void {
  raiseIf(b, b.isZero(source));
  const divisor = b.let(signed ? b.signed(source, width) : source);
  const dividend = narrowDividend(b, width, signed);
  if (signed && width === 32) raiseIf(b, isMinimumByMinusOne(b, dividend, divisor));
  const suffix = signed ? 's' : 'u';
  const quotient = b.let(b.binary(`div_${suffix}`, dividend, divisor));
  const remainder = b.let(b.binary(`rem_${suffix}`, dividend, divisor));
  const fits = signed ? b.signed(quotient, width) : b.truncate(quotient, width);
  raiseIf(b, b.compare('ne', fits, quotient));
  storeQuotient(b, width, quotient, remainder);
}

/** -2^63 / -1 overflows the machine's own division. */
function isMinimumByMinusOne(b: Builder, dividend: Expression, divisor: Expression): Expression {
  return b.and(b.compare('eq', dividend, b.i64(-(1n << 63n))), b.compare('eq', divisor, b.i64(-1)));
}

/** RDX:RAX by a 64-bit value: directly where RDX only extends RAX, else by a routine. */
function divideWide(b: Builder, source: Expression, signed: boolean): void {
  raiseIf(b, b.isZero(source));
  const low = b.let(b.register(RAX));
  const extension = signed ? b.binary('shr_s', low, b.i64(63)) : b.i64(0);
  b.if(b.compare('ne', b.register(RDX), extension), () => {
    b.setState(runOffsets.operand, 8, source);
    b.routine(signed ? 'divideSigned128' : 'divideUnsigned128');
  });
  if (signed) raiseIf(b, isMinimumByMinusOne(b, low, source));
  const suffix = signed ? 's' : 'u';
  b.setRegister(RDX, b.binary(`rem_${suffix}`, low, source));
  b.setRegister(RAX, b.binary(`div_${suffix}`, low, source));
}

function division(mnemonic: string, signed: boolean): Definition {
  return define(mnemonic, (b, operands) => {
    const operand = operandAt(operands, 0);
    const width = widthOf(operand);
    const source = b.read(operand);
    if (width === 64) divideWide(b, source, signed);
    else divideNarrow(b, width, source, signed);
  });
}

export const multiplyDefinitions: readonly Definition[] = [
  multiply,
  signedMultiply,
  division('DIV', false),
  division('IDIV', true),
];
