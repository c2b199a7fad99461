/** INT, INT3, INT1, INTO, POPF and STI (SDM vol. 2 and vol. 3, 6.12, 6.14.3). */
import { stateOffsets } from '../../machine/processor-state';
import { longCode } from '../decode/code-mode';
import { pops } from '../paging/block-shape';
import { generalProtection, RoutineEnd, vector, type ProcessorContext } from '../processor-context';
import { eventType, hasPrimary, primaryControl } from '../vmx/vm-exits';
import {
  leaveWith,
  operandBytes,
  type Processor,
  type Routine,
  type RoutineFamily,
} from './routine';

export const flag = {
  CF: 1,
  fixed: 2,
  TF: 0x100,
  IF: 0x200,
  IOPL: 0x3000,
  NT: 0x4000,
  RF: 0x10000,
  VM: 0x20000,
  AC: 0x40000,
  VIF: 0x80000,
  VIP: 0x100000,
} as const;
const rsp = stateOffsets.gpr + 4 * 8;
const writableAtAnyLevel = 0xdd5 | flag.TF | flag.NT | flag.RF | flag.AC | 0x200000;

function interrupt(number: number | undefined, type: number): Routine {
  return (processor, record) =>
    processor.deliverAfterwards({
      vector: number ?? record.immediateNumber,
      errorCode: undefined,
      type,
      returnIp: processor.context.state.rip + BigInt(record.length),
      address: undefined,
      debugStatus: undefined,
      instructionLength: record.length,
    });
}

/** RFLAGS bits that IRET and POPF may change at the present privilege level. */
export function mergedFlags(processor: Processor, popped: number, bytes: number): number {
  const { context } = processor;
  // Without the arithmetic flags, all of which are popped.
  const old = context.state.readU32(stateOffsets.flagsSystem);
  let writable = writableAtAnyLevel;
  if (context.cpl === 0) writable |= flag.IOPL;
  if (context.cpl <= ((old >>> 12) & 3)) writable |= flag.IF;
  if (bytes === 2) writable &= 0xffff;
  return (old & ~writable) | (popped & writable) | flag.fixed;
}

/** RFLAGS after IRET to protected mode: privilege level 0 also gives VIF and VIP. */
export function returnedFlags(processor: Processor, popped: number, bytes: number): number {
  const virtual = processor.context.cpl === 0 && bytes !== 2 ? flag.VIF | flag.VIP : 0;
  return (mergedFlags(processor, popped, bytes) & ~virtual) | (popped & virtual);
}

/**
 * Generated code looks neither at TF nor at RF, nor does it wait for a window: where one of them matters now, the run
 * loop goes on one instruction at a time, or exits.
 */
export function continueWithFlags(context: ProcessorContext): RoutineEnd {
  const flags = context.state.readU32(stateOffsets.flagsSystem);
  const isWatched =
    (flags & (flag.TF | flag.RF)) !== 0 ||
    hasPrimary(context, primaryControl.interruptWindowExiting | primaryControl.nmiWindowExiting);
  return isWatched ? context.finishThere() : RoutineEnd.lookup;
}

/** POPF (SDM vol. 2): RF is cleared; VM, VIF and VIP are left alone. */
const popFlags: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  const bytes = operandBytes(processor);
  if (context.isVirtual8086 && ioPrivilege(context) < 3) return context.raise(generalProtection());
  const isLong = context.mode === longCode;
  const at = isLong
    ? access.bytesAt(state.readU32(rsp) | 0, state.readHigh(rsp), bytes, 'read')
    : 0;
  let popped = 0;
  if (at !== 0) {
    popped = poppedFlags(context.view, at, bytes);
    state.addToSlot(rsp, bytes);
  } else {
    const data = access.readStack(context.stackPointer, bytes, pops[bytes]);
    if (typeof data === 'string') return leaveWith(processor, data);
    popped = poppedFlags(new DataView(data.buffer), 0, bytes);
    context.setStackPointer(context.stackPointer + BigInt(bytes));
  }
  const before = state.readU32(stateOffsets.flagsSystem);
  const merged = mergedFlags(processor, popped & ~flag.RF, bytes) & ~flag.RF;
  state.rflags = merged;
  if (((before ^ merged) & flag.AC) !== 0) processor.modeChanged();
  state.addToSlot(stateOffsets.rip, record.length);
  return continueWithFlags(context);
};

function poppedFlags(view: DataView, at: number, bytes: number): number {
  return bytes === 2 ? view.getUint16(at, true) : view.getInt32(at, true);
}

/** STI blocks interrupts for one more instruction where it sets IF (SDM vol. 2, STI). */
const setInterruptFlag: Routine = (processor, record) => {
  const { context } = processor;
  const { state } = context;
  const flags = state.rflags;
  if (context.cpl > ((flags >>> 12) & 3)) return context.raise(generalProtection());
  if ((flags & flag.IF) !== 0) return RoutineEnd.next;
  state.rflags = flags | flag.IF;
  return processor.blockInterrupts(record, 'sti');
};

/** INT n in virtual-8086 mode needs IOPL 3 (SDM vol. 3, 21.3.3). */
const softwareInterrupt: Routine = (processor, record) => {
  const { context } = processor;
  if (context.isVirtual8086 && ioPrivilege(context) < 3) return context.raise(generalProtection());
  return interrupt(undefined, eventType.softwareInterrupt)(processor, record);
};

function ioPrivilege({ state }: ProcessorContext): number {
  return (state.readU32(stateOffsets.flagsSystem) >>> 12) & 3;
}

export const interruptRoutines: RoutineFamily = {
  reason: 'they read descriptors, change privilege, or end in event delivery',
  routines: {
    softwareInterrupt,
    breakpointInterrupt: interrupt(vector.BP, eventType.softwareException),
    debugInterrupt: interrupt(vector.DB, eventType.privilegedSoftwareException),
    overflowInterrupt: interrupt(vector.OF, eventType.softwareException),
    popFlags,
    setInterruptFlag,
  },
};
