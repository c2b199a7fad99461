/** Fast system calls (SDM vol. 2: SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS). */
import { isCanonical } from '../../machine/addresses';
import { generalProtection, RoutineEnd, undefinedOpcode } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { operandBytes, type Processor, type Routine, type RoutineFamily } from './routine';

const eferSystemCall = 1n;
const flatLimit = 0xffffffffn;
/** Access rights in VMCS format: 64-bit code, 32-bit code, data. */
const flatCode = 0xa09bn;
const flatCode32 = 0xc09bn;
const flatData = 0xc093n;
const userRights = 0x60n;
const flagInterrupt = 0x200;
const flagVirtual8086 = 0x20000;

const systemCall: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  const isEnabled = (state.readU64(vmcsOffsets.efer) & eferSystemCall) !== 0n;
  if (!isEnabled || !context.is64Bit) return context.raise(undefinedOpcode);
  const flags = state.rflags & ~0x10000;
  state.setGpr(1, state.rip + BigInt(record.length));
  state.setGpr(11, BigInt(flags >>> 0));
  state.rip = state.msr('IA32_LSTAR');
  state.rflags = (flags & ~Number(state.msr('IA32_FMASK') & 0xffffffffn)) | 2;
  const selector = (state.msr('IA32_STAR') >> 32n) & 0xfffcn;
  loadFlat(state, segmentOffsets.CS, selector, flatCode);
  loadFlat(state, segmentOffsets.SS, selector + 8n, flatData);
  processor.modeChanged();
  return processor.decideTrap(state.rip);
};

const systemReturn: Routine = (processor) => {
  const { context } = processor;
  const { state } = context;
  const isEnabled = (state.readU64(vmcsOffsets.efer) & eferSystemCall) !== 0n;
  if (!isEnabled || !context.is64Bit) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  const isLong = operandBytes(processor) === 8;
  const target = isLong ? state.gpr(1) : state.gpr(1) & 0xffffffffn;
  if (!isCanonical(target)) return context.raise(generalProtection());
  state.rflags = (Number(state.gpr(11) & 0x3c7fd7n) | 2) >>> 0;
  state.rip = target;
  const selector = (state.msr('IA32_STAR') >> 48n) & 0xffffn;
  const code = isLong ? flatCode : flatCode32;
  loadFlat(state, segmentOffsets.CS, (selector + (isLong ? 16n : 0n)) | 3n, code | userRights);
  loadFlat(state, segmentOffsets.SS, (selector + 8n) | 3n, flatData | userRights);
  processor.modeChanged();
  return processor.decideTrap(state.rip);
};

/** The selector that SYSENTER and SYSEXIT start from; null, or real mode, is #GP(0). */
function entrySelector(processor: Processor): bigint | undefined {
  const { state } = processor.context;
  const selector = state.readU64(vmcsOffsets.sysenterCs) & 0xfffcn;
  const isReal = (state.readU32(vmcsOffsets.cr0) & 1) === 0;
  return isReal || selector === 0n ? undefined : selector;
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
  loadFlat(state, segmentOffsets.SS, selector + 8n, flatData);
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
  if (!isCanonical(target) || !isCanonical(stack)) return context.raise(generalProtection());
  const code = selector + (isLong ? 32n : 16n);
  loadFlat(state, segmentOffsets.CS, code | 3n, (isLong ? flatCode : flatCode32) | userRights);
  loadFlat(state, segmentOffsets.SS, (code + 8n) | 3n, flatData | userRights);
  state.setGpr(4, stack);
  state.rip = target;
  processor.modeChanged();
  return RoutineEnd.lookup;
};

function loadFlat(
  state: { writeU64(offset: number, value: bigint): void },
  target: (typeof segmentOffsets)['CS'],
  selector: bigint,
  rights: bigint,
): void {
  state.writeU64(target.selector, selector);
  state.writeU64(target.base, 0n);
  state.writeU64(target.limit, flatLimit);
  state.writeU64(target.accessRights, rights);
}

const swapGs: Routine = (processor) => {
  const { context } = processor;
  const { state } = context;
  if (context.cpl !== 0) return context.raise(generalProtection());
  const kernel = state.msr('IA32_KERNEL_GS_BASE');
  state.setMsr('IA32_KERNEL_GS_BASE', state.readU64(segmentOffsets.GS.base));
  state.writeU64(segmentOffsets.GS.base, kernel);
  return RoutineEnd.next;
};

export const systemCallRoutines: RoutineFamily = {
  reason: 'they change privilege by MSRs',
  routines: { systemCall, systemReturn, systemEnter, systemExit, swapGs },
};
