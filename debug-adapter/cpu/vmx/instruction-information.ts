/** VMX_INSTRUCTION_INFO and the displacement of exits by instructions with a memory operand (SDM vol. 3, 28.2.5). */
import type { RoutineRecord } from '../routines/routine';
import type { ExitDetails } from './vm-exits';

/** Which instruction exits 46 and 47 are about: bits 29:28 (tables 28-10 and 28-11). */
export const tableInstruction = { SGDT: 0, SIDT: 1, LGDT: 2, LIDT: 3 } as const;
export const selectorInstruction = { SLDT: 0, STR: 1, LLDT: 2, LTR: 3 } as const;

const registerForm = 1 << 10;
const noIndex = 1 << 22;
const noBase = 1 << 27;
const wideOperand = 1 << 11;
const addressSizes: ReadonlyMap<bigint, number> = new Map([
  [0xffffn, 0],
  [0xffffffffn, 1],
]);
const longAddresses = 2;

/** Scaling, address size, segment, index and base of a memory operand. */
function memoryForm(record: RoutineRecord): number {
  const { baseRegister, indexRegister } = record;
  const addressSize = addressSizes.get(record.addressMask) ?? longAddresses;
  const index = indexRegister === undefined ? noIndex : (indexRegister << 18) | record.scale;
  const base = baseRegister === undefined ? noBase : baseRegister << 23;
  return (addressSize << 7) | (record.operandSegment << 15) | index | base;
}

/** Exit 46: the operand is in memory. The operand size means nothing in 64-bit mode. */
export function tableDetails(
  record: RoutineRecord,
  instruction: number,
  operandBytes: number,
): ExitDetails {
  const size = operandBytes === 2 ? 0 : wideOperand;
  return {
    qualification: record.displacement,
    instructionLength: record.length,
    instructionInformation: memoryForm(record) | size | (instruction << 28),
  };
}

/** Exit 47: the operand is a register or in memory. */
export function selectorDetails(record: RoutineRecord, instruction: number): ExitDetails {
  const isMemory = record.hasMemoryOperand;
  const form = isMemory ? memoryForm(record) : registerForm | ((record.dst / 8) << 3);
  return {
    qualification: isMemory ? record.displacement : 0n,
    instructionLength: record.length,
    instructionInformation: form | (instruction << 28),
  };
}

/** Exit 58: the register operand is in bits 31:28 (table 28-9). */
export function invalidationDetails(record: RoutineRecord): ExitDetails {
  return {
    qualification: record.displacement,
    instructionLength: record.length,
    instructionInformation: (memoryForm(record) | ((record.dst / 8) << 28)) >>> 0,
  };
}
