/** Control and debug registers (SDM vol. 3, 2.5, 17.2; interception 26.1.3). */
import { stateOffsets } from '../../machine/processor-state';
import { recordOffsets } from '../interpreter/record';
import { runOffsets } from '../memory-map';
import { offeredCr4 } from '../../machine/offered-control-bits';
import { Cr0, Cr4 } from '../../spec/x86/control-registers';
import { linearAddressBits, physicalAddressBits } from '../../spec/x86/address-widths';
import {
  generalProtection,
  RoutineEnd,
  undefinedOpcode,
  vector,
  type Fault,
  type ProcessorContext,
} from '../processor-context';
import { wholeAddress } from '../paging/memory-access';
import { isPaePaging, loadPageDirectoryPointers } from '../paging/page-directory-pointers';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { causeExit, exitReason, hasPrimary, primaryControl } from '../vmx/vm-exits';
import type { Processor, Routine, RoutineFamily, RoutineRecord } from './routine';

const cr0Writable =
  Cr0.PE | Cr0.MP | Cr0.EM | Cr0.TS | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.NW | Cr0.CD | Cr0.PG;

const cr4Supported = BigInt(offeredCr4);
const cr4Pae = 0x20n;
const cr4FiveLevels = BigInt(Cr4.LA57);
const cr4Pcide = BigInt(Cr4.PCIDE);
const cr4DebuggingExtensions = BigInt(Cr4.DE);
const eferLongModeEnable = 1n << 8n;
const eferLongModeActive = 1n << 10n;
/** CS.L in access rights. */
const longCodeRight = 0x2000;
/** Changes that load the pointers of PAE paging anew: CR0.CD, NW, PG; CR4.PAE, PGE, PSE, SMEP. */
const cr0ReloadingPointers = 0xe0000000n;
const cr4ReloadingPointers = 0x1000b0n;
/** Of the upper half of CR3. */
const cr3ReservedHigh = ~((1 << (physicalAddressBits - 32)) - 1);

/** Those that exist; the controls that make reading one exit. */
const controlRegisters: ReadonlySet<number> = new Set([0, 2, 3, 4, 8]);
const storeExiting: Readonly<Record<number, number>> = {
  3: primaryControl.cr3StoreExiting,
  8: primaryControl.cr8StoreExiting,
};

/** Access types of a control-register exit (SDM vol. 3, table 28-3). */
const accessType = { moveTo: 0, moveFrom: 1, clts: 2 } as const;

function crExit(
  context: ProcessorContext,
  record: RoutineRecord,
  number: number,
  type: number,
  register: number,
): RoutineEnd {
  return causeExit(context, exitReason.CR_ACCESS, {
    qualification: BigInt(number | (type << 4) | (register << 8)),
    instructionLength: record.length,
  });
}

/** What the guest reads: its own bits, and the shadow's where the host owns the bit. */
function shadowed(context: ProcessorContext, value: number, mask: number, shadow: number): bigint {
  const { state } = context;
  const owned = state.readU64(mask);
  return (state.readU64(value) & ~owned) | (state.readU64(shadow) & owned);
}

const moveFromControl: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  const number = record.immediateNumber;
  if (!controlRegisters.has(number)) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  const register = record.dst / 8;
  const intercept = storeExiting[number];
  if (intercept !== undefined && hasPrimary(context, intercept)) {
    return crExit(context, record, number, accessType.moveFrom, register);
  }
  const isLong = context.mode.codeSize === 64;
  const value = readControl(context, number);
  state.setGpr(register, isLong ? value : value & 0xffffffffn);
  return RoutineEnd.next;
};

function readControl(context: ProcessorContext, number: number): bigint {
  const { state } = context;
  switch (number) {
    case 0:
      return shadowed(context, vmcsOffsets.cr0, vmcsOffsets.cr0Mask, vmcsOffsets.cr0Shadow);
    case 3:
      return state.readU64(vmcsOffsets.cr3);
    case 4:
      return shadowed(context, vmcsOffsets.cr4, vmcsOffsets.cr4Mask, vmcsOffsets.cr4Shadow);
    default:
      return state.readU64(stateOffsets.cr8);
  }
}

/** The source register's number: MOV to CR decodes it as the second operand, whose value is the routine's operand. */
const moveToControl: Routine = (processor, record) => {
  const { context } = processor;
  const number = record.immediateNumber;
  if (context.cpl !== 0 && controlRegisters.has(number)) {
    return context.raise(generalProtection());
  }
  if (number === 3) return writeCr3(processor, record);
  const value = sourceValue(context);
  switch (number) {
    case 0:
      return writeCr0(processor, record, value);
    case 2:
      context.state.writeU64(stateOffsets.cr2, value);
      return RoutineEnd.next;
    case 4:
      return writeCr4(processor, record, value);
    case 8:
      return writeCr8(processor, record, value);
    default:
      return context.raise(undefinedOpcode);
  }
};

/** True where a bit that the host owns would differ from the read shadow. */
function changesOwned(
  context: ProcessorContext,
  value: bigint,
  mask: number,
  shadow: number,
): boolean {
  const owned = context.state.readU64(mask);
  return ((value ^ context.state.readU64(shadow)) & owned) !== 0n;
}

function writeCr0(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  if (changesOwned(context, value, vmcsOffsets.cr0Mask, vmcsOffsets.cr0Shadow)) {
    return crExit(context, record, 0, accessType.moveTo, sourceRegister(context, record));
  }
  return applyCr0(processor, record, value);
}

/** Checks and writes CR0; paging that begins or ends also switches IA-32e mode (SDM vol. 3, 10.8.5). */
function applyCr0(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  const { state } = context;
  const low = Number(value & 0xffffffffn) | 0;
  const isPaged = (low & Cr0.PG) !== 0;
  const isRefused =
    value >> 32n !== 0n ||
    (isPaged && (low & Cr0.PE) === 0) ||
    ((low & Cr0.NW) !== 0 && (low & Cr0.CD) === 0) ||
    (!isPaged && context.is64Bit) ||
    (!isPaged && (state.readU64(vmcsOffsets.cr4) & cr4Pcide) !== 0n);
  if (isRefused) return context.raise(generalProtection());
  const owned = state.readU64(vmcsOffsets.cr0Mask);
  const written = BigInt.asUintN(32, BigInt((low & cr0Writable) | Cr0.ET));
  const before = state.readU64(vmcsOffsets.cr0);
  const after = (before & owned) | (written & ~owned);
  const wasPaged = (Number(before & 0xffffffffn) & Cr0.PG) !== 0;
  const efer = state.readU64(vmcsOffsets.efer);
  const entersLongMode = isPaged && !wasPaged && (efer & eferLongModeEnable) !== 0n;
  if (entersLongMode && !mayEnterLongMode(context)) return context.raise(generalProtection());
  const isLongMode = isPaged && (wasPaged ? context.isLongMode : entersLongMode);
  const cr4 = state.readU64(vmcsOffsets.cr4);
  const reloads = ((before ^ after) & cr0ReloadingPointers) !== 0n;
  const left = reloads ? reloadPointers(processor, after, cr4, isLongMode) : undefined;
  if (left !== undefined) return left;
  state.writeU64(vmcsOffsets.cr0, after);
  const active = isLongMode ? eferLongModeActive : 0n;
  state.writeU64(vmcsOffsets.efer, (efer & ~eferLongModeActive) | active);
  return translationChanged(processor, record);
}

/** IA-32e mode needs PAE, and cannot begin in a segment that is already 64-bit code. */
function mayEnterLongMode({ state }: ProcessorContext): boolean {
  const hasPae = (state.readU64(vmcsOffsets.cr4) & cr4Pae) !== 0n;
  return hasPae && (state.readU32(segmentOffsets.CS.accessRights) & longCodeRight) === 0;
}

/** PAE paging keeps its four pointers in registers (SDM vol. 3, 4.4.1). */
function reloadPointers(
  processor: Processor,
  cr0: bigint,
  cr4: bigint,
  isLongMode: boolean,
  cr3 = processor.context.state.readU64(vmcsOffsets.cr3),
): RoutineEnd | undefined {
  const { context, access } = processor;
  const isPae = isPaePaging(Number(cr0 & 0xffffffffn), Number(cr4 & 0xffffffffn), isLongMode);
  if (!isPae) return undefined;
  const end = loadPageDirectoryPointers(context, access, cr3);
  if (end === 'left') return RoutineEnd.leave;
  return end === undefined ? undefined : context.raise(end);
}

/** The same from another CR3, outside IA-32e mode. */
function reloadPointersFrom(processor: Processor, cr3: bigint): RoutineEnd | undefined {
  const { state } = processor.context;
  const cr4 = state.readU64(vmcsOffsets.cr4);
  return reloadPointers(processor, state.readU64(vmcsOffsets.cr0), cr4, false, cr3);
}

/** LMSW writes PE, MP, EM and TS, and cannot clear PE (SDM vol. 2, LMSW; exits vol. 3, 26.1.3). */
const loadMachineStatusWord: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  if (context.cpl !== 0) return context.raise(generalProtection());
  const source = context.runU64(runOffsets.operand) & 0xfn;
  const owned = state.readU64(vmcsOffsets.cr0Mask) & 0xfn;
  const shadow = state.readU64(vmcsOffsets.cr0Shadow);
  const setsProtection = (source & ~shadow & owned & 1n) !== 0n;
  const changes = ((source ^ shadow) & owned & 0xen) !== 0n;
  if (setsProtection || changes) {
    const form = record.hasMemoryOperand ? 0x40n : 0n;
    return causeExit(context, exitReason.CR_ACCESS, {
      qualification: 0x30n | form | (source << 16n),
      instructionLength: record.length,
      guestLinearAddress: record.hasMemoryOperand ? record.memoryAddress() : 0n,
    });
  }
  const before = state.readU64(vmcsOffsets.cr0);
  const kept = before & (~0xfn | 1n);
  return applyCr0(processor, record, kept | source);
};

/** Without a bigint: a kernel that changes its code goes to another space and back each time. */
function writeCr3(processor: Processor, record: RoutineRecord): RoutineEnd {
  const { context } = processor;
  const { state, isLongMode } = context;
  const low = context.run32(runOffsets.operand);
  const high = context.mode.codeSize === 64 ? context.run32(runOffsets.operand + 4) : 0;
  if (hasPrimary(context, primaryControl.cr3LoadExiting) && !isCr3Target(context, low, high)) {
    return crExit(context, record, 3, accessType.moveTo, sourceRegister(context, record));
  }
  const hasIdentifiers = (state.readU32(vmcsOffsets.cr4) & Cr4.PCIDE) !== 0;
  // With PCIDs bit 63 asks to keep translations; it is never stored (SDM vol. 3, 4.10.4.1).
  const stored = hasIdentifiers ? high & 0x7fffffff : high;
  if (isLongMode && (stored & cr3ReservedHigh) !== 0) return context.raise(generalProtection());
  const left = isLongMode ? undefined : reloadPointersFrom(processor, wholeAddress(low, stored));
  if (left !== undefined) return left;
  const oldLow = state.readU32(vmcsOffsets.cr3);
  const oldHigh = state.readHigh(vmcsOffsets.cr3);
  state.writeHalves(vmcsOffsets.cr3, low, stored);
  state.addToSlot(stateOffsets.rip, record.length);
  processor.addressSpaces.changed(oldLow, oldHigh);
  return RoutineEnd.lookup;
}

function isCr3Target(context: ProcessorContext, low: number, high: number): boolean {
  const count = context.state.readU32(vmcsOffsets.cr3TargetCount);
  const value = wholeAddress(low, high);
  return vmcsOffsets.cr3Targets.slice(0, count).some((at) => context.state.readU64(at) === value);
}

/** LA57 is one of them where the processor has linear addresses of 57 bits. */
function supportedCr4({ supportedAddressBits }: ProcessorContext): bigint {
  return supportedAddressBits === linearAddressBits.fiveLevels
    ? cr4Supported | cr4FiveLevels
    : cr4Supported;
}

/** LA57 cannot change in IA-32e mode (SDM vol. 2, MOV to control registers). */
function writeCr4(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  const { state } = context;
  if (changesOwned(context, value, vmcsOffsets.cr4Mask, vmcsOffsets.cr4Shadow)) {
    return crExit(context, record, 4, accessType.moveTo, sourceRegister(context, record));
  }
  const owned = state.readU64(vmcsOffsets.cr4Mask);
  const before = state.readU64(vmcsOffsets.cr4);
  const enablesPcid = (value & ~before & cr4Pcide) !== 0n;
  const isRefused =
    (value & ~owned & ~supportedCr4(context)) !== 0n ||
    (context.isLongMode && ((value ^ before) & cr4FiveLevels) !== 0n) ||
    (context.isLongMode && (value & cr4Pae) === 0n) ||
    (enablesPcid && (!context.isLongMode || (state.readU64(vmcsOffsets.cr3) & 0xfffn) !== 0n));
  if (isRefused) return context.raise(generalProtection());
  const after = (before & owned) | (value & ~owned);
  const reloads = ((before ^ after) & cr4ReloadingPointers) !== 0n;
  const cr0 = state.readU64(vmcsOffsets.cr0);
  const left = reloads ? reloadPointers(processor, cr0, after, context.isLongMode) : undefined;
  if (left !== undefined) return left;
  state.writeU64(vmcsOffsets.cr4, after);
  if (((before ^ after) & cr4DebuggingExtensions) !== 0n) processor.debugRegistersChanged();
  return translationChanged(processor, record);
}

function writeCr8(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  if (hasPrimary(context, primaryControl.cr8LoadExiting)) {
    return crExit(context, record, 8, accessType.moveTo, sourceRegister(context, record));
  }
  if (value > 15n) return context.raise(generalProtection());
  context.state.writeU64(stateOffsets.cr8, value);
  if (!isBelowThreshold(context, Number(value))) return RoutineEnd.next;
  context.state.writeU32(stateOffsets.boundaryExit, exitReason.TPR_BELOW_THRESHOLD);
  return context.finish(context.state.rip + BigInt(record.length));
}

/** The TPR shadow is CR8 itself; what falls below its threshold exits behind the instruction (SDM vol. 3, 30.1.2). */
function isBelowThreshold(context: ProcessorContext, priority: number): boolean {
  const threshold = context.state.readU32(vmcsOffsets.tprThreshold) & 0xf;
  return hasPrimary(context, primaryControl.useTprShadow) && priority < threshold;
}

/** Outside 64-bit mode registers have 32 bits. */
function sourceValue(context: ProcessorContext): bigint {
  const value = context.runU64(runOffsets.operand);
  return context.mode.codeSize === 64 ? value : value & 0xffffffffn;
}

/** The second operand stands in the record's source slot. */
function sourceRegister(context: ProcessorContext, record: RoutineRecord): number {
  return context.view.getUint16(record.address + recordOffsets.src, true) / 8;
}

function translationChanged(processor: Processor, record: RoutineRecord): RoutineEnd {
  processor.context.state.rip += BigInt(record.length);
  processor.caches.flush();
  processor.modeChanged();
  return RoutineEnd.lookup;
}

const clearTaskSwitched: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  if (context.cpl !== 0) return context.raise(generalProtection());
  const bit = BigInt(Cr0.TS);
  const owned = state.readU64(vmcsOffsets.cr0Mask) & bit;
  const isShadowed = (state.readU64(vmcsOffsets.cr0Shadow) & bit) !== 0n;
  if (owned !== 0n && isShadowed) return crExit(context, record, 0, accessType.clts, 0);
  if (owned === 0n) state.writeU64(vmcsOffsets.cr0, state.readU64(vmcsOffsets.cr0) & ~bit);
  return RoutineEnd.next;
};

/** Exit 29 comes before #GP, #UD and #DB of the instruction (SDM vol. 3, 26.1.3), and tells the number as it is encoded. */
function drExit(
  context: ProcessorContext,
  record: RoutineRecord,
  isRead: boolean,
): RoutineEnd | undefined {
  const number = record.immediateNumber;
  if (number > 7 || !hasPrimary(context, primaryControl.movDrExiting)) return undefined;
  const register = isRead ? record.dst / 8 : sourceRegister(context, record);
  return causeExit(context, exitReason.DR_ACCESS, {
    qualification: BigInt(number | (isRead ? 0x10 : 0) | (register << 8)),
    instructionLength: record.length,
  });
}

/** DR4 and DR5 stand for DR6 and DR7 unless CR4.DE is set, then they are undefined (SDM vol. 3, 17.2.2). */
function debugRegister(context: ProcessorContext, number: number): number | undefined {
  if (number > 7) return undefined;
  if (number !== 4 && number !== 5) return number;
  return (context.state.readU32(vmcsOffsets.cr4) & 8) !== 0 ? undefined : number + 2;
}

function debugOffset(number: number): number {
  return number === 7 ? vmcsOffsets.dr7 : stateOffsets.dr + number * 8;
}

const moveFromDebug: Routine = (processor, record) => {
  const { context } = processor;
  const exit = drExit(context, record, true);
  if (exit !== undefined) return exit;
  const number = debugRegister(context, record.immediateNumber);
  if (number === undefined) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  const fault = detectionFault(context);
  if (fault !== undefined) return context.raise(fault);
  context.state.setGpr(record.dst / 8, context.state.readU64(debugOffset(number)));
  return RoutineEnd.next;
};

/** Bits of DR6 and DR7 that always read as one or as zero (SDM vol. 3, figure 17-1). */
function withFixedBits(number: number, value: bigint): bigint {
  if (number === 6) return (value & ~0x1000n) | 0xffff0ff0n;
  return number === 7 ? (value & ~0xd000n) | 0x400n : value;
}

const generalDetect = 0x2000;
/** BD of DR6. */
const detected = 0x2000n;

/** DR7.GD protects the debug registers from access (SDM vol. 3, 17.2.4). */
function detectionFault({ state }: ProcessorContext): Fault | undefined {
  if ((state.readU32(vmcsOffsets.dr7) & generalDetect) === 0) return undefined;
  return { vector: vector.DB, errorCode: undefined, debugStatus: detected };
}

/** DR6 and DR7 have fixed bits. */
const moveToDebug: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  const exit = drExit(context, record, false);
  if (exit !== undefined) return exit;
  const number = debugRegister(context, record.immediateNumber);
  const value = sourceValue(context);
  if (number === undefined) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  const fault = detectionFault(context);
  if (fault !== undefined) return context.raise(fault);
  if (number >= 6 && value >> 32n !== 0n) return context.raise(generalProtection());
  state.writeU64(debugOffset(number), withFixedBits(number, value));
  if (number === 6) return RoutineEnd.next;
  processor.debugRegistersChanged();
  return context.finish(state.rip + BigInt(record.length));
};

export const controlRegisterRoutines: RoutineFamily = {
  reason: 'they change translation or privilege, and the VMCS decides what the guest sees',
  routines: {
    moveFromControl,
    moveToControl,
    clearTaskSwitched,
    loadMachineStatusWord,
    moveFromDebug,
    moveToDebug,
  },
};
