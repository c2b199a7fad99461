/** All routines, numbered; generated code names them by number. */
import { assert, present } from '../../support/assert';
import { arithmeticRoutines } from './arithmetic';
import { controlRegisterRoutines } from './control-registers';
import { descriptorTableRoutines } from './descriptor-tables';
import { extendedStateRoutines } from './extended-state';
import { farTransferRoutines } from './far-transfer';
import { interceptedRoutines } from './intercepted';
import { interruptReturnRoutines } from './interrupt-return';
import { interruptRoutines } from './interrupts';
import { msrRoutines } from './model-specific-registers';
import { portRoutines } from './ports';
import { simdFloatRoutines } from './simd-float';
import { randomNumberRoutines } from './random-numbers';
import type { Routine, RoutineFamily } from './routine';
import { selectorRoutines } from './selectors';
import { systemCallRoutines } from './system-calls';
import { x87ArithmeticRoutines } from './x87-arithmetic';
import { x87ControlRoutines } from './x87-control';
import { x87TransferRoutines } from './x87-transfer';

/** Families by the reason why their instructions are not in the intermediate representation. */
export const routineFamilies: readonly RoutineFamily[] = [
  arithmeticRoutines,
  controlRegisterRoutines,
  descriptorTableRoutines,
  extendedStateRoutines,
  farTransferRoutines,
  simdFloatRoutines,
  interceptedRoutines,
  interruptReturnRoutines,
  interruptRoutines,
  msrRoutines,
  portRoutines,
  randomNumberRoutines,
  selectorRoutines,
  systemCallRoutines,
  x87ArithmeticRoutines,
  x87ControlRoutines,
  x87TransferRoutines,
];

const numbers = new Map<string, number>();

/** Routines by number. */
export const routines: readonly Routine[] = routineFamilies.flatMap((family) =>
  Object.entries(family.routines).map(([name, routine]) => {
    assert(!numbers.has(name), `routine ${name} exists twice`);
    numbers.set(name, numbers.size);
    return routine;
  }),
);

/** Number of a routine that a definition names. */
export function routineNumber(name: string): number {
  return present(numbers.get(name), `routine ${name}`);
}
