/** Writes the trace record of a hypercall, of which a guest may make hundreds of thousands a second. */
import type { HypercallEvent } from '../machine/trace';
import { limits } from './limits';
import { offsetsIn, writeHeader } from './record-header';
import { hypercallRecord } from './trace-records';

const offsetOf = offsetsIn(hypercallRecord);

const at = {
  control: offsetOf('control'),
  code: offsetOf('code'),
  status: offsetOf('status'),
  repsCompleted: offsetOf('repsCompleted'),
  inputLength: offsetOf('inputLength'),
  outputLength: offsetOf('outputLength'),
  input: offsetOf('input'),
  output: offsetOf('output'),
} as const;

/** Fills the whole record at `base`. */
export function writeHypercallRecord(view: DataView, base: number, event: HypercallEvent): void {
  const { position, timeNs, ordinal, partition, processor } = event;
  writeHeader(view, base, position, timeNs, ordinal, partition, processor);
  view.setBigUint64(base + at.control, event.control, true);
  view.setUint16(base + at.code, event.code, true);
  view.setUint16(base + at.status, event.status, true);
  view.setUint32(base + at.repsCompleted, event.repsCompleted, true);
  const { traceHypercallInputBytes, traceHypercallOutputBytes } = limits;
  const input = copyBytes(view, base + at.input, event.input, traceHypercallInputBytes);
  const output = copyBytes(view, base + at.output, event.output, traceHypercallOutputBytes);
  view.setUint8(base + at.inputLength, input);
  view.setUint8(base + at.outputLength, output);
}

/** Copies the beginning of a block, byte by byte as long as that is cheaper than a view. @returns the bytes copied */
function copyBytes(view: DataView, to: number, bytes: Uint8Array, most: number): number {
  const count = Math.min(bytes.length, most);
  for (let index = 0; index < count; index++) view.setUint8(to + index, bytes[index] ?? 0);
  return count;
}
