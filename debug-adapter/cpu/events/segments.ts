/** Loads segment registers, from descriptor tables (SDM vol. 3, 3.4.3, 3.4.5, 5.2, 5.8) or as 8086 code does (21.1.1). */
import { wholeAddress, type MemoryAccess, type SystemAccess } from '../paging/memory-access';
import { generalProtection, vector, type Fault, type ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets, type SegmentOffsets } from '../vmcs-offsets';

/**
 * An 8-byte descriptor, and the upper half of a 16-byte system descriptor. As signed integers: the engine then keeps
 * all of them in one shape.
 */
export interface Descriptor {
  readonly low: number;
  readonly high: number;
  readonly baseHigh: number;
}

/** Access-rights bits in VMCS format (SDM vol. 3, table 25-2). */
export const accessRights = {
  unusable: 0x10000,
  present: 0x80,
  system: 0x10,
  longCode: 0x2000,
  defaultBig: 0x4000,
} as const;

/** Present, writable and accessed data, at privilege level 3 and 0. */
const virtualRights = 0xf3n;
const realRights = 0x93n;

/** What loading gave: a descriptor, a fault to raise, or an access that already left. */
export type DescriptorLoad =
  | { readonly kind: 'descriptor'; readonly descriptor: Descriptor; readonly address: bigint }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'left'; readonly end: Exclude<SystemAccess, 'done' | 'fault'> };

export class SegmentLoader {
  constructor(
    private readonly context: ProcessorContext,
    private readonly access: MemoryAccess,
  ) {}

  /** Reads the descriptor that a non-null selector names; `bytes` is 16 for system descriptors. */
  readDescriptor(selector: number, bytes: 8 | 16, external = 0): DescriptorLoad {
    const { state } = this.context;
    const isLocal = (selector & 4) !== 0;
    const errorCode = (selector & 0xfffc) | external;
    if (isLocal && this.isUnusable(segmentOffsets.LDTR)) return faultOf(errorCode);
    const base = state.readU64(isLocal ? segmentOffsets.LDTR.base : vmcsOffsets.gdtrBase);
    const limit = state.readU32(isLocal ? segmentOffsets.LDTR.limit : vmcsOffsets.gdtrLimit);
    const offset = selector & 0xfff8;
    if (offset + bytes - 1 > limit) return faultOf(errorCode);
    const address = BigInt.asUintN(64, base + BigInt(offset));
    const data = this.access.readSystem(address, bytes);
    if (data === 'fault') return { kind: 'fault', fault: this.access.fault };
    if (typeof data === 'string') return { kind: 'left', end: data };
    const view = new DataView(data.buffer);
    const descriptor = {
      low: view.getInt32(0, true),
      high: view.getInt32(4, true),
      baseHigh: bytes === 16 ? view.getInt32(8, true) : 0,
    };
    return { kind: 'descriptor', descriptor, address };
  }

  /** Puts a descriptor's contents into a segment register. */
  load(target: SegmentOffsets, selector: number, { low, high, baseHigh }: Descriptor): void {
    this.put(target, selector, low, high, baseHigh);
  }

  /** The same of an 8-byte descriptor that lies at an address in the code space. */
  loadAt(target: SegmentOffsets, selector: number, at: number): void {
    const { view } = this.context;
    this.put(target, selector, view.getInt32(at, true), view.getInt32(at + 4, true), 0);
  }

  private put(
    target: SegmentOffsets,
    selector: number,
    low: number,
    high: number,
    baseHigh: number,
  ): void {
    const { state } = this.context;
    state.writeZeroExtended(target.selector, selector);
    state.writeHalves(target.base, baseLowOf(low, high), baseHigh);
    state.writeZeroExtended(target.limit, limitOfHalves(low, high));
    state.writeZeroExtended(target.accessRights, (high >>> 8) & 0xf0ff);
  }

  /**
   * Where a descriptor lies in the code space, for those who go the usual way: one of the GDT whose page is at hand.
   * @returns 0 where {@link readDescriptor} has to say more
   */
  descriptorAt(selector: number): number {
    const { state } = this.context;
    const offset = selector & 0xfff8;
    const isUsual = (selector & 4) === 0 && offset !== 0;
    if (!isUsual || offset + 7 > state.readU32(vmcsOffsets.gdtrLimit)) return 0;
    return this.access.systemTableAt(vmcsOffsets.gdtrBase, offset, 8);
  }

  /** A system descriptor has 16 bytes in IA-32e mode, else 8. */
  readSystemDescriptor(selector: number, external = 0): DescriptorLoad {
    return this.readDescriptor(selector, this.context.isLongMode ? 16 : 8, external);
  }

  /**
   * Real mode and virtual-8086 mode: the base is the selector times 16. Real mode keeps limit and attributes, unless
   * there are none (SDM vol. 3, 21.1.1 and 21.2.1).
   */
  loadDirect(target: SegmentOffsets, selector: number): void {
    const { state } = this.context;
    const rights = state.readU32(target.accessRights);
    state.writeU64(target.selector, BigInt(selector));
    state.writeU64(target.base, BigInt(selector) << 4n);
    if (this.context.isVirtual8086) {
      state.writeU64(target.limit, 0xffffn);
      state.writeU64(target.accessRights, virtualRights);
    } else if ((rights & accessRights.unusable) !== 0) {
      state.writeU64(target.limit, 0xffffn);
      state.writeU64(target.accessRights, realRights);
    }
  }

  /** A null selector makes a register unusable; FS and GS keep no base. */
  loadNull(target: SegmentOffsets, selector: number): void {
    const { state } = this.context;
    state.writeZeroExtended(target.selector, selector);
    state.writeZeroExtended(target.base, 0);
    state.writeZeroExtended(target.limit, 0);
    state.writeZeroExtended(target.accessRights, accessRights.unusable);
  }

  /** The null SS of 64-bit mode after a change of privilege: unusable, but its DPL is the CPL. */
  loadNullStack(cpl: number): void {
    this.loadNull(segmentOffsets.SS, cpl);
    const rights = accessRights.unusable | (cpl << 5);
    this.context.state.writeZeroExtended(segmentOffsets.SS.accessRights, rights);
  }

  /** Sets the accessed bit of a code or data descriptor that is being loaded. */
  markAccessed(address: bigint, descriptor: Descriptor): SystemAccess {
    if ((descriptor.high & 0x100) !== 0) return 'done';
    const type = ((descriptor.high | 0x100) >>> 8) & 0xff;
    return this.access.writeSystem(address + 5n, Uint8Array.of(type));
  }

  private isUnusable(segment: SegmentOffsets): boolean {
    return (this.context.state.readU32(segment.accessRights) & accessRights.unusable) !== 0;
  }
}

function faultOf(errorCode: number): DescriptorLoad {
  return { kind: 'fault', fault: generalProtection(errorCode) };
}

function baseLowOf(low: number, high: number): number {
  return (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
}

/** Base of a system descriptor of IA-32e mode. */
export function longBaseOf(descriptor: Descriptor): bigint {
  return wholeAddress(baseLowOf(descriptor.low, descriptor.high), descriptor.baseHigh);
}

export function limitOf({ low, high }: Descriptor): number {
  return limitOfHalves(low, high);
}

/** Limit of the segment whose descriptor has these halves. */
export function limitOfHalves(low: number, high: number): number {
  const limit = (low & 0xffff) | (high & 0xf0000);
  return (high & 0x800000) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
}

/** Type field of a descriptor with its S bit: 0x10 and up for code and data. */
export function typeOf(descriptor: Descriptor): number {
  return (descriptor.high >>> 8) & 0x1f;
}

export function privilegeOf(descriptor: Descriptor): number {
  return (descriptor.high >>> 13) & 3;
}

export function isPresent(descriptor: Descriptor): boolean {
  return (descriptor.high & 0x8000) !== 0;
}

/** L of a code segment descriptor. */
export function isLongCode(descriptor: Descriptor): boolean {
  return (descriptor.high & 0x200000) !== 0;
}

/** D/B of a descriptor. */
export function isBig(descriptor: Descriptor): boolean {
  return (descriptor.high & 0x400000) !== 0;
}

export function notPresent(selector: number, external = 0): Fault {
  return { vector: vector.NP, errorCode: (selector & 0xfffc) | external };
}
