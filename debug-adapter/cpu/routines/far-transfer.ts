/** Far returns and jumps, and the fast system-call pair (SDM vol. 2: RET, JMP, CALL, SYSCALL, SYSRET, SWAPGS). */
import { isLongCode } from '../events/segments';
import { generalProtection, RoutineEnd, undefinedOpcode } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { dropPrivilegedSegments, isCanonicalIp, loadReturnStack, returnCode } from './interrupts';
import { leaveWith, operandBytes, type Routine, type RoutineFamily } from './routine';

const eferSystemCall = 1n;
const flatLimit = 0xffffffffn;
const flatCode = 0xa09bn;
const flatData = 0xc093n;
const userRights = 0x60n;

const farReturn: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  const bytes = operandBytes(processor);
  const top = state.gpr(4);
  const released = record.immediate & 0xffffn;
  const data = access.readStack(top, bytes * 2);
  if (typeof data === 'string') return leaveWith(processor, data);
  const [ip, selector] = wordsOf(data, bytes);
  const code = returnCode(processor, Number(selector & 0xffffn));
  if (code === 'left') return RoutineEnd.leave;
  if ('vector' in code) return context.raise(code);
  if (!isLongCode(code.descriptor)) return context.giveUp('far return to compatibility mode');
  if (!isCanonicalIp(ip)) return context.raise(generalProtection());
  const level = Number(selector & 3n);
  let stackPointer = top + BigInt(bytes * 2) + released;
  if (level !== context.cpl) {
    const outer = access.readStack(stackPointer, bytes * 2);
    if (typeof outer === 'string') return leaveWith(processor, outer);
    const [pointer, stackSelector] = wordsOf(outer, bytes);
    const stack = loadReturnStack(processor, Number(stackSelector & 0xffffn), level);
    if (stack === 'left') return RoutineEnd.leave;
    if (stack !== 'done') return context.raise(stack);
    dropPrivilegedSegments(processor, level);
    stackPointer = pointer + released;
  }
  processor.segments.load(segmentOffsets.CS, Number(selector & 0xffffn), code.descriptor);
  state.setGpr(4, stackPointer);
  state.rip = ip;
  processor.modeChanged();
  return RoutineEnd.lookup;
};

function wordsOf(data: Uint8Array, bytes: number): readonly [bigint, bigint] {
  const view = new DataView(data.buffer);
  const word = (index: number): bigint =>
    bytes === 8
      ? view.getBigUint64(index * 8, true)
      : BigInt(bytes === 4 ? view.getUint32(index * 4, true) : view.getUint16(index * 2, true));
  return [word(0), word(1)];
}

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
  if (operandBytes(processor) !== 8) {
    return context.giveUp('SYSRET to compatibility mode');
  }
  const target = state.gpr(1);
  if (!isCanonicalIp(target)) return context.raise(generalProtection());
  state.rflags = (Number(state.gpr(11) & 0x3c7fd7n) | 2) >>> 0;
  state.rip = target;
  const selector = (state.msr('IA32_STAR') >> 48n) & 0xffffn;
  loadFlat(state, segmentOffsets.CS, (selector + 16n) | 3n, flatCode | userRights);
  loadFlat(state, segmentOffsets.SS, (selector + 8n) | 3n, flatData | userRights);
  processor.modeChanged();
  return processor.decideTrap(state.rip);
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

/** Far jumps and calls through a gate or a TSS are not built; through a code segment they would be, with them. */
function notBuilt(text: string): Routine {
  return (processor) => processor.context.giveUp(text);
}

export const farTransferRoutines: RoutineFamily = {
  reason: 'they read descriptors and change privilege',
  routines: {
    farReturn,
    farJump: notBuilt('JMP far'),
    farCall: notBuilt('CALL far'),
    systemCall,
    systemReturn,
    swapGs,
  },
};
