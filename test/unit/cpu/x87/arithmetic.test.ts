/** x87 arithmetic at double precision agrees with the host's own doubles, which are an oracle of their own. */
import assert from 'node:assert/strict';
import {
  add,
  divide,
  multiply,
  remainder,
  scaleByPower,
  squareRoot,
  subtract,
} from '../../../../debug-adapter/cpu/x87/arithmetic';
import {
  constant,
  double,
  fromDecimal,
  fromInterchange,
  toDecimal,
  toInterchange,
  toSignedInteger,
} from '../../../../debug-adapter/cpu/x87/conversion';
import {
  infinity,
  integerBit,
  isSignaling,
  zero,
  type Float80,
} from '../../../../debug-adapter/cpu/x87/float80';
import {
  statusBits,
  type FloatResult,
  type RoundingControl,
} from '../../../../debug-adapter/cpu/x87/rounding';
import { seedOf, SeededRandom } from '../../../support/seeded-random';

const seed = seedOf(80);
const count = 20_000;
const control: RoundingControl = { mode: 0, precision: 53, masks: 0x3f };
const full: RoundingControl = { ...control, precision: 64 };

const view = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

function extended(value: number): Float80 {
  return fromInterchange(double, bitsOf(value)).value;
}

function toDouble(value: Float80): number {
  view.setBigUint64(0, toInterchange(control, double, value).bits);
  return view.getFloat64(0);
}

/** A double whose sums, products and quotients stay among normal numbers. */
function randomDouble(random: SeededRandom): number {
  const exponent = random.below(200) - 100;
  const fraction = random.below(0x40000000) * 0x400000 + random.below(0x400000);
  const sign = random.chance(50) ? -1 : 1;
  return sign * (1 + fraction / 2 ** 52) * 2 ** exponent;
}

describe(`x87 arithmetic at 53 bits against the host's doubles (seed ${seed})`, () => {
  const operations = {
    'a + b': [(a: Float80, b: Float80) => add(control, a, b), (a: number, b: number) => a + b],
    'a - b': [(a: Float80, b: Float80) => subtract(control, a, b), (a: number, b: number) => a - b],
    'a × b': [(a: Float80, b: Float80) => multiply(control, a, b), (a: number, b: number) => a * b],
    'a ÷ b': [(a: Float80, b: Float80) => divide(control, a, b), (a: number, b: number) => a / b],
    '√|a|': [
      (a: Float80) => squareRoot(control, { ...a, sign: 0 }),
      (a: number) => Math.sqrt(Math.abs(a)),
    ],
  } as const;
  for (const [name, [ours, host]] of Object.entries(operations)) {
    it(`${name}: ${count} pairs`, () => {
      const random = new SeededRandom(seed);
      for (let index = 0; index < count; index++) {
        const [a, b] = [randomDouble(random), randomDouble(random)];
        const result = ours(extended(a), extended(b));
        assert.equal(toDouble(result.value), host(a, b), `${a}, ${b}`);
      }
    });
  }

  it(`a rem b: ${count} pairs`, () => {
    const random = new SeededRandom(seed);
    for (let index = 0; index < count; index++) {
      const [a, b] = [randomDouble(random), randomDouble(random)];
      let rest = extended(a);
      let result = remainder(control, rest, extended(b), false);
      while (result.progress === 'partial') {
        rest = result.value;
        result = remainder(control, rest, extended(b), false);
      }
      assert.equal(toDouble(result.value), a % b, `${a}, ${b}`);
    }
  });
});

describe('x87 operations that change nothing, as hardware does them', () => {
  const unmasked: RoundingControl = { ...full, masks: 0 };
  const denormal: Float80 = { sign: 0, exponent: 0, significand: 1n };
  const pseudoDenormal: Float80 = { sign: 0, exponent: 0, significand: integerBit };
  const normal = { ...pseudoDenormal, exponent: 1 };
  const rows: readonly (readonly [string, FloatResult, Float80])[] = [
    ['2^0 times a denormal', scaleByPower(unmasked, denormal, zero(0)), denormal],
    ['2^0 times a pseudo-denormal', scaleByPower(full, pseudoDenormal, zero(1)), normal],
    ['a denormal rem infinity', remainder(unmasked, denormal, infinity(0), false), denormal],
    ['a pseudo-denormal rem infinity', remainder(full, pseudoDenormal, infinity(1), true), normal],
  ];
  for (const [name, { value, flags }, expected] of rows) {
    it(`${name}: no underflow`, () => {
      assert.deepEqual({ value, flags }, { value: expected, flags: statusBits.DE });
    });
  }
});

describe('x87 conversion', () => {
  it('of doubles to 64 bits and back changes nothing', () => {
    const random = new SeededRandom(seed);
    for (let index = 0; index < count; index++) {
      const bits = (BigInt(random.below(0x10000) * 0x10000 + random.below(0x10000)) << 32n) | 1n;
      const { value } = fromInterchange(double, bits);
      if (value.exponent === 0x7fff && isSignaling(value)) continue;
      assert.equal(toInterchange(full, double, value).bits, bits);
    }
  });

  it('of integers and decimals is exact within their range', () => {
    const random = new SeededRandom(seed);
    for (let index = 0; index < 2000; index++) {
      const digits = String(random.below(1_000_000_000)) + String(random.below(1_000_000_000));
      const decimal = BigInt(`0x${digits}`) | (random.chance(50) ? 1n << 79n : 0n);
      const value = fromDecimal(decimal);
      assert.deepEqual(toDecimal(full, value), { bits: decimal, flags: 0 });
      const integer = BigInt(digits) * (value.sign === 1 ? -1n : 1n);
      const stored = toSignedInteger(full, 64, value);
      assert.deepEqual(stored, { bits: BigInt.asUintN(64, integer), flags: 0 });
    }
  });

  it('out of range gives the integer indefinite', () => {
    const value = extended(2 ** 31);
    assert.deepEqual(toSignedInteger(full, 32, value), {
      bits: 0x80000000n,
      flags: statusBits.IE,
    });
  });

  it('of constants follows the rounding control', () => {
    const significands = [0, 1, 2, 3].map((mode) => constant('pi', mode).significand & 0xffn);
    assert.deepEqual(significands, [0x35n, 0x34n, 0x35n, 0x34n]);
  });
});
