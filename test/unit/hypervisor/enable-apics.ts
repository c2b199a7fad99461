/** Software-enables the local APICs of a partition, as every operating system does first. */
import type { Partition } from '../../../debug-adapter/hypervisor/partition';

const softwareEnabled = 0x1ff;

export function enableApics({ processors }: Partition): void {
  for (const { apic } of processors) apic.spuriousInterrupt = softwareEnabled;
}
