/** VMBus rings: the header page of each direction (Linux include/linux/hyperv.h, struct hv_ring_buffer). */
import {
  bitsOfFlags,
  structField as f,
  structLayout,
  type FieldMeaning,
} from '../../support/struct-layout';

/** Bytes of the header page; the data area follows. */
export const ringHeaderBytes = 4096;

/** Fewest pages of one direction: the header and one of data. */
export const ringPagesMin = 2;

/** Indices, and so packets, are multiples of this. */
export const ringAlignmentBytes = 8;

/** Feature bits of a ring. */
export const ringFeature = { pendingSendSizeSupported: 0x1 } as const;

const count: FieldMeaning = { kind: 'count' };

export const ringHeader = structLayout(
  'RingHeader',
  [
    /** Bytes from the start of the data area; the producer's. */
    f('WriteIndex', 'u32', 0, count),
    /** Bytes from the start of the data area; the consumer's. */
    f('ReadIndex', 'u32', 4, count),
    /** The consumer does not want to be signalled while this is not zero. */
    f('InterruptMask', 'u32', 8, count),
    /** Free bytes that the producer waits for, or zero. */
    f('PendingSendSize', 'u32', 12, count),
    f('FeatureBits', 'u32', 64, bitsOfFlags(ringFeature)),
  ],
  ringHeaderBytes,
);

/** Bytes of a ring's data that its indices say are taken: equal indices are an empty ring. */
export function ringBytesUsed(writeIndex: number, readIndex: number, dataBytes: number): number {
  return writeIndex >= readIndex ? writeIndex - readIndex : dataBytes - (readIndex - writeIndex);
}
