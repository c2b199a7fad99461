/** The VM exit of a task switch (SDM vol. 3, table 28-6). */
import type { ProcessorContext, RoutineEnd } from '../processor-context';
import { causeExit, exitReason } from './vm-exits';

/** What wanted the switch: bits 31:30 of the exit qualification. */
export const taskSwitchSource = { call: 0, interruptReturn: 1, jump: 2, gate: 3 } as const;

/** Leaves with exit reason 9; the instruction length is 0 for an event that is not a software interrupt. */
export function causeTaskSwitch(
  context: ProcessorContext,
  selector: number,
  source: number,
  instructionLength: number,
): typeof RoutineEnd.leave {
  return causeExit(context, exitReason.TASK_SWITCH, {
    qualification: BigInt(selector) | (BigInt(source) << 30n),
    instructionLength,
  });
}
