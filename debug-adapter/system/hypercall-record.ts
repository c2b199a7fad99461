/** Writes the trace record of a hypercall, of which a guest may make hundreds of thousands a second. */
import type { HypercallEvent } from '../machine/trace';
import { present } from '../support/assert';
import { limits } from './limits';
import { hypercallRecord } from './trace-records';

const offsetOf = (name: string): number =>
  present(hypercallRecord.byName.get(name), `field ${name} of the hypercall record`).offset;

const at = {
  position: offsetOf('position'),
  timeNs: offsetOf('timeNs'),
  ordinal: offsetOf('ordinal'),
  partition: offsetOf('partition'),
  processor: offsetOf('processor'),
  control: offsetOf('control'),
  code: offsetOf('code'),
  status: offsetOf('status'),
  repsCompleted: offsetOf('repsCompleted'),
  inputLength: offsetOf('inputLength'),
  outputLength: offsetOf('outputLength'),
  input: offsetOf('input'),
  output: offsetOf('output'),
} as const;

const twoTo32 = 2 ** 32;

/** A count below 2^53 as an integer of 64 bits. */
export function writeCount(view: DataView, to: number, count: number): void {
  // Without a remainder, which the engine calls a library for.
  const high = Math.floor(count / twoTo32);
  view.setUint32(to, count - high * twoTo32, true);
  view.setUint32(to + 4, high, true);
}

/** Fills the whole record at `base`. */
export function writeHypercallRecord(view: DataView, base: number, event: HypercallEvent): void {
  writeCount(view, base + at.position, event.position);
  writeCount(view, base + at.timeNs, event.timeNs);
  view.setUint32(base + at.ordinal, event.ordinal, true);
  view.setUint16(base + at.partition, event.partition, true);
  view.setUint16(base + at.processor, event.processor, true);
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
