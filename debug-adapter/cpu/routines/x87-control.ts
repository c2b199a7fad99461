/** Routines of x87 control: availability, control word, stack pointer, environment and whole state (SDM vol. 1, 8.3.11). */
import { runOffsets } from '../memory-map';
import { x87States } from '../paging/block-shape';
import { RoutineEnd, vector, type ProcessorContext } from '../processor-context';
import {
  environmentBytes,
  packEnvironment,
  unpackEnvironment,
  type Environment,
  type FieldBytes,
} from '../x87/environment';
import { statusBits } from '../x87/rounding';
import { registerStride, X87Unit, x87Offsets } from '../x87/x87-unit';
import { vmcsOffsets } from '../vmcs-offsets';
import { Cr0 } from '../../spec/x86/control-registers';
import { leaveWith, type Processor, type Routine, type RoutineFamily } from './routine';
import { stackIndex } from './x87-operand';

/** The FPU cannot be used: it is absent or another task's (#NM), or an exception waits (#MF). */
const blocked: Routine = ({ context }) => {
  const cr0 = context.state.readU32(vmcsOffsets.cr0);
  const isUnavailable = (cr0 & (Cr0.EM | Cr0.TS)) !== 0;
  return isUnavailable ? raiseUnavailable(context) : raisePending(context);
};

/** The same for FWAIT, which CR0.EM does not stop. */
const blockedWait: Routine = ({ context }) => {
  const needed = Cr0.MP | Cr0.TS;
  const cr0 = context.state.readU32(vmcsOffsets.cr0);
  return (cr0 & needed) === needed ? raiseUnavailable(context) : raisePending(context);
};

function raiseUnavailable(context: ProcessorContext): RoutineEnd {
  return context.raise({ vector: vector.NM, errorCode: undefined });
}

function raisePending(context: ProcessorContext): RoutineEnd {
  const cr0 = context.state.readU32(vmcsOffsets.cr0);
  if ((cr0 & Cr0.NE) === 0) {
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

const registerBytes = 10;
const exceptionMasks = 0x3f;

function environment(context: ProcessorContext): Environment {
  const unit = new X87Unit(context);
  return {
    control: unit.control,
    status: unit.status,
    tags: unit.fullTags,
    instructionPointer: context.run32(x87Offsets.instructionPointer) >>> 0,
    dataPointer: context.run32(x87Offsets.dataPointer) >>> 0,
    opcode: context.view.getUint16(context.vpBase + x87Offsets.opcode, true),
  };
}

/** Address in the space of ST(index). */
function registerAddress(context: ProcessorContext, index: number): number {
  const register = (new X87Unit(context).top + index) & 7;
  return context.vpBase + x87Offsets.registers + register * registerStride;
}

/** FNSTENV also masks all exceptions; FNSAVE goes on with the registers, and initializes. */
function storeEnvironment(size: FieldBytes, withRegisters: boolean): Routine {
  return (processor, record) => {
    const { context, access } = processor;
    const start = environmentBytes(size);
    const data = new Uint8Array(start + (withRegisters ? 8 * registerBytes : 0));
    data.set(packEnvironment(environment(context), size, context.isProtected));
    for (let index = 0; withRegisters && index < 8; index++) {
      const from = registerAddress(context, index);
      data.set(context.bytes.subarray(from, from + registerBytes), start + index * registerBytes);
    }
    const end = access.writeAtCurrentPrivilege(address(processor), data, x87States[size]);
    if (end !== 'done') return leaveWith(processor, end);
    const unit = new X87Unit(context);
    if (withRegisters) unit.initialize();
    else unit.control |= exceptionMasks;
    context.state.rip += BigInt(record.length);
    return RoutineEnd.lookup;
  };
}

function loadEnvironment(size: FieldBytes, withRegisters: boolean): Routine {
  return (processor) => {
    const { context, access } = processor;
    const start = environmentBytes(size);
    const length = start + (withRegisters ? 8 * registerBytes : 0);
    const image = access.readAtCurrentPrivilege(address(processor), length, x87States[size]);
    if (typeof image === 'string') return leaveWith(processor, image);
    const loaded = unpackEnvironment(image, size, context.isProtected);
    const unit = new X87Unit(context);
    unit.status = loaded.status;
    unit.control = loaded.control;
    unit.fullTags = loaded.tags;
    context.view.setUint16(context.vpBase + x87Offsets.opcode, loaded.opcode, true);
    context.setRunU64(x87Offsets.instructionPointer, BigInt(loaded.instructionPointer));
    context.setRunU64(x87Offsets.dataPointer, BigInt(loaded.dataPointer));
    for (let index = 0; withRegisters && index < 8; index++) {
      const from = start + index * registerBytes;
      const to = registerAddress(context, index);
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
