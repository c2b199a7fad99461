/** Fast system calls (SDM vol. 2: SYSCALL, SYSRET, SYSENTER, SYSEXIT). */
import { msrSlots, stateOffsets, type ProcessorState } from '../../machine/processor-state';
import { generalProtection, RoutineEnd, undefinedOpcode } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { operandBytes, type Processor, type Routine, type RoutineFamily } from './routine';

const eferSystemCall = 1;
const flatLimit = 0xffffffff;
/** Access rights in VMCS format: 64-bit code, 32-bit code, data. */
const flatCode = 0xa09b;
const flatCode32 = 0xc09b;
const flatData = 0xc093;
const userRights = 0x60;
/** Upper half of IA32_STAR: selectors of SYSCALL in its lower 16 bits, of SYSRET in the upper ones. */
const starSelectors = stateOffsets.msr + msrSlots.IA32_STAR * 8 + 4;
const flagMask = stateOffsets.msr + msrSlots.IA32_FMASK * 8;
const systemCallEntry = stateOffsets.msr + msrSlots.IA32_LSTAR * 8;
const rcx = stateOffsets.gpr + 1 * 8;
const flagInterrupt = 0x200;
const flagVirtual8086 = 0x20000;

const systemCall: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  const isEnabled = (state.readU32(vmcsOffsets.efer) & eferSystemCall) !== 0;
  if (!isEnabled || !context.is64Bit) return context.raise(undefinedOpcode);
  const flags = state.rflags & ~0x10000;
  state.copySlot(stateOffsets.rip, rcx);
  state.addToSlot(rcx, record.length);
  state.setGpr32(11, flags);
  state.copySlot(systemCallEntry, stateOffsets.rip);
  state.rflags = (flags & ~state.readU32(flagMask)) | 2;
  const selector = state.readU32(starSelectors) & 0xfffc;
  loadFlat(state, segmentOffsets.CS, selector, flatCode);
  loadFlat(state, segmentOffsets.SS, selector + 8, flatData);
  processor.modeChanged();
  return processor.decideTrap();
};

const systemReturn: Routine = (processor) => {
  const { context } = processor;
  const { state } = context;
  const isEnabled = (state.readU32(vmcsOffsets.efer) & eferSystemCall) !== 0;
  if (!isEnabled || !context.is64Bit) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  const isLong = operandBytes(processor) === 8;
  if (isLong && !context.isCanonicalHalf(state.readHigh(rcx)))
    return context.raise(generalProtection());
  state.rflags = (state.gpr32(11) & 0x3c7fd7) | 2;
  state.writeHalves(stateOffsets.rip, state.readU32(rcx), isLong ? state.readHigh(rcx) : 0);
  const selector = state.readU32(starSelectors) >>> 16;
  const code = isLong ? flatCode : flatCode32;
  loadFlat(state, segmentOffsets.CS, (selector + (isLong ? 16 : 0)) | 3, code | userRights);
  loadFlat(state, segmentOffsets.SS, (selector + 8) | 3, flatData | userRights);
  processor.modeChanged();
  return processor.decideTrap();
};

/** The selector that SYSENTER and SYSEXIT start from; null, or real mode, is #GP(0). */
function entrySelector(processor: Processor): number | undefined {
  const { state } = processor.context;
  const selector = state.readU32(vmcsOffsets.sysenterCs) & 0xfffc;
  const isReal = (state.readU32(vmcsOffsets.cr0) & 1) === 0;
  return isReal || selector === 0 ? undefined : selector;
}

const systemEnter: Routine = (processor) => {
  const { context } = processor;
  const { state } = context;
  const selector = entrySelector(processor);
  if (selector === undefined) return context.raise(generalProtection());
  const isLong = context.isLongMode;
  state.rflags = state.rflags & ~(flagInterrupt | flagVirtual8086);
  const cut = (value: bigint): bigint => BigInt.asUintN(isLong ? 64 : 32, value);
  state.setGpr(4, cut(state.readU64(vmcsOffsets.sysenterEsp)));
  state.rip = cut(state.readU64(vmcsOffsets.sysenterEip));
  loadFlat(state, segmentOffsets.CS, selector, isLong ? flatCode : flatCode32);
  loadFlat(state, segmentOffsets.SS, selector + 8, flatData);
  processor.modeChanged();
  return RoutineEnd.lookup;
};

const systemExit: Routine = (processor) => {
  const { context } = processor;
  const { state } = context;
  const selector = entrySelector(processor);
  if (selector === undefined || context.cpl !== 0) return context.raise(generalProtection());
  const isLong = operandBytes(processor) === 8;
  const cut = (value: bigint): bigint => BigInt.asUintN(isLong ? 64 : 32, value);
  const target = cut(state.gpr(2));
  const stack = cut(state.gpr(1));
  if (!context.isCanonical(target) || !context.isCanonical(stack))
    return context.raise(generalProtection());
  const code = selector + (isLong ? 32 : 16);
  loadFlat(state, segmentOffsets.CS, code | 3, (isLong ? flatCode : flatCode32) | userRights);
  loadFlat(state, segmentOffsets.SS, (code + 8) | 3, flatData | userRights);
  state.setGpr(4, stack);
  state.rip = target;
  processor.modeChanged();
  return RoutineEnd.lookup;
};

function loadFlat(
  state: ProcessorState,
  target: (typeof segmentOffsets)['CS'],
  selector: number,
  rights: number,
): void {
  state.writeZeroExtended(target.selector, selector);
  state.writeZeroExtended(target.base, 0);
  state.writeZeroExtended(target.limit, flatLimit);
  state.writeZeroExtended(target.accessRights, rights);
}

export const systemCallRoutines: RoutineFamily = {
  reason: 'they change privilege by MSRs',
  routines: { systemCall, systemReturn, systemEnter, systemExit },
};
