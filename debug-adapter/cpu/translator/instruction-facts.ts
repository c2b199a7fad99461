/** What a region needs to know of its instructions before it is emitted: registers used, and where flags are needed. */
import { stateOffsets } from '../../machine/processor-state';
import type { DecodedInstruction } from '../decode/decoder';
import type { RegisterSlot } from '../ir/ir';
import type { Block, Region } from './region';

const gprCount = 16;

/** Number of the general register whose state starts at or one byte before `offset`; undefined for other state. */
export function registerAt(offset: number): number | undefined {
  const number = (offset - stateOffsets.gpr) >> 3;
  return offset >= stateOffsets.gpr && number < gprCount ? number : undefined;
}

/** What a region does, from its instructions. */
export interface RegionFacts {
  /** Numbers of the general registers that it reads or writes, and of those that it writes. */
  readonly used: readonly number[];
  readonly written: readonly number[];
  readonly readsMemory: boolean;
  readonly writesMemory: boolean;
}

export function regionFactsOf(region: Region): RegionFacts {
  let [used, written] = [0, 0];
  let [readsMemory, writesMemory] = [false, false];
  for (const block of region.blocks) {
    for (const { decoded, facts } of block.instructions) {
      written |= facts.writtenRegisters | registersAt(decoded, facts.writtenSlots);
      used |= facts.usedRegisters | registersAt(decoded, facts.usedSlots);
      if (facts.usesAddress) used |= bitOf(decoded.base) | bitOf(decoded.index);
      readsMemory ||= facts.readsMemory;
      writesMemory ||= facts.writesMemory;
    }
  }
  return {
    used: numbersOf(used | written),
    written: numbersOf(written),
    readsMemory,
    writesMemory,
  };
}

function registersAt(decoded: DecodedInstruction, slots: readonly RegisterSlot[]): number {
  let bits = 0;
  for (const slot of slots) bits |= bitOf(decoded[slot]);
  return bits;
}

/** The bit of the general register at an offset; 0 for other state. */
function bitOf(offset: number): number {
  const number = registerAt(offset);
  return number === undefined ? 0 : 1 << number;
}

function numbersOf(bits: number): number[] {
  return Array.from({ length: gprCount }, (_, number) => number).filter(
    (number) => (bits & (1 << number)) !== 0,
  );
}

/** True where a block replaces all flags before anything could need them. */
export function flagsAreDeadAt(block: Block): boolean {
  for (const { facts } of block.instructions) {
    if (facts.needsFlags) return false;
    if (facts.replacesFlags) return true;
    if (facts.branches) return false;
  }
  return false;
}

/** True where a block reads flags, or changes some of them, before it replaces all. */
export function readsFlags(block: Block): boolean {
  for (const { facts } of block.instructions) {
    if (facts.readsFlags) return true;
    if (facts.replacesFlags) return false;
  }
  return false;
}
