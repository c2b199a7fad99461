/** The header page of a VMBus ring, and what its bits mean. */
import { structField, structLayout } from '../../support/struct-layout';

/** First page of each direction; data follow it. */
export const ringHeader = structLayout(
  'RingHeader',
  [
    structField('WriteIndex', 'u32', 0),
    structField('ReadIndex', 'u32', 4),
    structField('InterruptMask', 'u32', 8),
    structField('PendingSendSize', 'u32', 12),
    structField('FeatureBits', 'u32', 64),
  ],
  4096,
);

/** FeatureBits. */
export const ringFeature = { pendingSendSizeSupported: 1 } as const;

/** Indices, and so packets, are multiples of this. */
export const ringAlignmentBytes = 8;
