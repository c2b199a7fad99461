/** The hypercalls of the parent that are built: what it does to its children. */
import { hypercallByName } from '../../../spec/tlfs/hypercalls';
import { present } from '../../../support/assert';
import { installIntercept } from './intercept-calls';
import {
  depositMemory,
  getMemoryBalance,
  mapGpaPages,
  modifySparseGpaPages,
  unmapGpaPages,
  withdrawMemory,
} from './memory-calls';
import type { ParentHandler } from './parent-caller';
import {
  createPartition,
  deletePartition,
  finalizePartition,
  getNextChildPartition,
  initializePartition,
} from './partition-calls';
import { connectPort, createPort, deletePort, disconnectPort } from './port-calls';
import {
  createVp,
  deleteVp,
  getVpRegistersOfChild,
  setVpRegistersOfChild,
} from './processor-calls';
import { getPartitionProperty, setPartitionProperty } from './property-calls';

/** By name, so that a row and its handler are found together. */
const handlersByName: Readonly<Record<string, ParentHandler>> = {
  HvCallCreatePartition: createPartition,
  HvCallInitializePartition: initializePartition,
  HvCallFinalizePartition: finalizePartition,
  HvCallDeletePartition: deletePartition,
  HvCallGetPartitionProperty: getPartitionProperty,
  HvCallSetPartitionProperty: setPartitionProperty,
  HvCallGetNextChildPartition: getNextChildPartition,
  HvCallDepositMemory: depositMemory,
  HvCallWithdrawMemory: withdrawMemory,
  HvCallGetMemoryBalance: getMemoryBalance,
  HvCallMapGpaPages: mapGpaPages,
  HvCallUnmapGpaPages: unmapGpaPages,
  HvCallInstallIntercept: installIntercept,
  HvCallCreateVp: createVp,
  HvCallDeleteVp: deleteVp,
  HvCallGetVpRegisters: getVpRegistersOfChild,
  HvCallSetVpRegisters: setVpRegistersOfChild,
  HvCallDeletePort: deletePort,
  HvCallDisconnectPort: disconnectPort,
  HvCallModifySparseGpaPages: modifySparseGpaPages,
  HvCallCreatePort: createPort,
  HvCallConnectPort: connectPort,
};

/** By call code. */
export const parentHandlers: ReadonlyMap<number, ParentHandler> = new Map(
  Object.entries(handlersByName).map(([name, handler]) => [
    present(hypercallByName.get(name), `hypercall ${name}`).code,
    handler,
  ]),
);
