/** Hyper-V synthetic MSRs that this hypervisor implements (TLFS appendix C and the chapters it names). */
import { syntheticMsrByNumber } from '../spec/tlfs/synthetic-msrs';
import type { Partition } from './partition';
import { timeStampCounterHz } from './services';
import type { VirtualProcessor } from './virtual-processor';

/** What an access is about. */
export interface SyntheticMsrAccess {
  readonly partition: Partition;
  readonly processor: VirtualProcessor;
  readonly timeNs: number;
}

/** An operation that is absent, or a write that returns false, raises #GP. */
export interface SyntheticMsrBehaviour {
  read?(access: SyntheticMsrAccess): bigint;
  write?(access: SyntheticMsrAccess, value: bigint): boolean;
}

/** Reference time and run time count in units of 100 ns (TLFS 12.4). */
const referenceTime = (timeNs: number): bigint => BigInt(Math.floor(timeNs / 100));

/** By MSR number. */
export const syntheticMsrBehaviour: ReadonlyMap<number, SyntheticMsrBehaviour> = new Map<
  number,
  SyntheticMsrBehaviour
>([
  [
    0x40000000,
    {
      read: ({ partition }) => partition.guestOsId,
      write({ partition }, value) {
        partition.setGuestOsId(value);
        return true;
      },
    },
  ],
  [
    0x40000001,
    {
      read: ({ partition }) => partition.hypercallRegister,
      write: ({ partition }, value) => partition.setHypercallRegister(value),
    },
  ],
  [0x40000002, { read: ({ processor }) => BigInt(processor.index) }],
  // A processor of this machine is never descheduled: its run time is the time since the start.
  [0x40000010, { read: ({ timeNs }) => referenceTime(timeNs) }],
  [0x40000020, { read: ({ timeNs }) => referenceTime(timeNs) }],
  [0x40000022, { read: () => timeStampCounterHz }],
  [0x40000023, { read: () => timeStampCounterHz }],
]);

/** The behaviour of an MSR that exists for the partition; undefined where every access raises #GP. */
export function findSyntheticMsr(
  partition: Partition,
  number: number,
): SyntheticMsrBehaviour | undefined {
  const privilege = syntheticMsrByNumber.get(number)?.privilege;
  if (privilege === undefined || !partition.holds(privilege)) return undefined;
  return syntheticMsrBehaviour.get(number);
}
