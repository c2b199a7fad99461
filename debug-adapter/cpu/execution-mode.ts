/**
 * Derives from control and segment registers what running code needs at hand: the code mode, the base and limit of
 * the code segment, and what an access to each segment must obey (SDM vol. 3, 5.3 to 5.5).
 */
import { flatCode, longCode, segmentedCode, type CodeMode } from './decode/code-mode';
import { runOffsets, segmentCheckOffset, segmentCheckOffsets } from './memory-map';
import { vector, type ProcessorContext } from './processor-context';
import { segmentOffsets, segmentsByNumber, type SegmentOffsets } from './vmcs-offsets';

/** Access-rights bits in VMCS format (SDM vol. 3, table 25-2). */
const unusable = 0x10000;
const defaultBig = 0x4000;
const executable = 8;
/** Of data segments: expand-down. Of code segments: conforming. */
const expandDown = 4;
/** Of data segments: writable. Of code segments: readable. */
const accessible = 2;

const codeSegment = 1;
const stackSegment = 2;
const whole = 0xffffffff;

interface Range {
  readonly low: number;
  readonly high: number;
}

const emptyRange: Range = { low: 1, high: 0 };

function rightsOf(context: ProcessorContext, segment: SegmentOffsets): number {
  return context.state.readU32(segment.accessRights);
}

/** Offsets that lie inside the segment, whatever the access. */
function extentOf(context: ProcessorContext, segment: SegmentOffsets): Range {
  const rights = rightsOf(context, segment);
  const limit = context.state.readU32(segment.limit);
  const isExpandDown = (rights & (executable | expandDown)) === expandDown;
  if (!isExpandDown) return { low: 0, high: limit };
  return { low: limit + 1, high: (rights & defaultBig) !== 0 ? whole : 0xffff };
}

/** In real and virtual-8086 mode only the extent counts: code may be written. */
function rangesOf(
  context: ProcessorContext,
  segment: SegmentOffsets,
): { readonly read: Range; readonly write: Range } {
  const rights = rightsOf(context, segment);
  if ((rights & unusable) !== 0) return { read: emptyRange, write: emptyRange };
  const extent = extentOf(context, segment);
  if (!context.isProtected) return { read: extent, write: extent };
  const isCode = (rights & executable) !== 0;
  const isAccessible = (rights & accessible) !== 0;
  return {
    read: isCode && !isAccessible ? emptyRange : extent,
    write: isCode || !isAccessible ? emptyRange : extent,
  };
}

function isWhole({ low, high }: Range): boolean {
  return low === 0 && high === whole;
}

/** Writes a segment's checks for generated code; says whether they never bite. */
function refreshChecks(
  context: ProcessorContext,
  number: number,
  segment: SegmentOffsets,
): boolean {
  const { read, write } = rangesOf(context, segment);
  const base = context.state.readU64(segment.base) & 0xffffffffn;
  const at = segmentCheckOffset(number);
  const set = (field: number, value: number): void => context.setRunU64(at + field, BigInt(value));
  context.setRunU64(at + segmentCheckOffsets.base, base);
  set(segmentCheckOffsets.readLow, read.low);
  set(segmentCheckOffsets.readHigh, read.high);
  set(segmentCheckOffsets.writeLow, write.low);
  set(segmentCheckOffsets.writeHigh, write.high);
  set(segmentCheckOffsets.fault, number === stackSegment ? vector.SS : vector.GP);
  return base === 0n && isWhole(read) && (number === codeSegment || isWhole(write));
}

/** Refreshes what is derived from the segment registers and returns the code mode. */
export function refreshExecutionMode(context: ProcessorContext): CodeMode {
  if (context.is64Bit) {
    context.setRunU64(runOffsets.codeBase, 0n);
    return longCode;
  }
  const code = segmentOffsets.CS;
  context.setRunU64(runOffsets.codeBase, context.state.readU64(code.base) & 0xffffffffn);
  context.setRunU64(runOffsets.codeLimit, BigInt(context.state.readU32(code.limit)));
  const flat = segmentsByNumber.map((segment, number) => refreshChecks(context, number, segment));
  const codeSize = (rightsOf(context, code) & defaultBig) !== 0 ? 32 : 16;
  const stackSize = (rightsOf(context, segmentOffsets.SS) & defaultBig) !== 0 ? 32 : 16;
  const isFlat = flat.slice(0, 4).every(Boolean) && codeSize === 32 && stackSize === 32;
  return isFlat ? flatCode : segmentedCode(codeSize, stackSize);
}
