/**
 * Derives from control and segment registers what running code needs at hand: the code mode, the base and limit of
 * the code segment, and what an access to each segment must obey (SDM vol. 3, 5.3 to 5.5).
 */
import { linearAddressBits } from '../spec/x86/address-widths';
import { Cr4 } from '../spec/x86/control-registers';
import { flatCode, longCode, segmentedCode, type CodeMode } from './decode/code-mode';
import { runOffsets, segmentCheckOffset, segmentCheckOffsets } from './memory-map';
import { present } from '../support/assert';
import { vector, type ProcessorContext } from './processor-context';
import { segmentOffsets, segmentsByNumber, vmcsOffsets, type SegmentOffsets } from './vmcs-offsets';

/** Access-rights bits in VMCS format (SDM vol. 3, table 25-2). */
const unusable = 0x10000;
/** Beside the access rights, which have no such bit: not real or virtual-8086 mode. */
const protectedMode = 0x100000;
const defaultBig = 0x4000;
const executable = 8;
/** Of data segments: expand-down. Of code segments: conforming. */
const expandDown = 4;
/** Of data segments: writable. Of code segments: readable. */
const accessible = 2;

/** What checks depend on: not the privilege level, in which a kernel's segments differ from those of its processes. */
const checkedRights = unusable | protectedMode | defaultBig | executable | expandDown | accessible;

const codeSegment = 1;
const stackSegment = 2;
const whole = 0xffffffff;
/** ES, CS, SS and DS must be flat in flat code. */
const flatSegments = 4;

/** Offsets of an empty range. */
const emptyLow = 1;
const emptyHigh = 0;

/** Writes a number below 2^33 to a field of 64 bits: without a bigint, since each change of privilege comes here. */
function setWide(context: ProcessorContext, offset: number, value: number): void {
  context.setRun32(offset, value | 0);
  context.setRun32(offset + 4, value > whole ? 1 : 0);
}

/** First offset that lies inside the segment, whatever the access. */
function lowEnd(rights: number, limit: number): number {
  return isExpandDown(rights) ? limit + 1 : 0;
}

/** Last offset that lies inside the segment. */
function highEnd(rights: number, limit: number): number {
  if (!isExpandDown(rights)) return limit;
  return (rights & defaultBig) !== 0 ? whole : 0xffff;
}

function isExpandDown(rights: number): boolean {
  return (rights & (executable | expandDown)) === expandDown;
}

/**
 * Refreshes a segment's checks, if what they are derived from has changed; says whether they never bite. Most changes
 * of privilege change two segments.
 */
function neverBites(context: ProcessorContext, number: number, isProtected: boolean): boolean {
  const { state, checkedSegments: known } = context;
  const segment = present(segmentsByNumber[number], 'segment');
  const rights =
    (state.readU32(segment.accessRights) | (isProtected ? protectedMode : 0)) & checkedRights;
  const limit = state.readU32(segment.limit) | 0;
  const base = state.readU32(segment.base) | 0;
  const at = number * 4;
  if (known[at] !== rights || known[at + 1] !== limit || known[at + 2] !== base) {
    known[at] = rights;
    known[at + 1] = limit;
    known[at + 2] = base;
    known[at + 3] = refreshChecks(context, number, segment, isProtected) ? 1 : 0;
  }
  return known[at + 3] === 1;
}

function isBig({ state }: ProcessorContext, segment: SegmentOffsets): boolean {
  return (state.readU32(segment.accessRights) & defaultBig) !== 0;
}

/**
 * Writes a segment's checks for generated code; says whether they never bite. In real and virtual-8086 mode only the
 * extent counts: code may be written.
 */
function refreshChecks(
  context: ProcessorContext,
  number: number,
  segment: SegmentOffsets,
  isProtected: boolean,
): boolean {
  const { state } = context;
  const rights = state.readU32(segment.accessRights);
  const limit = state.readU32(segment.limit);
  const base = state.readU32(segment.base);
  const isCode = (rights & executable) !== 0;
  const isAccessible = (rights & accessible) !== 0;
  const isUsable = (rights & unusable) === 0;
  const isReadable = isUsable && (!isProtected || !isCode || isAccessible);
  const isWritable = isUsable && (!isProtected || (!isCode && isAccessible));
  const low = lowEnd(rights, limit);
  const high = highEnd(rights, limit);
  const at = segmentCheckOffset(number);
  setWide(context, at + segmentCheckOffsets.base, base);
  setWide(context, at + segmentCheckOffsets.readLow, isReadable ? low : emptyLow);
  setWide(context, at + segmentCheckOffsets.readHigh, isReadable ? high : emptyHigh);
  setWide(context, at + segmentCheckOffsets.writeLow, isWritable ? low : emptyLow);
  setWide(context, at + segmentCheckOffsets.writeHigh, isWritable ? high : emptyHigh);
  setWide(context, at + segmentCheckOffsets.fault, number === stackSegment ? vector.SS : vector.GP);
  const isWhole = low === 0 && high === whole;
  return base === 0 && isWhole && isReadable && (number === codeSegment || isWritable);
}

/** Refreshes what is derived from the segment registers and returns the code mode. */
export function refreshExecutionMode(context: ProcessorContext): CodeMode {
  const { state, isProtected } = context;
  const hasFiveLevels = (state.readU32(vmcsOffsets.cr4) & Cr4.LA57) !== 0;
  context.linearAddressBits = hasFiveLevels
    ? linearAddressBits.fiveLevels
    : linearAddressBits.fourLevels;
  if (context.is64Bit) {
    setWide(context, runOffsets.codeBase, 0);
    return longCode;
  }
  const code = segmentOffsets.CS;
  setWide(context, runOffsets.codeBase, state.readU32(code.base));
  setWide(context, runOffsets.codeLimit, state.readU32(code.limit));
  let isFlat = true;
  for (let number = 0; number < segmentsByNumber.length; number++) {
    const isWhole = neverBites(context, number, isProtected);
    // FS and GS may differ: they are added where they are used.
    if (number < flatSegments && !isWhole) isFlat = false;
  }
  const codeSize = isBig(context, code) ? 32 : 16;
  const stackSize = isBig(context, segmentOffsets.SS) ? 32 : 16;
  return isFlat && codeSize === 32 && stackSize === 32
    ? flatCode
    : segmentedCode(codeSize, stackSize);
}
