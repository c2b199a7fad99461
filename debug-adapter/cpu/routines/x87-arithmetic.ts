/** Routines of x87 arithmetic and comparison (SDM vol. 1, 8.3.5 to 8.3.7). */
import { RoutineEnd } from '../processor-context';
import {
  add,
  divide,
  divideReversed,
  extract,
  multiply,
  remainder,
  scaleByPower,
  specialOperands,
  squareRoot,
  subtract,
  subtractReversed,
  type BinaryOperation,
  type Remainder,
} from '../x87/arithmetic';
import { compare, conditionOf, examine, type Relation } from '../x87/comparison';
import { roundToInteger } from '../x87/conversion';
import { indefinite, zero, type Float80 } from '../x87/float80';
import { statusBits, type FloatResult, type RoundingControl } from '../x87/rounding';
import { stackOverflow, stackUnderflow, X87Unit } from '../x87/x87-unit';
import type { Processor, Routine, RoutineFamily, RoutineRecord } from './routine';
import { registerAt, sources, stackIndex, type Source } from './x87-operand';

/** ST(0) or ST(i) := operation(destination, source). */
function binary(
  operation: BinaryOperation,
  source: Source,
  destinationOf: (record: RoutineRecord) => number,
  pops: boolean,
): Routine {
  return (processor, record) => {
    const unit = new X87Unit(processor.context);
    const index = destinationOf(record);
    const other = source(unit, processor, record);
    const result =
      unit.isEmpty(index) || other === undefined
        ? { value: indefinite, flags: stackUnderflow }
        : withSourceFlags(operation, unit.rounding, unit.read(index), other);
    if (unit.settle(result.flags)) {
      unit.write(index, result.value);
      if (pops) unit.pop();
    }
    return RoutineEnd.next;
  };
}

/** A NaN, an invalid operation or a division by zero comes before a denormal operand (SDM vol. 1, 4.9.2). */
function withSourceFlags(
  operation: BinaryOperation,
  rounding: RoundingControl,
  value: Float80,
  source: FloatResult,
): FloatResult {
  const result = operation(rounding, value, source.value);
  if (source.flags === 0 || (result.flags & (statusBits.IE | statusBits.ZE)) !== 0) return result;
  if (specialOperands(value, source.value) !== undefined) return result;
  return { value: result.value, flags: result.flags | source.flags };
}

const operations: Readonly<Record<string, BinaryOperation>> = {
  Add: add,
  Multiply: multiply,
  Subtract: subtract,
  SubtractReversed: subtractReversed,
  Divide: divide,
  DivideReversed: divideReversed,
};

const toTop = (): number => 0;
const top: Source = (unit) => registerAt(unit, 0);

function arithmeticRoutines(): Record<string, Routine> {
  const made: Record<string, Routine> = {};
  for (const [name, operation] of Object.entries(operations)) {
    for (const [suffix, source] of Object.entries(sources)) {
      if (suffix === 'Second' || suffix === 'Quadword') continue;
      made[`x87${name}${suffix}`] = binary(operation, source, toTop, false);
    }
    made[`x87${name}ToRegister`] = binary(operation, top, stackIndex, false);
    made[`x87${name}AndPop`] = binary(operation, top, stackIndex, true);
  }
  return made;
}

type Report = (unit: X87Unit, processor: Processor, relation: Relation) => void;

const toConditions: Report = (unit, _processor, relation) => {
  unit.setConditions(conditionOf(relation));
};

/** ZF, PF and CF stand for C3, C2 and C0; OF, SF and AF are cleared (SDM vol. 2, FCOMI). */
const toFlags: Report = (_unit, processor, relation) => {
  const { state } = processor.context;
  const conditions = conditionOf(relation);
  const flags =
    ((conditions & statusBits.C3) !== 0 ? 0x40 : 0) |
    ((conditions & statusBits.C2) !== 0 ? 4 : 0) |
    ((conditions & statusBits.C0) !== 0 ? 1 : 0);
  state.rflags = (state.rflags & ~0x8d5) | flags;
};

function comparison(
  source: Source,
  isUnorderedKind: boolean,
  pops: 0 | 1 | 2,
  report: Report,
): Routine {
  return (processor, record) => {
    const unit = new X87Unit(processor.context);
    const other = source(unit, processor, record);
    let relation: Relation = 'unordered';
    let flags: number = stackUnderflow;
    if (!unit.isEmpty(0) && other !== undefined) {
      const found = compare(unit.read(0), other.value, isUnorderedKind);
      ({ relation, flags } = found);
      if (relation !== 'unordered') flags |= other.flags;
    }
    // An unmasked exception keeps the stack as it is, but the relation is reported all the same.
    const isUndisturbed = unit.settle(flags, report === toFlags && (flags & statusBits.SF) === 0);
    report(unit, processor, relation);
    for (let count = 0; isUndisturbed && count < pops; count++) unit.pop();
    return RoutineEnd.next;
  };
}

function comparisonRoutines(): Record<string, Routine> {
  const made: Record<string, Routine> = {};
  for (const [suffix, source] of Object.entries(sources)) {
    if (suffix === 'Second' || suffix === 'Quadword') continue;
    made[`x87Compare${suffix}`] = comparison(source, false, 0, toConditions);
    made[`x87Compare${suffix}AndPop`] = comparison(source, false, 1, toConditions);
  }
  const { Register, Second } = sources;
  return {
    ...made,
    x87CompareAndPopTwice: comparison(Second, false, 2, toConditions),
    x87CompareUnordered: comparison(Register, true, 0, toConditions),
    x87CompareUnorderedAndPop: comparison(Register, true, 1, toConditions),
    x87CompareUnorderedAndPopTwice: comparison(Second, true, 2, toConditions),
    x87CompareToFlags: comparison(Register, false, 0, toFlags),
    x87CompareToFlagsAndPop: comparison(Register, false, 1, toFlags),
    x87CompareUnorderedToFlags: comparison(Register, true, 0, toFlags),
    x87CompareUnorderedToFlagsAndPop: comparison(Register, true, 1, toFlags),
    x87Test: comparison(() => ({ value: zero(0), flags: 0 }), false, 0, toConditions),
  };
}

/** ST(0) := operation(ST(0)). */
function unary(operation: (control: RoundingControl, value: Float80) => FloatResult): Routine {
  return (processor) => {
    const unit = new X87Unit(processor.context);
    const result = unit.isEmpty(0)
      ? { value: indefinite, flags: stackUnderflow }
      : operation(unit.rounding, unit.read(0));
    if (unit.settle(result.flags)) unit.write(0, result.value);
    return RoutineEnd.next;
  };
}

function partialRemainder(isNearest: boolean): Routine {
  return (processor) => {
    const unit = new X87Unit(processor.context);
    if (unit.isEmpty(0) || unit.isEmpty(1)) {
      if (unit.settle(stackUnderflow)) unit.write(0, indefinite);
      setProgress(unit, 'none');
      return RoutineEnd.next;
    }
    const result = remainder(unit.rounding, unit.read(0), unit.read(1), isNearest);
    const { progress } = result;
    const low = typeof progress === 'number' && (progress & 1) !== 0 ? statusBits.C1 : 0;
    if (unit.settle(result.flags | low)) {
      unit.write(0, result.value);
      setProgress(unit, progress);
    } else setProgress(unit, 'none');
    return RoutineEnd.next;
  };
}

/** C2 where the reduction is partial; C0 and C3 (and C1) are the quotient's bits 2 and 1 (and 0), if there is one. */
function setProgress(unit: X87Unit, progress: Remainder['progress']): void {
  if (progress === 'partial') return unit.setConditions(statusBits.C2);
  if (progress === 'none') {
    return unit.setConditions(unit.status & (statusBits.C3 | statusBits.C0));
  }
  const high = (progress & 4) !== 0 ? statusBits.C0 : 0;
  unit.setConditions(high | ((progress & 2) !== 0 ? statusBits.C3 : 0));
}

const extractParts: Routine = (processor) => {
  const unit = new X87Unit(processor.context);
  if (unit.isEmpty(0) || !unit.isEmpty(7)) {
    const flags = unit.isEmpty(0) ? stackUnderflow : stackOverflow;
    if (unit.settle(flags)) {
      unit.write(0, indefinite);
      unit.push(indefinite);
    }
    return RoutineEnd.next;
  }
  const parts = extract(unit.read(0));
  if (unit.settle(parts.flags)) {
    unit.write(0, parts.exponent);
    unit.push(parts.significand);
  }
  return RoutineEnd.next;
};

const examineTop: Routine = (processor) => {
  const unit = new X87Unit(processor.context);
  const value = unit.read(0);
  unit.settle(value.sign === 1 ? statusBits.C1 : 0);
  unit.setConditions(unit.isEmpty(0) ? statusBits.C3 | statusBits.C0 : examine(value));
  return RoutineEnd.next;
};

export const x87ArithmeticRoutines: RoutineFamily = {
  reason: '64-bit significands with exact rounding, which need 128-bit products and quotients',
  routines: {
    ...arithmeticRoutines(),
    ...comparisonRoutines(),
    x87SquareRoot: unary(squareRoot),
    x87RoundToInteger: unary(roundToInteger),
    x87AbsoluteValue: unary((_control, value) => ({ value: { ...value, sign: 0 }, flags: 0 })),
    x87ChangeSign: unary((_control, value) => ({
      value: { ...value, sign: value.sign === 0 ? 1 : 0 },
      flags: 0,
    })),
    x87Scale: binary(scaleByPower, sources.Second, toTop, false),
    x87PartialRemainder: partialRemainder(false),
    x87PartialRemainderNearest: partialRemainder(true),
    x87Extract: extractParts,
    x87Examine: examineTop,
  },
};
