// Table: what the hypercalls that this machine has may answer, from the return values of their pages in the TLFS.
import type { HypercallStatusName } from './status-codes';

/** Answers of the dispatcher, before a call is looked at: every call can give them (TLFS 3.8). */
export const commonStatuses: readonly HypercallStatusName[] = [
  'HV_STATUS_SUCCESS',
  'HV_STATUS_ACCESS_DENIED',
  'HV_STATUS_INVALID_HYPERCALL_INPUT',
  'HV_STATUS_INVALID_ALIGNMENT',
];

const parameter = 'HV_STATUS_INVALID_PARAMETER';
const connection = ['HV_STATUS_INVALID_CONNECTION_ID', 'HV_STATUS_INVALID_PORT_ID'] as const;
const target = [
  'HV_STATUS_INVALID_PARTITION_ID',
  'HV_STATUS_INVALID_VP_INDEX',
  'HV_STATUS_INVALID_PARAMETER',
] as const;

/** Answers of each call's own, by its name. */
export const ownStatuses: Readonly<Record<string, readonly HypercallStatusName[]>> = {
  HvCallFlushVirtualAddressSpace: [parameter],
  HvCallFlushVirtualAddressList: [parameter],
  HvCallFlushVirtualAddressSpaceEx: [parameter],
  HvCallFlushVirtualAddressListEx: [parameter],
  HvCallNotifyLongSpinWait: [],
  HvCallSendSyntheticClusterIpi: [parameter],
  HvCallSendSyntheticClusterIpiEx: [parameter],
  HvCallGetPartitionId: [],
  HvCallGetVpRegisters: [...target, 'HV_STATUS_UNKNOWN_REGISTER_NAME'],
  HvCallSetVpRegisters: [
    ...target,
    'HV_STATUS_UNKNOWN_REGISTER_NAME',
    'HV_STATUS_INVALID_REGISTER_VALUE',
  ],
  HvCallTranslateVirtualAddress: target,
  HvCallPostMessage: [parameter, ...connection, 'HV_STATUS_INSUFFICIENT_BUFFERS'],
  HvCallSignalEvent: [parameter, ...connection],
  HvCallGetVpIndexFromApicId: ['HV_STATUS_INVALID_PARTITION_ID', parameter],
  HvExtCallQueryCapabilities: [],
};

const child = ['HV_STATUS_INVALID_PARTITION_ID', 'HV_STATUS_INVALID_PARTITION_STATE'] as const;
const childProcessor = [...child, 'HV_STATUS_INVALID_VP_INDEX'] as const;
const noMemory = 'HV_STATUS_INSUFFICIENT_MEMORY';
const partition = 'HV_STATUS_INVALID_PARTITION_ID';
const port = 'HV_STATUS_INVALID_PORT_ID';
const connectionId = 'HV_STATUS_INVALID_CONNECTION_ID';

/** Answers to a parent that calls for one of its children, by name. */
export const parentStatuses: Readonly<Record<string, readonly HypercallStatusName[]>> = {
  HvCallCreatePartition: [parameter, 'HV_STATUS_NO_RESOURCES'],
  HvCallInitializePartition: [...child, noMemory],
  HvCallFinalizePartition: child,
  HvCallDeletePartition: [...child, 'HV_STATUS_OBJECT_IN_USE'],
  HvCallGetPartitionProperty: [...child, 'HV_STATUS_UNKNOWN_PROPERTY'],
  HvCallSetPartitionProperty: [
    ...child,
    'HV_STATUS_UNKNOWN_PROPERTY',
    'HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE',
    'HV_STATUS_OPERATION_DENIED',
  ],
  HvCallGetNextChildPartition: [partition],
  HvCallDepositMemory: [...child, parameter],
  HvCallWithdrawMemory: [...child, 'HV_STATUS_NO_RESOURCES'],
  HvCallGetMemoryBalance: child,
  HvCallMapGpaPages: [...child, parameter, noMemory, 'HV_STATUS_OPERATION_DENIED'],
  HvCallUnmapGpaPages: [...child, parameter],
  HvCallInstallIntercept: [...child, parameter],
  HvCallCreateVp: [...childProcessor, parameter, noMemory],
  HvCallDeleteVp: [...childProcessor, 'HV_STATUS_INVALID_VP_STATE'],
  HvCallGetVpRegisters: [...childProcessor, parameter, 'HV_STATUS_UNKNOWN_REGISTER_NAME'],
  HvCallSetVpRegisters: [
    ...childProcessor,
    parameter,
    'HV_STATUS_UNKNOWN_REGISTER_NAME',
    'HV_STATUS_INVALID_REGISTER_VALUE',
  ],
  HvCallDeletePort: [partition, port],
  HvCallDisconnectPort: [...child, connectionId],
  HvCallModifySparseGpaPages: [...child, parameter],
  HvCallCreatePort: [...child, port, parameter, noMemory],
  HvCallConnectPort: [...child, port, connectionId, parameter],
};
