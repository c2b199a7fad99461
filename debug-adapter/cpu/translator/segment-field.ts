/** Fields of a memory operand's segment, which instructions outside flat code consult. */
import type { DecodedField } from '../ir/ir';
import { segmentCheckOffsets } from '../memory-map';

/** Where a field of the memory operand's segment lies, from `segmentBase` of the decoded instruction. */
export function segmentFieldOffset(field: DecodedField): number {
  switch (field) {
    case 'segmentReadLow':
      return segmentCheckOffsets.readLow;
    case 'segmentReadHigh':
      return segmentCheckOffsets.readHigh;
    case 'segmentWriteLow':
      return segmentCheckOffsets.writeLow;
    case 'segmentWriteHigh':
      return segmentCheckOffsets.writeHigh;
    case 'segmentFault':
      return segmentCheckOffsets.fault;
    default:
      return segmentCheckOffsets.base;
  }
}
