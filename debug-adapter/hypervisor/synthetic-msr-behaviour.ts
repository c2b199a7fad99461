/** Hyper-V synthetic MSRs that this hypervisor implements (TLFS appendix C and the chapters it names). */
import { syntheticMsrByNumber } from '../spec/tlfs/synthetic-msrs';
import { msrByName } from '../spec/x86/msrs';
import { present } from '../support/assert';
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

const behaviourByName: Readonly<Record<string, SyntheticMsrBehaviour>> = {
  HV_X64_MSR_GUEST_OS_ID: {
    read: ({ partition }) => partition.guestOsId,
    write({ partition }, value) {
      partition.setGuestOsId(value);
      return true;
    },
  },
  HV_X64_MSR_HYPERCALL: {
    read: ({ partition }) => partition.hypercallRegister,
    write: ({ partition }, value) => partition.setHypercallRegister(value),
  },
  HV_X64_MSR_VP_INDEX: { read: ({ processor }) => BigInt(processor.index) },
  // A processor of this machine is never descheduled: its run time is the time since the start.
  HV_X64_MSR_VP_RUNTIME: { read: ({ timeNs }) => referenceTime(timeNs) },
  HV_X64_MSR_TIME_REF_COUNT: { read: ({ timeNs }) => referenceTime(timeNs) },
  HV_X64_MSR_TSC_FREQUENCY: { read: () => timeStampCounterHz },
  HV_X64_MSR_APIC_FREQUENCY: { read: () => timeStampCounterHz },
};

/** By MSR number. */
export const syntheticMsrBehaviour: ReadonlyMap<number, SyntheticMsrBehaviour> = new Map(
  Object.entries(behaviourByName).map(([name, behaviour]) => [
    present(msrByName.get(name), name).number,
    behaviour,
  ]),
);

/** The behaviour of an MSR that exists for the partition; undefined where every access raises #GP. */
export function findSyntheticMsr(
  partition: Partition,
  number: number,
): SyntheticMsrBehaviour | undefined {
  const privilege = syntheticMsrByNumber.get(number)?.privilege;
  if (privilege === undefined || !partition.holds(privilege)) return undefined;
  return syntheticMsrBehaviour.get(number);
}
