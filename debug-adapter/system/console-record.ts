/** Writes the trace record of console output, which comes byte by byte. */
import type { ConsoleEvent } from '../machine/trace';
import { assert } from '../support/assert';
import { offsetsIn, writeHeader } from './record-header';
import { consoleRecord } from './trace-records';

const offsetOf = offsetsIn(consoleRecord);

const at = { length: offsetOf('length'), data: offsetOf('data') } as const;

const dataBytes = 4;

/** Fills the whole record at `base`. */
export function writeConsoleRecord(view: DataView, base: number, event: ConsoleEvent): void {
  const { data } = event;
  assert(data.length <= dataBytes, 'one access writes at most four bytes');
  writeHeader(view, base, event, event.partition, event.processor);
  // The length is a byte, and those behind it are nobody's.
  view.setUint32(base + at.length, data.length, true);
  for (let index = 0; index < dataBytes; index++) {
    view.setUint8(base + at.data + index, data[index] ?? 0);
  }
}
