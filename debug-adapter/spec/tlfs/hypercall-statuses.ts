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
