/** The hypercalls that are built. Every other known call is refused by {@link dispatchHypercall}. */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import { structLayout, writeField } from '../../support/struct-layout';
import {
  flushVirtualAddressList,
  flushVirtualAddressListEx,
  flushVirtualAddressSpace,
  flushVirtualAddressSpaceEx,
} from './flush-virtual-address';
import { getVpIndexFromApicId } from './get-vp-index-from-apic-id';
import type { HypercallHandler } from './handler';
import { postMessage, signalEvent } from './inter-partition';
import { sendSyntheticClusterIpi, sendSyntheticClusterIpiEx } from './synthetic-cluster-ipi';
import { translateVirtualAddress } from './translate-virtual-address';
import { getVpRegisters, setVpRegisters } from './vp-registers';

/** A hint: whoever waits for the logical processor gets it (TLFS 18). */
const notifyLongSpinWait: HypercallHandler = {
  kind: 'simple',
  run({ caller: { partition, processor } }) {
    partition.yieldProcessor(processor.index);
    return Status.success;
  },
};

const partitionIdOutput = structLayout(
  'HvCallGetPartitionId output',
  present(hypercallByName.get('HvCallGetPartitionId')?.output, 'output layout'),
);

const getPartitionId: HypercallHandler = {
  kind: 'simple',
  run({ caller, output }) {
    writeField(partitionIdOutput, output, 'PartitionId', BigInt(caller.partition.id));
    return Status.success;
  },
};

/** No extended hypercall besides the query exists: the capability mask stays 0. */
const queryCapabilities: HypercallHandler = { kind: 'simple', run: () => Status.success };

/** By name, so that a row and its handler are found together. */
const handlersByName: Readonly<Record<string, HypercallHandler>> = {
  HvCallFlushVirtualAddressSpace: flushVirtualAddressSpace,
  HvCallFlushVirtualAddressList: flushVirtualAddressList,
  HvCallFlushVirtualAddressSpaceEx: flushVirtualAddressSpaceEx,
  HvCallFlushVirtualAddressListEx: flushVirtualAddressListEx,
  HvCallNotifyLongSpinWait: notifyLongSpinWait,
  HvCallSendSyntheticClusterIpi: sendSyntheticClusterIpi,
  HvCallSendSyntheticClusterIpiEx: sendSyntheticClusterIpiEx,
  HvCallGetPartitionId: getPartitionId,
  HvCallGetVpRegisters: getVpRegisters,
  HvCallSetVpRegisters: setVpRegisters,
  HvCallTranslateVirtualAddress: translateVirtualAddress,
  HvCallPostMessage: postMessage,
  HvCallSignalEvent: signalEvent,
  HvCallGetVpIndexFromApicId: getVpIndexFromApicId,
  HvExtCallQueryCapabilities: queryCapabilities,
};

/** By call code. */
export const hypercallHandlers: ReadonlyMap<number, HypercallHandler> = new Map(
  Object.entries(handlersByName).map(([name, handler]) => [
    present(hypercallByName.get(name), `hypercall ${name}`).code,
    handler,
  ]),
);
