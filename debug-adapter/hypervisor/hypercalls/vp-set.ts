/** Sets of virtual processors as hypercalls name them: a mask of 64, or sparse banks of 64 (TLFS 7.8.7.3, HV_VP_SET). */
import { Status } from '../../spec/tlfs/status-codes';
import type { Partition } from '../partition';
import type { VirtualProcessor } from '../virtual-processor';

/** HV_GENERIC_SET_FORMAT. */
const format = { sparse: 0n, all: 1n } as const;

const bankBits = 64;
const halfBits = 32;

/** Adds the processors of half a bank to `found`; bits of processors that do not exist mean nothing. */
function addProcessors(
  { processors }: Partition,
  first: number,
  half: number,
  found: VirtualProcessor[],
): void {
  for (let left = half >>> 0, index = first; left !== 0; left >>>= 1, index++) {
    const processor = processors[index];
    if ((left & 1) === 1 && processor !== undefined) found.push(processor);
  }
}

/** A ProcessorMask, by its halves: bit n is processor n. */
export function processorsOfMask(
  partition: Partition,
  lower: number,
  upper: number,
): readonly VirtualProcessor[] {
  const found: VirtualProcessor[] = [];
  addProcessors(partition, 0, lower, found);
  addProcessors(partition, halfBits, upper, found);
  return found;
}

/** A set as the call has it: one quadword of `banks` for each bit of ValidBanksMask, ascending. */
export interface SparseSet {
  readonly format: bigint;
  readonly validBanks: bigint;
  readonly banks: Uint8Array;
}

/** The processors of the set, or the status of what is wrong with it. */
export function processorsOfSet(
  partition: Partition,
  set: SparseSet,
): readonly VirtualProcessor[] | number {
  if (set.format === format.all) return partition.processors;
  if (set.format !== format.sparse) return Status.invalidParameter;
  const numbers: number[] = [];
  for (let bank = 0; bank < bankBits; bank++) {
    if (((set.validBanks >> BigInt(bank)) & 1n) === 1n) numbers.push(bank);
  }
  if (set.banks.length !== numbers.length * 8) return Status.invalidHypercallInput;
  const view = new DataView(set.banks.buffer, set.banks.byteOffset, set.banks.length);
  const found: VirtualProcessor[] = [];
  numbers.forEach((bank, position) => {
    const first = bank * bankBits;
    addProcessors(partition, first, view.getUint32(position * 8, true), found);
    addProcessors(partition, first + halfBits, view.getUint32(position * 8 + 4, true), found);
  });
  return found;
}
