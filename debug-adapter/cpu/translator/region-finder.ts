/** Finds regions: follows the code of a page from a hot instruction, and cuts it into blocks. */
import { Decoder } from '../decode/decoder';
import type { CodeMode } from '../decode/code-mode';
import type { InstructionShape } from '../decode/shape';
import type { VariantTable } from '../decode/variants';
import { addressings } from '../ir/addressing';
import type { HandlerGroup } from '../semantics/definition';
import {
  flagsAreDeadAt,
  readsFlags,
  usedRegistersOf,
  writtenRegistersOf,
} from './instruction-facts';
import type { Block, InstructionKind, Region, RegionInstruction } from './region';
import { factsOf, type InstructionEnd } from './variant-facts';

const pageBytes = 4096;

/** Most instructions of one region; what lies beyond is reached by leaving it. */
const regionInstructionsMax = 400;

/** Most return sites that a return is compared with. */
const returnSitesMax = 32;

/** What discovery needs of the code page. */
export interface CodePage {
  readonly bytes: Uint8Array;
  readonly mode: CodeMode;
  /** Offsets at which the interpreter must see the instruction (breakpoints). */
  readonly excluded: ReadonlySet<number>;
  /** Whether jumps to an offset were made often enough to be followed; what is cold is left out. */
  isJumpedTo(offset: number): boolean;
  /** The same of the way behind a conditional jump that is not made. */
  isPassedTo(offset: number): boolean;
}

const translatedGroups: ReadonlySet<HandlerGroup> = new Set([
  'hot',
  'warm',
  'usual',
  'string',
  'vectorMove',
  'vector',
  'vectorFloat',
  'checked32',
  'checked16',
  'checkedVector',
  'checkedVectorFloat',
]);

/** Offset of what does not follow an instruction, or is not to be followed. */
const nowhere = -1;

/** What has been found of a region so far. */
class Found {
  readonly instructions = new Map<number, RegionInstruction>();
  readonly leaders = new Set<number>();
  /** Where code outside may go on: behind calls, and behind what the interpreter has to execute. */
  readonly entries = new Set<number>();
  readonly calls: RegionInstruction[] = [];
  /** Offsets still to be followed. */
  readonly pending: number[] = [];

  addEntry(offset: number): void {
    if (!isInPage(offset)) return;
    this.entries.add(offset);
    this.addLeader(offset);
  }

  addLeader(offset: number): void {
    this.leaders.add(offset);
    this.pending.push(offset);
  }
}

export class RegionFinder {
  private readonly decoder = new Decoder();
  /** By shape and addressing; null where there is no definition. */
  private readonly kinds: (InstructionKind | null | undefined)[] = [];

  constructor(private readonly variants: VariantTable) {}

  /** Finds the region around `entry`, or undefined where there is nothing to translate. */
  find(page: CodePage, entry: number): Region | undefined {
    const found = new Found();
    found.addEntry(entry);
    const { instructions, pending } = found;
    for (let start = pending.pop(); start !== undefined; start = pending.pop()) {
      let offset = start;
      while (offset !== nowhere && !instructions.has(offset)) {
        if (instructions.size >= regionInstructionsMax) break;
        offset = this.add(page, found, offset);
      }
    }
    return instructions.has(entry) ? buildRegion(page.mode, found) : undefined;
  }

  /** Adds the instruction at an offset. @returns the offset of the following one, if that is to be followed */
  private add(page: CodePage, found: Found, offset: number): number {
    const { decoder } = this;
    if (page.excluded.has(offset)) return nowhere;
    if (decoder.decode(page.bytes, offset, pageBytes, page.mode) !== 'instruction') return nowhere;
    const kind = this.kindOf(decoder.shape);
    if (kind === null) return nowhere;
    if (kind.end === undefined) {
      // Only the interpreter may execute it.
      if (!kind.isLast) found.addEntry(offset + decoder.length);
      return nowhere;
    }
    const instruction = instructionOf(kind, decoder, offset);
    found.instructions.set(offset, instruction);
    return follow(page, found, instruction);
  }

  private kindOf(shape: InstructionShape): InstructionKind | null {
    const { addressing } = this.decoder;
    const index = shape.number * addressings.length + addressing;
    const known = this.kinds[index];
    if (known !== undefined) return known;
    const variant = this.variants.meaningOf(shape, addressing);
    if (variant === undefined) return (this.kinds[index] = null);
    const facts = factsOf(variant);
    const { mnemonic } = shape.row;
    return (this.kinds[index] = {
      variant,
      facts,
      end: translatedGroups.has(variant.group) ? facts.end : undefined,
      isCall: shape.isCall,
      isReturn: mnemonic === 'RET',
      isLast: shape.isEnd,
    });
  }
}

/** The instruction that was decoded last. */
function instructionOf(kind: InstructionKind, decoder: Decoder, offset: number): RegionInstruction {
  const nextOffset = offset + decoder.length;
  return {
    kind,
    offset,
    nextOffset,
    // Other immediates could make it a number on the engine's heap, for all instructions.
    target: isDirect(kind) ? nextOffset + decoder.immediateLow : 0,
    dst: decoder.dst,
    src: decoder.src,
    third: decoder.third,
    base: decoder.base,
    index: decoder.index,
    scale: decoder.scale,
    segmentBase: decoder.segmentBase,
    displacementLow: decoder.displacementLow,
    displacementHigh: decoder.displacementHigh,
    immediateLow: decoder.immediateLow,
    immediateHigh: decoder.immediateHigh,
    addressSize: decoder.addressSize,
  };
}

/** Notes where an instruction can go. @returns the offset of the following one, if that is to be followed */
function follow(page: CodePage, found: Found, instruction: RegionInstruction): number {
  const { kind, target, nextOffset } = instruction;
  if (isDirect(kind) && isInPage(target) && page.isJumpedTo(target)) found.addLeader(target);
  if (kind.isCall) {
    if (kind.end === 'relative') found.calls.push(instruction);
    if (page.isJumpedTo(nextOffset)) found.addEntry(nextOffset);
  }
  if (!isInPage(nextOffset)) return nowhere;
  if (kind.end === 'conditional') {
    found.leaders.add(nextOffset);
    return page.isPassedTo(nextOffset) ? nextOffset : nowhere;
  }
  return kind.end === 'next' ? nextOffset : nowhere;
}

function isDirect({ end }: InstructionKind): boolean {
  return end === 'relative' || end === 'conditional';
}

function isInPage(offset: number): boolean {
  return offset >= 0 && offset < pageBytes;
}

function buildRegion(mode: CodeMode, found: Found): Region {
  const blocks = buildBlocks(found);
  const byOffset = new Map<number, Block>();
  for (const block of blocks) byOffset.set(block.offset, block);
  const returnSites = returnSitesOf(found, byOffset);
  const region = {
    mode,
    blocks,
    byOffset,
    successors: blocks.map((block) => successorsOf(block, byOffset, returnSites)),
    entries: entriesOf(found, blocks),
    returnSites,
    instructionCount: 0,
    usedRegisters: 0,
    writtenRegisters: 0,
    readsMemory: false,
    writesMemory: false,
  };
  for (const { instructions } of blocks) region.instructionCount += instructions.length;
  for (const instruction of found.instructions.values()) {
    const { facts } = instruction.kind;
    region.usedRegisters |= usedRegistersOf(instruction);
    region.writtenRegisters |= writtenRegistersOf(instruction);
    region.readsMemory ||= facts.readsMemory;
    region.writesMemory ||= facts.writesMemory;
  }
  return region;
}

function buildBlocks({ instructions, leaders }: Found): readonly Block[] {
  const starts: number[] = [];
  for (const offset of leaders) if (instructions.has(offset)) starts.push(offset);
  starts.sort((a, b) => a - b);
  return starts.map((start, id) => buildBlock(instructions, leaders, start, id));
}

function buildBlock(
  found: ReadonlyMap<number, RegionInstruction>,
  leaders: ReadonlySet<number>,
  start: number,
  id: number,
): Block {
  const instructions: RegionInstruction[] = [];
  let offset = start;
  let end: InstructionEnd | undefined = 'next';
  let isReturn = false;
  for (;;) {
    const instruction = found.get(offset);
    if (instruction === undefined) break;
    instructions.push(instruction);
    offset = instruction.nextOffset;
    ({ end, isReturn } = instruction.kind);
    if (end !== 'next' || leaders.has(offset)) break;
  }
  return {
    id,
    offset: start,
    instructions,
    fallsThrough: end === 'next' || end === 'conditional',
    nextOffset: offset,
    flagsAreDead: flagsAreDeadAt(instructions),
    readsFlags: readsFlags(instructions),
    isReturn,
  };
}

/** Loops are entered where they go round. */
function entriesOf({ entries }: Found, blocks: readonly Block[]): readonly Block[] {
  const offsets = new Set(entries);
  for (const { offset, instructions } of blocks) {
    const last = instructions[instructions.length - 1];
    if (last !== undefined && isDirect(last.kind) && last.target <= offset)
      offsets.add(last.target);
  }
  return blocks.filter((block) => offsets.has(block.offset));
}

/** A return compares its target with each of the sites; where there are many, it is better looked up. */
function returnSitesOf({ calls }: Found, byOffset: ReadonlyMap<number, Block>): readonly Block[] {
  const sites: Block[] = [];
  for (const { nextOffset, target } of calls) {
    const site = byOffset.get(nextOffset);
    if (site === undefined || !byOffset.has(target) || sites.includes(site)) continue;
    sites.push(site);
  }
  return sites.length > returnSitesMax ? [] : sites;
}

function successorsOf(
  block: Block,
  byOffset: ReadonlyMap<number, Block>,
  returnSites: readonly Block[],
): readonly Block[] {
  if (block.isReturn) return returnSites;
  const successors: Block[] = [];
  const next = block.fallsThrough ? byOffset.get(block.nextOffset) : undefined;
  if (next !== undefined) successors.push(next);
  const last = block.instructions[block.instructions.length - 1];
  const target = last !== undefined && isDirect(last.kind) ? byOffset.get(last.target) : undefined;
  if (target !== undefined) successors.push(target);
  return successors;
}
