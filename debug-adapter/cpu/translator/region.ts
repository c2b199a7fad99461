/** A region: the basic blocks of one code page that can be reached from a hot instruction, ready for translation. */
import { decodeInstruction, instructionBytesMax, type DecodedInstruction } from '../decode/decoder';
import type { CodeMode } from '../decode/code-mode';
import type { Variant, VariantTable } from '../decode/variants';
import type { Statement } from '../ir/ir';
import type { HandlerGroup } from '../semantics/definition';

const pageBytes = 4096;

/** Most instructions of one region; what lies beyond is reached by leaving it. */
const regionInstructionsMax = 400;

/** How control leaves an instruction. */
export type InstructionEnd =
  /** Only to the next instruction. */
  | 'next'
  /** To the next instruction or the relative target. */
  | 'conditional'
  /** To the relative target. */
  | 'relative'
  /** To an address known when it runs. */
  | 'dynamic';

export interface RegionInstruction {
  readonly offset: number;
  readonly nextOffset: number;
  readonly decoded: DecodedInstruction;
  readonly variant: Variant;
  readonly end: InstructionEnd;
  /** Page offset of the relative target; may lie outside the page. */
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
  /** Blocks that follow a call: where a return may go. */
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
}

/** Finds the region around `entry`, or undefined where there is nothing to translate. */
export function discoverRegion(page: CodePage, entry: number): Region | undefined {
  const found = new Map<number, RegionInstruction>();
  const leaders = new Set([entry]);
  const returnSites = new Set<number>();
  const pending = [entry];
  for (let start = pending.pop(); start !== undefined; start = pending.pop()) {
    let offset: number | undefined = start;
    while (offset !== undefined && !found.has(offset) && found.size < regionInstructionsMax) {
      const instruction = instructionAt(page, offset);
      if (instruction === undefined) break;
      found.set(offset, instruction);
      if (
        isInPage(instruction.target) &&
        instruction.end !== 'next' &&
        instruction.end !== 'dynamic'
      ) {
        leaders.add(instruction.target);
        pending.push(instruction.target);
      }
      if (isCall(instruction) && isInPage(instruction.nextOffset)) {
        leaders.add(instruction.nextOffset);
        returnSites.add(instruction.nextOffset);
        pending.push(instruction.nextOffset);
      }
      if (instruction.end === 'conditional') leaders.add(instruction.nextOffset);
      const goesOn = instruction.end === 'next' || instruction.end === 'conditional';
      offset = goesOn && isInPage(instruction.nextOffset) ? instruction.nextOffset : undefined;
    }
  }
  return found.has(entry) ? buildRegion(page.mode, found, leaders, entry, returnSites) : undefined;
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

/** The instruction at an offset if translated code may execute it. */
function instructionAt(page: CodePage, offset: number): RegionInstruction | undefined {
  if (page.excluded.has(offset)) return undefined;
  const end = Math.min(offset + instructionBytesMax, pageBytes);
  const result = decodeInstruction(page.bytes.subarray(offset, end), page.mode);
  if (result.kind !== 'instruction') return undefined;
  const decoded = result.instruction;
  const variant = page.variants.meaningOf(decoded, decoded.addressing);
  if (variant === undefined || !translatedGroups.has(variant.group)) return undefined;
  const instructionEnd = endOf(variant.statements);
  if (instructionEnd === undefined) return undefined;
  const nextOffset = offset + decoded.length;
  const target = nextOffset + Number(BigInt.asIntN(64, decoded.immediate));
  return { offset, nextOffset, decoded, variant, end: instructionEnd, target };
}

/** How statements end; undefined where the interpreter has to execute them. */
function endOf(statements: readonly Statement[]): InstructionEnd | undefined {
  let end: InstructionEnd = 'next';
  for (const statement of statements) {
    switch (statement.kind) {
      case 'jumpRelative':
        return 'relative';
      case 'jump':
        return 'dynamic';
      case 'routine':
      case 'raise':
      case 'repeat':
        return undefined;
      case 'if': {
        const arms = [...statement.then, ...statement.otherwise];
        if (contains(arms, 'repeat') || contains(arms, 'jump')) return undefined;
        if (contains(arms, 'jumpRelative')) end = 'conditional';
        break;
      }
      default:
    }
  }
  return end;
}

function contains(statements: readonly Statement[], kind: Statement['kind']): boolean {
  return statements.some(
    (statement) =>
      statement.kind === kind ||
      (statement.kind === 'if' &&
        (contains(statement.then, kind) || contains(statement.otherwise, kind))),
  );
}

function buildRegion(
  mode: CodeMode,
  found: ReadonlyMap<number, RegionInstruction>,
  leaders: ReadonlySet<number>,
  entry: number,
  returnSites: ReadonlySet<number>,
): Region {
  const starts = [...leaders].filter((offset) => found.has(offset)).sort((a, b) => a - b);
  const blocks = starts.map((offset, id) => buildBlock(found, leaders, offset, id));
  const byOffset = new Map(blocks.map((block) => [block.offset, block]));
  const isEntry = (block: Block): boolean => {
    if (block.offset === entry || returnSites.has(block.offset)) return true;
    return blocks.some(
      (from) => from.offset >= block.offset && targetsOf(from).includes(block.offset),
    );
  };
  return {
    mode,
    blocks,
    byOffset,
    entries: blocks.filter(isEntry),
    returnSites: blocks.filter((block) => returnSites.has(block.offset)),
    instructionCount: blocks.reduce((sum, block) => sum + block.instructions.length, 0),
  };
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
