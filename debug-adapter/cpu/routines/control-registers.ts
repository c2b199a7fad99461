/** Control and debug registers (SDM vol. 3, 2.5, 17.2; interception 26.1.3). */
import { stateOffsets } from '../../machine/processor-state';
import { recordOffsets } from '../interpreter/record';
import { runOffsets } from '../memory-map';
import { physicalAddressBits } from '../paging/page-walk';
import {
  generalProtection,
  RoutineEnd,
  undefinedOpcode,
  type ProcessorContext,
} from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { causeExit, exitReason, hasPrimary, primaryControl } from '../vmx/vm-exits';
import type { Processor, Routine, RoutineFamily, RoutineRecord } from './routine';

export const cr0Bits = {
  PE: 1,
  MP: 2,
  EM: 4,
  TS: 8,
  ET: 16,
  NE: 32,
  WP: 1 << 16,
  AM: 1 << 18,
  NW: 1 << 29,
  CD: 1 << 30,
  PG: 1 << 31,
} as const;
const cr0Writable =
  cr0Bits.PE |
  cr0Bits.MP |
  cr0Bits.EM |
  cr0Bits.TS |
  cr0Bits.NE |
  cr0Bits.WP |
  cr0Bits.AM |
  cr0Bits.NW |
  cr0Bits.CD |
  cr0Bits.PG;

/** CR4 bits of the features this processor has: VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT. */
const cr4Supported = 0x7ffn;
const cr4Pae = 0x20n;
const cr3Reserved = ~((1n << BigInt(physicalAddressBits)) - 1n) & 0xffffffffffffffffn;

/** Access types of a control-register exit (SDM vol. 3, table 28-3). */
const accessType = { moveTo: 0, moveFrom: 1, clts: 2 } as const;

function crExit(
  context: ProcessorContext,
  record: RoutineRecord,
  number: number,
  type: number,
  register: number,
): RoutineEnd {
  return causeExit(context, exitReason.controlRegister, {
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
  const number = Number(record.immediate);
  if (![0, 2, 3, 4, 8].includes(number)) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  const register = record.dst / 8;
  const intercept = { 3: primaryControl.cr3StoreExiting, 8: primaryControl.cr8StoreExiting }[
    number
  ];
  if (intercept !== undefined && hasPrimary(context, intercept)) {
    return crExit(context, record, number, accessType.moveFrom, register);
  }
  state.setGpr(register, readControl(context, number));
  return RoutineEnd.next;
};

function readControl(context: ProcessorContext, number: number): bigint {
  const { state } = context;
  switch (number) {
    case 0:
      return shadowed(context, vmcsOffsets.cr0, vmcsOffsets.cr0Mask, vmcsOffsets.cr0Shadow);
    case 2:
      return state.readU64(stateOffsets.cr2);
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
  const number = Number(record.immediate);
  const value = context.runU64(runOffsets.operand);
  if (context.cpl !== 0 && [0, 2, 3, 4, 8].includes(number)) {
    return context.raise(generalProtection());
  }
  switch (number) {
    case 0:
      return writeCr0(processor, record, value);
    case 2:
      context.state.writeU64(stateOffsets.cr2, value);
      return RoutineEnd.next;
    case 3:
      return writeCr3(processor, record, value);
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
  const { state } = context;
  const low = Number(value & 0xffffffffn) | 0;
  const isPaged = (low & cr0Bits.PG) !== 0;
  if (changesOwned(context, value, vmcsOffsets.cr0Mask, vmcsOffsets.cr0Shadow)) {
    return crExit(context, record, 0, accessType.moveTo, sourceRegister(context, record));
  }
  if (value >> 32n !== 0n) return context.raise(generalProtection());
  if (isPaged && (low & cr0Bits.PE) === 0) return context.raise(generalProtection());
  if ((low & cr0Bits.NW) !== 0 && (low & cr0Bits.CD) === 0) {
    return context.raise(generalProtection());
  }
  if (!isPaged && context.is64Bit) return context.raise(generalProtection());
  if (!isPaged) return context.giveUp('leaving IA-32e mode (CR0.PG = 0)');
  const owned = state.readU64(vmcsOffsets.cr0Mask);
  const written = BigInt.asUintN(32, BigInt((low & cr0Writable) | cr0Bits.ET));
  state.writeU64(vmcsOffsets.cr0, (state.readU64(vmcsOffsets.cr0) & owned) | (written & ~owned));
  return translationChanged(processor, record);
}

function writeCr3(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  const { state } = context;
  if (hasPrimary(context, primaryControl.cr3LoadExiting) && !isCr3Target(context, value)) {
    return crExit(context, record, 3, accessType.moveTo, sourceRegister(context, record));
  }
  if ((value & cr3Reserved) !== 0n) return context.raise(generalProtection());
  state.writeU64(vmcsOffsets.cr3, value);
  return translationChanged(processor, record);
}

function isCr3Target(context: ProcessorContext, value: bigint): boolean {
  const count = context.state.readU32(vmcsOffsets.cr3TargetCount);
  return vmcsOffsets.cr3Targets.slice(0, count).some((at) => context.state.readU64(at) === value);
}

function writeCr4(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  const { state } = context;
  if (changesOwned(context, value, vmcsOffsets.cr4Mask, vmcsOffsets.cr4Shadow)) {
    return crExit(context, record, 4, accessType.moveTo, sourceRegister(context, record));
  }
  const owned = state.readU64(vmcsOffsets.cr4Mask);
  if ((value & ~owned & ~cr4Supported) !== 0n) return context.raise(generalProtection());
  if (context.isLongMode && (value & cr4Pae) === 0n) return context.raise(generalProtection());
  state.writeU64(vmcsOffsets.cr4, (state.readU64(vmcsOffsets.cr4) & owned) | (value & ~owned));
  return translationChanged(processor, record);
}

function writeCr8(processor: Processor, record: RoutineRecord, value: bigint): RoutineEnd {
  const { context } = processor;
  if (hasPrimary(context, primaryControl.cr8LoadExiting)) {
    return crExit(context, record, 8, accessType.moveTo, sourceRegister(context, record));
  }
  if (value > 15n) return context.raise(generalProtection());
  context.state.writeU64(stateOffsets.cr8, value);
  return RoutineEnd.next;
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
  const bit = BigInt(cr0Bits.TS);
  const owned = state.readU64(vmcsOffsets.cr0Mask) & bit;
  const isShadowed = (state.readU64(vmcsOffsets.cr0Shadow) & bit) !== 0n;
  if (owned !== 0n && isShadowed) return crExit(context, record, 0, accessType.clts, 0);
  if (owned === 0n) state.writeU64(vmcsOffsets.cr0, state.readU64(vmcsOffsets.cr0) & ~bit);
  return RoutineEnd.next;
};

function drExit(
  context: ProcessorContext,
  record: RoutineRecord,
  number: number,
  isRead: boolean,
): RoutineEnd {
  const register = isRead ? record.dst / 8 : sourceRegister(context, record);
  return causeExit(context, exitReason.movDr, {
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
  const number = debugRegister(context, Number(record.immediate));
  if (number === undefined) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.movDrExiting))
    return drExit(context, record, number, true);
  context.state.setGpr(record.dst / 8, context.state.readU64(debugOffset(number)));
  return RoutineEnd.next;
};

/** Bits of DR6 and DR7 that always read as one or as zero (SDM vol. 3, figure 17-1). */
function withFixedBits(number: number, value: bigint): bigint {
  if (number === 6) return (value & ~0x1000n) | 0xffff0ff0n;
  return number === 7 ? (value & ~0xd000n) | 0x400n : value;
}

/** L0 to G3 and GD. */
const dr7Unbuilt = 0x20ffn;

/** DR6 and DR7 have fixed bits; an address breakpoint is refused until the processor can honour it. */
const moveToDebug: Routine = (processor, record) => {
  const { context } = processor;
  const number = debugRegister(context, Number(record.immediate));
  const value = context.runU64(runOffsets.operand);
  if (number === undefined) return context.raise(undefinedOpcode);
  if (context.cpl !== 0) return context.raise(generalProtection());
  if (hasPrimary(context, primaryControl.movDrExiting))
    return drExit(context, record, number, false);
  if (number >= 6 && value >> 32n !== 0n) return context.raise(generalProtection());
  if (number === 7 && (value & dr7Unbuilt) !== 0n)
    return context.giveUp('debug-register breakpoints (DR7)');
  context.state.writeU64(debugOffset(number), withFixedBits(number, value));
  return RoutineEnd.next;
};

export const controlRegisterRoutines: RoutineFamily = {
  reason: 'they change translation or privilege, and the VMCS decides what the guest sees',
  routines: {
    moveFromControl,
    moveToControl,
    clearTaskSwitched,
    moveFromDebug,
    moveToDebug,
  },
};
