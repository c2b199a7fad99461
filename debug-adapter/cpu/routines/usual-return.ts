/**
 * IRET the usual way: from and to 64-bit or flat 32-bit code, with descriptors and stacks at hand in the TLBs. Without
 * a bigint or an array. What is not usual is left, before anything has happened, to the routine that knows all rules.
 */
import { stateOffsets } from '../../machine/processor-state';
import { flatCode, longCode } from '../decode/code-mode';
import type { Descriptor } from '../events/segments';
import { limitOf } from '../events/segments';
import { segmentOffsets } from '../vmcs-offsets';
import { dropPrivilegedSegments } from './far-transfer';
import { flag, returnedFlags } from './interrupts';
import type { Processor } from './routine';

/** Of a descriptor's upper half (SDM vol. 3, 3.4.5): present and accessed code that is not conforming. */
const codeBits = { mask: 0x9d00, value: 0x9900 } as const;
/** L and D. */
const codeSizeBits = 0x600000;
const longCodeSize = 0x200000;
/** Present and accessed data that is writable. */
const stackBits = { mask: 0x9b00, value: 0x9300 } as const;

const rsp = stateOffsets.gpr + 4 * 8;
const { CS, SS } = segmentOffsets;

function descriptorAt({ context }: Processor, at: number): Descriptor {
  const low = context.view.getUint32(at, true);
  return { low, high: context.view.getUint32(at + 4, true), baseHigh: 0 };
}

/** The descriptor of a segment whose selector asks for `level` and whose DPL it is; undefined where it is not usual. */
function usualDescriptor(
  processor: Processor,
  selector: number,
  level: number,
  bits: { readonly mask: number; readonly value: number },
): Descriptor | undefined {
  const at = processor.segments.descriptorAt(selector);
  if (at === 0 || (selector & 3) !== level) return undefined;
  const descriptor = descriptorAt(processor, at);
  const isUsual = (descriptor.high & bits.mask) === bits.value;
  return isUsual && ((descriptor.high >>> 13) & 3) === level ? descriptor : undefined;
}

/**
 * Pops what IRET pops, RFLAGS included.
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
  const { state, view } = context;
  const from = access.bytesAt(state.readU32(rsp) | 0, state.readHigh(rsp), 40, 'read');
  if (from === 0) return false;
  const selector = view.getUint16(from + 8, true);
  const level = selector & 3;
  const code = usualDescriptor(processor, selector, level, codeBits);
  if (code === undefined || level < context.cpl) return false;
  if ((code.high & codeSizeBits) !== longCodeSize) return false;
  const ipHigh = view.getInt32(from + 4, true);
  if (!context.isCanonicalHalf(ipHigh)) return false;
  const stackSelector = view.getUint16(from + 32, true);
  const isNull = (stackSelector & 0xfffc) === 0;
  const stack = isNull ? undefined : usualDescriptor(processor, stackSelector, level, stackBits);
  const mayBeNull = level !== 3 && (stackSelector & 3) === level;
  if (stack === undefined && !(isNull && mayBeNull)) return false;
  state.rflags = returnedFlags(processor, view.getUint32(from + 16, true), 8);
  state.writeHalves(stateOffsets.rip, view.getInt32(from, true), ipHigh);
  state.writeHalves(rsp, view.getInt32(from + 24, true), view.getInt32(from + 28, true));
  segments.load(CS, selector, code);
  if (stack !== undefined) segments.load(SS, stackSelector, stack);
  else {
    segments.loadNullStack(level);
    state.writeZeroExtended(SS.selector, stackSelector);
  }
  dropPrivilegedSegments(processor, level);
  return true;
}

/** From flat 32-bit code, where a stack that is not flat is left to others. */
function returnFlat(processor: Processor): boolean {
  const { context, access, segments } = processor;
  const { state, view } = context;
  const top = state.readU32(rsp);
  const from = access.bytesAt(top | 0, 0, 12, 'read');
  if (from === 0) return false;
  const flags = view.getUint32(from + 8, true);
  const selector = view.getUint16(from + 4, true);
  const level = selector & 3;
  const ip = view.getUint32(from, true);
  if ((flags & flag.VM) !== 0 || level < context.cpl) return false;
  const code = usualDescriptor(processor, selector, level, codeBits);
  if (code === undefined || ip > limitOf(code)) return false;
  if (level === context.cpl) {
    state.rflags = returnedFlags(processor, flags, 4);
    state.writeZeroExtended(rsp, top + 12);
  } else {
    // The slow way knows what a stack pointer of 16 bits would be.
    if (access.bytesAt(top | 0, 0, 20, 'read') === 0) return false;
    const stackSelector = view.getUint16(from + 16, true);
    const stack = usualDescriptor(processor, stackSelector, level, stackBits);
    if (stack === undefined || (stack.high & bigSegment) === 0) return false;
    state.rflags = returnedFlags(processor, flags, 4);
    state.writeZeroExtended(rsp, view.getUint32(from + 12, true));
    segments.load(SS, stackSelector, stack);
    dropPrivilegedSegments(processor, level);
  }
  segments.load(CS, selector, code);
  state.writeZeroExtended(stateOffsets.rip, ip);
  return true;
}

/** B of a stack segment. */
const bigSegment = 0x400000;
