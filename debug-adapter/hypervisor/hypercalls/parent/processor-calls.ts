/** Virtual processors of children: created, deleted, their registers read and written (TLFS 7.3, 7.10). */
import { Status } from '../../../spec/tlfs/status-codes';
import { poolPages } from '../../life-cycle/memory-pool';
import type { Partition } from '../../partition';
import { createProcessor } from '../../life-cycle/create-processor';
import { readRegister, setRegister } from '../vp-registers';
import type { HypercallCaller, RepElement } from '../handler';
import { isKnownVtl } from '../target';
import { findChild, inputOf, type ParentCall, type ParentHandler } from './parent-caller';

const createInput = inputOf('HvCallCreateVp');
const subnodeTypes = 4;

/** A new processor is as after a reset, and suspended until the parent lets it run. */
export const createVp: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const child = findChild(caller, createInput.wide(header, 'PartitionId'), 'active');
    if (typeof child === 'number') return child;
    const isGood =
      createInput.wide(header, 'Flags') === 0n &&
      createInput.number(header, 'SubnodeType') < subnodeTypes;
    if (!isGood) return Status.invalidParameter;
    const index = createInput.number(header, 'VpIndex');
    const processor = child.processors[index];
    const { lifeCycle } = child;
    if (processor === undefined || lifeCycle.hasProcessor(index)) return Status.invalidVpIndex;
    if (!lifeCycle.pool.use(poolPages.processor)) return Status.insufficientMemory;
    lifeCycle.addProcessor(index);
    createProcessor(processor);
    processor.suspend('explicit', true);
    return Status.success;
  },
};

const deleteInput = inputOf('HvCallDeleteVp');

/** One that could run has to be suspended first. */
export const deleteVp: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const child = findChild(caller, deleteInput.wide(header, 'PartitionId'), 'active');
    if (typeof child === 'number') return child;
    const index = deleteInput.number(header, 'VpIndex');
    const processor = child.processors[index];
    if (processor === undefined || !child.lifeCycle.hasProcessor(index)) {
      return Status.invalidVpIndex;
    }
    if (!processor.isSuspended) return Status.invalidVpState;
    child.lifeCycle.removeProcessor(index);
    child.lifeCycle.pool.release(poolPages.processor);
    processor.runState = 'shutdown';
    return Status.success;
  },
};

const registersInput = inputOf('HvCallGetVpRegisters');

/** The processor that a header means, as if it called for itself; else the status of the refusal. */
function registerTarget({ caller, header }: ParentCall): HypercallCaller | number {
  const child = findChild(caller, registersInput.wide(header, 'PartitionId'), 'active');
  if (typeof child === 'number') return child;
  if (!isKnownVtl(registersInput.wide(header, 'InputVtl'))) return Status.invalidParameter;
  const index = registersInput.number(header, 'VpIndex');
  const processor = child.processors[index];
  if (processor === undefined || !child.lifeCycle.hasProcessor(index)) return Status.invalidVpIndex;
  return { partition: child, processor, timeNs: child.time.nowNs() };
}

function begin(call: ParentCall): number {
  const target = registerTarget(call);
  return typeof target === 'number' ? target : Status.success;
}

export const getVpRegistersOfChild: ParentHandler = {
  kind: 'rep',
  begin,
  runElement(call, element: RepElement) {
    const target = registerTarget(call);
    return typeof target === 'number' ? target : readRegister(target, element);
  },
};

/** Values are taken as they are; what no processor can be in is found by VM entry. */
export const setVpRegistersOfChild: ParentHandler = {
  kind: 'rep',
  begin,
  runElement(call, element: RepElement) {
    const target = registerTarget(call);
    if (typeof target === 'number') return target;
    const status = setRegister(target, element);
    if (status === Status.success) settle(call, target.partition);
    return status;
  },
};

function settle({ caller }: ParentCall, child: Partition): void {
  caller.children.reconsider(child);
}
