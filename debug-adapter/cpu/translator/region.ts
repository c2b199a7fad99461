/** A region: the basic blocks of one code page that can be reached from a hot instruction, ready for translation. */
import { decodeInstruction, instructionBytesMax, type DecodedInstruction } from '../decode/decoder';
import type { CodeMode } from '../decode/code-mode';
import type { Variant, VariantTable } from '../decode/variants';
import type { HandlerGroup } from '../semantics/definition';
import { factsOf, type InstructionEnd, type VariantFacts } from './variant-facts';

const pageBytes = 4096;

/** Most instructions of one region; what lies beyond is reached by leaving it. */
const regionInstructionsMax = 400;

/** Most return sites that a return is compared with. */
const returnSitesMax = 32;

export interface RegionInstruction {
  readonly offset: number;
  readonly nextOffset: number;
  readonly decoded: DecodedInstruction;
  readonly variant: Variant;
  readonly facts: VariantFacts;
  readonly end: InstructionEnd;
  /** Page offset of the relative target, which may lie outside the page; 0 where there is none. */
  readonly target: number;
}

/** A straight run of instructions. Its id is its index in the region. */
export interface Block {
  readonly id: number;
  readonly offset: number;
  readonly instructions: readonly RegionInstruction[];
  /** Page offset where control falls through, or undefined where the last instruction decides. */
  readonly fallThrough: number | undefined;
}

export interface Region {
  readonly mode: CodeMode;
  readonly blocks: readonly Block[];
  readonly byOffset: ReadonlyMap<number, Block>;
  /** Blocks at which the region may be entered. */
  readonly entries: readonly Block[];
  /** Blocks that follow a call of code in the region: where a return may go. */
  readonly returnSites: readonly Block[];
  readonly instructionCount: number;
}

/** What discovery needs of the code page. */
export interface CodePage {
  readonly bytes: Uint8Array;
  readonly variants: VariantTable;
  readonly mode: CodeMode;
  /** Offsets at which the interpreter must see the instruction (breakpoints). */
  readonly excluded: ReadonlySet<number>;
  /** Whether jumps to an offset were made often enough to be followed; what is cold is left out. */
  isJumpedTo(offset: number): boolean;
  /** The same of the way behind a conditional jump that is not made. */
  isPassedTo(offset: number): boolean;
}

/** What has been found of a region so far. */
interface Found {
  readonly instructions: Map<number, RegionInstruction>;
  readonly leaders: Set<number>;
  /** Where code outside may go on: behind calls, and behind what the interpreter has to execute. */
  readonly entries: Set<number>;
  /** Offsets still to be followed. */
  readonly pending: number[];
}

/** Finds the region around `entry`, or undefined where there is nothing to translate. */
export function discoverRegion(page: CodePage, entry: number): Region | undefined {
  const found: Found = {
    instructions: new Map(),
    leaders: new Set([entry]),
    entries: new Set([entry]),
    pending: [entry],
  };
  const { instructions, pending } = found;
  for (let start = pending.pop(); start !== undefined; start = pending.pop()) {
    let offset: number | undefined = start;
    while (offset !== undefined && !instructions.has(offset)) {
      if (instructions.size >= regionInstructionsMax) break;
      const next = instructionAt(page, offset);
      if (next === undefined) break;
      if (typeof next === 'number') {
        noteEntry(found, next);
        break;
      }
      instructions.set(offset, next);
      offset = follow(page, found, next);
    }
  }
  return instructions.has(entry) ? buildRegion(page.mode, found) : undefined;
}

/** Notes where an instruction can go, and gives the offset of the following one if that is among it. */
function follow(page: CodePage, found: Found, instruction: RegionInstruction): number | undefined {
  const { leaders, pending } = found;
  const { end, target, nextOffset } = instruction;
  const isDirect = end === 'relative' || end === 'conditional';
  if (isDirect && isInPage(target) && page.isJumpedTo(target)) {
    // The engine keeps such sums on its heap: where one got into the fields of the decoder as an offset, everything that
    // reads them would have to be optimized again.
    const place = target | 0;
    leaders.add(place);
    pending.push(place);
  }
  if (isCall(instruction) && page.isJumpedTo(nextOffset)) noteEntry(found, nextOffset);
  if (!isInPage(nextOffset)) return undefined;
  if (end === 'conditional') {
    leaders.add(nextOffset);
    return page.isPassedTo(nextOffset) ? nextOffset : undefined;
  }
  return end === 'next' ? nextOffset : undefined;
}

function noteEntry({ leaders, entries, pending }: Found, offset: number): void {
  if (!isInPage(offset)) return;
  leaders.add(offset);
  entries.add(offset);
  pending.push(offset);
}

function isInPage(offset: number): boolean {
  return offset >= 0 && offset < pageBytes;
}

function isCall(instruction: RegionInstruction): boolean {
  return instruction.decoded.row.mnemonic === 'CALL';
}

const translatedGroups: ReadonlySet<HandlerGroup> = new Set([
  'hot',
  'vectorMove',
  'vector',
  'vectorFloat',
  'checked32',
  'checked16',
  'checkedVector',
  'checkedVectorFloat',
]);

/** The instruction at an offset; if only the interpreter may execute it, where it goes on, undefined for nowhere. */
function instructionAt(page: CodePage, offset: number): RegionInstruction | number | undefined {
  if (page.excluded.has(offset)) return undefined;
  const end = Math.min(offset + instructionBytesMax, pageBytes);
  const result = decodeInstruction(page.bytes.subarray(offset, end), page.mode);
  if (result.kind !== 'instruction') return undefined;
  const decoded = result.instruction;
  const nextOffset = offset + decoded.length;
  const variant = page.variants.meaningOf(decoded, decoded.addressing);
  if (variant === undefined) return undefined;
  const facts = factsOf(variant);
  if (facts.end === undefined || !translatedGroups.has(variant.group)) {
    return decoded.row.attributes.has('end') ? undefined : nextOffset;
  }
  const { end: ending } = facts;
  const isRelative = ending === 'relative' || ending === 'conditional';
  // Other immediates would make it a number on the engine's heap, for all instructions.
  const target = isRelative ? nextOffset + Number(BigInt.asIntN(64, decoded.immediate)) : 0;
  return { offset, nextOffset, decoded, variant, facts, end: ending, target };
}

function buildRegion(mode: CodeMode, found: Found): Region {
  const { instructions, leaders } = found;
  const starts = [...leaders].filter((offset) => instructions.has(offset)).sort((a, b) => a - b);
  const blocks = starts.map((offset, id) => buildBlock(instructions, leaders, offset, id));
  const byOffset = new Map(blocks.map((block) => [block.offset, block]));
  const entries = new Set(found.entries);
  for (const from of blocks) {
    // Loops are entered where they go round.
    for (const to of targetsOf(from)) if (to <= from.offset) entries.add(to);
  }
  return {
    mode,
    blocks,
    byOffset,
    entries: blocks.filter((block) => entries.has(block.offset)),
    returnSites: returnSitesOf(instructions, byOffset),
    instructionCount: blocks.reduce((sum, block) => sum + block.instructions.length, 0),
  };
}

/** A return compares its target with each of the sites; where there are many, it is better looked up. */
function returnSitesOf(
  instructions: ReadonlyMap<number, RegionInstruction>,
  byOffset: ReadonlyMap<number, Block>,
): readonly Block[] {
  const sites = new Set<Block>();
  for (const instruction of instructions.values()) {
    if (!isCall(instruction) || instruction.end !== 'relative') continue;
    const site = byOffset.get(instruction.nextOffset);
    if (site !== undefined && byOffset.has(instruction.target)) sites.add(site);
  }
  return sites.size > returnSitesMax ? [] : [...sites];
}

function buildBlock(
  found: ReadonlyMap<number, RegionInstruction>,
  leaders: ReadonlySet<number>,
  start: number,
  id: number,
): Block {
  const instructions: RegionInstruction[] = [];
  let offset = start;
  for (;;) {
    const instruction = found.get(offset);
    if (instruction === undefined) break;
    instructions.push(instruction);
    offset = instruction.nextOffset;
    if (instruction.end !== 'next' || leaders.has(offset)) break;
  }
  const last = instructions[instructions.length - 1];
  const decides = last?.end === 'relative' || last?.end === 'dynamic';
  return { id, offset: start, instructions, fallThrough: decides ? undefined : offset };
}

/** Page offsets to which a block's end can go, apart from dynamic targets. */
export function targetsOf(block: Block): readonly number[] {
  const last = block.instructions[block.instructions.length - 1];
  const targets = block.fallThrough === undefined ? [] : [block.fallThrough];
  if (last?.end === 'relative' || last?.end === 'conditional') targets.push(last.target);
  return targets;
}
