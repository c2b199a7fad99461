/** Routines of x87 control: availability, control word, stack pointer, environment and whole state (SDM vol. 1, 8.3.11). */
import { runOffsets } from '../memory-map';
import { RoutineEnd, vector, type ProcessorContext } from '../processor-context';
import { statusBits } from '../x87/rounding';
import { registerStride, X87Unit, x87Offsets } from '../x87/x87-unit';
import { vmcsOffsets } from '../vmcs-offsets';
import { cr0Bits } from './control-registers';
import { leaveWith, type Processor, type Routine, type RoutineFamily } from './routine';
import { stackIndex } from './x87-operand';

/** The FPU cannot be used: it is absent or another task's (#NM), or an exception waits (#MF). */
const blocked: Routine = ({ context }) => {
  const cr0 = context.state.readU32(vmcsOffsets.cr0);
  const isUnavailable = (cr0 & (cr0Bits.EM | cr0Bits.TS)) !== 0;
  return isUnavailable ? raiseUnavailable(context) : raisePending(context);
};

/** The same for FWAIT, which CR0.EM does not stop. */
const blockedWait: Routine = ({ context }) => {
  const needed = cr0Bits.MP | cr0Bits.TS;
  const cr0 = context.state.readU32(vmcsOffsets.cr0);
  return (cr0 & needed) === needed ? raiseUnavailable(context) : raisePending(context);
};

function raiseUnavailable(context: ProcessorContext): RoutineEnd {
  return context.raise({ vector: vector.NM, errorCode: undefined });
}

function raisePending(context: ProcessorContext): RoutineEnd {
  const cr0 = context.state.readU32(vmcsOffsets.cr0);
  if ((cr0 & cr0Bits.NE) === 0) {
    return context.giveUp('an x87 exception reported through FERR# (CR0.NE = 0)');
  }
  return context.raise({ vector: vector.MF, errorCode: undefined });
}

function onUnit(change: (unit: X87Unit, index: number) => void): Routine {
  return (processor, record) => {
    change(new X87Unit(processor.context), stackIndex(record));
    return RoutineEnd.next;
  };
}

const loadControlWord: Routine = (processor) => {
  new X87Unit(processor.context).control = Number(
    processor.context.runU64(runOffsets.operand) & 0xffffn,
  );
  return RoutineEnd.next;
};

function turnStack(unit: X87Unit, steps: number): void {
  unit.settle(0);
  unit.top += steps;
}

type OperandBytes = 2 | 4;

const environmentWords = 7;
const registerBytes = 10;
const exceptionMasks = 0x3f;

function environmentBytes(size: OperandBytes): number {
  return environmentWords * size;
}

/** The environment in its protected-mode layout (SDM vol. 1, figures 8-9 and 8-10). */
function environment(processor: Processor, size: OperandBytes): Uint8Array {
  const { context } = processor;
  const unit = new X87Unit(context);
  const words = [unit.control, unit.status, unit.fullTags];
  const bytes = new Uint8Array(environmentBytes(size) + 8 * registerBytes);
  const view = new DataView(bytes.buffer);
  const instruction = Number(context.runU64(x87Offsets.instructionPointer) & 0xffffffffn);
  const data = Number(context.runU64(x87Offsets.dataPointer) & 0xffffffffn);
  const opcode = context.view.getUint16(context.vpBase + x87Offsets.opcode, true) & 0x7ff;
  if (size === 2) {
    [...words, instruction & 0xffff, 0, data & 0xffff, 0].forEach((word, index) => {
      view.setUint16(index * 2, word, true);
    });
    return bytes;
  }
  const upper = 0xffff0000;
  const all = [...words.map((word) => word | upper), instruction, opcode << 16, data, upper];
  all.forEach((word, index) => view.setUint32(index * 4, word, true));
  return bytes;
}

/** FNSTENV also masks all exceptions; FNSAVE goes on with the registers, and initializes. */
function storeEnvironment(size: OperandBytes, withRegisters: boolean): Routine {
  return (processor, record) => {
    const { context, access } = processor;
    const unit = new X87Unit(context);
    const image = environment(processor, size);
    const start = environmentBytes(size);
    for (let index = 0; index < 8; index++) {
      const from =
        context.vpBase + x87Offsets.registers + ((unit.top + index) & 7) * registerStride;
      image.set(context.bytes.subarray(from, from + registerBytes), start + index * registerBytes);
    }
    const data = withRegisters ? image : image.subarray(0, start);
    const end = access.writeSystem(address(processor), data, context.cpl === 3);
    if (end !== 'done') return leaveWith(processor, end);
    if (withRegisters) unit.initialize();
    else unit.control |= exceptionMasks;
    context.state.rip += BigInt(record.length);
    return RoutineEnd.lookup;
  };
}

function loadEnvironment(size: OperandBytes, withRegisters: boolean): Routine {
  return (processor) => {
    const { context, access } = processor;
    const start = environmentBytes(size);
    const length = start + (withRegisters ? 8 * registerBytes : 0);
    const image = access.readAtCurrentPrivilege(address(processor), length);
    if (typeof image === 'string') return leaveWith(processor, image);
    const view = new DataView(image.buffer);
    const word = (index: number): number => view.getUint16(index * size, true);
    const pointer = (index: number): bigint =>
      BigInt(size === 2 ? word(index) : view.getUint32(index * size, true));
    const unit = new X87Unit(context);
    unit.status = word(1);
    unit.control = word(0);
    unit.fullTags = word(2);
    const opcode = size === 4 ? view.getUint16(18, true) & 0x7ff : 0;
    context.view.setUint16(context.vpBase + x87Offsets.opcode, opcode, true);
    context.setRunU64(x87Offsets.instructionPointer, pointer(3));
    context.setRunU64(x87Offsets.dataPointer, pointer(5));
    for (let index = 0; withRegisters && index < 8; index++) {
      const to = context.vpBase + x87Offsets.registers + ((unit.top + index) & 7) * registerStride;
      const from = start + index * registerBytes;
      context.bytes.set(image.subarray(from, from + registerBytes), to);
    }
    return RoutineEnd.next;
  };
}

/** The definition hands the operand's linear address over. */
function address(processor: Processor): bigint {
  return processor.context.runU64(runOffsets.operand);
}

export const x87ControlRoutines: RoutineFamily = {
  reason: 'the summary of pending exceptions, and areas of up to 108 bytes',
  routines: {
    x87Blocked: blocked,
    x87BlockedWait: blockedWait,
    x87LoadControlWord: loadControlWord,
    x87Initialize: onUnit((unit) => unit.initialize()),
    x87ClearExceptions: onUnit((unit) => {
      unit.status &= ~(exceptionMasks | statusBits.SF | statusBits.ES | statusBits.B);
    }),
    x87IncrementTop: onUnit((unit) => turnStack(unit, 1)),
    x87DecrementTop: onUnit((unit) => turnStack(unit, -1)),
    x87Free: onUnit((unit, index) => {
      unit.settle(0);
      unit.free(index);
    }),
    x87FreeAndPop: onUnit((unit, index) => {
      unit.settle(0);
      unit.free(index);
      unit.pop();
    }),
    x87StoreEnvironment16: storeEnvironment(2, false),
    x87StoreEnvironment32: storeEnvironment(4, false),
    x87SaveState16: storeEnvironment(2, true),
    x87SaveState32: storeEnvironment(4, true),
    x87LoadEnvironment16: loadEnvironment(2, false),
    x87LoadEnvironment32: loadEnvironment(4, false),
    x87RestoreState16: loadEnvironment(2, true),
    x87RestoreState32: loadEnvironment(4, true),
  },
};
