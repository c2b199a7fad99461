// Table: hypercalls, TLFS appendix A and the hypercall reference pages; layouts from the pages of each call.
import { structField as f, type StructField } from '../../support/struct-layout';
import type { PrivilegeName } from './privileges';

/** Whether a call takes a rep list; the VTL calls have a calling convention of their own. */
export type HypercallKind = 'simple' | 'rep' | 'vtl';

/** Who may make a call, besides holding its privilege. */
export type HypercallCaller = 'any' | 'parent' | 'root' | 'parent or self';

/** One hypercall. */
export interface Hypercall {
  /** Bits 15:0 of the hypercall input value. */
  readonly code: number;
  readonly name: string;
  readonly description: string;
  readonly kind: HypercallKind;
  readonly variableHeader: boolean;
  /** Documented parameter passing: memory only, two registers, or registers and XMM0 to XMM5. */
  readonly fast: 'memory' | 'registers' | 'xmm';
  readonly caller: HypercallCaller;
  readonly privilege?: PrivilegeName;
  /** Fields of the fixed input header; absent where there is none or the layout is not published. */
  readonly input?: readonly StructField[];
  /** Fields of the output. */
  readonly output?: readonly StructField[];
  /** Bytes of one element of the input and output rep lists. */
  readonly inputElementBytes?: number;
  readonly outputElementBytes?: number;
  /** Document and section. */
  readonly section: string;
}

type Details = Partial<Omit<Hypercall, 'code' | 'name' | 'description' | 'section'>>;

function call(code: number, name: string, description: string, details: Details = {}): Hypercall {
  return {
    code,
    name,
    description,
    kind: 'simple',
    variableHeader: false,
    fast: 'memory',
    caller: 'any',
    section: 'TLFS, appendix A',
    ...details,
  };
}

/** Bytes of a partition's state that one call saves or restores. */
export const partitionStateBytes = 4080;

/** Input of the flush calls that take a sparse set; its banks are the variable header. */
const flushSetInput = [
  f('AddressSpace', 'u64', 0),
  f('Flags', 'u64', 8),
  f('Format', 'u64', 16),
  f('ValidBanksMask', 'u64', 24),
];

/** Every published hypercall of x64, ascending. */
export const hypercalls: readonly Hypercall[] = [
  call(
    0x0001,
    'HvCallSwitchVirtualAddressSpace',
    'Switches the virtual address space, as MOV to CR3 does',
    { fast: 'registers', input: [f('AddressSpace', 'u64', 0)] },
  ),
  call(
    0x0002,
    'HvCallFlushVirtualAddressSpace',
    'Flushes the TLB entries of an address space on a set of processors',
    {
      fast: 'xmm',
      input: [f('AddressSpace', 'u64', 0), f('Flags', 'u64', 8), f('ProcessorMask', 'u64', 16)],
    },
  ),
  call(
    0x0003,
    'HvCallFlushVirtualAddressList',
    'Flushes TLB entries of ranges of virtual addresses on a set of processors',
    {
      kind: 'rep',
      fast: 'xmm',
      input: [f('AddressSpace', 'u64', 0), f('Flags', 'u64', 8), f('ProcessorMask', 'u64', 16)],
      inputElementBytes: 8,
    },
  ),
  call(0x0004, 'HvCallGetLogicalProcessorRunTime', 'Returns the run times of a logical processor', {
    caller: 'root',
    privilege: 'CpuManagement',
    input: [f('LpIndex', 'u32', 0)],
  }),
  call(
    0x0008,
    'HvCallNotifyLongSpinWait',
    'Tells the scheduler that the caller has spun on a lock for long',
    { fast: 'registers', input: [f('SpinCount', 'u32', 0)] },
  ),
  call(0x0009, 'HvCallParkedVirtualProcessors', 'Tells which processors are parked', {
    fast: 'registers',
    caller: 'root',
    privilege: 'CpuManagement',
    input: [f('Mask', 'u64', 0)],
  }),
  call(0x000a, 'HvCallInvokeHypervisorDebugger', 'Breaks into the debugger of the hypervisor', {
    caller: 'root',
  }),
  call(
    0x000b,
    'HvCallSendSyntheticClusterIpi',
    'Sends a fixed interrupt to a set of virtual processors',
    {
      fast: 'registers',
      input: [f('Vector', 'u32', 0), f('TargetVtl', 'u8', 4), f('ProcessorMask', 'u64', 8)],
    },
  ),
  call(
    0x000c,
    'HvCallModifyVtlProtectionMask',
    'Changes what lower trust levels may do with pages',
    { kind: 'rep', privilege: 'AccessVsm' },
  ),
  call(0x000d, 'HvCallEnablePartitionVtl', 'Enables a virtual trust level for the partition', {
    fast: 'registers',
    privilege: 'AccessVsm',
  }),
  call(0x000e, 'HvCallDisablePartitionVtl', 'Disables a virtual trust level of the partition', {
    privilege: 'AccessVsm',
  }),
  call(
    0x000f,
    'HvCallEnableVpVtl',
    'Enables a virtual trust level on a processor, with its initial context',
    { privilege: 'AccessVsm' },
  ),
  call(0x0010, 'HvCallDisableVpVtl', 'Disables a virtual trust level of a processor', {
    privilege: 'AccessVsm',
  }),
  call(0x0011, 'HvCallVtlCall', 'Switches to the next higher virtual trust level', {
    kind: 'vtl',
    privilege: 'AccessVsm',
  }),
  call(0x0012, 'HvCallVtlReturn', 'Returns to the lower virtual trust level', {
    kind: 'vtl',
    privilege: 'AccessVsm',
  }),
  call(
    0x0013,
    'HvCallFlushVirtualAddressSpaceEx',
    'Flushes an address space on a sparse set of processors',
    { variableHeader: true, fast: 'xmm', input: flushSetInput },
  ),
  call(
    0x0014,
    'HvCallFlushVirtualAddressListEx',
    'Flushes ranges of virtual addresses on a sparse set of processors',
    { kind: 'rep', variableHeader: true, fast: 'xmm', input: flushSetInput, inputElementBytes: 8 },
  ),
  call(
    0x0015,
    'HvCallSendSyntheticClusterIpiEx',
    'Sends a fixed interrupt to a sparse set of virtual processors',
    {
      variableHeader: true,
      fast: 'xmm',
      input: [
        f('Vector', 'u32', 0),
        f('TargetVtl', 'u8', 4),
        f('Format', 'u64', 8),
        f('ValidBanksMask', 'u64', 16),
      ],
    },
  ),
  call(0x0040, 'HvCallCreatePartition', 'Creates a child partition', {
    privilege: 'CreatePartitions',
    input: [
      f('Flags', 'u64', 0),
      f('ProximityDomainInfo', 'u64', 8),
      f('CompatibilityVersion', 'u32', 16),
      f('DisabledProcessorFeatures0', 'u64', 24),
      f('DisabledProcessorFeatures1', 'u64', 32),
      f('DisabledXsaveFeatures', 'u64', 40),
      f('IsolationProperties', 'u64', 48),
    ],
    output: [f('PartitionId', 'u64', 0)],
  }),
  call(0x0041, 'HvCallInitializePartition', 'Makes a created partition active', {
    fast: 'registers',
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0)],
  }),
  call(0x0042, 'HvCallFinalizePartition', 'Releases what a partition holds, before deletion', {
    fast: 'registers',
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0)],
  }),
  call(0x0043, 'HvCallDeletePartition', 'Deletes a finalized partition', {
    fast: 'registers',
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0)],
  }),
  call(0x0044, 'HvCallGetPartitionProperty', 'Reads a property of a partition', {
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('PropertyCode', 'u32', 8)],
    output: [f('Value', 'u64', 0)],
  }),
  call(0x0045, 'HvCallSetPartitionProperty', 'Writes a property of a partition', {
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('PropertyCode', 'u32', 8), f('Value', 'u64', 16)],
  }),
  call(0x0046, 'HvCallGetPartitionId', 'Returns the identifier of the calling partition', {
    privilege: 'AccessPartitionId',
    output: [f('PartitionId', 'u64', 0)],
  }),
  call(0x0047, 'HvCallGetNextChildPartition', 'Enumerates child partitions', {
    caller: 'parent',
    input: [f('ParentId', 'u64', 0), f('PreviousChildId', 'u64', 8)],
    output: [f('NextChildId', 'u64', 0)],
  }),
  call(0x0048, 'HvCallDepositMemory', 'Gives pages to the memory pool of a partition', {
    kind: 'rep',
    caller: 'parent',
    privilege: 'AccessMemoryPool',
    input: [f('PartitionId', 'u64', 0)],
    inputElementBytes: 8,
  }),
  call(0x0049, 'HvCallWithdrawMemory', 'Takes pages back from the memory pool of a partition', {
    kind: 'rep',
    caller: 'parent',
    privilege: 'AccessMemoryPool',
    input: [f('PartitionId', 'u64', 0), f('ProximityDomainInfo', 'u64', 8)],
    outputElementBytes: 8,
  }),
  call(0x004a, 'HvCallGetMemoryBalance', 'Returns free and used pages of a memory pool', {
    caller: 'parent',
    privilege: 'AccessMemoryPool',
    input: [f('PartitionId', 'u64', 0), f('ProximityDomainInfo', 'u64', 8)],
    output: [f('PagesAvailable', 'u64', 0), f('PagesInUse', 'u64', 8)],
  }),
  call(
    0x004b,
    'HvCallMapGpaPages',
    'Maps pages of the caller into the guest-physical space of a child',
    {
      kind: 'rep',
      caller: 'parent',
      input: [
        f('TargetPartition', 'u64', 0),
        f('TargetGpfnBase', 'u64', 8),
        f('MapFlags', 'u32', 16),
      ],
      inputElementBytes: 8,
    },
  ),
  call(0x004c, 'HvCallUnmapGpaPages', 'Takes pages out of the guest-physical space of a child', {
    kind: 'rep',
    caller: 'parent',
    input: [
      f('TargetPartition', 'u64', 0),
      f('TargetGpfnBase', 'u64', 8),
      f('UnmapFlags', 'u32', 16),
    ],
  }),
  call(0x004d, 'HvCallInstallIntercept', 'Asks for messages about an event in a child', {
    caller: 'parent',
    input: [
      f('PartitionId', 'u64', 0),
      f('AccessTypeMask', 'u32', 8),
      f('InterceptType', 'u32', 12),
      f('InterceptParameter', 'u64', 16),
    ],
  }),
  call(0x004e, 'HvCallCreateVp', 'Creates a virtual processor', {
    caller: 'parent',
    input: [
      f('PartitionId', 'u64', 0),
      f('VpIndex', 'u32', 8),
      f('SubnodeType', 'u8', 15),
      f('SubnodeId', 'u64', 16),
      f('ProximityDomainInfo', 'u64', 24),
      f('Flags', 'u64', 32),
    ],
  }),
  call(0x004f, 'HvCallDeleteVp', 'Deletes a virtual processor', {
    fast: 'registers',
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('VpIndex', 'u32', 8)],
  }),
  call(0x0050, 'HvCallGetVpRegisters', 'Reads registers of a virtual processor', {
    kind: 'rep',
    caller: 'parent or self',
    privilege: 'AccessVpRegisters',
    input: [f('PartitionId', 'u64', 0), f('VpIndex', 'u32', 8), f('InputVtl', 'u8', 12)],
    inputElementBytes: 4,
    outputElementBytes: 16,
  }),
  call(0x0051, 'HvCallSetVpRegisters', 'Writes registers of a virtual processor', {
    kind: 'rep',
    caller: 'parent or self',
    privilege: 'AccessVpRegisters',
    input: [f('PartitionId', 'u64', 0), f('VpIndex', 'u32', 8), f('InputVtl', 'u8', 12)],
    inputElementBytes: 32,
  }),
  call(0x0052, 'HvCallTranslateVirtualAddress', 'Translates a guest-virtual address', {
    caller: 'parent or self',
    privilege: 'AccessVpRegisters',
    input: [
      f('PartitionId', 'u64', 0),
      f('VpIndex', 'u32', 8),
      f('ControlFlags', 'u64', 16),
      f('GvaPage', 'u64', 24),
    ],
    output: [f('TranslationResult', 'u64', 0), f('GpaPage', 'u64', 8)],
  }),
  call(0x0053, 'HvCallReadGpa', 'Reads up to 16 bytes of guest-physical memory', {
    caller: 'parent',
  }),
  call(0x0054, 'HvCallWriteGpa', 'Writes up to 16 bytes of guest-physical memory', {
    caller: 'parent',
  }),
  call(
    0x0055,
    'HvCallAssertVirtualInterruptDeprecated',
    'Asserts an interrupt, in its older form',
    {
      caller: 'parent',
      input: [
        f('DestPartition', 'u64', 0),
        f('InterruptControl', 'u64', 8),
        f('DestAddress', 'u64', 16),
        f('Vector', 'u32', 24),
      ],
    },
  ),
  call(0x0056, 'HvCallClearVirtualInterrupt', 'Clears an acknowledged level-triggered interrupt', {
    fast: 'registers',
    caller: 'parent',
    input: [f('DestPartition', 'u64', 0)],
  }),
  call(0x0057, 'HvCallCreatePortDeprecated', 'Creates a port, in its older form', {
    privilege: 'CreatePort',
    input: [
      f('PortPartition', 'u64', 0),
      f('PortId', 'u32', 8),
      f('ConnectionPartition', 'u64', 16),
      f('PortInfo', { bytes: 24 }, 24),
    ],
  }),
  call(0x0058, 'HvCallDeletePort', 'Deletes a port', {
    fast: 'registers',
    caller: 'parent',
    input: [f('PortPartition', 'u64', 0), f('PortId', 'u32', 8)],
  }),
  call(0x0059, 'HvCallConnectPortDeprecated', 'Connects to a port, in its older form', {
    privilege: 'ConnectPort',
    input: [
      f('ConnectionPartition', 'u64', 0),
      f('ConnectionId', 'u32', 8),
      f('PortPartition', 'u64', 16),
      f('PortId', 'u32', 24),
      f('ConnectionInfo', { bytes: 8 }, 32),
    ],
  }),
  call(0x005a, 'HvCallGetPortProperty', 'Reads a property of a port', {
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('PortId', 'u32', 8), f('PropertyCode', 'u32', 16)],
    output: [f('Value', 'u64', 0)],
  }),
  call(0x005b, 'HvCallDisconnectPort', 'Closes a connection', {
    fast: 'registers',
    caller: 'parent',
    input: [f('ConnectionPartition', 'u64', 0), f('ConnectionId', 'u32', 8)],
  }),
  call(0x005c, 'HvCallPostMessage', 'Sends a message through a connection', {
    privilege: 'PostMessages',
    input: [
      f('ConnectionId', 'u32', 0),
      f('Reserved', 'u32', 4),
      f('MessageType', 'u32', 8),
      f('PayloadSize', 'u32', 12),
      f('Payload', { bytes: 240 }, 16),
    ],
  }),
  call(0x005d, 'HvCallSignalEvent', 'Signals an event flag through a connection', {
    fast: 'registers',
    privilege: 'SignalEvents',
    input: [f('ConnectionId', 'u32', 0), f('FlagNumber', 'u16', 4), f('Reserved', 'u16', 6)],
  }),
  call(0x005e, 'HvCallSavePartitionState', 'Saves the next part of the state of a partition', {
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('Flags', 'u32', 8)],
    output: [
      f('SaveState', 'u32', 0),
      f('DataCount', 'u32', 4),
      f('Data', { bytes: partitionStateBytes }, 8),
    ],
  }),
  call(
    0x005f,
    'HvCallRestorePartitionState',
    'Restores the next part of the state of a partition',
    {
      caller: 'parent',
      privilege: 'CreatePartitions',
      input: [
        f('PartitionId', 'u64', 0),
        f('Flags', 'u32', 8),
        f('DataCount', 'u32', 12),
        f('Data', { bytes: partitionStateBytes }, 16),
      ],
      output: [f('RestoreState', 'u32', 0), f('Consumed', 'u32', 4)],
    },
  ),
  call(0x0060, 'HvCallInitializeEventLogBufferGroup', 'Sets up a group of event log buffers', {
    caller: 'root',
    input: [
      f('Type', 'u32', 0),
      f('MaxBufferCount', 'u32', 4),
      f('BufferPages', 'u32', 8),
      f('Threshold', 'u32', 12),
      f('TimeBasis', 'u32', 16),
      f('SystemTime', 'u64', 20),
    ],
  }),
  call(0x0061, 'HvCallFinalizeEventLogBufferGroup', 'Releases a group of event log buffers', {
    fast: 'registers',
    caller: 'root',
    input: [f('Type', 'u32', 0)],
  }),
  call(0x0062, 'HvCallCreateEventLogBuffer', 'Creates an event log buffer', {
    fast: 'registers',
    caller: 'root',
    input: [f('Type', 'u32', 0), f('BufferIndex', 'u32', 4), f('ProximityInfo', 'u64', 8)],
  }),
  call(0x0063, 'HvCallDeleteEventLogBuffer', 'Deletes an event log buffer', {
    fast: 'registers',
    caller: 'root',
    input: [f('Type', 'u32', 0), f('BufferIndex', 'u32', 4)],
  }),
  call(0x0064, 'HvCallMapEventLogBuffer', 'Maps an event log buffer into the caller', {
    caller: 'root',
    input: [f('Type', 'u32', 0), f('BufferIndex', 'u32', 4)],
  }),
  call(0x0065, 'HvCallUnmapEventLogBuffer', 'Unmaps an event log buffer', {
    fast: 'registers',
    caller: 'root',
  }),
  call(0x0066, 'HvCallSetEventLogGroupSources', 'Selects the sources of an event log group', {
    fast: 'registers',
    caller: 'root',
    input: [f('Type', 'u32', 0), f('EnableFlags', 'u64', 8)],
  }),
  call(0x0067, 'HvCallReleaseEventLogBuffer', 'Gives a full event log buffer back', {
    fast: 'registers',
    caller: 'root',
  }),
  call(0x0068, 'HvCallFlushEventLogBuffer', 'Flushes an event log buffer', {
    fast: 'registers',
    caller: 'root',
  }),
  call(0x0069, 'HvCallPostDebugData', 'Sends data to the kernel debugger connection', {
    privilege: 'Debugging',
    input: [f('Count', 'u32', 0), f('Options', 'u32', 4)],
    output: [f('PendingCount', 'u32', 0)],
  }),
  call(0x006a, 'HvCallRetrieveDebugData', 'Receives data from the kernel debugger connection', {
    privilege: 'Debugging',
    input: [f('Count', 'u32', 0), f('Options', 'u32', 4), f('Timeout', 'u64', 8)],
    output: [f('Retrieved', 'u32', 0), f('Remaining', 'u32', 4)],
  }),
  call(0x006b, 'HvCallResetDebugSession', 'Resets the kernel debugger connection', {
    fast: 'registers',
    privilege: 'Debugging',
    input: [f('Options', 'u32', 0)],
  }),
  call(0x006c, 'HvCallMapStatsPage', 'Maps a page of statistics counters', {
    privilege: 'AccessStats',
    input: [f('StatsType', 'u32', 0), f('Identity', { bytes: 16 }, 8), f('MapLocation', 'u64', 24)],
    output: [f('MapLocation', 'u64', 0)],
  }),
  call(0x006d, 'HvCallUnmapStatsPage', 'Unmaps a page of statistics counters', {
    privilege: 'AccessStats',
    input: [f('StatsType', 'u32', 0), f('Identity', { bytes: 16 }, 8)],
  }),
  call(
    0x006e,
    'HvCallMapSparseGpaPages',
    'Maps scattered pages into the guest-physical space of a child',
    { kind: 'rep', caller: 'parent' },
  ),
  call(0x006f, 'HvCallSetSystemProperty', 'Writes a property of the hypervisor', {
    caller: 'root',
    privilege: 'ConfigureProfiler',
    input: [f('PropertyId', 'u32', 0), f('Value', { bytes: 16 }, 8)],
  }),
  call(0x0070, 'HvCallSetPortProperty', 'Writes a property of a port', {
    privilege: 'CreatePort',
    input: [
      f('PartitionId', 'u64', 0),
      f('PortId', 'u32', 8),
      f('PropertyCode', 'u32', 16),
      f('Value', 'u64', 24),
    ],
  }),
  call(0x0071, 'HvCallOutputDebugCharacter', 'Writes one character to the debug output'),
  call(0x0076, 'HvCallAddLogicalProcessor', 'Adds a logical processor to the hypervisor', {
    caller: 'root',
    privilege: 'CpuManagement',
    input: [
      f('LpIndex', 'u32', 0),
      f('ApicId', 'u32', 4),
      f('ProximityDomainInfo', 'u64', 8),
      f('Flags', 'u64', 16),
    ],
    output: [f('Status', 'u64', 0)],
  }),
  call(0x0077, 'HvCallRemoveLogicalProcessor', 'Removes a logical processor', { caller: 'root' }),
  call(0x0078, 'HvCallQueryNumaDistance', 'Returns the distance of two memory nodes', {
    caller: 'root',
  }),
  call(0x0079, 'HvCallSetLogicalProcessorProperty', 'Writes a property of a logical processor', {
    caller: 'root',
  }),
  call(0x007a, 'HvCallGetLogicalProcessorProperty', 'Reads a property of a logical processor', {
    caller: 'root',
  }),
  call(0x007b, 'HvCallGetSystemProperty', 'Reads a property of the hypervisor', {
    caller: 'root',
    input: [f('PropertyId', 'u32', 0), f('Argument', 'u64', 8)],
  }),
  call(0x007c, 'HvCallMapDeviceInterrupt', 'Gives a device interrupt to a partition', {
    caller: 'root',
  }),
  call(0x007d, 'HvCallUnmapDeviceInterrupt', 'Takes a device interrupt back', {
    caller: 'root',
    input: [
      f('PartitionId', 'u64', 0),
      f('DeviceId', 'u64', 8),
      f('InterruptEntry', { bytes: 16 }, 16),
    ],
  }),
  call(
    0x007e,
    'HvCallRetargetDeviceInterrupt',
    'Changes which processors a device interrupt goes to',
    { variableHeader: true },
  ),
  call(0x0080, 'HvCallMapDevicePages', 'Maps pages for a device', { caller: 'root' }),
  call(0x0081, 'HvCallUnmapDevicePages', 'Unmaps pages of a device', { caller: 'root' }),
  call(0x0082, 'HvCallAttachDevice', 'Attaches a device to a partition', { caller: 'root' }),
  call(0x0083, 'HvCallDetachDevice', 'Detaches a device from a partition', { caller: 'root' }),
  call(0x0084, 'HvCallNotifyStandbyTransition', 'Tells that the machine enters a sleep state', {
    caller: 'root',
    input: [f('SleepState', 'u32', 0)],
  }),
  call(0x0085, 'HvCallPrepareForSleep', 'Prepares for sleep', { caller: 'root' }),
  call(0x0086, 'HvCallPrepareForHibernate', 'Prepares for hibernation', { caller: 'root' }),
  call(
    0x0087,
    'HvCallNotifyPartitionEvent',
    'Tells the hypervisor about an event of the root partition',
    { caller: 'root', input: [f('Event', 'u32', 0), f('Input', 'u32', 4)] },
  ),
  call(0x0088, 'HvCallGetLogicalProcessorRegisters', 'Reads registers of a logical processor', {
    kind: 'rep',
    caller: 'root',
  }),
  call(0x0089, 'HvCallSetLogicalProcessorRegisters', 'Writes registers of a logical processor', {
    kind: 'rep',
    caller: 'root',
  }),
  call(
    0x008a,
    'HvCallQueryAssociatedLpsForMca',
    'Returns the processors that share a machine-check bank',
    { caller: 'root' },
  ),
  call(0x008b, 'HvCallNotifyPortRingEmpty', 'Tells that a ring of a port has been emptied', {
    fast: 'registers',
    caller: 'root',
    input: [f('SintIndex', 'u32', 0)],
  }),
  call(0x008c, 'HvCallInjectSyntheticMachineCheck', 'Injects a machine check', { caller: 'root' }),
  call(0x008d, 'HvCallScrubPartition', 'Resets a partition without deleting it', {
    caller: 'root',
  }),
  call(0x008e, 'HvCallCollectLivedump', 'Collects a dump of the running hypervisor', {
    caller: 'root',
    privilege: 'Debugging',
  }),
  call(
    0x008f,
    'HvCallDisableHypervisor',
    'Leaves the hypervisor and continues on the bare machine',
    { caller: 'root', input: [f('Rip', 'u64', 0), f('Argument', 'u64', 8)] },
  ),
  call(0x0090, 'HvCallModifySparseGpaPages', 'Changes rights of scattered guest-physical pages', {
    kind: 'rep',
    caller: 'parent',
    input: [f('TargetPartition', 'u64', 0), f('MapFlags', 'u32', 8)],
    inputElementBytes: 8,
  }),
  call(
    0x0091,
    'HvCallRegisterInterceptResult',
    'Registers the fixed answer to an intercepted access',
    { caller: 'parent' },
  ),
  call(
    0x0092,
    'HvCallUnregisterInterceptResult',
    'Removes the fixed answer to an intercepted access',
    { caller: 'parent' },
  ),
  call(0x0094, 'HvCallAssertVirtualInterrupt', 'Asserts an interrupt in a partition', {
    caller: 'parent',
  }),
  call(0x0095, 'HvCallCreatePort', 'Creates a port that others can connect to', {
    caller: 'root',
    privilege: 'CreatePort',
    input: [
      f('PortPartition', 'u64', 0),
      f('PortId', 'u32', 8),
      f('PortVtl', 'u8', 12),
      f('MinConnectionVtl', 'u8', 13),
      f('ConnectionPartition', 'u64', 16),
      f('PortType', 'u32', 24),
      f('TargetSint', 'u32', 32),
      f('TargetVp', 'u32', 36),
      f('BaseFlagNumber', 'u16', 40),
      f('FlagCount', 'u16', 42),
      f('ProximityDomainInfo', 'u64', 48),
    ],
  }),
  call(0x0096, 'HvCallConnectPort', 'Connects to a port of another partition', {
    caller: 'root',
    privilege: 'ConnectPort',
    input: [
      f('ConnectionPartition', 'u64', 0),
      f('ConnectionId', 'u32', 8),
      f('ConnectionVtl', 'u8', 12),
      f('PortPartition', 'u64', 16),
      f('PortId', 'u32', 24),
      f('ConnectionType', 'u32', 32),
      f('ConnectionInfo', { bytes: 24 }, 40),
      f('ProximityDomainInfo', 'u64', 64),
    ],
  }),
  call(0x0097, 'HvCallGetSpaPageList', 'Returns system-physical pages behind guest-physical ones', {
    kind: 'rep',
    caller: 'root',
  }),
  call(
    0x0099,
    'HvCallStartVirtualProcessor',
    'Starts a virtual processor with an initial context',
    { privilege: 'StartVirtualProcessor' },
  ),
  call(0x009a, 'HvCallGetVpIndexFromApicId', 'Returns the processor index for APIC identifiers', {
    kind: 'rep',
    input: [f('PartitionId', 'u64', 0), f('TargetVtl', 'u8', 8)],
    inputElementBytes: 4,
    outputElementBytes: 4,
  }),
  call(
    0x00ac,
    'HvCallTranslateVirtualAddressEx',
    'Translates a guest-virtual address, with a detailed result',
  ),
  call(0x00ad, 'HvCallCheckForIoIntercept', 'Tells whether a port access would be intercepted', {
    caller: 'parent',
    input: [
      f('PartitionId', 'u64', 0),
      f('VpIndex', 'u32', 8),
      f('InputVtl', 'u8', 12),
      f('Port', 'u16', 14),
      f('Size', 'u8', 16),
      f('IsWrite', 'u8', 17),
    ],
    output: [f('Intercept', 'u8', 0)],
  }),
  call(
    0x00af,
    'HvCallFlushGuestPhysicalAddressSpace',
    'Flushes cached translations of a nested guest-physical space',
    { fast: 'registers', input: [f('AddressSpace', 'u64', 0), f('Flags', 'u64', 8)] },
  ),
  call(
    0x00b0,
    'HvCallFlushGuestPhysicalAddressList',
    'Flushes cached translations of ranges of a nested guest-physical space',
    { kind: 'rep' },
  ),
  call(0x00c0, 'HvCallSignalEventDirect', 'Signals an event flag at a processor without a port', {
    fast: 'registers',
  }),
  call(0x00c1, 'HvCallPostMessageDirect', 'Posts a message to a processor without a port'),
  call(0x00c2, 'HvCallDispatchVp', 'Runs a virtual processor on behalf of the root scheduler', {
    caller: 'root',
  }),
  call(0x00c9, 'HvCallGetGpaPagesAccessState', 'Returns accessed and dirty states of pages', {
    kind: 'rep',
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('Flags', 'u64', 8), f('FirstGpaPage', 'u64', 16)],
  }),
  call(
    0x00d4,
    'HvCallCheckSparseGpaPageVtlAccess',
    'Tells whether a trust level may access pages',
    {
      kind: 'rep',
      privilege: 'AccessVsm',
      input: [f('PartitionId', 'u64', 0), f('InputVtl', 'u8', 8), f('DesiredAccess', 'u8', 9)],
    },
  ),
  call(
    0x00d7,
    'HvCallAcquireSparseSpaPageHostAccess',
    'Acquires host access to pages of an isolated partition',
    { kind: 'rep', caller: 'root' },
  ),
  call(
    0x00d8,
    'HvCallReleaseSparseSpaPageHostAccess',
    'Releases host access to pages of an isolated partition',
    { kind: 'rep', caller: 'root' },
  ),
  call(0x00d9, 'HvCallAcceptGpaPages', 'Accepts pages into an isolated partition', {
    kind: 'rep',
    privilege: 'Isolation',
    input: [
      f('PartitionId', 'u64', 0),
      f('Attributes', 'u32', 8),
      f('VtlPermissionSet', 'u32', 12),
      f('GpaBase', 'u64', 16),
    ],
  }),
  call(
    0x00db,
    'HvCallModifySparseGpaPageHostVisibility',
    'Changes which pages of an isolated partition the host sees',
    {
      kind: 'rep',
      privilege: 'Isolation',
      input: [f('PartitionId', 'u64', 0), f('Visibility', 'u32', 8)],
    },
  ),
  call(0x00e1, 'HvCallMapVpStatePage', 'Maps a page with state of a virtual processor', {
    caller: 'root',
    input: [
      f('PartitionId', 'u64', 0),
      f('VpIndex', 'u32', 8),
      f('Type', 'u16', 12),
      f('InputVtl', 'u8', 14),
      f('Flags', 'u8', 15),
      f('RequestedGpfn', 'u64', 16),
    ],
    output: [f('Gpfn', 'u64', 0)],
  }),
  call(0x00e2, 'HvCallUnmapVpStatePage', 'Unmaps a page with state of a virtual processor', {
    caller: 'root',
  }),
  call(0x00e3, 'HvCallGetVpState', 'Reads a block of state of a virtual processor', {
    variableHeader: true,
    caller: 'root',
    input: [
      f('PartitionId', 'u64', 0),
      f('VpIndex', 'u32', 8),
      f('InputVtl', 'u8', 12),
      f('StateType', 'u32', 16),
      f('XsaveFlags', 'u64', 24),
      f('XsaveStates', 'u64', 32),
    ],
  }),
  call(0x00e4, 'HvCallSetVpState', 'Writes a block of state of a virtual processor', {
    variableHeader: true,
    caller: 'root',
  }),
  call(
    0x00e5,
    'HvCallGetVpSetFromMda',
    'Returns the processors that a message destination address names',
    {
      caller: 'root',
      input: [
        f('PartitionId', 'u64', 0),
        f('DestAddress', 'u64', 8),
        f('Vtl', 'u8', 16),
        f('Logical', 'u8', 17),
      ],
    },
  ),
  call(
    0x00ef,
    'HvCallImportIsolatedPages',
    'Imports pages into an isolated partition before it starts',
    { kind: 'rep', caller: 'root' },
  ),
  call(
    0x00f1,
    'HvCallCompleteIsolatedImport',
    'Ends the import of pages into an isolated partition',
    { kind: 'rep', caller: 'root' },
  ),
  call(0x00f2, 'HvCallIssueSnpPspGuestRequest', 'Passes a request to the security processor', {
    kind: 'rep',
    caller: 'root',
  }),
  call(0x00f4, 'HvCallGetVpCpuidValues', 'Returns what CPUID answers on a virtual processor', {
    kind: 'rep',
    caller: 'parent',
    input: [f('PartitionId', 'u64', 0), f('VpIndex', 'u32', 8), f('Flags', 'u32', 12)],
  }),
  call(
    0x0101,
    'HvCallGetPartitionPropertyEx',
    'Reads a property of a partition, with an argument',
    { variableHeader: true, caller: 'parent' },
  ),
  call(0x0103, 'HvCallRestorePartitionTime', 'Restores the clocks of a partition', {
    caller: 'parent',
    input: [
      f('PartitionId', 'u64', 0),
      f('TscSequence', 'u32', 8),
      f('ReferenceTime100ns', 'u64', 16),
      f('Tsc', 'u64', 24),
    ],
  }),
  call(
    0x0106,
    'HvCallMemoryMappedIoRead',
    'Reads memory-mapped I/O without an instruction intercept',
    { input: [f('Gpa', 'u64', 0), f('Width', 'u32', 8)], output: [f('Data', { bytes: 64 }, 0)] },
  ),
  call(
    0x0107,
    'HvCallMemoryMappedIoWrite',
    'Writes memory-mapped I/O without an instruction intercept',
    { input: [f('Gpa', 'u64', 0), f('Width', 'u32', 8), f('Data', { bytes: 64 }, 16)] },
  ),
  call(
    0x010a,
    'HvCallSetPartitionPropertyEx',
    'Writes a property of a partition, with an argument',
    {
      variableHeader: true,
      caller: 'parent',
      input: [f('PartitionId', 'u64', 0), f('PropertyCode', 'u32', 8), f('Argument', 'u64', 16)],
    },
  ),
  call(0x0112, 'HvCallPinGpaPageRanges', 'Pins ranges of guest-physical pages', { kind: 'rep' }),
  call(0x0113, 'HvCallUnpinGpaPageRanges', 'Unpins ranges of guest-physical pages', {
    kind: 'rep',
  }),
  call(
    0x011c,
    'HvCallQuerySparseGpaPageHostVisibility',
    'Tells which pages of an isolated partition the host sees',
    { kind: 'rep', privilege: 'Isolation', input: [f('PartitionId', 'u64', 0)] },
  ),
  call(0x0131, 'HvCallMapStatsPage2', 'Maps a page of statistics counters at a given place', {
    privilege: 'AccessStats',
    input: [f('StatsType', 'u32', 0), f('Identity', { bytes: 16 }, 8), f('MapGpfn', 'u64', 24)],
  }),
  call(0x8001, 'HvExtCallQueryCapabilities', 'Returns which extended hypercalls exist', {
    privilege: 'EnableExtendedHypercalls',
    output: [f('Capabilities', 'u64', 0)],
  }),
  call(0x8002, 'HvExtCallGetBootZeroedMemory', 'Returns which pages were zero at boot', {
    privilege: 'EnableExtendedHypercalls',
    output: [f('RangeCount', 'u64', 0)],
  }),
  call(0x8003, 'HvExtCallMemoryHeatHint', 'Tells which pages are hot or cold', {
    kind: 'rep',
    privilege: 'EnableExtendedHypercalls',
    input: [f('Type', 'u64', 0)],
  }),
  call(0x8004, 'HvExtCallEpfSetup', 'Sets up enlightened page faults', {
    privilege: 'EnableExtendedHypercalls',
  }),
  call(0x8005, 'HvExtCallSchedulerAssistSetup', 'Sets up scheduler assistance', {
    privilege: 'EnableExtendedHypercalls',
  }),
  call(
    0x8006,
    'HvExtCallMemoryHeatHintAsync',
    'Tells which pages are hot or cold, without waiting',
    { kind: 'rep', privilege: 'EnableExtendedHypercalls' },
  ),
  call(0xc001, 'HvCallVbsVmCallReport', 'Returns an attestation report of the partition', {
    privilege: 'Isolation',
    input: [f('Data', { bytes: 64 }, 0)],
    output: [f('Report', { bytes: 2048 }, 0)],
  }),
];

/** Rows by call code. */
export const hypercallByCode: ReadonlyMap<number, Hypercall> = new Map(
  hypercalls.map((row) => [row.code, row]),
);

/** Rows by name. */
export const hypercallByName: ReadonlyMap<string, Hypercall> = new Map(
  hypercalls.map((row) => [row.name, row]),
);
