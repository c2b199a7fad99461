/** What a region needs to know of its instructions before it is emitted: registers used, and where flags are needed. */
import { stateOffsets } from '../../machine/processor-state';
import type { RegionInstruction } from './region';
import { slotBits } from './variant-facts';

/** General registers. */
export const gprCount = 16;

/** Number of the general register whose state starts at or one byte before `offset`; of none for other state. */
export function registerAt(offset: number): number {
  return (offset - stateOffsets.gpr) >> 3;
}

/** The general registers that an instruction reads or writes, as bits. */
export function usedRegistersOf(instruction: RegionInstruction): number {
  const { facts } = instruction.kind;
  const registers = facts.usedRegisters | registersAt(instruction, facts.usedSlots);
  if (!facts.usesAddress) return registers;
  return registers | bitOf(instruction.base) | bitOf(instruction.index);
}

/** Those that it writes. */
export function writtenRegistersOf(instruction: RegionInstruction): number {
  const { facts } = instruction.kind;
  return facts.writtenRegisters | registersAt(instruction, facts.writtenSlots);
}

function registersAt({ dst, src, third }: RegionInstruction, slots: number): number {
  return (
    ((slots & slotBits.dst) === 0 ? 0 : bitOf(dst)) |
    ((slots & slotBits.src) === 0 ? 0 : bitOf(src)) |
    ((slots & slotBits.third) === 0 ? 0 : bitOf(third))
  );
}

/** The bit of the general register at an offset; 0 for other state. */
function bitOf(offset: number): number {
  const number = registerAt(offset);
  return number >= 0 && number < gprCount ? 1 << number : 0;
}

/** True where instructions replace all flags before anything could need them. */
export function flagsAreDeadAt(instructions: readonly RegionInstruction[]): boolean {
  for (const { kind } of instructions) {
    if (kind.facts.needsFlags) return false;
    if (kind.facts.replacesFlags) return true;
    if (kind.facts.branches) return false;
  }
  return false;
}

/** True where instructions read flags, or change some of them, before they replace all. */
export function readsFlags(instructions: readonly RegionInstruction[]): boolean {
  for (const { kind } of instructions) {
    if (kind.facts.readsFlags) return true;
    if (kind.facts.replacesFlags) return false;
  }
  return false;
}
