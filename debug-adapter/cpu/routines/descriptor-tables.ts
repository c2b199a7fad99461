/** Descriptor-table and segment registers (SDM vol. 2: LGDT, SGDT, LLDT, LTR, MOV to segment, POP segment). */
import {
  isPresent,
  longBaseOf,
  notPresent,
  privilegeOf,
  typeOf,
  type Descriptor,
} from '../events/segments';
import {
  generalProtection,
  RoutineEnd,
  undefinedOpcode,
  vector,
  type Fault,
} from '../processor-context';
import { runOffsets } from '../memory-map';
import { pops, tableRegisters } from '../paging/block-shape';
import { segmentOffsets, segmentsByNumber, vmcsOffsets } from '../vmcs-offsets';
import {
  selectorDetails,
  selectorInstruction,
  tableDetails,
  tableInstruction,
} from '../vmx/instruction-information';
import {
  causeExit,
  exitReason,
  hasSecondary,
  secondaryControl,
  type ExitDetails,
} from '../vmx/vm-exits';
import {
  leaveWith,
  operandBytes,
  type Processor,
  type Routine,
  type RoutineFamily,
  type RoutineRecord,
} from './routine';

const stackSegment = 2;
/** CR4.UMIP. */
const userModePrevention = 1 << 11;
const codeSegment = 1;

/** Exit 46 or 47, where descriptor-table exiting is on. */
function tableExit(
  { context }: Processor,
  reason: number,
  describe: () => ExitDetails,
): RoutineEnd | undefined {
  if (!hasSecondary(context, secondaryControl.descriptorTableExiting)) return undefined;
  return causeExit(context, reason, describe());
}

function loadTable(base: number, limit: number, instruction: number): Routine {
  return (processor, record) => {
    const { context, access } = processor;
    if (context.cpl !== 0) return context.raise(generalProtection());
    const exit = tableExit(processor, exitReason.GDTR_IDTR, () =>
      tableDetails(record, instruction, operandBytes(processor)),
    );
    if (exit !== undefined) return exit;
    const bytes = context.mode.codeSize === 64 ? 10 : 6;
    const operand = record.operandAddress(bytes, 'read');
    if (typeof operand === 'object') return context.raise(operand);
    const data = access.readAtCurrentPrivilege(operand, bytes, tableRegisters[bytes]);
    if (typeof data === 'string') return leaveWith(processor, data);
    const view = new DataView(data.buffer);
    const address = bytes === 10 ? view.getBigUint64(2, true) : shortBase(processor, view);
    if (!context.isCanonicalBase(address)) {
      return context.raise(generalProtection());
    }
    context.state.writeU64(limit, BigInt(view.getUint16(0, true)));
    context.state.writeU64(base, address);
    return RoutineEnd.next;
  };
}

/** With a 16-bit operand size the base has 24 bits (SDM vol. 2, LGDT). */
function shortBase(processor: Processor, view: DataView): bigint {
  const base = view.getUint32(2, true);
  return BigInt(operandBytes(processor) === 2 ? base & 0xffffff : base);
}

function storeTable(base: number, limit: number, instruction: number): Routine {
  return (processor, record) => {
    const { context, access } = processor;
    if (context.cpl !== 0 && (context.state.readU32(vmcsOffsets.cr4) & userModePrevention) !== 0) {
      return context.raise(generalProtection());
    }
    const exit = tableExit(processor, exitReason.GDTR_IDTR, () =>
      tableDetails(record, instruction, context.mode.codeSize / 8),
    );
    if (exit !== undefined) return exit;
    const whole = new Uint8Array(10);
    const view = new DataView(whole.buffer);
    view.setUint16(0, context.state.readU32(limit), true);
    view.setBigUint64(2, context.state.readU64(base), true);
    const bytes = context.mode.codeSize === 64 ? 10 : 6;
    const data = whole.subarray(0, bytes);
    const operand = record.operandAddress(bytes, 'write');
    if (typeof operand === 'object') return context.raise(operand);
    const end = access.writeAtCurrentPrivilege(operand, data, tableRegisters[bytes]);
    return end === 'done' ? afterStore(processor, record) : leaveWith(processor, end);
  };
}

/** A routine's store may have hit code that is already decoded: the next record is looked up again. */
function afterStore(processor: Processor, record: RoutineRecord): RoutineEnd {
  processor.context.state.rip += BigInt(record.length);
  return RoutineEnd.lookup;
}

/** LLDT and LTR: the operand is the selector. */
function loadSystemSegment(
  target: (typeof segmentOffsets)['LDTR' | 'TR'],
  instruction: number,
  types: readonly number[],
  isNullAllowed: boolean,
  legacyTypes = types,
): Routine {
  return (processor, record) => {
    const { context, segments } = processor;
    if (context.cpl !== 0) return context.raise(generalProtection());
    const exit = tableExit(processor, exitReason.LDTR_TR, () =>
      selectorDetails(record, instruction),
    );
    if (exit !== undefined) return exit;
    const selector = Number(context.runU64(runOffsets.operand) & 0xffffn);
    if ((selector & 0xfffc) === 0) {
      if (!isNullAllowed) return context.raise(generalProtection());
      segments.loadNull(target, selector);
      return RoutineEnd.next;
    }
    if ((selector & 4) !== 0) return context.raise(generalProtection(selector & 0xfffc));
    const load = segments.readSystemDescriptor(selector);
    if (load.kind === 'fault') return context.raise(load.fault);
    if (load.kind === 'left') return RoutineEnd.leave;
    const allowed = context.isLongMode ? types : legacyTypes;
    if (!allowed.includes(typeOf(load.descriptor))) {
      return context.raise(generalProtection(selector & 0xfffc));
    }
    if (!isPresent(load.descriptor)) return context.raise(notPresent(selector));
    if (context.isLongMode && !context.isCanonicalBase(longBaseOf(load.descriptor))) {
      return context.raise(generalProtection(selector & 0xfffc));
    }
    if (target !== segmentOffsets.TR) {
      segments.load(target, selector, load.descriptor);
      return RoutineEnd.next;
    }
    // LTR marks the TSS busy, in memory and in the register.
    const busy: Descriptor = { ...load.descriptor, high: load.descriptor.high | 0x200 };
    const type = Uint8Array.of((busy.high >>> 8) & 0xff);
    const end = processor.access.writeSystem(load.address + 5n, type);
    if (end !== 'done') return leaveWith(processor, end);
    segments.load(target, selector, busy);
    return RoutineEnd.next;
  };
}

/** Checks of loading a data or stack segment (SDM vol. 2, MOV). */
function dataFault(
  processor: Processor,
  number: number,
  selector: number,
  descriptor: Descriptor,
): Fault | undefined {
  const { cpl } = processor.context;
  const type = typeOf(descriptor);
  const errorCode = selector & 0xfffc;
  const level = selector & 3;
  const privilege = privilegeOf(descriptor);
  if (number === stackSegment) {
    const isWritableData = (type & 0x1a) === 0x12;
    if (!isWritableData || level !== cpl || privilege !== cpl) return generalProtection(errorCode);
    return isPresent(descriptor) ? undefined : { vector: vector.SS, errorCode };
  }
  const isReadable = (type & 0x10) !== 0 && (type & 0xa) !== 8;
  const isConforming = (type & 0x1c) === 0x1c;
  if (!isReadable) return generalProtection(errorCode);
  if (!isConforming && (level > privilege || cpl > privilege)) return generalProtection(errorCode);
  return isPresent(descriptor) ? undefined : notPresent(selector);
}

/** Loads ES, SS, DS, FS or GS as the mode does it. */
export function loadSegment(
  processor: Processor,
  number: number,
  selector: number,
): Fault | 'left' | 'done' {
  const { context, segments } = processor;
  const target = segmentsByNumber[number];
  if (target === undefined || number === codeSegment) return undefinedOpcode;
  if (!context.isProtected) {
    segments.loadDirect(target, selector);
    return 'done';
  }
  if ((selector & 0xfffc) === 0) {
    if (number !== stackSegment) {
      segments.loadNull(target, selector);
      return 'done';
    }
    const isAllowed = context.is64Bit && context.cpl !== 3 && (selector & 3) === context.cpl;
    if (!isAllowed) return generalProtection();
    segments.loadNullStack(context.cpl);
    return 'done';
  }
  const load = segments.readDescriptor(selector, 8);
  if (load.kind === 'fault') return load.fault;
  if (load.kind === 'left') return 'left';
  const fault = dataFault(processor, number, selector, load.descriptor);
  if (fault !== undefined) return fault;
  const marked = segments.markAccessed(load.address, load.descriptor);
  if (marked === 'fault') return processor.access.fault;
  if (marked !== 'done') return 'left';
  segments.load(target, selector, { ...load.descriptor, high: load.descriptor.high | 0x100 });
  return 'done';
}

const moveToSegment: Routine = (processor, record) => {
  const { context } = processor;
  const number = Number(record.immediate);
  const end = loadSegment(processor, number, Number(context.runU64(runOffsets.operand) & 0xffffn));
  if (end === 'left') return RoutineEnd.leave;
  if (end !== 'done') return context.raise(end);
  return number === stackSegment
    ? processor.blockInterrupts(record, 'mov-ss')
    : processor.segmentChanged(record);
};

function popSegment(bytes: 2 | 4 | 8): Routine {
  return (processor, record) => {
    const { context, access } = processor;
    const data = access.readStack(context.stackPointer, bytes, pops[bytes]);
    if (typeof data === 'string') return leaveWith(processor, data);
    const selector = new DataView(data.buffer).getUint16(0, true);
    const number = Number(record.immediate);
    const behind = context.stackPointer + BigInt(bytes);
    const end = loadSegment(processor, number, selector);
    if (end === 'left') return RoutineEnd.leave;
    if (end !== 'done') return context.raise(end);
    context.setStackPointer(behind);
    return number === stackSegment
      ? processor.blockInterrupts(record, 'mov-ss')
      : processor.segmentChanged(record);
  };
}

/** SLDT and STR come here where they exit. */
function storeSelectorExit(instruction: number): Routine {
  return ({ context }, record) =>
    causeExit(context, exitReason.LDTR_TR, selectorDetails(record, instruction));
}

const { gdtrBase, gdtrLimit, idtrBase, idtrLimit } = vmcsOffsets;

export const descriptorTableRoutines: RoutineFamily = {
  reason: 'they read and mark descriptors in guest memory, with faults of their own',
  routines: {
    loadGlobalDescriptorTable: loadTable(gdtrBase, gdtrLimit, tableInstruction.LGDT),
    loadInterruptDescriptorTable: loadTable(idtrBase, idtrLimit, tableInstruction.LIDT),
    storeGlobalDescriptorTable: storeTable(gdtrBase, gdtrLimit, tableInstruction.SGDT),
    storeInterruptDescriptorTable: storeTable(idtrBase, idtrLimit, tableInstruction.SIDT),
    loadLocalDescriptorTable: loadSystemSegment(
      segmentOffsets.LDTR,
      selectorInstruction.LLDT,
      [2],
      true,
    ),
    storeLocalTableExit: storeSelectorExit(selectorInstruction.SLDT),
    storeTaskRegisterExit: storeSelectorExit(selectorInstruction.STR),
    loadTaskRegister: loadSystemSegment(
      segmentOffsets.TR,
      selectorInstruction.LTR,
      [9],
      false,
      [1, 9],
    ),
    moveToSegment,
    popSegment16: popSegment(2),
    popSegment32: popSegment(4),
    popSegment64: popSegment(8),
  },
};
