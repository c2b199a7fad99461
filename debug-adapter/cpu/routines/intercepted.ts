/** Instructions that a hypervisor intercepts, always or by a control of the VMCS (SDM vol. 3, 26.1). */
import {
  generalProtection,
  RoutineEnd,
  undefinedOpcode,
  type ProcessorContext,
} from '../processor-context';
import { stateOffsets } from '../../machine/processor-state';
import { runOffsets } from '../memory-map';
import { quadwords } from '../paging/block-shape';
import { halves } from '../paging/memory-access';
import { Cr4 } from '../../spec/x86/control-registers';
import { vmcsOffsets } from '../vmcs-offsets';
import { invalidationDetails } from '../vmx/instruction-information';
import { pauseLoopExits } from '../vmx/pause-loop';
import {
  causeExit,
  causeInstructionExit,
  exitReason,
  hasPrimary,
  hasSecondary,
  primaryControl,
  secondaryControl,
} from '../vmx/vm-exits';
import {
  leaveWith,
  type Processor,
  type Routine,
  type RoutineFamily,
  type RoutineRecord,
} from './routine';

const cr4TimeStampDisable = 4;
/** CR4.PCE. */
const cr4CounterEnable = 0x100;
const activityHlt = 1n;

function exit(processor: Processor, record: RoutineRecord, reason: number): RoutineEnd {
  return causeInstructionExit(processor.context, reason, record.length);
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
    return exit(processor, record, exitReason.HLT);
  }
  context.state.writeU64(vmcsOffsets.activityState, activityHlt);
  return context.finish(context.state.rip + BigInt(record.length));
};

const pause: Routine = (processor, record) => {
  const { context } = processor;
  const exits =
    hasPrimary(context, primaryControl.pauseExiting) ||
    pauseLoopExits(context, processor.laneTimeNs());
  return exits ? exit(processor, record, exitReason.PAUSE) : RoutineEnd.next;
};

/**
 * MONITOR (SDM vol. 2): checks its operands as a read of one byte does. Nothing is watched, since MWAIT may always end
 * at once. Privilege comes before the exit, operands after it.
 */
const monitor: Routine = (processor, record) => {
  const { context, access } = processor;
  if (context.cpl !== 0) return context.raise(undefinedOpcode);
  if (hasPrimary(context, primaryControl.monitorExiting)) {
    return exit(processor, record, exitReason.MONITOR);
  }
  if (hintsOf(context) !== 0n) return context.raise(generalProtection());
  const offset = context.state.gpr(0) & record.addressMask;
  const address = record.segmentAddress(offset, 1, 'read');
  if (typeof address === 'object') return context.raise(address);
  const end = access.probe(address, 1, 'read');
  return end === 'done' ? RoutineEnd.next : leaveWith(processor, end);
};

/** Extensions of MONITOR and MWAIT, in ECX or RCX: there are none. */
function hintsOf({ state, is64Bit }: ProcessorContext): bigint {
  return BigInt.asUintN(is64Bit ? 64 : 32, state.gpr(1));
}

/** MWAIT without an armed monitor does not wait (SDM vol. 2, MWAIT). */
const monitorWait: Routine = (processor, record) => {
  const { context } = processor;
  if (context.cpl !== 0) return context.raise(undefinedOpcode);
  if (hasPrimary(context, primaryControl.mwaitExiting)) {
    return exit(processor, record, exitReason.MWAIT);
  }
  return hintsOf(context) === 0n ? RoutineEnd.next : context.raise(generalProtection());
};

/** RDPMC: there are no counters, so every index is #GP (SDM vol. 2, RDPMC). */
const readPerformanceCounter: Routine = (processor, record) => {
  const { context } = processor;
  const isAllowed = (context.state.readU32(vmcsOffsets.cr4) & cr4CounterEnable) !== 0;
  if (context.cpl !== 0 && !isAllowed) return context.raise(generalProtection());
  return hasPrimary(context, primaryControl.rdpmcExiting)
    ? exit(processor, record, exitReason.RDPMC)
    : context.raise(generalProtection());
};

const writeBackCaches: Routine = (processor, record) => {
  const { context } = processor;
  if (context.cpl !== 0) return context.raise(generalProtection());
  return hasSecondary(context, secondaryControl.wbinvdExiting)
    ? exit(processor, record, exitReason.WBINVD)
    : RoutineEnd.next;
};

/** The TLB is exact, so there is nothing to invalidate; privilege and interception remain. */
const invalidatePage: Routine = (processor, record) => {
  const { context } = processor;
  if (context.cpl !== 0) return context.raise(generalProtection());
  if (!hasPrimary(context, primaryControl.invlpgExiting)) return RoutineEnd.next;
  return causeExit(context, exitReason.INVLPG, {
    qualification: record.memoryAddress(),
    instructionLength: record.length,
  });
};

/**
 * INVPCID (SDM vol. 2): the TLB is exact, so only the checks remain. The control comes first, then privilege, then
 * the exit, then the operands (vol. 3, 26.1.3).
 */
const invalidateByIdentifier: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  if (!hasSecondary(context, secondaryControl.enableInvpcid)) {
    return context.raise(undefinedOpcode);
  }
  if (context.cpl !== 0) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.invlpgExiting)) {
    return causeExit(context, exitReason.INVPCID, invalidationDetails(record));
  }
  const address = record.operandAddress(16, 'read');
  if (typeof address === 'object') return context.raise(address);
  const [low, high] = halves(address);
  const at = access.bytesAt(low, high, 16, 'read');
  let { view } = context;
  if (at === 0) {
    const data = access.readAtCurrentPrivilege(address, 16, quadwords);
    if (typeof data === 'string') return leaveWith(processor, data);
    view = new DataView(data.buffer);
  }
  const identifier = view.getUint32(at, true);
  const isWide = (view.getUint32(at + 4, true) | context.run32(runOffsets.operand + 4)) !== 0;
  const kind = context.run32(runOffsets.operand) >>> 0;
  const hasIdentifiers = (state.readU32(vmcsOffsets.cr4) & Cr4.PCIDE) !== 0;
  const isRefused =
    isWide ||
    kind > 3 ||
    identifier > 0xfff ||
    (kind < 2 && identifier !== 0 && !hasIdentifiers) ||
    (kind === 0 && !context.isCanonicalBase(view.getBigUint64(at + 8, true)));
  return isRefused ? context.raise(generalProtection()) : RoutineEnd.next;
};

const flagAccessCheck = 0x40000;

/** CLAC and STAC write RFLAGS.AC, which chooses a TLB under SMAP. */
function accessCheck(isSet: boolean): Routine {
  return (processor) => {
    const { state } = processor.context;
    const flags = state.readU32(stateOffsets.flagsSystem);
    const changed = isSet ? flags | flagAccessCheck : flags & ~flagAccessCheck;
    if (changed === flags) return RoutineEnd.next;
    state.writeU32(stateOffsets.flagsSystem, changed);
    processor.caches.selectData();
    return RoutineEnd.next;
  };
}

/** CR4.TSD keeps user code from the counter (SDM vol. 2, RDTSC). */
function timeStampRefused(processor: Processor): boolean {
  const { context } = processor;
  return (context.state.readU32(vmcsOffsets.cr4) & cr4TimeStampDisable) !== 0 && context.cpl !== 0;
}

function storeTimeStamp(processor: Processor): void {
  const { state } = processor.context;
  const value = processor.timeStamp();
  state.setGpr(0, value & 0xffffffffn);
  state.setGpr(2, value >> 32n);
}

const readTimeStamp: Routine = (processor, record) => {
  const { context } = processor;
  if (timeStampRefused(processor)) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.rdtscExiting)) {
    return exit(processor, record, exitReason.RDTSC);
  }
  storeTimeStamp(processor);
  return RoutineEnd.next;
};

const readTimeStampAndProcessor: Routine = (processor, record) => {
  const { context } = processor;
  if (!hasSecondary(context, secondaryControl.enableRdtscp)) return context.raise(undefinedOpcode);
  if (timeStampRefused(processor)) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.rdtscExiting)) {
    return exit(processor, record, exitReason.RDTSCP);
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
    cpuid: (processor, record) => exit(processor, record, exitReason.CPUID),
    vmcall: (processor, record) => exit(processor, record, exitReason.VMCALL),
    vmmcall,
    halt,
    pause,
    monitor,
    monitorWait,
    readPerformanceCounter,
    invalidateCaches: privilegedExit(exitReason.INVD),
    writeBackCaches,
    invalidatePage,
    invalidateByIdentifier,
    clearAccessCheck: accessCheck(false),
    setAccessCheck: accessCheck(true),
    readTimeStamp,
    readTimeStampAndProcessor,
  },
};
