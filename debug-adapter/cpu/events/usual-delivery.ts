/**
 * Delivers events the usual way: 64-bit and flat 32-bit code whose tables and stacks are at hand in the TLBs. Without a
 * bigint or an array, since an operating system does little else. What is not usual is left, before anything has
 * happened, to those who know all the rules (`event-delivery.ts`, `legacy-delivery.ts`).
 */
import { stateOffsets } from '../../machine/processor-state';
import { flatCode } from '../decode/code-mode';
import type { MemoryAccess } from '../paging/memory-access';
import type { ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { eventType } from '../vmx/vm-exits';
import { isSoftware, savedFlags, type Event } from './event';
import { limitOfHalves, type SegmentLoader } from './segments';

const flagTrap = 0x100;
const flagInterrupt = 0x200;
const flagNestedTask = 0x4000;
const flagResume = 0x10000;
const flagVirtual8086 = 0x20000;
const clearedFlags = flagTrap | flagNestedTask | flagResume | flagVirtual8086;

/** Of the upper half of a gate or a descriptor: what must be, and among which bits (SDM vol. 3, 6.11, 6.14.1, 3.4.5). */
const gateBits = { mask: 0x9e00, value: 0x8e00 } as const;
const trapGate = 0x100;
/** Present and accessed code that is not conforming; in IA-32e mode L without D. */
const longCodeBits = { mask: 0x609d00, value: 0x209900 } as const;
const codeBits = { mask: 0x9d00, value: 0x9900 } as const;
/** Present, accessed, writable data that grows up, with B and G, and with the upper bits of base and limit. */
const flatStackBits = { mask: 0xffcf9fff, value: 0xcf9300 } as const;
/** 32-bit TSS: bit 3 of the type. */
const longTask = 8;

const rsp = stateOffsets.gpr + 4 * 8;
const { CS, SS, TR } = segmentOffsets;

function matches(word: number, bits: { readonly mask: number; readonly value: number }): boolean {
  return (word & bits.mask) >>> 0 === bits.value;
}

export class UsualDelivery {
  // The handler that the last checks have found.
  private ipLow = 0;
  private ipHigh = 0;
  private selector = 0;
  private isInterruptGate = false;
  private cpl = 0;
  private codeAt = 0;
  private stackAt = 0;

  constructor(
    private readonly context: ProcessorContext,
    private readonly access: MemoryAccess,
    private readonly segments: SegmentLoader,
    private readonly privilegeChanged: () => void,
  ) {}

  /** @returns false where the delivery is not usual; nothing has happened then */
  deliver(event: Event): boolean {
    const { context } = this;
    const isRare = event.type === eventType.nmi || event.debugStatus !== undefined;
    if (isRare || context.watch !== undefined) return false;
    if (context.isLongMode) return this.deliverLong(event);
    return context.mode === flatCode && context.isProtected && this.deliverFlat(event);
  }

  private deliverLong(event: Event): boolean {
    const { context, access } = this;
    const { state, view } = context;
    const at = this.gateAt(event.vector * 16, 16);
    if (at === 0 || !this.takeGate(at, event) || !this.takeCode(longCodeBits)) return false;
    this.ipHigh = view.getInt32(at + 8, true);
    if (!context.isCanonicalHalf(this.ipHigh)) return false;
    const stackTable = view.getUint8(at + 4) & 7;
    let low = state.readU32(rsp);
    let high = state.readHigh(rsp);
    if (stackTable !== 0 || this.cpl !== context.cpl) {
      const offset = stackTable === 0 ? 4 + this.cpl * 8 : 0x1c + stackTable * 8;
      if (offset + 7 > state.readU32(TR.limit)) return false;
      const from = access.systemTableAt(TR.base, offset, 8);
      if (from === 0) return false;
      low = view.getUint32(from, true);
      high = view.getInt32(from + 4, true);
    }
    const { errorCode } = event;
    const bytes = errorCode === undefined ? 40 : 48;
    const bottom = (low & ~15) >>> 0;
    // User code handles no interrupts of its own, and no stack begins at the start of a half.
    if (bottom < bytes || !context.isCanonicalHalf(high) || this.cpl === 3) return false;
    const to = access.systemBytesAt((bottom - bytes) | 0, high, bytes, 'write');
    if (to === 0) return false;
    const frame = to + bytes - 40;
    if (errorCode !== undefined) this.push(to, errorCode, 0);
    view.setBigUint64(frame, event.returnIp, true);
    this.push(frame + 8, state.readU32(CS.selector), state.readHigh(CS.selector));
    this.push(frame + 16, savedFlags(event, state.rflags), 0);
    this.push(frame + 24, state.readU32(rsp), state.readHigh(rsp));
    this.push(frame + 32, state.readU32(SS.selector), state.readHigh(SS.selector));
    state.writeHalves(rsp, bottom - bytes, high);
    if (this.cpl !== context.cpl) this.segments.loadNullStack(this.cpl);
    this.enter(event);
    return true;
  }

  private deliverFlat(event: Event): boolean {
    const { context } = this;
    const at = this.gateAt(event.vector * 8, 8);
    if (at === 0 || !this.takeGate(at, event) || !this.takeCode(codeBits)) return false;
    this.ipHigh = 0;
    if (this.ipLow >>> 0 > this.codeLimit) return false;
    return this.cpl < context.cpl ? this.enterInner(event) : this.enterSame(event);
  }

  /** On the stack of the running code. */
  private enterSame(event: Event): boolean {
    const { state } = this.context;
    const bytes = event.errorCode === undefined ? 12 : 16;
    const bottom = state.readU32(rsp) - bytes;
    const to = bottom < 0 ? 0 : this.access.bytesAt(bottom | 0, 0, bytes, 'write');
    if (to === 0) return false;
    this.pushFlat(to, event);
    state.writeZeroExtended(rsp, bottom);
    this.enter(event);
    return true;
  }

  /** On the stack that the TSS names. */
  private enterInner(event: Event): boolean {
    const { access, segments } = this;
    const { state, view } = this.context;
    const offset = 4 + this.cpl * 8;
    const isLongTask = (state.readU32(TR.accessRights) & longTask) !== 0;
    if (!isLongTask || offset + 7 > state.readU32(TR.limit)) return false;
    const from = access.systemTableAt(TR.base, offset, 8);
    if (from === 0) return false;
    const selector = view.getUint16(from + 4, true);
    this.stackAt = segments.descriptorAt(selector);
    if ((selector & 3) !== this.cpl || this.stackAt === 0 || !this.isFlatStack()) return false;
    const bytes = event.errorCode === undefined ? 20 : 24;
    const bottom = view.getUint32(from, true) - bytes;
    const to = bottom < 0 ? 0 : access.systemBytesAt(bottom | 0, 0, bytes, 'write');
    if (to === 0) return false;
    const end = this.pushFlat(to, event);
    view.setInt32(end, state.readU32(rsp), true);
    view.setInt32(end + 4, state.readU32(SS.selector), true);
    segments.loadAt(SS, selector, this.stackAt);
    state.writeZeroExtended(rsp, bottom);
    this.enter(event);
    return true;
  }

  private isFlatStack(): boolean {
    const { view } = this.context;
    const word = view.getUint32(this.stackAt + 4, true);
    const isWhole = view.getUint32(this.stackAt, true) === 0xffff;
    return isWhole && matches(word, flatStackBits) && ((word >>> 13) & 3) === this.cpl;
  }

  private gateAt(offset: number, bytes: number): number {
    const { state } = this.context;
    if (offset + bytes - 1 > state.readU32(vmcsOffsets.idtrLimit)) return 0;
    return this.access.systemTableAt(vmcsOffsets.idtrBase, offset, bytes);
  }

  private takeGate(at: number, event: Event): boolean {
    const { context } = this;
    const low = context.view.getUint32(at, true);
    const high = context.view.getUint32(at + 4, true);
    if (!matches(high, gateBits)) return false;
    if (isSoftware(event) && ((high >>> 13) & 3) < context.cpl) return false;
    this.ipLow = (low & 0xffff) | (high & 0xffff0000);
    this.selector = low >>> 16;
    this.isInterruptGate = (high & trapGate) === 0;
    return true;
  }

  private takeCode(bits: { readonly mask: number; readonly value: number }): boolean {
    const { context } = this;
    this.codeAt = this.segments.descriptorAt(this.selector);
    if (this.codeAt === 0) return false;
    const word = context.view.getUint32(this.codeAt + 4, true);
    this.cpl = (word >>> 13) & 3;
    return matches(word, bits) && this.cpl <= context.cpl;
  }

  private get codeLimit(): number {
    const { view } = this.context;
    return limitOfHalves(view.getInt32(this.codeAt, true), view.getInt32(this.codeAt + 4, true));
  }

  private push(to: number, low: number, high: number): void {
    const { view } = this.context;
    view.setInt32(to, low, true);
    view.setInt32(to + 4, high, true);
  }

  /** What every handler finds; the offset behind it. */
  private pushFlat(to: number, event: Event): number {
    const { state, view } = this.context;
    const { errorCode } = event;
    const at = errorCode === undefined ? to : to + 4;
    if (errorCode !== undefined) view.setInt32(to, errorCode, true);
    // The upper half, which is 0, makes room for the next.
    view.setBigUint64(at, event.returnIp, true);
    view.setInt32(at + 4, state.readU32(CS.selector), true);
    view.setInt32(at + 8, savedFlags(event, state.rflags), true);
    return at + 12;
  }

  private enter(event: Event): void {
    const { state } = this.context;
    if (event.address !== undefined) state.writeU64(stateOffsets.cr2, event.address);
    const selector = (this.selector & 0xfffc) | this.cpl;
    this.segments.loadAt(CS, selector, this.codeAt);
    state.writeHalves(stateOffsets.rip, this.ipLow, this.ipHigh);
    state.rflags = state.rflags & ~(clearedFlags | (this.isInterruptGate ? flagInterrupt : 0));
    this.privilegeChanged();
  }
}
