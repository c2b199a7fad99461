/** Shifts and rotates (SDM vol. 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). */
import type { Builder } from '../ir/builder';
import type { Expression, FlagEffect, Width } from '../ir/ir';
import { define, operandAt, widthOf, type Definition } from './definition';

/** What a shift computes from a value and a masked, non-zero count; both i64. */
interface ShiftResult {
  readonly result: Expression;
  readonly flags: FlagEffect;
}

type Shift = (b: Builder, width: Width, value: Expression, count: Expression) => ShiftResult;

/** The count is cut to 6 bits for 64-bit operands and to 5 bits otherwise; a count of 0 changes no flag. */
function shift(mnemonic: string, compute: Shift): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const width = widthOf(target);
    const old = b.modify(target);
    const raw = b.read(operandAt(operands, operands.length - 1));
    const count = b.let(b.and(raw, b.i64(width === 64 ? 63 : 31)));
    const { result, flags } = compute(b, width, old.value, count);
    const isShift = b.let(b.compare('ne', count, b.i64(0)));
    old.write(result);
    b.if(isShift, () => b.setFlags(width, flags));
  });
}

function signBit(b: Builder, value: Expression, width: Width): Expression {
  return b.wrap(b.bit(value, width - 1));
}

function bitAt(b: Builder, value: Expression, index: Expression): Expression {
  return b.wrap(b.and(b.binary('shr_u', value, index), b.i64(1)));
}

const left: Shift = (b, width, value, count) => {
  const result = b.let(b.binary('shl', value, count));
  const carry = b.let(
    width === 64 ? bitAt(b, value, b.sub(b.i64(64), count)) : b.wrap(b.bit(result, width)),
  );
  return {
    result,
    flags: {
      kind: 'given',
      result,
      carry,
      overflow: b.xor(carry, signBit(b, result, width)),
      auxiliary: b.i32(0),
    },
  };
};

const right: Shift = (b, width, value, count) => {
  const result = b.let(b.binary('shr_u', value, count));
  return {
    result,
    flags: {
      kind: 'given',
      result,
      carry: bitAt(b, value, b.sub(count, b.i64(1))),
      overflow: signBit(b, value, width),
      auxiliary: b.i32(0),
    },
  };
};

const arithmeticRight: Shift = (b, width, value, count) => {
  const extended = b.let(b.signed(value, width));
  const result = b.let(b.binary('shr_s', extended, count));
  return {
    result,
    flags: {
      kind: 'given',
      result,
      carry: b.wrap(b.and(b.binary('shr_s', extended, b.sub(count, b.i64(1))), b.i64(1))),
      overflow: b.i32(0),
      auxiliary: b.i32(0),
    },
  };
};

const rotateLeft: Shift = (b, width, value, count) => {
  const result = b.let(rotated(b, width, value, count, 'rotl'));
  const carry = b.let(b.wrap(b.bit(result, 0)));
  return {
    result,
    flags: { kind: 'carry', carry, overflow: b.xor(carry, signBit(b, result, width)) },
  };
};

const rotateRight: Shift = (b, width, value, count) => {
  const result = b.let(rotated(b, width, value, count, 'rotr'));
  const top = b.let(signBit(b, result, width));
  return {
    result,
    flags: {
      kind: 'carry',
      carry: top,
      overflow: b.xor(top, b.wrap(b.bit(result, width - 2))),
    },
  };
};

function rotated(
  b: Builder,
  width: Width,
  value: Expression,
  count: Expression,
  direction: 'rotl' | 'rotr',
): Expression {
  if (width === 64) return b.binary(direction, value, count);
  if (width === 32) return b.widen(b.binary(direction, b.wrap(value), b.wrap(count)));
  const places = b.let(b.and(count, b.i64(width - 1)));
  const rest = b.sub(b.i64(width), places);
  const [toLeft, toRight] = direction === 'rotl' ? [places, rest] : [rest, places];
  return b.truncate(b.or(b.binary('shl', value, toLeft), b.binary('shr_u', value, toRight)), width);
}

/** Rotation through CF: width + 1 bits, so 8- and 16-bit counts are taken modulo 9 and 17. */
function throughCarry(direction: 'left' | 'right'): Shift {
  return (b, width, value, count) => {
    const carryIn = b.let(b.widen(b.flag('CF')));
    const modulus = b.i64(width + 1);
    const places = b.let(width < 32 ? b.binary('rem_u', count, modulus) : count);
    const leftPlaces = b.let(
      direction === 'left' ? places : b.select(b.isZero(places), b.i64(0), b.sub(modulus, places)),
    );
    const [result, carry] =
      width === 64
        ? rotate65(b, value, carryIn, leftPlaces)
        : rotateNarrow(b, width, value, carryIn, leftPlaces);
    const sign = signBit(b, result, width);
    const overflow =
      direction === 'left' ? b.xor(carry, sign) : b.xor(sign, b.wrap(b.bit(result, width - 2)));
    return { result, flags: { kind: 'carry', carry, overflow } };
  };
}

/** Rotates carry:value left within width + 1 bits; everything fits into 64. */
function rotateNarrow(
  b: Builder,
  width: 8 | 16 | 32,
  value: Expression,
  carryIn: Expression,
  places: Expression,
): readonly [Expression, Expression] {
  const whole = b.let(b.or(value, b.binary('shl', carryIn, b.i64(width))));
  const back = b.sub(b.i64(width + 1), places);
  const turned = b.let(b.or(b.binary('shl', whole, places), b.binary('shr_u', whole, back)));
  return [b.let(b.truncate(turned, width)), b.let(b.wrap(b.bit(turned, width)))];
}

/** Rotates 65 bits left by 0 to 64 places. */
function rotate65(
  b: Builder,
  value: Expression,
  carryIn: Expression,
  places: Expression,
): readonly [Expression, Expression] {
  const none = b.let(b.isZero(places));
  const oneLess = b.let(b.sub(places, b.i64(1)));
  // value << places, carry << (places - 1), value >> (65 - places); by 64 a shift must give 0.
  const up = b.binary('shl', b.binary('shl', value, oneLess), b.i64(1));
  const down = b.binary('shr_u', b.binary('shr_u', value, b.i64(1)), b.sub(b.i64(64), places));
  // A place count of 64 would wrap in the last shift: then the value moves right by one bit only.
  const downAll = b.select(
    b.compare('eq', places, b.i64(64)),
    b.binary('shr_u', value, b.i64(1)),
    down,
  );
  const turned = b.or(b.or(up, b.binary('shl', carryIn, oneLess)), downAll);
  const result = b.let(b.select(none, value, turned));
  const carryOut = bitAt(b, value, b.sub(b.i64(64), places));
  return [result, b.let(b.select(none, b.wrap(carryIn), carryOut))];
}

/** SHLD and SHRD: bits come in from a second register. */
function doubleShift(mnemonic: 'SHLD' | 'SHRD'): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const width = widthOf(target);
    const old = b.modify(target);
    const source = b.read(operandAt(operands, 1));
    const raw = b.read(operandAt(operands, 2));
    const count = b.let(b.and(raw, b.i64(width === 64 ? 63 : 31)));
    const isShift = b.let(b.compare('ne', count, b.i64(0)));
    const shifted = mnemonic === 'SHLD' ? shiftInLeft : shiftInRight;
    const { result, carry } = shifted(b, width, old.value, source, count);
    const final = b.let(b.select(isShift, result, old.value));
    old.write(final);
    b.if(isShift, () => {
      const changed = b.xor(signBit(b, final, width), signBit(b, old.value, width));
      b.setFlags(width, {
        kind: 'given',
        result: final,
        carry,
        overflow: changed,
        auxiliary: b.i32(0),
      });
    });
  });
}

interface DoubleShift {
  readonly result: Expression;
  readonly carry: Expression;
}

/** 16-bit counts above 16 are undefined; hardware then shifts in the source again after the target. */
function shiftInLeft(
  b: Builder,
  width: Width,
  value: Expression,
  source: Expression,
  count: Expression,
): DoubleShift {
  if (width === 64) {
    const back = b.sub(b.i64(64), count);
    return {
      result: b.or(b.binary('shl', value, count), b.binary('shr_u', source, back)),
      carry: b.let(bitAt(b, value, back)),
    };
  }
  if (width === 16) {
    const sequence = b.let(
      b.or(b.or(b.binary('shl', value, b.i64(32)), b.binary('shl', source, b.i64(16))), value),
    );
    const moved = b.let(b.binary('shl', sequence, count));
    return {
      result: b.truncate(b.binary('shr_u', moved, b.i64(32)), 16),
      carry: b.let(b.wrap(b.bit(moved, 48))),
    };
  }
  const pair = b.let(b.or(b.binary('shl', value, b.i64(32)), source));
  const moved = b.let(b.binary('shl', pair, count));
  return {
    result: b.binary('shr_u', moved, b.i64(32)),
    carry: b.let(bitAt(b, pair, b.sub(b.i64(64), count))),
  };
}

function shiftInRight(
  b: Builder,
  width: Width,
  value: Expression,
  source: Expression,
  count: Expression,
): DoubleShift {
  const last = b.sub(count, b.i64(1));
  if (width === 64) {
    const back = b.sub(b.i64(64), count);
    return {
      result: b.or(b.binary('shr_u', value, count), b.binary('shl', source, back)),
      carry: b.let(bitAt(b, value, last)),
    };
  }
  const above = b.or(value, b.binary('shl', source, b.i64(width)));
  const sequence = b.let(width === 16 ? b.or(above, b.binary('shl', value, b.i64(32))) : above);
  return {
    result: b.truncate(b.binary('shr_u', sequence, count), width),
    carry: b.let(bitAt(b, sequence, last)),
  };
}

export const shiftDefinitions: readonly Definition[] = [
  shift('SHL', left),
  shift('SAL', left),
  shift('SHR', right),
  shift('SAR', arithmeticRight),
  shift('ROL', rotateLeft),
  shift('ROR', rotateRight),
  shift('RCL', throughCarry('left')),
  shift('RCR', throughCarry('right')),
  doubleShift('SHLD'),
  doubleShift('SHRD'),
];
