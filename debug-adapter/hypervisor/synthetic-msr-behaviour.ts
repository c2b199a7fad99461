/** Hyper-V synthetic MSRs that this hypervisor implements (TLFS appendix C and the chapters it names). */
import { syntheticMsrByNumber } from '../spec/tlfs/synthetic-msrs';
import { msrByName } from '../spec/x86/msrs';
import { present } from '../support/assert';
import type { Partition } from './partition';
import { timeStampCounterHz } from './services';
import type { SyntheticMsrBehaviour } from './msr-behaviour';
import { syntheticInterruptMsrs } from './synthetic-interrupt-msrs';
import { synicMsrs } from './synic/synic-msrs';
import { crashCapabilities } from './synthetic/crash-registers';
import type { OverlayRegister } from './synthetic/overlay-register';
import { referenceTime } from './synthetic/reference-time';
import type { VirtualProcessor } from './virtual-processor';

function assistPageOf({ synthetic }: Partition, { index }: VirtualProcessor): OverlayRegister {
  return present(synthetic.processors[index], 'synthetic state of the processor').assistPage;
}

function crashParameter(index: number): [string, SyntheticMsrBehaviour] {
  const behaviour: SyntheticMsrBehaviour = {
    read: ({ partition }) => partition.synthetic.crash.parameters[index] ?? 0n,
    write({ partition }, value) {
      partition.synthetic.crash.write(index, value);
      return true;
    },
  };
  return [`HV_X64_MSR_CRASH_P${index}`, behaviour];
}

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
  HV_X64_MSR_VP_RUNTIME: { read: ({ processor }) => referenceTime(processor.runNs) },
  HV_X64_MSR_TIME_REF_COUNT: { read: ({ timeNs }) => referenceTime(timeNs) },
  HV_X64_MSR_REFERENCE_TSC: {
    read: ({ partition }) => partition.synthetic.referenceTsc.value,
    write({ partition }, value) {
      partition.synthetic.referenceTsc.write(value);
      return true;
    },
  },
  HV_X64_MSR_TSC_FREQUENCY: { read: () => timeStampCounterHz },
  HV_X64_MSR_APIC_FREQUENCY: { read: () => timeStampCounterHz },
  HV_X64_MSR_VP_ASSIST_PAGE: {
    read: ({ partition, processor }) => assistPageOf(partition, processor).value,
    write({ partition, processor }, value) {
      assistPageOf(partition, processor).write(value);
      return true;
    },
  },
  ...Object.fromEntries([0, 1, 2, 3, 4].map(crashParameter)),
  ...Object.fromEntries(syntheticInterruptMsrs),
  ...Object.fromEntries(synicMsrs),
  // What these do is up to the exit: to reset, to wait, to report.
  HV_X64_MSR_RESET: { read: () => 0n, write: (_, value) => (value & ~1n) === 0n },
  HV_X64_MSR_GUEST_IDLE: { read: () => 0n },
  HV_X64_MSR_CRASH_CTL: { read: () => crashCapabilities, write: () => true },
  HV_X64_MSR_TSC_INVARIANT_CONTROL: {
    read: ({ partition }) => partition.synthetic.tscInvariantControl,
    // Once shown, the invariant counter stays: what CPUID said is not taken back.
    write({ partition }, value) {
      if ((value & ~1n) !== 0n) return false;
      const { synthetic } = partition;
      if (synthetic.tscInvariantControl !== 0n && value === 0n) return false;
      synthetic.tscInvariantControl = value;
      return true;
    },
  },
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
  const row = syntheticMsrByNumber.get(number);
  if (row?.privilege !== undefined && !partition.holds(row.privilege)) return undefined;
  return syntheticMsrBehaviour.get(number);
}
