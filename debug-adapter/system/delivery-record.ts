/** Writes the trace record of a delivered event straight from what is known of it, without an object in between. */
import type { Delivery, EventPlace } from './observed-events';
import { offsetsIn, writeHeader } from './record-header';
import type { ProcessorAddress } from './run-types';
import { eventRecord } from './trace-records';

const offsetOf = offsetsIn(eventRecord);

const at = {
  rip: offsetOf('rip'),
  vector: offsetOf('vector'),
  hasErrorCode: offsetOf('hasErrorCode'),
  isInjected: offsetOf('isInjected'),
  errorCode: offsetOf('errorCode'),
} as const;

/** Fills the whole record at `base`. */
export function writeDeliveryRecord(
  view: DataView,
  base: number,
  { position, timeNs, ordinal }: EventPlace,
  { partition, processor }: ProcessorAddress,
  { vector, errorCode, returnRip, isInjected }: Delivery,
): void {
  writeHeader(view, base, position, timeNs, ordinal, partition, processor);
  view.setBigUint64(base + at.rip, returnRip, true);
  view.setUint8(base + at.vector, vector);
  view.setUint8(base + at.hasErrorCode, errorCode === undefined ? 0 : 1);
  view.setUint8(base + at.isInjected, isInjected ? 1 : 0);
  view.setUint8(base + at.isInjected + 1, 0);
  view.setUint32(base + at.errorCode, errorCode ?? 0, true);
}
