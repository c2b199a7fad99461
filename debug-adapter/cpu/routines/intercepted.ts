/** Instructions that a hypervisor intercepts, always or by a control of the VMCS (SDM vol. 3, 26.1). */
import { generalProtection, RoutineEnd, undefinedOpcode } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import {
  causeExit,
  exitReason,
  hasPrimary,
  hasSecondary,
  primaryControl,
  secondaryControl,
} from '../vmx/vm-exits';
import type { Processor, Routine, RoutineFamily, RoutineRecord } from './routine';

const cr4TimeStampDisable = 4;
const activityHlt = 1n;

function exit(processor: Processor, record: RoutineRecord, reason: number): RoutineEnd {
  return causeExit(processor.context, reason, { instructionLength: record.length });
}

/** Privilege comes before the exit (SDM vol. 3, 26.1.1). */
function privilegedExit(reason: number): Routine {
  return (processor, record) =>
    processor.context.cpl === 0
      ? exit(processor, record, reason)
      : processor.context.raise(generalProtection());
}

const halt: Routine = (processor, record) => {
  const { context } = processor;
  if (context.cpl !== 0) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.hltExiting)) {
    return exit(processor, record, exitReason.hlt);
  }
  context.state.writeU64(vmcsOffsets.activityState, activityHlt);
  return context.finish(context.state.rip + BigInt(record.length));
};

const pause: Routine = (processor, record) =>
  hasPrimary(processor.context, primaryControl.pauseExiting)
    ? exit(processor, record, exitReason.pause)
    : RoutineEnd.next;

const writeBackCaches: Routine = (processor, record) => {
  const { context } = processor;
  if (context.cpl !== 0) return context.raise(generalProtection());
  return hasSecondary(context, secondaryControl.wbinvdExiting)
    ? exit(processor, record, exitReason.wbinvd)
    : RoutineEnd.next;
};

/** The TLB is exact, so there is nothing to invalidate; privilege and interception remain. */
const invalidatePage: Routine = (processor, record) => {
  const { context } = processor;
  if (context.cpl !== 0) return context.raise(generalProtection());
  if (!hasPrimary(context, primaryControl.invlpgExiting)) return RoutineEnd.next;
  return causeExit(context, exitReason.invlpg, {
    qualification: record.memoryAddress(),
    instructionLength: record.length,
  });
};

/** CR4.TSD keeps user code from the counter (SDM vol. 2, RDTSC). */
function timeStampRefused(processor: Processor): boolean {
  const { context } = processor;
  return (context.state.readU32(vmcsOffsets.cr4) & cr4TimeStampDisable) !== 0 && context.cpl !== 0;
}

function storeTimeStamp(processor: Processor): void {
  const { state } = processor.context;
  const value = BigInt.asUintN(64, processor.timeStamp());
  state.setGpr(0, value & 0xffffffffn);
  state.setGpr(2, value >> 32n);
}

const readTimeStamp: Routine = (processor, record) => {
  const { context } = processor;
  if (timeStampRefused(processor)) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.rdtscExiting)) {
    return exit(processor, record, exitReason.rdtsc);
  }
  storeTimeStamp(processor);
  return RoutineEnd.next;
};

const readTimeStampAndProcessor: Routine = (processor, record) => {
  const { context } = processor;
  if (!hasSecondary(context, secondaryControl.enableRdtscp)) return context.raise(undefinedOpcode);
  if (timeStampRefused(processor)) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.rdtscExiting)) {
    return exit(processor, record, exitReason.rdtscp);
  }
  storeTimeStamp(processor);
  context.state.setGpr(1, context.state.msr('IA32_TSC_AUX') & 0xffffffffn);
  return RoutineEnd.next;
};

/** AMD's VMMCALL is not an Intel instruction: #UD, which a hypervisor may intercept. */
const vmmcall: Routine = (processor) => processor.context.raise(undefinedOpcode);

export const interceptedRoutines: RoutineFamily = {
  reason: 'they end in the hypervisor, or ask the controls of the VMCS',
  routines: {
    cpuid: (processor, record) => exit(processor, record, exitReason.cpuid),
    vmcall: (processor, record) => exit(processor, record, exitReason.vmcall),
    vmmcall,
    halt,
    pause,
    readMsr: privilegedExit(exitReason.rdmsr),
    writeMsr: privilegedExit(exitReason.wrmsr),
    invalidateCaches: privilegedExit(exitReason.invd),
    writeBackCaches,
    invalidatePage,
    readTimeStamp,
    readTimeStampAndProcessor,
  },
};
