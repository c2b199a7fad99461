/** The VMX-preemption timer (SDM vol. 3, 26.5.1): counts down from VM entry on and makes the guest exit at zero. */
import { stateOffsets } from '../../machine/processor-state';
import { exitControls, pinBasedControls, preemptionTimerRate } from '../../spec/x86/vmx-controls';
import { maskOf } from '../../support/bit-field';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';

const activate = maskOf(pinBasedControls, ['activate VMX-preemption timer']);
const saveValue = maskOf(exitControls, ['save VMX-preemption timer value']);
/** Nanoseconds of one count: the TSC runs at 1 GHz, and the timer changes with one of its bits (appendix A.6). */
const countNs = 2 ** preemptionTimerRate;

/** Whether the timer is on; it is loaded where this is the first run since VM entry. */
export function usesPreemptionTimer(context: ProcessorContext, nowNs: number): boolean {
  const { state } = context;
  if ((state.readU32(vmcsOffsets.pinBasedControls) & activate) === 0) return false;
  if (state.readU32(stateOffsets.preemptionLoaded) !== 0) return true;
  const counts = Math.floor(nowNs / countNs) + state.readU32(vmcsOffsets.preemptionTimer);
  context.setRunCount(stateOffsets.preemptionDeadline, counts * countNs);
  state.writeU32(stateOffsets.preemptionLoaded, 1);
  return true;
}

/** Steps until the timer is zero: not above 0 where it is. */
export function stepsToPreemption(context: ProcessorContext, nowNs: number): number {
  return context.runCount(stateOffsets.preemptionDeadline) - nowNs;
}

/** A VM exit at `nowNs` ends the count; the value is saved where a control asks for that. */
export function unloadPreemptionTimer(context: ProcessorContext, nowNs: number): void {
  const { state } = context;
  if (state.readU32(stateOffsets.preemptionLoaded) === 0) return;
  state.writeU32(stateOffsets.preemptionLoaded, 0);
  if ((state.readU32(vmcsOffsets.exitControls) & saveValue) === 0) return;
  const deadline = context.runCount(stateOffsets.preemptionDeadline) / countNs;
  const left = Math.max(deadline - Math.floor(nowNs / countNs), 0);
  state.writeZeroExtended(vmcsOffsets.preemptionTimer, left);
}
