/**
 * The TLB flush calls 0x02, 0x03, 0x13 and 0x14. The TLBs here are exact (invariant 12): a changed page-table entry has
 * already dropped what was made from it, on every processor. What is left of a flush is to check what was asked for.
 */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import { readField, structLayout, type StructLayout } from '../../support/struct-layout';
import type { HypercallCall, RepHypercallHandler, SimpleHypercallHandler } from './handler';
import { processorsOfSet } from './vp-set';

/** HV_FLUSH_FLAGS. */
const Flag = {
  allProcessors: 1n,
  allVirtualAddressSpaces: 2n,
  nonGlobalMappingsOnly: 4n,
} as const;
/** A list says which addresses it means; "non-global only" is for whole address spaces. */
const listFlags = Flag.allProcessors | Flag.allVirtualAddressSpaces;
const spaceFlags = listFlags | Flag.nonGlobalMappingsOnly;

type Check = (call: HypercallCall) => number;

const layoutOf = (name: string): StructLayout => {
  const call = present(hypercallByName.get(name), name);
  return structLayout(call.name, call.input ?? []);
};

/** Checks a call whose processors are a mask, where any mask is right. */
function checkMask(name: string, allowedFlags: bigint): Check {
  const layout = layoutOf(name);
  return ({ header }) => {
    const flags = readField(layout, header, 'Flags');
    return (flags & ~allowedFlags) === 0n ? Status.success : Status.invalidParameter;
  };
}

/** Checks a call whose processors are a sparse set. */
function checkSet(name: string, allowedFlags: bigint): Check {
  const layout = layoutOf(name);
  return ({ caller, header, variableHeader }) => {
    const read = (field: string): bigint => readField(layout, header, field);
    const flags = read('Flags');
    if ((flags & ~allowedFlags) !== 0n) return Status.invalidParameter;
    if ((flags & Flag.allProcessors) !== 0n) return Status.success;
    const processors = processorsOfSet(caller.partition, {
      format: read('Format'),
      validBanks: read('ValidBanksMask'),
      banks: variableHeader,
    });
    return typeof processors === 'number' ? processors : Status.success;
  };
}

const simple = (run: Check): SimpleHypercallHandler => ({ kind: 'simple', run });
const list = (begin: Check): RepHypercallHandler => ({
  kind: 'rep',
  begin,
  runElement: () => Status.success,
});

export const flushVirtualAddressSpace = simple(
  checkMask('HvCallFlushVirtualAddressSpace', spaceFlags),
);
export const flushVirtualAddressList = list(checkMask('HvCallFlushVirtualAddressList', listFlags));
export const flushVirtualAddressSpaceEx = simple(
  checkSet('HvCallFlushVirtualAddressSpaceEx', spaceFlags),
);
export const flushVirtualAddressListEx = list(
  checkSet('HvCallFlushVirtualAddressListEx', listFlags),
);
