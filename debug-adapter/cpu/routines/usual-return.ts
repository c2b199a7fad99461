/**
 * IRET the usual way: from and to 64-bit or flat 32-bit code, with descriptors and stacks at hand in the TLBs. Without
 * a bigint or an array. What is not usual is left, before anything has happened, to the routine that knows all rules.
 */
import { stateOffsets } from '../../machine/processor-state';
import { flatCode, longCode } from '../decode/code-mode';
import { limitOfHalves } from '../events/segments';
import { segmentOffsets } from '../vmcs-offsets';
import { dropPrivilegedSegments } from './far-transfer';
import { flag, returnedFlags } from './interrupts';
import type { Processor } from './routine';

/** Of a descriptor's upper half (SDM vol. 3, 3.4.5): present and accessed code that is not conforming. */
const codeBits = { mask: 0x9d00, value: 0x9900 } as const;
/** The same with L and without D. */
const longCodeBits = { mask: 0x609d00, value: 0x209900 } as const;
/** Present and accessed data that is writable; B as well. */
const stackBits = { mask: 0x9b00, value: 0x9300 } as const;
const bigStackBits = { mask: 0x409b00, value: 0x409300 } as const;

const rsp = stateOffsets.gpr + 4 * 8;
const { CS, SS } = segmentOffsets;

/**
 * Address in the space of the descriptor of a segment, whose DPL is the privilege level that its selector asks for.
 * @returns 0 where it is not usual
 */
function usualDescriptorAt(
  { context, segments }: Processor,
  selector: number,
  bits: { readonly mask: number; readonly value: number },
): number {
  const at = segments.descriptorAt(selector);
  if (at === 0) return 0;
  const high = context.view.getInt32(at + 4, true);
  const isUsual = (high & bits.mask) === bits.value && ((high >>> 13) & 3) === (selector & 3);
  return isUsual ? at : 0;
}

/**
 * Pops what IRET pops, RFLAGS included, and derives anew what depends on it.
 * @returns false where the return is not usual; nothing has happened then
 */
export function returnUsually(processor: Processor, bytes: number): boolean {
  const { context } = processor;
  const { mode, state } = context;
  if ((state.readU32(stateOffsets.flagsSystem) & flag.NT) !== 0) return false;
  if (mode === longCode && bytes === 8) return returnLong(processor);
  const isFlat = mode === flatCode && bytes === 4 && !context.isLongMode && context.isProtected;
  return isFlat && returnFlat(processor);
}

/** 64-bit mode always pops the stack pointer (SDM vol. 3, 6.14.3). */
function returnLong(processor: Processor): boolean {
  const { context, access, segments } = processor;
  const { state, view, cpl } = context;
  const from = access.bytesAt(state.readU32(rsp) | 0, state.readHigh(rsp), 40, 'read');
  if (from === 0) return false;
  const selector = view.getUint16(from + 8, true);
  const level = selector & 3;
  const code = usualDescriptorAt(processor, selector, longCodeBits);
  if (code === 0 || level < cpl) return false;
  const ipHigh = view.getInt32(from + 4, true);
  if (!context.isCanonicalHalf(ipHigh)) return false;
  const stackSelector = view.getUint16(from + 32, true);
  const isNull = (stackSelector & 0xfffc) === 0;
  if ((stackSelector & 3) !== level || (isNull && level === 3)) return false;
  const stack = isNull ? 0 : usualDescriptorAt(processor, stackSelector, stackBits);
  if (stack === 0 && !isNull) return false;
  const flagsBefore = state.readU32(stateOffsets.flagsSystem);
  state.rflags = returnedFlags(processor, view.getInt32(from + 16, true), 8);
  state.writeHalves(stateOffsets.rip, view.getInt32(from, true), ipHigh);
  state.writeHalves(rsp, view.getInt32(from + 24, true), view.getInt32(from + 28, true));
  segments.loadAt(CS, selector, code);
  if (isNull) segments.loadNullStack(level);
  else segments.loadAt(SS, stackSelector, stack);
  if (level !== 0) dropPrivilegedSegments(processor, level);
  const changesAccess = ((flagsBefore ^ state.readU32(stateOffsets.flagsSystem)) & flag.AC) !== 0;
  // A kernel that has changed its code may return to where it is, to make the processor forget what it has fetched.
  if (level !== cpl || changesAccess) processor.modeChanged();
  return true;
}

/** From flat 32-bit code, where a stack that is not flat is left to others. */
function returnFlat(processor: Processor): boolean {
  const { context, access, segments } = processor;
  const { state, view } = context;
  const top = state.readU32(rsp);
  const from = access.bytesAt(top | 0, 0, 12, 'read');
  if (from === 0) return false;
  const flags = view.getInt32(from + 8, true);
  const selector = view.getUint16(from + 4, true);
  const level = selector & 3;
  const ip = view.getUint32(from, true);
  if ((flags & flag.VM) !== 0 || level < context.cpl) return false;
  const code = usualDescriptorAt(processor, selector, codeBits);
  if (code === 0) return false;
  if (ip > limitOfHalves(view.getInt32(code, true), view.getInt32(code + 4, true))) return false;
  if (level === context.cpl) {
    state.rflags = returnedFlags(processor, flags, 4);
    state.writeZeroExtended(rsp, top + 12);
  } else {
    // The slow way knows what a stack pointer of 16 bits would be.
    if (access.bytesAt(top | 0, 0, 20, 'read') === 0) return false;
    const stackSelector = view.getUint16(from + 16, true);
    const stack = usualDescriptorAt(processor, stackSelector, bigStackBits);
    if (stack === 0 || (stackSelector & 3) !== level) return false;
    state.rflags = returnedFlags(processor, flags, 4);
    state.writeZeroExtended(rsp, view.getUint32(from + 12, true));
    segments.loadAt(SS, stackSelector, stack);
    dropPrivilegedSegments(processor, level);
  }
  segments.loadAt(CS, selector, code);
  state.writeZeroExtended(stateOffsets.rip, ip);
  processor.modeChanged();
  return true;
}
