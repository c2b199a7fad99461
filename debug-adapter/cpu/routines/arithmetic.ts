/** What the intermediate representation's 64-bit arithmetic cannot say: 128-bit division, and stack forms with two addresses. */
import { RoutineEnd, vector, type Fault } from '../processor-context';
import { runOffsets } from '../memory-map';
import { leaveWith, operandBytes, type Routine, type RoutineFamily } from './routine';

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
    const { state } = context;
    const data = access.readStack(state.gpr(4), bytes);
    if (typeof data === 'string') return leaveWith(processor, data);
    const address = record.memoryAddress(BigInt(bytes));
    const end = access.writeSystem(address, data, context.cpl === 3);
    if (end !== 'done') return leaveWith(processor, end);
    state.setGpr(4, state.gpr(4) + BigInt(bytes));
    state.rip += BigInt(record.length);
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
  const frame = BigInt.asUintN(64, state.gpr(4) - size);
  const data = new Uint8Array(pointers + 2 * bytes);
  if (pointers > 0) {
    const outer = access.readStack(state.gpr(5) - BigInt(pointers), pointers);
    if (typeof outer === 'string') return leaveWith(processor, outer);
    data.set(outer, bytes);
  }
  const view = new DataView(data.buffer);
  const store = (at: number, value: bigint): void => {
    if (bytes === 8) view.setBigUint64(at, value, true);
    else view.setUint16(at, Number(value & 0xffffn), true);
  };
  store(pointers + bytes, state.gpr(5));
  store(0, frame);
  const bottom = BigInt.asUintN(64, frame - BigInt(pointers) - size);
  const end = access.writeStack(bottom, data);
  if (end !== 'done') return leaveWith(processor, end);
  const kept = bytes === 2 ? state.gpr(5) & ~0xffffn : 0n;
  state.setGpr(5, kept | (bytes === 2 ? frame & 0xffffn : frame));
  state.setGpr(4, bottom - (record.immediate & 0xffffn));
  state.rip += BigInt(record.length);
  return RoutineEnd.lookup;
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
  },
};
