/** What the intermediate representation's 64-bit arithmetic cannot say: 128-bit division, and stack forms with two addresses. */
import { RoutineEnd, vector, type Fault } from '../processor-context';
import { runOffsets } from '../memory-map';
import { leaveWith, operandBytes, type Routine, type RoutineFamily } from './routine';
import { storeWords } from '../events/words';
import { pops, pushes } from '../paging/block-shape';

const stackPointer = 4;

const divideError: Fault = { vector: vector.DE, errorCode: undefined };

function divide(isSigned: boolean): Routine {
  return (processor) => {
    const { context } = processor;
    const { state } = context;
    const cut = (value: bigint, bits: number): bigint =>
      isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
    const dividend = cut((state.gpr(2) << 64n) | state.gpr(0), 128);
    const divisor = cut(context.runU64(runOffsets.operand), 64);
    if (divisor === 0n) return context.raise(divideError);
    const quotient = dividend / divisor;
    if (cut(quotient, 64) !== quotient) return context.raise(divideError);
    state.setGpr(0, quotient);
    state.setGpr(2, dividend % divisor);
    return RoutineEnd.next;
  };
}

/** POP to memory: the address counts with RSP already incremented (SDM vol. 2, POP). */
function popMemory(bytes: 2 | 4 | 8): Routine {
  return (processor, record) => {
    const { context, access } = processor;
    const data = access.readStack(context.stackPointer, bytes, pops[bytes]);
    if (typeof data === 'string') return leaveWith(processor, data);
    const address = record.operandAddress(bytes, 'write', 0n, BigInt(bytes));
    if (typeof address === 'object') return context.raise(address);
    const end = access.writeAtCurrentPrivilege(address, data, pops[bytes]);
    if (end !== 'done') return leaveWith(processor, end);
    context.setStackPointer(context.stackPointer + BigInt(bytes));
    context.state.rip += BigInt(record.length);
    return RoutineEnd.lookup;
  };
}

/** ENTER with a nesting level: copies the frame pointers of the enclosing procedures (SDM vol. 2, ENTER). */
const enterNested: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  const bytes = operandBytes(processor);
  const level = Number((record.immediate >> 16n) & 31n);
  const size = BigInt(bytes);
  const pointers = (level - 1) * bytes;
  const frame = context.stackPointer - size;
  const data = new Uint8Array(pointers + 2 * bytes);
  storeWords(data.subarray(pointers + bytes), bytes, [state.gpr(5)]);
  if (pointers > 0) {
    const outer = access.readStack(state.gpr(5) - BigInt(pointers), pointers, pushes[bytes]);
    if (typeof outer === 'string') return leaveWith(processor, outer);
    const ahead = BigInt.asIntN(context.mode.stackSize, context.stackPointer - state.gpr(5));
    copyPointers(data, outer, bytes, Number(BigInt.asIntN(32, ahead)));
  }
  storeWords(data, bytes, [frame]);
  const bottom = frame - BigInt(pointers) - size;
  const end = access.writeStack(BigInt.asUintN(64, bottom), data, pushes[bytes]);
  if (end !== 'done') return leaveWith(processor, end);
  const kept = bytes === 2 ? state.gpr(5) & ~0xffffn : 0n;
  state.setGpr(5, kept | BigInt.asUintN(bytes * 8, frame));
  context.setStackPointer(bottom - (record.immediate & 0xffffn));
  state.rip += BigInt(record.length);
  return RoutineEnd.lookup;
};

/**
 * Copies the outer pointers from the highest down, as pushes do: where the frames overlap, one that was pushed before
 * is what is read.
 * @param ahead bytes from the frame pointer to the stack pointer, before the instruction
 */
function copyPointers(data: Uint8Array, outer: Uint8Array, bytes: number, ahead: number): void {
  for (let done = bytes; done <= outer.length; done += bytes) {
    for (let index = 0; index < bytes; index++) {
      // Distances below the stack pointer, of what is read and of what has been pushed.
      const below = ahead + done - index;
      const isPushed = below > 0 && below <= done;
      const source = isPushed ? data[data.length - below] : outer[outer.length - done + index];
      data[data.length - bytes - done + index] = source ?? 0;
    }
  }
}

/** PUSHA: eight registers, with the stack pointer as it was (SDM vol. 2, PUSHA). */
const pushAll: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  const bytes = operandBytes(processor);
  const data = new Uint8Array(8 * bytes);
  const view = new DataView(data.buffer);
  for (let position = 0; position < 8; position++) {
    const value = state.gpr32(7 - position);
    if (bytes === 4) view.setUint32(position * 4, value, true);
    else view.setUint16(position * 2, value, true);
  }
  const bottom = context.stackPointer - BigInt(data.length);
  const end = access.writeStack(bottom, data, pushes[bytes]);
  if (end !== 'done') return leaveWith(processor, end);
  context.setStackPointer(bottom);
  state.rip += BigInt(record.length);
  return RoutineEnd.lookup;
};

/** POPA: the stored stack pointer is skipped, and not read. */
const popAll: Routine = (processor) => {
  const { context, access } = processor;
  const { state } = context;
  const bytes = operandBytes(processor);
  const top = context.stackPointer;
  const data = new Uint8Array(8 * bytes);
  for (const [first, count] of [
    [0, 7 - stackPointer],
    [8 - stackPointer, stackPointer],
  ] as const) {
    const at = first * bytes;
    const part = access.readStack(top + BigInt(at), count * bytes, pops[bytes]);
    if (typeof part === 'string') return leaveWith(processor, part);
    data.set(part, at);
  }
  const view = new DataView(data.buffer);
  for (let position = 0; position < 8; position++) {
    const register = 7 - position;
    if (register === stackPointer) continue;
    if (bytes === 4) state.setGpr32(register, view.getUint32(position * 4, true));
    else state.setGpr16(register, view.getUint16(position * 2, true));
  }
  context.setStackPointer(top + BigInt(8 * bytes));
  return RoutineEnd.next;
};

export const arithmeticRoutines: RoutineFamily = {
  reason: '128-bit values, and instructions that access two places of the stack',
  routines: {
    divideUnsigned128: divide(false),
    divideSigned128: divide(true),
    popMemory16: popMemory(2),
    popMemory32: popMemory(4),
    popMemory64: popMemory(8),
    enterNested,
    pushAll,
    popAll,
  },
};
