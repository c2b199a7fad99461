/** INT, INT3, INT1 and IRET (SDM vol. 2 and vol. 3, 6.12, 6.14.3). */
import {
  accessRights,
  isBig,
  isLongCode,
  isPresent,
  notPresent,
  privilegeOf,
  typeOf,
  type Descriptor,
} from '../events/segments';
import {
  generalProtection,
  RoutineEnd,
  vector,
  type Fault,
  type ProcessorContext,
} from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { eventType } from '../vmx/vm-exits';
import {
  leaveWith,
  operandBytes,
  type Processor,
  type Routine,
  type RoutineFamily,
} from './routine';

const flag = {
  CF: 1,
  fixed: 2,
  TF: 0x100,
  IF: 0x200,
  IOPL: 0x3000,
  NT: 0x4000,
  RF: 0x10000,
  VM: 0x20000,
  VIF: 0x80000,
  VIP: 0x100000,
} as const;
const writableAtAnyLevel = 0xdd5 | flag.TF | flag.NT | flag.RF | 0x40000 | 0x200000;
const nmiBlocking = 8n;

function interrupt(number: number | undefined, type: number): Routine {
  return (processor, record) =>
    processor.deliverAfterwards({
      vector: number ?? Number(record.immediate),
      type,
      returnIp: processor.context.state.rip + BigInt(record.length),
      instructionLength: record.length,
    });
}

/** The five values that IRET takes from the stack in IA-32e mode. */
interface ReturnFrame {
  readonly ip: bigint;
  readonly codeSelector: number;
  readonly flags: number;
  readonly stackPointer: bigint;
  readonly stackSelector: number;
}

function readFrame(processor: Processor, bytes: number): ReturnFrame | RoutineEnd {
  const { context, access } = processor;
  const data = access.readStack(context.state.gpr(4), bytes * 5);
  if (typeof data === 'string') return leaveWith(processor, data);
  const view = new DataView(data.buffer);
  const word = (index: number): bigint =>
    bytes === 8
      ? view.getBigUint64(index * 8, true)
      : BigInt(bytes === 4 ? view.getUint32(index * 4, true) : view.getUint16(index * 2, true));
  return {
    ip: word(0),
    codeSelector: Number(word(1) & 0xffffn),
    flags: Number(word(2) & 0xffffffffn),
    stackPointer: word(3),
    stackSelector: Number(word(4) & 0xffffn),
  };
}

/** The code segment of a far return: its descriptor, or the fault. */
export function returnCode(
  processor: Processor,
  selector: number,
): { readonly descriptor: Descriptor; readonly address: bigint } | Fault | 'left' {
  const errorCode = selector & 0xfffc;
  if (errorCode === 0) return generalProtection();
  const load = processor.segments.readDescriptor(selector, 8);
  if (load.kind === 'fault') return load.fault;
  if (load.kind === 'left') return 'left';
  const { descriptor } = load;
  const type = typeOf(descriptor);
  const isConforming = (type & 4) !== 0;
  const level = selector & 3;
  const privilege = privilegeOf(descriptor);
  const fits = isConforming ? privilege <= level : privilege === level;
  if ((type & 0x18) !== 0x18 || level < processor.context.cpl || !fits) {
    return generalProtection(errorCode);
  }
  if (isLongCode(descriptor) && isBig(descriptor)) return generalProtection(errorCode);
  if (!isPresent(descriptor)) return notPresent(selector);
  return { descriptor, address: load.address };
}

/** Loads SS on a return: null is allowed outside CPL 3 in 64-bit mode. */
export function loadReturnStack(
  processor: Processor,
  selector: number,
  level: number,
): Fault | 'left' | 'done' {
  const errorCode = selector & 0xfffc;
  if (errorCode === 0) {
    if (level === 3 || (selector & 3) !== level) return generalProtection();
    processor.segments.loadNullStack(level);
    processor.context.state.writeU64(segmentOffsets.SS.selector, BigInt(selector));
    return 'done';
  }
  const load = processor.segments.readDescriptor(selector, 8);
  if (load.kind === 'fault') return load.fault;
  if (load.kind === 'left') return 'left';
  const { descriptor } = load;
  const isWritableData = (typeOf(descriptor) & 0x1a) === 0x12;
  if (!isWritableData || (selector & 3) !== level || privilegeOf(descriptor) !== level) {
    return generalProtection(errorCode);
  }
  if (!isPresent(descriptor)) return { vector: vector.SS, errorCode };
  processor.segments.load(segmentOffsets.SS, selector, descriptor);
  return 'done';
}

/** Data segments that the new privilege level may not keep become null (SDM vol. 2, IRET and RET). */
export function dropPrivilegedSegments(processor: Processor, level: number): void {
  const { state } = processor.context;
  for (const name of ['ES', 'DS', 'FS', 'GS'] as const) {
    const offsets = segmentOffsets[name];
    const rights = state.readU32(offsets.accessRights);
    const isConforming = (rights & 0x1c) === 0x1c;
    const privilege = (rights >>> 5) & 3;
    const isUsable = (rights & accessRights.unusable) === 0;
    if (isUsable && !isConforming && privilege < level) processor.segments.loadNull(offsets, 0);
  }
}

/** RFLAGS bits that IRET and POPF may change at the present privilege level. */
export function mergedFlags(processor: Processor, popped: number, bytes: number): number {
  const { context } = processor;
  const old = context.state.rflags;
  let writable = writableAtAnyLevel;
  if (context.cpl === 0) writable |= flag.IOPL;
  if (context.cpl <= ((old >>> 12) & 3)) writable |= flag.IF;
  if (bytes === 2) writable &= 0xffff;
  return (old & ~writable) | (popped & writable) | flag.fixed;
}

const interruptReturn: Routine = (processor) => {
  const { context } = processor;
  const { state } = context;
  if ((state.rflags & flag.NT) !== 0) return context.raise(generalProtection());
  const bytes = operandBytes(processor);
  const frame = readFrame(processor, bytes);
  if (typeof frame === 'number') return frame;
  const code = returnCode(processor, frame.codeSelector);
  if (code === 'left') return RoutineEnd.leave;
  if ('vector' in code) return context.raise(code);
  if (!isLongCode(code.descriptor)) return context.giveUp('IRET to compatibility mode');
  if (!isCanonicalIp(frame.ip)) return context.raise(generalProtection());
  const level = frame.codeSelector & 3;
  const virtual = context.cpl === 0 && bytes !== 2 ? flag.VIF | flag.VIP : 0;
  const merged = mergedFlags(processor, frame.flags, bytes);
  const flags = (merged & ~virtual) | (frame.flags & virtual);
  const stack = loadReturnStack(processor, frame.stackSelector, level);
  if (stack === 'left') return RoutineEnd.leave;
  if (stack !== 'done') return context.raise(stack);
  const isOutward = level !== context.cpl;
  processor.segments.load(segmentOffsets.CS, frame.codeSelector, code.descriptor);
  if (isOutward) dropPrivilegedSegments(processor, level);
  state.setGpr(4, frame.stackPointer);
  state.rip = frame.ip;
  state.rflags = flags;
  const blocking = state.readU64(vmcsOffsets.interruptibility);
  state.writeU64(vmcsOffsets.interruptibility, blocking & ~nmiBlocking);
  processor.modeChanged();
  return continueWithFlags(context);
};

/** Generated code does not look at TF: where it is set now, the run loop goes on one instruction at a time. */
function continueWithFlags(context: ProcessorContext): RoutineEnd {
  const { state } = context;
  return (state.rflags & flag.TF) === 0 ? RoutineEnd.lookup : context.finish(state.rip);
}

export function isCanonicalIp(ip: bigint): boolean {
  return BigInt.asIntN(48, ip) === BigInt.asIntN(64, ip);
}

/** POPF (SDM vol. 2): RF is cleared; VM, VIF and VIP are left alone. */
const popFlags: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  const bytes = operandBytes(processor);
  const data = access.readStack(state.gpr(4), bytes);
  if (typeof data === 'string') return leaveWith(processor, data);
  const view = new DataView(data.buffer);
  const popped = bytes === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
  const merged = mergedFlags(processor, popped & ~flag.RF, bytes);
  state.setGpr(4, state.gpr(4) + BigInt(bytes));
  state.rflags = merged & ~flag.RF;
  state.rip += BigInt(record.length);
  return continueWithFlags(context);
};

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

export const interruptRoutines: RoutineFamily = {
  reason: 'they read descriptors, change privilege, or end in event delivery',
  routines: {
    softwareInterrupt: interrupt(undefined, eventType.softwareInterrupt),
    breakpointInterrupt: interrupt(vector.BP, eventType.softwareException),
    debugInterrupt: interrupt(vector.DB, eventType.privilegedSoftwareException),
    interruptReturn,
    popFlags,
    setInterruptFlag,
  },
};
