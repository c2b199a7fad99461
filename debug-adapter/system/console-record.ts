/** Writes the trace record of console output, which comes byte by byte. */
import type { TraceHeader } from '../machine/trace';
import { assert } from '../support/assert';
import { offsetsIn, writeHeader } from './record-header';
import { consoleRecord } from './trace-records';

const offsetOf = offsetsIn(consoleRecord);

const at = { length: offsetOf('length'), data: offsetOf('data') } as const;

const dataBytes = 4;

/**
 * Fills the whole record at `base`.
 * @param value the bytes, the first one lowest, and nothing behind them
 */
export function writeConsoleRecord(
  view: DataView,
  base: number,
  { position, timeNs, ordinal, partition, processor }: TraceHeader,
  value: number,
  sizeBytes: number,
): void {
  writeHeader(view, base, position, timeNs, ordinal, partition, processor);
  // The length is a byte, and those behind it are nobody's.
  view.setUint32(base + at.length, sizeBytes, true);
  view.setUint32(base + at.data, value, true);
}

/** The bytes of an event as one number, the first one lowest. */
export function consoleValue(data: Uint8Array): number {
  assert(data.length <= dataBytes, 'one access writes at most four bytes');
  return data.reduceRight((value, byte) => value * 256 + byte, 0);
}

/** The bytes of {@link consoleValue}. */
export function consoleBytes(value: number, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => (value >>> (8 * index)) & 0xff);
}
