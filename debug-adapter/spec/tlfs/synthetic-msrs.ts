// Table: Hyper-V synthetic MSRs, TLFS appendix C; gates from CPUID leaf 0x40000003 (TLFS 2.4.4).
import type { PrivilegeName } from './privileges';

/** Whether a partition or each virtual processor has its own copy. */
export type SyntheticMsrScope = 'partition' | 'processor';

/** One synthetic MSR. */
export interface SyntheticMsr {
  readonly number: number;
  readonly name: string;
  readonly description: string;
  readonly section: string;
  readonly scope: SyntheticMsrScope;
  readonly access: 'read' | 'write' | 'read and write';
  /** Without this privilege every access raises #GP; absent where another feature bit is the gate. */
  readonly privilege?: PrivilegeName;
}

function row(
  number: number,
  name: string,
  scope: 'P' | 'V',
  access: 'R' | 'W' | 'RW',
  description: string,
  privilege?: PrivilegeName,
): SyntheticMsr {
  return {
    number,
    name: `HV_X64_MSR_${name}`,
    description,
    section: 'TLFS, appendix C',
    scope: scope === 'P' ? 'partition' : 'processor',
    access: access === 'R' ? 'read' : access === 'W' ? 'write' : 'read and write',
    ...(privilege === undefined ? {} : { privilege }),
  };
}

function numbered(
  first: number,
  step: number,
  count: number,
  name: (index: number) => string,
  description: string,
  privilege: PrivilegeName,
): readonly SyntheticMsr[] {
  return Array.from({ length: count }, (_, index) =>
    row(first + index * step, name(index), 'V', 'RW', description, privilege),
  );
}

const synic = 'AccessSynicRegs';
const timers = 'AccessSyntheticTimerRegs';
const interrupts = 'AccessIntrCtrlRegs';

/** Every published synthetic MSR of an unnested x64 guest, ascending. */
export const syntheticMsrs: readonly SyntheticMsr[] = [
  row(
    0x40000000,
    'GUEST_OS_ID',
    'P',
    'RW',
    'Which operating system runs in the partition; 0 disables hypercalls',
    'AccessHypercallMsrs',
  ),
  row(
    0x40000001,
    'HYPERCALL',
    'P',
    'RW',
    'Enables the hypercall page and says where it lies',
    'AccessHypercallMsrs',
  ),
  row(0x40000002, 'VP_INDEX', 'V', 'R', 'Index of the virtual processor', 'AccessVpIndex'),
  row(0x40000003, 'RESET', 'P', 'RW', 'Writing bit 0 resets the partition', 'AccessResetReg'),
  row(
    0x40000010,
    'VP_RUNTIME',
    'V',
    'R',
    'Time the processor has run, in 100 ns units',
    'AccessVpRunTimeReg',
  ),
  row(
    0x40000020,
    'TIME_REF_COUNT',
    'P',
    'R',
    'Time since the partition was created, in 100 ns units',
    'AccessPartitionReferenceCounter',
  ),
  row(
    0x40000021,
    'REFERENCE_TSC',
    'P',
    'RW',
    'Enables the reference TSC page and says where it lies',
    'AccessPartitionReferenceTsc',
  ),
  row(
    0x40000022,
    'TSC_FREQUENCY',
    'P',
    'R',
    'Frequency of the time-stamp counter in Hz',
    'AccessFrequencyRegs',
  ),
  row(
    0x40000023,
    'APIC_FREQUENCY',
    'P',
    'R',
    'Frequency of the local APIC timer in Hz, before its divider',
    'AccessFrequencyRegs',
  ),
  row(0x40000040, 'NPIEP_CONFIG', 'V', 'RW', 'Makes SGDT, SIDT, SLDT and STR fault outside CPL 0'),
  row(0x40000070, 'EOI', 'V', 'W', 'End of interrupt', interrupts),
  row(0x40000071, 'ICR', 'V', 'RW', 'Interrupt command', interrupts),
  row(0x40000072, 'TPR', 'V', 'RW', 'Task priority', interrupts),
  row(
    0x40000073,
    'VP_ASSIST_PAGE',
    'V',
    'RW',
    'Enables the VP assist page and says where it lies',
    interrupts,
  ),
  row(0x40000080, 'SCONTROL', 'V', 'RW', 'Enables the synthetic interrupt controller', synic),
  row(0x40000081, 'SVERSION', 'V', 'R', 'Version of the synthetic interrupt controller', synic),
  row(0x40000082, 'SIEFP', 'V', 'RW', 'Enables the event flags page and says where it lies', synic),
  row(0x40000083, 'SIMP', 'V', 'RW', 'Enables the message page and says where it lies', synic),
  row(
    0x40000084,
    'EOM',
    'V',
    'W',
    'End of message: lets the next message into its slot; reads 0',
    synic,
  ),
  row(
    0x40000085,
    'SIRBP',
    'V',
    'RW',
    'Enables the response buffer page and says where it lies',
    synic,
  ),
  ...numbered(
    0x40000090,
    1,
    16,
    (index) => `SINT${index}`,
    'Vector and flags of a synthetic interrupt source',
    synic,
  ),
  ...[0, 1, 2, 3].flatMap((index) => [
    row(
      0x400000b0 + 2 * index,
      `STIMER${index}_CONFIG`,
      'V',
      'RW',
      'Configuration of a synthetic timer',
      timers,
    ),
    row(
      0x400000b1 + 2 * index,
      `STIMER${index}_COUNT`,
      'V',
      'RW',
      'Expiration time or period of a synthetic timer',
      timers,
    ),
  ]),
  row(
    0x400000e0,
    'STATS_PARTITION_RETAIL_PAGE',
    'P',
    'RW',
    'Places the page of partition statistics',
    'AccessStatsReg',
  ),
  row(
    0x400000e1,
    'STATS_PARTITION_INTERNAL_PAGE',
    'P',
    'RW',
    'Places the page of internal partition statistics',
    'AccessStatsReg',
  ),
  row(
    0x400000e2,
    'STATS_VP_RETAIL_PAGE',
    'V',
    'RW',
    'Places the page of processor statistics',
    'AccessStatsReg',
  ),
  row(
    0x400000e3,
    'STATS_VP_INTERNAL_PAGE',
    'V',
    'RW',
    'Places the page of internal processor statistics',
    'AccessStatsReg',
  ),
  row(
    0x400000f0,
    'GUEST_IDLE',
    'V',
    'R',
    'A read waits until an interrupt arrives',
    'AccessGuestIdleReg',
  ),
  row(0x400000f1, 'SYNTH_DEBUG_CONTROL', 'P', 'RW', 'Synthetic debugger: control'),
  row(0x400000f2, 'SYNTH_DEBUG_STATUS', 'P', 'R', 'Synthetic debugger: status'),
  row(
    0x400000f3,
    'SYNTH_DEBUG_SEND_BUFFER',
    'P',
    'RW',
    'Synthetic debugger: address of the send buffer',
  ),
  row(
    0x400000f4,
    'SYNTH_DEBUG_RECEIVE_BUFFER',
    'P',
    'RW',
    'Synthetic debugger: address of the receive buffer',
  ),
  row(
    0x400000f5,
    'SYNTH_DEBUG_PENDING_BUFFER',
    'P',
    'RW',
    'Synthetic debugger: address of the pending flag',
  ),
  row(0x400000ff, 'SYNTH_DEBUG_OPTIONS', 'P', 'RW', 'Synthetic debugger: options'),
  row(0x40000100, 'CRASH_P0', 'P', 'RW', 'Crash parameter 0'),
  row(0x40000101, 'CRASH_P1', 'P', 'RW', 'Crash parameter 1'),
  row(0x40000102, 'CRASH_P2', 'P', 'RW', 'Crash parameter 2'),
  row(0x40000103, 'CRASH_P3', 'P', 'RW', 'Crash parameter 3, or address of the crash message'),
  row(0x40000104, 'CRASH_P4', 'P', 'RW', 'Crash parameter 4, or length of the crash message'),
  row(0x40000105, 'CRASH_CTL', 'P', 'RW', 'Reads as crash capabilities; a write reports the crash'),
  row(
    0x40000106,
    'REENLIGHTENMENT_CONTROL',
    'P',
    'RW',
    'Interrupt to send after a migration changed the TSC frequency',
    'AccessReenlightenmentControls',
  ),
  row(
    0x40000107,
    'TSC_EMULATION_CONTROL',
    'P',
    'RW',
    'Keeps the old TSC frequency by emulation',
    'AccessReenlightenmentControls',
  ),
  row(
    0x40000108,
    'TSC_EMULATION_STATUS',
    'P',
    'RW',
    'Whether the TSC is being emulated',
    'AccessReenlightenmentControls',
  ),
  row(
    0x40000114,
    'STIME_UNHALTED_TIMER_CONFIG',
    'V',
    'RW',
    'Configuration of the time-unhalted timer',
    timers,
  ),
  row(
    0x40000115,
    'STIME_UNHALTED_TIMER_COUNT',
    'V',
    'RW',
    'Period of the time-unhalted timer',
    timers,
  ),
  row(
    0x40000118,
    'TSC_INVARIANT_CONTROL',
    'P',
    'RW',
    'Bit 0 shows the invariant TSC in CPUID',
    'AccessTscInvariantControls',
  ),
];

/** Rows by MSR number. */
export const syntheticMsrByNumber: ReadonlyMap<number, SyntheticMsr> = new Map(
  syntheticMsrs.map((entry) => [entry.number, entry]),
);
