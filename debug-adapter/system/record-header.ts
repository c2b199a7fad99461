/** What every record of the trace begins with: where it stands, and how it is written without an object in between. */
import { present } from '../support/assert';
import type { StructLayout } from '../support/struct-layout';
import { traceHeader } from './trace-records';

/** Finds where the fields of a record are. */
export const offsetsIn =
  (layout: StructLayout) =>
  (name: string): number =>
    present(layout.byName.get(name), `field ${name} of the record ${layout.name}`).offset;

const offsetOf = offsetsIn(traceHeader);

/** Offsets of the header's fields. */
export const headerOffsets = {
  position: offsetOf('position'),
  timeNs: offsetOf('timeNs'),
  ordinal: offsetOf('ordinal'),
  partition: offsetOf('partition'),
  processor: offsetOf('processor'),
} as const;

const twoTo32 = 2 ** 32;

/** A count below 2^53 as an integer of 64 bits. */
export function writeCount(view: DataView, to: number, count: number): void {
  // A write to a view takes the integer part of a number, modulo 2^32.
  view.setUint32(to, count, true);
  view.setUint32(to + 4, count / twoTo32, true);
}

/** Writes the header of the record at `base`; by numbers, as events are objects of many shapes. */
export function writeHeader(
  view: DataView,
  base: number,
  position: number,
  timeNs: number,
  ordinal: number,
  partition: number,
  processor: number,
): void {
  writeCount(view, base + headerOffsets.position, position);
  writeCount(view, base + headerOffsets.timeNs, timeNs);
  view.setUint32(base + headerOffsets.ordinal, ordinal, true);
  view.setUint16(base + headerOffsets.partition, partition, true);
  view.setUint16(base + headerOffsets.processor, processor, true);
}
