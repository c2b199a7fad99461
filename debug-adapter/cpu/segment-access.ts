/** Limit and type checks of the accesses that routines make, by the same table as those of generated code. */
import { segmentCheckOffsets } from './memory-map';
import { type Fault, type ProcessorContext } from './processor-context';

/**
 * Linear address of `length` bytes at an offset in a segment, outside 64-bit mode.
 * @param checks offset of the segment's checks from `vpBase`
 * @returns the address, or the fault of an access beyond the segment (SDM vol. 3, 5.3)
 */
export function checkedAddress(
  context: ProcessorContext,
  checks: number,
  offset: bigint,
  length: number,
  intent: 'read' | 'write',
): bigint | Fault {
  const low = context.runU64(checks + segmentCheckOffsets[`${intent}Low`]);
  const high = context.runU64(checks + segmentCheckOffsets[`${intent}High`]);
  if (offset < low || offset + BigInt(length) - 1n > high) {
    return { vector: Number(context.runU64(checks + segmentCheckOffsets.fault)), errorCode: 0 };
  }
  return BigInt.asUintN(32, context.runU64(checks + segmentCheckOffsets.base) + offset);
}
