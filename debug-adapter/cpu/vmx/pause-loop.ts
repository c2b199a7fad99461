/** PAUSE-loop exiting (SDM vol. 3, 26.1.3, PAUSE): a loop at CPL 0 that lasts longer than the window exits. */
import { stateOffsets } from '../../machine/processor-state';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { hasSecondary, secondaryControl } from './vm-exits';

/**
 * Takes note of a PAUSE at `nowNs` and says whether it exits. One that comes later than the gap after the last one, or
 * is the first after VM entry, begins a new loop. Gap and window are in counts of the TSC, which runs at 1 GHz.
 */
export function pauseLoopExits(context: ProcessorContext, nowNs: number): boolean {
  const { state } = context;
  if (context.cpl !== 0 || !hasSecondary(context, secondaryControl.pauseLoopExiting)) return false;
  const isKnown = state.readU32(stateOffsets.pauseSeen) !== 0;
  const gap = nowNs - context.runCount(stateOffsets.pauseLast);
  const goesOn = isKnown && gap <= state.readU32(vmcsOffsets.pauseLoopGap);
  context.setRunCount(stateOffsets.pauseLast, nowNs);
  if (!goesOn) {
    context.setRunCount(stateOffsets.pauseFirst, nowNs);
    state.writeU32(stateOffsets.pauseSeen, 1);
    return false;
  }
  const lasted = nowNs - context.runCount(stateOffsets.pauseFirst);
  return lasted > state.readU32(vmcsOffsets.pauseLoopWindow);
}
