/** HvCallGetPartitionProperty and HvCallSetPartitionProperty (TLFS 4.3, 18). */
import {
  cpuWeight,
  partitionProperty as property,
  wholeProcessor,
} from '../../../spec/tlfs/partitions';
import { Status } from '../../../spec/tlfs/status-codes';
import type { ProcessorShare } from '../../processor-scheduler';
import type { Partition } from '../../partition';
import { findChild, inputOf, outputOf, type ParentHandler } from './parent-caller';

/** How a property is reached. Without `write` it cannot be written; a write returns its status. */
interface PropertyAccess {
  read(partition: Partition): bigint;
  write?(partition: Partition, value: bigint): number;
}

const fractionOf = (percent: number): bigint =>
  BigInt(Math.round((percent * wholeProcessor) / 100));
const percentOf = (fraction: bigint): number =>
  Math.round((Number(fraction) * 100) / wholeProcessor);

/** The shares of processors are settled before the partition has any. */
function setShare(partition: Partition, change: Partial<ProcessorShare>): number {
  const { lifeCycle } = partition;
  if (lifeCycle.processorCount > 0) return Status.operationDenied;
  const share = { ...lifeCycle.share, ...change };
  if (share.reserve > share.cap) return Status.propertyValueOutOfRange;
  lifeCycle.share = share;
  return Status.success;
}

/** CpuCap and CpuReserve: a fraction of one logical processor, kept in whole percents. */
function fraction(name: 'cap' | 'reserve'): PropertyAccess {
  return {
    read: ({ lifeCycle }) => fractionOf(lifeCycle.share[name]),
    write(partition, value) {
      if (value > BigInt(wholeProcessor)) return Status.propertyValueOutOfRange;
      return setShare(partition, { [name]: percentOf(value) });
    },
  };
}

const properties: ReadonlyMap<number, PropertyAccess> = new Map<number, PropertyAccess>([
  [
    property.PrivilegeFlags,
    {
      read: ({ privileges }) => privileges,
      // An early property (TLFS 4.1.3): guests read it through CPUID from their first instruction on.
      write(partition, value) {
        if (partition.lifeCycle.state !== 'created') return Status.invalidPartitionState;
        return partition.setPrivileges(value) ? Status.success : Status.propertyValueOutOfRange;
      },
    },
  ],
  [
    property.Suspend,
    {
      read: ({ lifeCycle }) => (lifeCycle.isSuspended ? 1n : 0n),
      write(partition, value) {
        if (value > 1n) return Status.propertyValueOutOfRange;
        partition.setSuspended(value === 1n);
        return Status.success;
      },
    },
  ],
  [property.CpuReserve, fraction('reserve')],
  [property.CpuCap, fraction('cap')],
  [
    property.CpuWeight,
    {
      read: ({ lifeCycle }) => BigInt(lifeCycle.share.weight),
      write(partition, value) {
        const isWeight = value >= cpuWeight.least && value <= cpuWeight.most;
        return isWeight
          ? setShare(partition, { weight: Number(value) })
          : Status.propertyValueOutOfRange;
      },
    },
  ],
  [property.GuestOsId, { read: ({ guestOsId }) => guestOsId }],
]);

const getInput = inputOf('HvCallGetPartitionProperty');
const writeValue = outputOf('HvCallGetPartitionProperty');

export const getPartitionProperty: ParentHandler = {
  kind: 'simple',
  run({ caller, header, output }) {
    const id = getInput.wide(header, 'PartitionId');
    const child = findChild(caller, id, 'created', 'active');
    if (typeof child === 'number') return child;
    const access = properties.get(getInput.number(header, 'PropertyCode'));
    if (access === undefined) return Status.unknownProperty;
    writeValue(output, 'Value', access.read(child));
    return Status.success;
  },
};

const setInput = inputOf('HvCallSetPartitionProperty');

export const setPartitionProperty: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const id = setInput.wide(header, 'PartitionId');
    const child = findChild(caller, id, 'created', 'active');
    if (typeof child === 'number') return child;
    const access = properties.get(setInput.number(header, 'PropertyCode'));
    if (access === undefined) return Status.unknownProperty;
    if (access.write === undefined) return Status.operationDenied;
    return access.write(child, setInput.wide(header, 'Value'));
  },
};
