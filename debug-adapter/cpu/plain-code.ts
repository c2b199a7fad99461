/** Whether nothing but instructions comes next, which every run of a processor asks, and so every VM exit. */
import { stateOffsets } from '../machine/processor-state';
import { blockingByMovSs, blockingBySti } from './interruptibility';
import { runOffsets } from './memory-map';
import { flagTrap, trapBits } from './pending-traps';
import type { ProcessorContext } from './processor-context';
import { flagResume } from './resume-flag';
import { vmcsOffsets } from './vmcs-offsets';

/** No exit, trap or rest at this boundary by what the state says, and nothing that holds for the next instruction alone. */
export function isCodePlain(context: ProcessorContext): boolean {
  const { state } = context;
  const special =
    state.readU32(stateOffsets.boundaryExit) |
    state.readU32(vmcsOffsets.activityState) |
    state.readU32(stateOffsets.answerCount) |
    state.readU32(stateOffsets.passedExit) |
    context.run32(runOffsets.passBreakpoint) |
    (state.readU32(vmcsOffsets.pendingDebugExceptions) & trapBits) |
    (state.readU32(vmcsOffsets.interruptibility) & (blockingBySti | blockingByMovSs)) |
    (state.readU32(stateOffsets.flagsSystem) & (flagTrap | flagResume));
  return special === 0 && context.watch === undefined;
}
