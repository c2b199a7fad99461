/** A region: the basic blocks of one code page that can be reached from a hot instruction, ready for translation. */
import type { CodeMode } from '../decode/code-mode';
import type { OperandPlaces } from '../decode/decoder';
import type { Variant } from '../decode/variants';
import type { RegisterSlot } from '../ir/ir';
import type { InstructionEnd, VariantFacts } from './variant-facts';

/** What instructions of one shape and addressing have in common. */
export interface InstructionKind {
  readonly variant: Variant;
  readonly facts: VariantFacts;
  /** Undefined where the interpreter has to execute them. */
  readonly end: InstructionEnd | undefined;
  readonly isCall: boolean;
  readonly isReturn: boolean;
  /** Control never goes on behind them. */
  readonly isLast: boolean;
}

/** An instruction of a region; numbers of 64 bits are in halves, each an i32. */
export interface RegionInstruction extends OperandPlaces {
  readonly kind: InstructionKind;
  readonly offset: number;
  readonly nextOffset: number;
  /** Page offset of the relative target, which may lie outside the page; 0 where there is none. */
  readonly target: number;
  readonly displacementLow: number;
  readonly displacementHigh: number;
  readonly immediateLow: number;
  readonly immediateHigh: number;
  readonly addressSize: 16 | 32 | 64;
}

/** Where a register operand lies. */
export function registerOf(instruction: OperandPlaces, slot: RegisterSlot): number {
  switch (slot) {
    case 'dst':
      return instruction.dst;
    case 'src':
      return instruction.src;
    case 'third':
      return instruction.third;
  }
}

/** A straight run of instructions. */
export interface Block {
  /** Its index in the region. */
  readonly id: number;
  readonly offset: number;
  readonly instructions: readonly RegionInstruction[];
  /** Whether control may fall through, to a page offset; otherwise the last instruction decides. */
  readonly fallsThrough: boolean;
  readonly nextOffset: number;
  /** All flags are replaced before anything could need them. */
  readonly flagsAreDead: boolean;
  /** Flags are read, or some of them changed, before all are replaced. */
  readonly readsFlags: boolean;
  /** The last instruction is a near return. */
  readonly isReturn: boolean;
}

export interface Region {
  readonly mode: CodeMode;
  /** By offset. */
  readonly blocks: readonly Block[];
  readonly byOffset: ReadonlyMap<number, Block>;
  /** By id of a block: where control can go inside the region; a return may go to any return site. */
  readonly successors: readonly (readonly Block[])[];
  /** Blocks at which the region may be entered. */
  readonly entries: readonly Block[];
  /** Blocks that follow a call of code in the region: where a return may go. */
  readonly returnSites: readonly Block[];
  readonly instructionCount: number;
  /** General registers that it reads or writes, and those that it writes, as bits. */
  readonly usedRegisters: number;
  readonly writtenRegisters: number;
  readonly readsMemory: boolean;
  readonly writesMemory: boolean;
}
