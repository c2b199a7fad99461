/** Which partition and processor a hypercall header means (TLFS 4.1, 7.8). */
import { partitionIdSelf, vpIndexSelf } from '../../spec/tlfs/partitions';
import { Status } from '../../spec/tlfs/status-codes';
import { readField, type StructLayout } from '../../support/struct-layout';
import type { Partition } from '../partition';
import type { VirtualProcessor } from '../virtual-processor';
import type { HypercallCaller } from './handler';

const useTargetVtl = 0x10n;

/** Only VTL 0 exists. @param inputVtl the InputVtl byte (TLFS 7.8): VTL and, in bit 4, whether it is meant */
export function isKnownVtl(inputVtl: bigint): boolean {
  return inputVtl === 0n || inputVtl === useTargetVtl;
}

/** The caller's own partition, or the status of the refusal: no guest has children. */
export function resolvePartition(
  caller: HypercallCaller,
  layout: StructLayout,
  header: Uint8Array,
): Partition | number {
  const id = readField(layout, header, 'PartitionId');
  const own = id === partitionIdSelf || id === BigInt(caller.partition.id);
  return own ? caller.partition : Status.invalidPartitionId;
}

/**
 * The processor that VpIndex names, or the status of the refusal. Only VTL 0 exists.
 * @param inputVtl the InputVtl byte (TLFS 7.8): VTL and, in bit 4, whether it is meant
 */
export function resolveProcessor(
  caller: HypercallCaller,
  layout: StructLayout,
  header: Uint8Array,
  inputVtl: bigint,
): VirtualProcessor | number {
  const partition = resolvePartition(caller, layout, header);
  if (typeof partition === 'number') return partition;
  if (!isKnownVtl(inputVtl)) return Status.invalidParameter;
  const index = readField(layout, header, 'VpIndex');
  if (index === vpIndexSelf) return caller.processor;
  return partition.processors[Number(index)] ?? Status.invalidVpIndex;
}
