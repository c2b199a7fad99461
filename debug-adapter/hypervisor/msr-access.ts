/** RDMSR and WRMSR as the hypervisor answers them, for guests, hypercalls and debugger edits alike. */
import { architecturalMsrBehaviour } from './architectural-msrs';
import type { Partition } from './partition';
import { findSyntheticMsr } from './synthetic-msr-behaviour';
import type { VirtualProcessor } from './virtual-processor';

/**
 * Value of an MSR.
 * @param number unsigned
 * @returns undefined where the read raises #GP
 */
export function readMsr(
  partition: Partition,
  processor: VirtualProcessor,
  number: number,
  timeNs: number,
): bigint | undefined {
  const architectural = architecturalMsrBehaviour.get(number);
  if (architectural !== undefined) return architectural.read(processor, timeNs);
  return findSyntheticMsr(partition, number)?.read?.({ partition, processor, timeNs });
}

/**
 * Writes an MSR.
 * @param number unsigned
 * @returns false, with nothing changed, where the write raises #GP
 */
export function writeMsr(
  partition: Partition,
  processor: VirtualProcessor,
  number: number,
  value: bigint,
  timeNs: number,
): boolean {
  const architectural = architecturalMsrBehaviour.get(number);
  if (architectural !== undefined) return architectural.write(processor, value, timeNs);
  const synthetic = findSyntheticMsr(partition, number);
  return synthetic?.write?.({ partition, processor, timeNs }, value) ?? false;
}
