/** HvCallCreatePartition to HvCallDeletePartition, and the enumeration of children (TLFS 4.1, 4.5). */
import { insertBits } from '../../../support/bit-field';
import { creationFlags, partitionIdSelf } from '../../../spec/tlfs/partitions';
import { Status } from '../../../spec/tlfs/status-codes';
import { poolPages } from '../../life-cycle/memory-pool';
import { findChild, inputOf, outputOf, type ParentHandler } from './parent-caller';

const createInput = inputOf('HvCallCreatePartition');
const writeCreated = outputOf('HvCallCreatePartition');

const knownFlags = Object.values(creationFlags).reduce(
  (mask, flag) => insertBits(mask, flag, 1n),
  0n,
);

/** What a partition may not be asked to do without, or to be besides. */
const mustBeZero = [
  'DisabledProcessorFeatures0',
  'DisabledProcessorFeatures1',
  'DisabledXsaveFeatures',
  'IsolationProperties',
] as const;

export const createPartition: ParentHandler = {
  kind: 'simple',
  run({ caller, header, output }) {
    const flags = createInput.wide(header, 'Flags');
    const isPlain = mustBeZero.every((field) => createInput.wide(header, field) === 0n);
    if ((flags & ~knownFlags) !== 0n || !isPlain) return Status.invalidParameter;
    const child = caller.children.createChild();
    if (child === undefined) return Status.noResources;
    writeCreated(output, 'PartitionId', child.id);
    return Status.success;
  },
};

const initializeInput = inputOf('HvCallInitializePartition');

export const initializePartition: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const child = findChild(caller, initializeInput.wide(header, 'PartitionId'), 'created');
    if (typeof child === 'number') return child;
    if (!child.lifeCycle.pool.use(poolPages.partition)) return Status.insufficientMemory;
    child.lifeCycle.state = 'active';
    return Status.success;
  },
};

const finalizeInput = inputOf('HvCallFinalizePartition');

/** Its processors end, its memory is unmapped, and its pool can be withdrawn. */
export const finalizePartition: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const id = finalizeInput.wide(header, 'PartitionId');
    const child = findChild(caller, id, 'active', 'finalized');
    if (typeof child === 'number') return child;
    child.finalize();
    return Status.success;
  },
};

const deleteInput = inputOf('HvCallDeletePartition');

/** Pages that are still in its pool would be lost. */
export const deletePartition: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const child = findChild(
      caller,
      deleteInput.wide(header, 'PartitionId'),
      'created',
      'finalized',
    );
    if (typeof child === 'number') return child;
    if (child.lifeCycle.pool.available > 0) return Status.objectInUse;
    child.finalize();
    child.lifeCycle.state = 'deleted';
    return Status.success;
  },
};

const nextInput = inputOf('HvCallGetNextChildPartition');
const writeNext = outputOf('HvCallGetNextChildPartition');

/** By identifier from the one behind `PreviousChildId` on; 0 ends the enumeration. */
export const getNextChildPartition: ParentHandler = {
  kind: 'simple',
  run({ caller, header, output }) {
    const parent = nextInput.wide(header, 'ParentId');
    if (parent !== partitionIdSelf && parent !== BigInt(caller.id)) {
      return Status.invalidPartitionId;
    }
    const previous = nextInput.wide(header, 'PreviousChildId');
    const next = caller.children.children.find(({ id }) => BigInt(id) > previous);
    writeNext(output, 'NextChildId', next?.id ?? 0);
    return Status.success;
  },
};
