// Table: the partition privilege mask, TLFS 4.2.2; CPUID leaf 0x40000003 shows it in EBX:EAX.

/** One privilege: `position` is its bit in the 64-bit mask. */
export interface PartitionPrivilege {
  readonly position: number;
  readonly name: string;
  readonly gives: string;
}

function privilege<Name extends string>(position: number, name: Name, gives: string) {
  return { position, name, gives } as const;
}

/** Every published privilege, ascending. */
export const partitionPrivileges = [
  privilege(0, 'AccessVpRunTimeReg', 'HV_X64_MSR_VP_RUNTIME'),
  privilege(1, 'AccessPartitionReferenceCounter', 'HV_X64_MSR_TIME_REF_COUNT'),
  privilege(2, 'AccessSynicRegs', 'the SynIC registers'),
  privilege(3, 'AccessSyntheticTimerRegs', 'the synthetic timers'),
  privilege(4, 'AccessIntrCtrlRegs', 'the APIC assist registers'),
  privilege(5, 'AccessHypercallMsrs', 'HV_X64_MSR_GUEST_OS_ID and HV_X64_MSR_HYPERCALL'),
  privilege(6, 'AccessVpIndex', 'HV_X64_MSR_VP_INDEX'),
  privilege(7, 'AccessResetReg', 'HV_X64_MSR_RESET'),
  privilege(8, 'AccessStatsReg', 'the statistics page registers'),
  privilege(9, 'AccessPartitionReferenceTsc', 'HV_X64_MSR_REFERENCE_TSC'),
  privilege(10, 'AccessGuestIdleReg', 'HV_X64_MSR_GUEST_IDLE'),
  privilege(11, 'AccessFrequencyRegs', 'HV_X64_MSR_TSC_FREQUENCY and HV_X64_MSR_APIC_FREQUENCY'),
  privilege(12, 'AccessDebugRegs', 'the synthetic debug registers'),
  privilege(13, 'AccessReenlightenmentControls', 'the reenlightenment registers'),
  privilege(14, 'AccessRootSchedulerReg', 'the root scheduler registers'),
  privilege(15, 'AccessTscInvariantControls', 'HV_X64_MSR_TSC_INVARIANT_CONTROL'),
  privilege(32, 'CreatePartitions', 'HvCallCreatePartition and the calls on children'),
  privilege(33, 'AccessPartitionId', 'HvCallGetPartitionId'),
  privilege(34, 'AccessMemoryPool', 'the memory pool calls'),
  privilege(35, 'AdjustMessageBuffers', 'obsolete'),
  privilege(36, 'PostMessages', 'HvCallPostMessage'),
  privilege(37, 'SignalEvents', 'HvCallSignalEvent'),
  privilege(38, 'CreatePort', 'HvCallCreatePort'),
  privilege(39, 'ConnectPort', 'HvCallConnectPort'),
  privilege(40, 'AccessStats', 'HvCallMapStatsPage and HvCallUnmapStatsPage'),
  privilege(43, 'Debugging', 'the debug data calls'),
  privilege(44, 'CpuManagement', 'the calls on logical processors'),
  privilege(45, 'ConfigureProfiler', 'the profiler'),
  privilege(46, 'AccessVpExitTracing', 'VP exit tracing'),
  privilege(
    47,
    'EnableExtendedGvaRangesForFlushVirtualAddressList',
    'large ranges in TLB flush calls',
  ),
  privilege(48, 'AccessVsm', 'virtual secure mode'),
  privilege(
    49,
    'AccessVpRegisters',
    'HvCallGetVpRegisters and HvCallSetVpRegisters on the partition itself',
  ),
  privilege(51, 'FastHypercallOutput', 'hypercall output in XMM registers'),
  privilege(52, 'EnableExtendedHypercalls', 'call codes from 0x8001 on'),
  privilege(53, 'StartVirtualProcessor', 'HvCallStartVirtualProcessor'),
  privilege(54, 'Isolation', 'CPUID leaf 0x4000000C'),
] as const;

/** Name of a privilege. */
export type PrivilegeName = (typeof partitionPrivileges)[number]['name'];

const positionByName: ReadonlyMap<string, number> = new Map(
  partitionPrivileges.map((row) => [row.name, row.position]),
);

/** Mask of the named privileges. */
export function privilegeMask(names: readonly PrivilegeName[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(positionByName.get(name) ?? 0)), 0n);
}
