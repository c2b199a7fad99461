/** Operands of x87 routines: where a value comes from, and how a result reaches memory. */
import { frameBase, runOffsets } from '../memory-map';
import { halves } from '../paging/memory-access';
import { RoutineEnd } from '../processor-context';
import { integer } from '../x87/arithmetic';
import { double, fromInterchange, single } from '../x87/conversion';
import type { FloatResult } from '../x87/rounding';
import type { X87Unit } from '../x87/x87-unit';
import type { Processor, RoutineRecord } from './routine';

/** Gives an operand, with DE where it was denormal in memory; undefined for an empty register. */
export type Source = (
  unit: X87Unit,
  processor: Processor,
  record: RoutineRecord,
) => FloatResult | undefined;

function exact(value: FloatResult['value']): FloatResult {
  return { value, flags: 0 };
}

export function registerAt(unit: X87Unit, index: number): FloatResult | undefined {
  return unit.isEmpty(index) ? undefined : exact(unit.read(index));
}

/** Number of ST(i), from the instruction's ModR/M byte. */
export function stackIndex(record: RoutineRecord): number {
  return Number(record.immediate);
}

function operand(processor: Processor): bigint {
  return processor.context.runU64(runOffsets.operand);
}

function integerOf(bits: 16 | 32 | 64): Source {
  return (_unit, processor) => exact(integer(BigInt.asIntN(bits, operand(processor))));
}

/** Sources by the suffix that their routines' names have. */
export const sources = {
  Register: (unit, _processor, record) => registerAt(unit, stackIndex(record)),
  Second: (unit) => registerAt(unit, 1),
  Single: (_unit, processor) => fromInterchange(single, operand(processor)),
  Double: (_unit, processor) => fromInterchange(double, operand(processor)),
  Word: integerOf(16),
  Doubleword: integerOf(32),
  Quadword: integerOf(64),
} as const satisfies Readonly<Record<string, Source>>;

/** Bytes of a memory operand of 10 bytes, which a definition loads as 8 and 2. */
export function tenByteOperand(processor: Processor): bigint {
  const high = processor.context.runU64(runOffsets.operandHigh) & 0xffffn;
  return (high << 64n) | operand(processor);
}

/**
 * Translates the destination; false where that leaves the instruction. Of ten bytes the first eight are written before
 * the last two can fault, as processors do.
 */
export function translateOperand(
  processor: Processor,
  record: RoutineRecord,
  bytes: 2 | 4 | 8 | 10,
  bits: bigint,
): boolean {
  const { context, access } = processor;
  const low = translatePart(processor, record, Math.min(bytes, 8), 0n);
  if (low === 0) return false;
  context.setRun32(runOffsets.operand, low);
  if (bytes < 10) return true;
  const high = translatePart(processor, record, 2, 8n);
  context.setRun32(runOffsets.operand + 4, high);
  if (high !== 0) return true;
  if (context.fault !== undefined) {
    writeBytes(processor, low, 8, bits);
    // A device is asked first; the fault will come again.
    if (low < frameBase && access.commit(low) !== 0) context.fault = undefined;
  }
  return false;
}

/** Address in the space for a part of the memory operand, or 0 with the reason to leave stored. */
function translatePart(
  { context, access }: Processor,
  record: RoutineRecord,
  bytes: number,
  displacement: bigint,
): number {
  const address = record.operandAddress(bytes, 'write', displacement);
  if (typeof address === 'bigint') return access.write(record.address, ...halves(address), bytes);
  context.raise(address);
  return 0;
}

function writeBytes(processor: Processor, host: number, bytes: number, bits: bigint): void {
  for (let index = 0; index < bytes; index++) {
    const byte = Number((bits >> BigInt(8 * index)) & 0xffn);
    processor.context.view.setUint8(host + index, byte);
  }
}

/**
 * Stores to the address that the definition has translated; `undefined` where a device has to be asked first and the
 * instruction leaves. Beyond 8 bytes the rest goes to the second translated address.
 */
export function storeOperand(
  processor: Processor,
  record: RoutineRecord,
  bytes: 2 | 4 | 8 | 10,
  bits: bigint,
): RoutineEnd | undefined {
  const { context } = processor;
  const low = context.run32(runOffsets.operand);
  const high = context.run32(runOffsets.operand + 4);
  const parts = [{ host: low, bytes: Math.min(bytes, 8), bits }];
  if (bytes === 10) parts.push({ host: high, bytes: 2, bits: bits >> 64n });
  let isCommitted = false;
  for (const part of parts) {
    writeBytes(processor, part.host, part.bytes, part.bits);
    if (part.host >= frameBase) continue;
    if (processor.access.commit(part.host) !== 0) return undefined;
    isCommitted = true;
  }
  if (!isCommitted) return RoutineEnd.next;
  context.state.rip += BigInt(record.length);
  return RoutineEnd.lookup;
}
