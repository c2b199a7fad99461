/** RDMSR and WRMSR (SDM vol. 2): most exit; those that the MSR bitmap lets through are the processor's own. */
import { processorMsrs } from '../../machine/processor-msrs';
import { generalProtection, RoutineEnd } from '../processor-context';
import { msrAccessExits } from '../vmx/access-bitmaps';
import { causeExit, exitReason } from '../vmx/vm-exits';
import type { Routine, RoutineFamily } from './routine';

const [rax, rcx, rdx] = [0, 1, 2] as const;

/** Privilege comes before the exit (SDM vol. 3, 26.1.1). */
const readMsr: Routine = ({ context }, record) => {
  const { state } = context;
  if (context.cpl !== 0) return context.raise(generalProtection());
  const number = state.gpr32(rcx);
  if (msrAccessExits(context, number, false)) {
    return causeExit(context, exitReason.MSR_READ, { instructionLength: record.length });
  }
  const msr = processorMsrs.get(number);
  if (msr === undefined) return context.raise(generalProtection());
  state.setGpr32(rax, state.readU32(msr.offset));
  state.setGpr32(rdx, state.readU32(msr.offset + 4));
  return RoutineEnd.next;
};

const writeMsr: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  if (context.cpl !== 0) return context.raise(generalProtection());
  const number = state.gpr32(rcx);
  if (msrAccessExits(context, number, true)) {
    return causeExit(context, exitReason.MSR_WRITE, { instructionLength: record.length });
  }
  const msr = processorMsrs.get(number);
  const [low, high] = [state.gpr32(rax), state.gpr32(rdx)];
  if (msr?.takes(low | 0, high | 0, context.supportedAddressBits) !== true)
    return context.raise(generalProtection());
  state.writeU32(msr.offset, low);
  state.writeU32(msr.offset + 4, high);
  return msr.isSegmentBase ? processor.segmentChanged(record) : RoutineEnd.next;
};

export const msrRoutines: RoutineFamily = {
  reason: 'they end in the hypervisor, unless the MSR bitmap says otherwise',
  routines: { readMsr, writeMsr },
};
