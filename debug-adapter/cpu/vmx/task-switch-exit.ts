/** The VM exit of a task switch (SDM vol. 3, table 28-2). */
import { TaskSwitchSource } from '../../spec/x86/task-state';
import type { ProcessorContext, RoutineEnd } from '../processor-context';
import { causeExit, exitReason } from './vm-exits';

export { TaskSwitchSource as taskSwitchSource };

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
