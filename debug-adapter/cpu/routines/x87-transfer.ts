/** Routines of x87 data transfer (SDM vol. 1, 8.3.3 and 8.3.4). */
import { runOffsets } from '../memory-map';
import { RoutineEnd } from '../processor-context';
import { specialOperand } from '../x87/arithmetic';
import {
  constant,
  double,
  fromDecimal,
  single,
  toDecimal,
  toInterchange,
  toSignedInteger,
  type ConstantName,
  type StoredResult,
} from '../x87/conversion';
import { indefinite, one, zero, type Float80 } from '../x87/float80';
import { statusBits, type FloatResult, type RoundingControl } from '../x87/rounding';
import { stackOverflow, stackUnderflow, X87Unit } from '../x87/x87-unit';
import type { Processor, Routine, RoutineFamily } from './routine';
import {
  sources,
  stackIndex,
  storeOperand,
  tenByteOperand,
  translateOperand,
  type Source,
} from './x87-operand';

/** Pushes what the source gives; a signaling NaN in memory is quieted and noted. */
function load(source: Source): Routine {
  return (processor, record) => {
    const unit = new X87Unit(processor.context);
    const found = source(unit, processor, record);
    let result: FloatResult;
    if (found === undefined) result = { value: indefinite, flags: stackUnderflow };
    else result = unit.isEmpty(7) ? found : { value: indefinite, flags: stackOverflow };
    // A denormal in memory is loaded although its exception is unmasked.
    const isStopped = (result.flags & statusBits.IE & ~unit.control) !== 0;
    unit.settle(result.flags);
    if (!isStopped) unit.push(result.value);
    return RoutineEnd.next;
  };
}

/** A source whose signaling NaNs are invalid operands. */
function checked(source: Source): Source {
  return (unit, processor, record) => {
    const found = source(unit, processor, record);
    return found === undefined ? undefined : (specialOperand(found.value) ?? found);
  };
}

function fromTenBytes(bits: bigint): Float80 {
  const high = Number(bits >> 64n);
  return {
    sign: high >= 0x8000 ? 1 : 0,
    exponent: high & 0x7fff,
    significand: BigInt.asUintN(64, bits),
  };
}

function toTenBytes(value: Float80): bigint {
  return (BigInt((value.sign << 15) | value.exponent) << 64n) | value.significand;
}

const constantNames = ['log2Of10', 'log2OfE', 'pi', 'log10Of2', 'naturalLogOf2'] as const;

function constantRoutines(): Record<string, Routine> {
  const rounded = (name: ConstantName): Routine =>
    load((unit) => ({ value: constant(name, unit.rounding.mode), flags: 0 }));
  return {
    x87LoadZero: load(() => ({ value: zero(0), flags: 0 })),
    x87LoadOne: load(() => ({ value: one, flags: 0 })),
    ...Object.fromEntries(
      constantNames.map((name) => [
        `x87Load${name.charAt(0).toUpperCase()}${name.slice(1)}`,
        rounded(name),
      ]),
    ),
  };
}

type Conversion = (control: RoundingControl, value: Float80) => StoredResult;

/** Overflow and underflow of a store: unmasked, memory and the stack stay as they are. */
const postComputation = statusBits.OE | statusBits.UE;

/**
 * Stores ST(0) converted; an empty register stores what the conversion makes of the indefinite.
 * @param isTranslated the definition has translated the address; else it is done here, after unmasked exceptions
 */
function store(
  bytes: 2 | 4 | 8 | 10,
  convert: Conversion,
  pops: boolean,
  isTranslated: boolean,
): Routine {
  return (processor, record) => {
    const unit = new X87Unit(processor.context);
    const { bits, flags } = unit.isEmpty(0)
      ? { bits: convert(unit.rounding, indefinite).bits, flags: stackUnderflow }
      : convert(unit.rounding, unit.read(0));
    const stops = statusBits.IE | statusBits.DE | postComputation;
    if ((flags & stops & ~unit.control) !== 0) {
      unit.settle(flags & ~(statusBits.PE | statusBits.C1));
      return RoutineEnd.next;
    }
    if (!isTranslated && !translateOperand(processor, record, bytes, bits)) {
      return RoutineEnd.leave;
    }
    const end = storeOperand(processor, record, bytes, bits);
    if (end === undefined) return RoutineEnd.leave;
    unit.settle(flags);
    if (pops) unit.pop();
    return end;
  };
}

const conversions: Readonly<Record<string, readonly [2 | 4 | 8 | 10, Conversion]>> = {
  Single: [4, (control, value) => toInterchange(control, single, value)],
  Double: [8, (control, value) => toInterchange(control, double, value)],
  Extended: [10, (_control, value) => ({ bits: toTenBytes(value), flags: 0 })],
  Word: [2, (control, value) => toSignedInteger(control, 16, value)],
  Doubleword: [4, (control, value) => toSignedInteger(control, 32, value)],
  Quadword: [8, (control, value) => toSignedInteger(control, 64, value)],
  Decimal: [10, toDecimal],
};

/** Formats that only FSTP, FISTP and FBSTP store. */
const onlyPopping: ReadonlySet<string> = new Set(['Extended', 'Quadword', 'Decimal']);

function storeRoutines(): Record<string, Routine> {
  const made: Record<string, Routine> = {};
  for (const [name, [bytes, convert]] of Object.entries(conversions)) {
    for (const pops of onlyPopping.has(name) ? [true] : [false, true]) {
      const routine = `x87Store${name}${pops ? 'AndPop' : ''}`;
      if (bytes !== 10) made[routine] = store(bytes, convert, pops, true);
      made[`${routine}Untranslated`] = store(bytes, convert, pops, false);
    }
  }
  return made;
}

/** FST and FSTP to a register copy any bits. */
function storeRegister(pops: boolean): Routine {
  return (processor, record) => {
    const unit = new X87Unit(processor.context);
    const isEmpty = unit.isEmpty(0);
    if (unit.settle(isEmpty ? stackUnderflow : 0)) {
      unit.write(stackIndex(record), isEmpty ? indefinite : unit.read(0));
      if (pops) unit.pop();
    }
    return RoutineEnd.next;
  };
}

/** FSTPNCE: an empty ST(0) is no stack fault. */
const storeRegisterUnchecked: Routine = (processor, record) => {
  const unit = new X87Unit(processor.context);
  unit.settle(0);
  if (!unit.isEmpty(0)) unit.write(stackIndex(record), unit.read(0));
  unit.pop();
  return RoutineEnd.next;
};

/** An empty register counts as the indefinite once the stack fault is masked. */
const exchange: Routine = (processor, record) => {
  const unit = new X87Unit(processor.context);
  const index = stackIndex(record);
  const isFault = unit.isEmpty(0) || unit.isEmpty(index);
  if (unit.settle(isFault ? stackUnderflow : 0)) {
    const top = unit.isEmpty(0) ? indefinite : unit.read(0);
    const other = unit.isEmpty(index) ? indefinite : unit.read(index);
    unit.write(0, other);
    unit.write(index, top);
  }
  return RoutineEnd.next;
};

/** FCMOVcc: the definition hands over whether the condition holds. */
const conditionalMove: Routine = (processor: Processor, record) => {
  const unit = new X87Unit(processor.context);
  const index = stackIndex(record);
  const isFault = unit.isEmpty(0) || unit.isEmpty(index);
  if (!unit.settle(isFault ? stackUnderflow : 0, !isFault)) return RoutineEnd.next;
  if (isFault) unit.write(0, indefinite);
  else if (processor.context.runU64(runOffsets.operand) !== 0n) unit.write(0, unit.read(index));
  return RoutineEnd.next;
};

export const x87TransferRoutines: RoutineFamily = {
  reason:
    'conversion with exact rounding, and a register stack that faults when it is full or empty',
  routines: {
    x87LoadRegister: load(sources.Register),
    x87LoadSingle: load(checked(sources.Single)),
    x87LoadDouble: load(checked(sources.Double)),
    x87LoadExtended: load((_unit, processor) => ({
      value: fromTenBytes(tenByteOperand(processor)),
      flags: 0,
    })),
    x87LoadWord: load(sources.Word),
    x87LoadDoubleword: load(sources.Doubleword),
    x87LoadQuadword: load(sources.Quadword),
    x87LoadDecimal: load((_unit, processor) => ({
      value: fromDecimal(tenByteOperand(processor)),
      flags: 0,
    })),
    ...constantRoutines(),
    ...storeRoutines(),
    x87StoreRegister: storeRegister(false),
    x87StoreRegisterAndPop: storeRegister(true),
    x87StoreRegisterUnchecked: storeRegisterUnchecked,
    x87Exchange: exchange,
    x87ConditionalMove: conditionalMove,
  },
};
