/**
 * Walks the paging structures of 32-bit, PAE, 4-level and 5-level paging (SDM vol. 3, 4.3 to 4.6), with accessed and
 * dirty bits.
 */
import { physicalAddressBits } from '../../spec/x86/address-widths';
import { Cr4 } from '../../spec/x86/control-registers';
import type { AccessKind, PageWalkLevel, Translation } from '../../machine/processor';
import { stateOffsets } from '../../machine/processor-state';
import {
  frameOfEntry,
  rightExecute,
  rightRead,
  rightsOfEntry,
  rightWrite,
} from '../../machine/guest-memory';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { WalkCache } from './walk-cache';

const present = 1;
const writable = 2;
const user = 4;
const accessed = 0x20;
const dirty = 0x40;
const pageSize = 0x80;
const noExecute = 1 << 31;

const cr0Paging = 1 << 31;
const cr0WriteProtect = 1 << 16;
const cr4PageSizeExtensions = 1 << 4;
const cr4PhysicalAddressExtension = 1 << 5;
const cr4SupervisorExecutionPrevention = 1 << 20;
const cr4SupervisorAccessPrevention = 1 << 21;
const flagAlignmentCheck = 0x40000;
/** Bit 21 of a 4 MiB page's entry; bits 20:13 are address bits 39:32. */
const largeReserved = 1 << 21;
const eferNoExecuteEnable = 1 << 11;

/** Reserved bits above the physical address width, in the upper half of an entry (bits 51:40). */
const reservedHigh = 0xfffff & ~((1 << (physicalAddressBits - 32)) - 1);

/** Page-fault error code bits (SDM vol. 3, figure 4-12). */
const faultPresent = 1;
const faultWrite = 2;
const faultUser = 4;
const faultReserved = 8;
const faultFetch = 0x10;

function rightFor(access: AccessKind): number {
  if (access === 'read') return rightRead;
  return access === 'write' ? rightWrite : rightExecute;
}

/** Whose access it is: supervisor mode reads descriptor tables and the like implicitly (SDM vol. 3, 4.6). */
export type Rights = 'user' | 'supervisor' | 'implicit' | 'debugger';

/** 4-byte entries. */
const legacyNames = -1;
const levelNames = ['PML5E', 'PML4E', 'PDPTE', 'PDE', 'PTE'] as const;

/** Pages that an entry of each of `levelNames` stands for. */
const pagesOfEntry = [512 ** 4, 512 ** 3, 512 ** 2, 512, 1];

/** Positions in `levelNames`. */
const level5 = 0;
const level4 = 1;
const directory = 3;
const leafLevel = 4;
/** Beside them, in remembered walks: a table of 4-byte entries. */
const shortTable = 5;

/** Outcome of a walk. */
export const WalkResult = {
  mapped: 0,
  pageFault: 1,
  /** The second-level map refuses a page, of the paging structures or of the data. */
  eptViolation: 2,
  framesExhausted: 3,
} as const;

export type WalkResult = (typeof WalkResult)[keyof typeof WalkResult];

/** One walk at a time; its outcome stays in the fields until the next. */
export class PageWalker {
  /** Guest-physical page number of the result, or of the page that the second-level map refused. */
  gpaPage = 0;
  /** Frame of the result. */
  frame = 0;
  /** Error code of a page fault. */
  errorCode = 0;
  /** True where the refused page is a paging structure. */
  isStructure = false;
  /** Address of the entry that could not be accessed, and how it was to be. */
  structureAddress = 0;
  structureAccess: 'read' | 'write' = 'read';
  /** Of the entries on the way: guest-physical address, offset in the space, and frame of the structure. */
  private readonly entryAddress = [0, 0, 0, 0, 0];
  private readonly entryOffset = [0, 0, 0, 0, 0];
  private readonly entryFrame = [0, 0, 0, 0, 0];
  private levels = 0;
  /** Position in `levelNames` of the first level, `legacyNames`, or `shortTable`. */
  private firstName = 0;
  /** Of the last translation: what the entries above the last one allow. */
  private allowedAbove = 0;
  private isNoExecuteAbove = false;
  /** Ends of walks that succeeded; whoever drops translations drops these. */
  readonly known = new WalkCache();

  constructor(private readonly context: ProcessorContext) {}

  /** Walks for an access to linear address `high`:`low`, setting accessed and dirty bits where it succeeds. */
  walk(low: number, high: number, access: AccessKind, rights: Rights): WalkResult {
    const place = this.known.find(low, high);
    if (place >= 0) return this.walkFrom(place, low, high, access, rights);
    const result = this.translate(low, high, access, rights);
    if (result !== WalkResult.mapped) return result;
    const end = this.touch(access);
    if (end !== WalkResult.mapped) return end;
    this.noteSources(low, high);
    this.remember(low, high);
    return end;
  }

  /** Makes the last step of a walk, from a structure that an earlier one has come to. */
  private walkFrom(
    place: number,
    low: number,
    high: number,
    access: AccessKind,
    rights: Rights,
  ): WalkResult {
    const { known } = this;
    const { memory, view, state } = this.context;
    const level = known.level[place] ?? 0;
    if (level === shortTable) return this.walkFromShort(place, low, access, rights);
    const at = indexAt(level, low, high) * 8;
    const frame = known.frame[place] ?? 0;
    const offset = memory.frameOffset(frame) + at;
    this.isStructure = false;
    this.firstName = level;
    this.levels = 1;
    this.entryAddress[0] = (known.page[place] ?? 0) * 4096 + at;
    this.entryFrame[0] = frame;
    this.entryOffset[0] = offset;
    const entryLow = view.getInt32(offset, true);
    if ((entryLow & present) === 0) return this.fault(0, access, rights);
    this.allowedAbove = known.allowed[place] ?? 0;
    this.isNoExecuteAbove = known.isNoExecute[place] === 1;
    const noExecuteEnabled = (state.readU32(vmcsOffsets.efer) & eferNoExecuteEnable) !== 0;
    const entryHigh = view.getInt32(offset + 4, true);
    if (hasReserved(entryLow, entryHigh, level, noExecuteEnabled)) {
      return this.fault(faultPresent | faultReserved, access, rights);
    }
    const result = this.takeLeaf(entryLow, entryHigh, low, access, rights);
    return result === WalkResult.mapped ? this.touchAgain(frame, access) : result;
  }

  /** {@link touch} behind a remembered walk, whose structures were noted then. */
  private touchAgain(structure: number, access: AccessKind): WalkResult {
    const end = this.touch(access);
    if (end === WalkResult.mapped) this.context.sources.noteAgain(structure);
    return end;
  }

  /** The same in 32-bit paging. */
  private walkFromShort(
    place: number,
    low: number,
    access: AccessKind,
    rights: Rights,
  ): WalkResult {
    const { known } = this;
    const { memory, view } = this.context;
    const at = ((low >>> 12) & 0x3ff) * 4;
    const frame = known.frame[place] ?? 0;
    const offset = memory.frameOffset(frame) + at;
    this.isStructure = false;
    this.firstName = shortTable;
    this.levels = 1;
    this.entryAddress[0] = (known.page[place] ?? 0) * 4096 + at;
    this.entryFrame[0] = frame;
    this.entryOffset[0] = offset;
    const entry = view.getInt32(offset, true);
    if ((entry & present) === 0) return this.fault(0, access, rights);
    if (!this.permits(access, rights, (known.allowed[place] ?? 0) & entry, false)) {
      return this.fault(faultPresent, access, rights);
    }
    this.gpaPage = entry >>> 12;
    return this.touchAgain(frame, access);
  }

  /** Remembers where the last walk ended, unless that took a single step or none. */
  private remember(low: number, high: number): void {
    const { known, levels } = this;
    if (levels < 2) return;
    const place = known.add(low, high);
    known.level[place] = this.firstName === legacyNames ? shortTable : this.firstName + levels - 1;
    known.frame[place] = this.entryFrame[levels - 1] ?? 0;
    known.page[place] = Math.floor((this.entryAddress[levels - 1] ?? 0) / 4096);
    known.allowed[place] = this.allowedAbove;
    known.isNoExecute[place] = this.isNoExecuteAbove ? 1 : 0;
  }

  /** Translates as {@link walk} does, but changes nothing. */
  inspect(gva: bigint, access: AccessKind): Translation {
    if (!this.context.isCanonical(gva)) return { kind: 'noncanonical' };
    const low = Number(gva & 0xffffffffn) | 0;
    const high = Number(gva >> 32n) | 0;
    const result = this.translate(low, high, access, 'debugger');
    if (result === WalkResult.pageFault) return { kind: 'fault', errorCode: this.errorCode };
    return { kind: 'mapped', gpa: this.gpaPage * 4096 + (low & 0xfff) };
  }

  /** The entries on the way to `gva`, outermost first. */
  path(gva: bigint): PageWalkLevel[] {
    this.levels = 0;
    const low = Number(gva & 0xffffffffn) | 0;
    const high = Number((gva >> 32n) & 0xffffffffn) | 0;
    this.translate(low, high, 'read', 'debugger');
    const isShort = this.firstName === legacyNames;
    const names = levelNames.slice(isShort ? directory : this.firstName);
    return names.slice(0, this.levels).map((name, level) => {
      const entryAddress = this.entryAddress[level] ?? 0;
      const bytes = new Uint8Array(8);
      bytes.set(this.context.memory.read(entryAddress, isShort ? 4 : 8) ?? []);
      const entry = new DataView(bytes.buffer).getBigUint64(0, true);
      return { name, entryAddress, entry };
    });
  }

  private translate(low: number, high: number, access: AccessKind, rights: Rights): WalkResult {
    const { state } = this.context;
    this.levels = 0;
    this.isStructure = false;
    if ((state.readU32(vmcsOffsets.cr0) & cr0Paging) === 0) {
      this.gpaPage = (high & 0xfffff) * 0x100000 + (low >>> 12);
      return WalkResult.mapped;
    }
    const cr4 = state.readU32(vmcsOffsets.cr4);
    if ((cr4 & cr4PhysicalAddressExtension) === 0) {
      this.firstName = legacyNames;
      return this.translateShort(low, access, rights, cr4);
    }
    let tableAt = vmcsOffsets.cr3;
    if (!this.context.isLongMode) {
      tableAt = vmcsOffsets.pageDirectoryPointers[low >>> 30] ?? 0;
      this.firstName = directory;
      if ((state.readU32(tableAt) & present) === 0) return this.fault(0, access, rights);
    } else this.firstName = (cr4 & Cr4.LA57) !== 0 ? level5 : level4;
    return this.translateLong(low, high, access, rights, this.firstName, tableAt);
  }

  /** 8-byte entries: 5-level or 4-level paging, or the two lower levels of PAE paging (SDM vol. 3, 4.5 and 4.4). */
  private translateLong(
    low: number,
    high: number,
    access: AccessKind,
    rights: Rights,
    firstLevel: number,
    tableAt: number,
  ): WalkResult {
    const { state, view } = this.context;
    let table = structurePage(state.readU32(tableAt), state.readU32(tableAt + 4));
    this.allowedAbove = writable | user;
    this.isNoExecuteAbove = false;
    const noExecuteEnabled = (state.readU32(vmcsOffsets.efer) & eferNoExecuteEnable) !== 0;
    for (let level = firstLevel; level <= leafLevel; level++) {
      const address = table * 4096 + indexAt(level, low, high) * 8;
      const offset = this.enterStructure(table, address);
      if (offset < 0) return this.refuse(address, 'read');
      const entryLow = offset === 0 ? 0 : view.getInt32(offset, true);
      const entryHigh = offset === 0 ? 0 : view.getInt32(offset + 4, true);
      if ((entryLow & present) === 0) return this.fault(0, access, rights);
      const isLeaf = level === leafLevel || (level > level4 && (entryLow & pageSize) !== 0);
      if (hasReserved(entryLow, entryHigh, level, noExecuteEnabled)) {
        return this.fault(faultPresent | faultReserved, access, rights);
      }
      if (isLeaf) return this.takeLeaf(entryLow, entryHigh, low, access, rights);
      this.allowedAbove &= entryLow;
      this.isNoExecuteAbove ||= (entryHigh & noExecute) !== 0;
      table = structurePage(entryLow, entryHigh);
    }
    return WalkResult.mapped;
  }

  /** The entry that gives the page, the last of `levels`. */
  private takeLeaf(
    entryLow: number,
    entryHigh: number,
    low: number,
    access: AccessKind,
    rights: Rights,
  ): WalkResult {
    const isNoExecute = this.isNoExecuteAbove || (entryHigh & noExecute) !== 0;
    if (!this.permits(access, rights, this.allowedAbove & entryLow, isNoExecute)) {
      return this.fault(faultPresent, access, rights);
    }
    this.gpaPage = leafPage(entryLow, entryHigh, this.firstName + this.levels - 1, low);
    return WalkResult.mapped;
  }

  /** 4-byte entries: 32-bit paging (SDM vol. 3, 4.3). */
  private translateShort(low: number, access: AccessKind, rights: Rights, cr4: number): WalkResult {
    const { state, view } = this.context;
    let table = state.readU32(vmcsOffsets.cr3) >>> 12;
    let allowed = writable | user;
    for (const index of [low >>> 22, (low >>> 12) & 0x3ff]) {
      const address = table * 4096 + index * 4;
      const offset = this.enterStructure(table, address);
      if (offset < 0) return this.refuse(address, 'read');
      const entry = offset === 0 ? 0 : view.getInt32(offset, true);
      if ((entry & present) === 0) return this.fault(0, access, rights);
      allowed &= entry;
      const isLarge =
        this.levels === 1 && (entry & pageSize) !== 0 && (cr4 & cr4PageSizeExtensions) !== 0;
      if (isLarge && (entry & largeReserved) !== 0) {
        return this.fault(faultPresent | faultReserved, access, rights);
      }
      if (isLarge || this.levels === 2) {
        if (!this.permits(access, rights, allowed, false)) {
          return this.fault(faultPresent, access, rights);
        }
        this.gpaPage = isLarge ? largePage(entry, low) : entry >>> 12;
        return WalkResult.mapped;
      }
      table = entry >>> 12;
      this.allowedAbove = allowed;
      this.isNoExecuteAbove = false;
    }
    return WalkResult.mapped;
  }

  /**
   * Notes the entry that is read next.
   * @returns its offset in the space; 0 where its page was never touched (all zero); -1 where it is not mapped
   */
  private enterStructure(page: number, address: number): number {
    const { memory } = this.context;
    const { levels } = this;
    const entry = memory.entryOf(page);
    this.entryAddress[levels] = address;
    if ((rightsOfEntry(entry) & rightRead) === 0) return -1;
    const frame = frameOfEntry(entry);
    const offset = frame < 0 ? 0 : memory.frameOffset(frame) + (address - page * 4096);
    this.entryFrame[levels] = frame;
    this.entryOffset[levels] = offset;
    this.levels = levels + 1;
    return offset;
  }

  private refuse(address: number, access: 'read' | 'write'): WalkResult {
    this.gpaPage = Math.floor(address / 4096);
    this.structureAddress = address;
    this.structureAccess = access;
    this.isStructure = true;
    return WalkResult.eptViolation;
  }

  private fault(bits: number, access: AccessKind, rights: Rights): WalkResult {
    const { state } = this.context;
    const cr4 = state.readU32(vmcsOffsets.cr4);
    const noExecuteEnabled =
      (cr4 & cr4PhysicalAddressExtension) !== 0 &&
      (state.readU32(vmcsOffsets.efer) & eferNoExecuteEnable) !== 0;
    const tellsFetch = noExecuteEnabled || (cr4 & cr4SupervisorExecutionPrevention) !== 0;
    this.errorCode =
      bits |
      (access === 'write' ? faultWrite : 0) |
      (rights === 'user' ? faultUser : 0) |
      (access === 'execute' && tellsFetch ? faultFetch : 0);
    return WalkResult.pageFault;
  }

  /** Access rights (SDM vol. 3, 4.6.1), with SMEP and SMAP. */
  private permits(
    access: AccessKind,
    rights: Rights,
    allowed: number,
    isNoExecute: boolean,
  ): boolean {
    const { state } = this.context;
    const isUserPage = (allowed & user) !== 0;
    const cr4 = state.readU32(vmcsOffsets.cr4);
    if (rights === 'user' && !isUserPage) return false;
    if (access === 'execute') {
      const isPrevented =
        rights !== 'user' && isUserPage && (cr4 & cr4SupervisorExecutionPrevention) !== 0;
      return !isNoExecute && !(isPrevented && rights !== 'debugger');
    }
    if (isUserPage && (cr4 & cr4SupervisorAccessPrevention) !== 0) {
      const isAllowed = (state.readU32(stateOffsets.flagsSystem) & flagAlignmentCheck) !== 0;
      if (rights === 'implicit' || (rights === 'supervisor' && !isAllowed)) return false;
    }
    if (access === 'read' || (allowed & writable) !== 0) return true;
    return rights !== 'user' && (state.readU32(vmcsOffsets.cr0) & cr0WriteProtect) === 0;
  }

  /** After a successful translation: second-level rights, accessed and dirty bits, the frame. */
  private touch(access: AccessKind): WalkResult {
    const { memory } = this.context;
    if ((memory.rightsOf(this.gpaPage) & rightFor(access)) === 0) return WalkResult.eptViolation;
    const frame = memory.touchFrame(this.gpaPage);
    if (frame < 0) return WalkResult.framesExhausted;
    for (let level = 0; level < this.levels; level++) {
      const isLast = level === this.levels - 1;
      const bits = accessed | (isLast && access === 'write' ? dirty : 0);
      if (!this.mark(level, bits)) return this.refuse(this.entryAddress[level] ?? 0, 'write');
    }
    this.frame = frame;
    return WalkResult.mapped;
  }

  /** Tells which structures the translation came from, now that nothing can refuse it any more. */
  private noteSources(low: number, high: number): void {
    const { sources } = this.context;
    const isShort = this.firstName === legacyNames;
    for (let level = 0; level < this.levels; level++) {
      const frame = this.entryFrame[level] ?? 0;
      if (isShort) sources.note(frame, low, high, level === 0 ? 1024 : 1, 4);
      else sources.note(frame, low, high, pagesOfEntry[this.firstName + level] ?? 1, 8);
    }
  }

  private mark(level: number, bits: number): boolean {
    const { memory, view } = this.context;
    const offset = this.entryOffset[level] ?? 0;
    const entry = view.getInt32(offset, true);
    if ((entry & bits) === bits) return true;
    const page = Math.floor((this.entryAddress[level] ?? 0) / 4096);
    if ((memory.rightsOf(page) & rightWrite) === 0) return false;
    memory.markWalked(this.entryFrame[level] ?? 0);
    view.setInt32(offset, entry | bits, true);
    return true;
  }
}

function indexAt(level: number, low: number, high: number): number {
  // The levels at which walks are remembered, without a branch for each.
  if (level >= directory) return (low >>> (12 + (leafLevel - level) * 9)) & 0x1ff;
  switch (level) {
    case level5:
      return (high >>> 16) & 0x1ff;
    case level4:
      return (high >>> 7) & 0x1ff;
    default:
      return ((high & 0x7f) << 2) | (low >>> 30);
  }
}

/** Physical page of an address in a 4 MiB page. */
function largePage(entry: number, linear: number): number {
  return ((entry >>> 13) & 0xff) * 0x100000 + (entry >>> 22) * 0x400 + ((linear >>> 12) & 0x3ff);
}

/** Guest page of the structure that an entry, or CR3, leads to. */
export function structurePage(low: number, high: number): number {
  return (high & ((1 << (physicalAddressBits - 32)) - 1)) * 0x100000 + (low >>> 12);
}

/** Physical page of a leaf entry, with the offset bits of a large page from the linear address. */
function leafPage(low: number, high: number, level: number, linear: number): number {
  const page = structurePage(low, high);
  const inside = (1 << ((leafLevel - level) * 9)) - 1;
  return page - (page & inside) + ((linear >>> 12) & inside);
}

function hasReserved(low: number, high: number, level: number, noExecuteEnabled: boolean): boolean {
  if ((high & reservedHigh) !== 0) return true;
  if (!noExecuteEnabled && (high & noExecute) !== 0) return true;
  if ((low & pageSize) === 0 || level === leafLevel) return false;
  if (level <= level4) return true;
  // A large page's address must be aligned; bit 12 is the PAT bit.
  return (low & (level === directory ? 0x1fe000 : 0x3fffe000)) !== 0;
}
