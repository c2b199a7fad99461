/** Sets of virtual processors as hypercalls name them: a mask of 64, or sparse banks of 64 (TLFS 7.8.7.3, HV_VP_SET). */
import { Status } from '../../spec/tlfs/status-codes';
import type { Partition } from '../partition';
import type { VirtualProcessor } from '../virtual-processor';

/** HV_GENERIC_SET_FORMAT. */
const format = { sparse: 0n, all: 1n } as const;

const bankBits = 64;

/** The processors of a bank; bits of processors that do not exist mean nothing. */
function processorsOfBank(
  { processors }: Partition,
  bank: number,
  mask: bigint,
): readonly VirtualProcessor[] {
  const halves = [Number(BigInt.asUintN(32, mask)), Number(BigInt.asUintN(32, mask >> 32n))];
  const first = bank * bankBits;
  return processors.filter(({ index }) => {
    const bit = index - first;
    const half = halves[bit >>> 5] ?? 0;
    return bit >= 0 && ((half >>> (bit & 31)) & 1) === 1;
  });
}

/** A ProcessorMask: bit n is processor n. */
export function processorsOfMask(partition: Partition, mask: bigint): readonly VirtualProcessor[] {
  return processorsOfBank(partition, 0, mask);
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
  return numbers.flatMap((bank, position) =>
    processorsOfBank(partition, bank, view.getBigUint64(position * 8, true)),
  );
}
