/** Writes the trace record of a delivered event straight from what is known of it, without an object in between. */
import { present } from '../support/assert';
import type { Delivery, EventPlace } from './observed-events';
import type { ProcessorAddress } from './run-types';
import { eventRecord } from './trace-records';

const offsetOf = (name: string): number =>
  present(eventRecord.byName.get(name), `field ${name} of the event record`).offset;

const at = {
  position: offsetOf('position'),
  timeNs: offsetOf('timeNs'),
  ordinal: offsetOf('ordinal'),
  partition: offsetOf('partition'),
  processor: offsetOf('processor'),
  rip: offsetOf('rip'),
  vector: offsetOf('vector'),
  hasErrorCode: offsetOf('hasErrorCode'),
  errorCode: offsetOf('errorCode'),
} as const;

const twoTo32 = 2 ** 32;

function writeCount(view: DataView, to: number, count: number): void {
  view.setUint32(to, count % twoTo32, true);
  view.setUint32(to + 4, Math.floor(count / twoTo32), true);
}

/** Fills the whole record at `base`. */
export function writeDeliveryRecord(
  view: DataView,
  base: number,
  place: EventPlace,
  where: ProcessorAddress,
  { vector, errorCode, returnRip }: Delivery,
): void {
  writeCount(view, base + at.position, place.position);
  writeCount(view, base + at.timeNs, place.timeNs);
  view.setUint32(base + at.ordinal, place.ordinal, true);
  view.setUint16(base + at.partition, where.partition, true);
  view.setUint16(base + at.processor, where.processor, true);
  view.setBigUint64(base + at.rip, returnRip, true);
  view.setUint8(base + at.vector, vector);
  view.setUint8(base + at.hasErrorCode, errorCode === undefined ? 0 : 1);
  view.setUint16(base + at.hasErrorCode + 1, 0, true);
  view.setUint32(base + at.errorCode, errorCode ?? 0, true);
}
