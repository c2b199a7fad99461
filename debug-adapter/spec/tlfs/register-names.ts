// Table: virtual processor register names (HV_REGISTER_NAME), TLFS 7.10 and data types.

/** Names that stand for a run of numbers: `prefix` with 0, 1, … behind it. */
function run(prefix: string, first: number, names: readonly (string | number)[]) {
  return names.map((name, index): [string, number] => [`${prefix}${name}`, first + index]);
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

/** General registers in encoding order. */
export const generalRegisterNames = [
  ...['Rax', 'Rcx', 'Rdx', 'Rbx', 'Rsp', 'Rbp', 'Rsi', 'Rdi'],
  ...['R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'],
] as const;

/** Segment registers in the order of their names. */
export const segmentRegisterNames = ['Es', 'Cs', 'Ss', 'Ds', 'Fs', 'Gs', 'Ldtr', 'Tr'] as const;

/** Every name that an x64 guest without trust levels and nested guests may know, ascending by number. */
export const registerNames: ReadonlyMap<string, number> = new Map<string, number>([
  ['ExplicitSuspend', 0x00000000],
  ['InterceptSuspend', 0x00000001],
  ['InstructionEmulationHints', 0x00000002],
  ['DispatchSuspend', 0x00000003],
  ['InternalActivityState', 0x00000004],
  ['HypervisorVersion', 0x00000100],
  ['PrivilegesAndFeaturesInfo', 0x00000200],
  ['FeaturesInfo', 0x00000201],
  ['ImplementationLimitsInfo', 0x00000202],
  ['HardwareFeaturesInfo', 0x00000203],
  ['CpuManagementFeaturesInfo', 0x00000204],
  ['NestedVirtFeaturesInfo', 0x00000207],
  ...run('GuestCrashP', 0x00000210, upTo(5)),
  ['GuestCrashCtl', 0x00000215],
  ['ProcessorClockFrequency', 0x00000240],
  ['InterruptClockFrequency', 0x00000241],
  ['GuestIdle', 0x00000250],
  ['DebugDeviceOptions', 0x00000260],
  ['PendingInterruption', 0x00010002],
  ['InterruptState', 0x00010003],
  ['PendingEvent0', 0x00010004],
  ['PendingEvent1', 0x00010005],
  ['DeliverabilityNotifications', 0x00010006],
  ['PendingDebugException', 0x00010007],
  ...run('', 0x00020000, generalRegisterNames),
  ['Rip', 0x00020010],
  ['Rflags', 0x00020011],
  ...run('Xmm', 0x00030000, upTo(16)),
  ...run('FpMmx', 0x00030010, upTo(8)),
  ['FpControlStatus', 0x00030018],
  ['XmmControlStatus', 0x00030019],
  ...run('Cr', 0x00040000, [0, 2, 3, 4, 8]),
  ['Xfem', 0x00040005],
  ...run('Dr', 0x00050000, [0, 1, 2, 3, 6, 7]),
  ...run('', 0x00060000, segmentRegisterNames),
  ...run('', 0x00070000, ['Idtr', 'Gdtr']),
  ['Tsc', 0x00080000],
  ['Efer', 0x00080001],
  ['KernelGsBase', 0x00080002],
  ['ApicBase', 0x00080003],
  ['Pat', 0x00080004],
  ['SysenterCs', 0x00080005],
  ['SysenterEip', 0x00080006],
  ['SysenterEsp', 0x00080007],
  ['Star', 0x00080008],
  ['Lstar', 0x00080009],
  ['Cstar', 0x0008000a],
  ['Sfmask', 0x0008000b],
  ['InitialApicId', 0x0008000c],
  ['MsrMtrrCap', 0x0008000d],
  ['MsrMtrrDefType', 0x0008000e],
  ...run('MsrMtrrPhysBase', 0x00080010, upTo(8)),
  ...run('MsrMtrrPhysMask', 0x00080040, upTo(8)),
  ['MsrMtrrFix64k00000', 0x00080070],
  ...run('MsrMtrrFix16k', 0x00080071, ['80000', 'A0000']),
  ...run('MsrMtrrFix4k', 0x00080073, [
    ...['C0000', 'C8000', 'D0000', 'D8000', 'E0000', 'E8000', 'F0000', 'F8000'],
  ]),
  ['TscAux', 0x0008007b],
  ['SpecCtrl', 0x00080084],
  ['PredCmd', 0x00080085],
  ['TscDeadline', 0x00080095],
  ['TscAdjust', 0x00080096],
  ['MsrIa32MiscEnable', 0x000800a0],
  ['VpRuntime', 0x00090000],
  ['Hypercall', 0x00090001],
  ['GuestOsId', 0x00090002],
  ['VpIndex', 0x00090003],
  ['TimeRefCount', 0x00090004],
  ['CpuManagementVersion', 0x00090007],
  ['SyntheticEoi', 0x00090010],
  ['SyntheticIcr', 0x00090011],
  ['SyntheticTpr', 0x00090012],
  ['VpAssistPage', 0x00090013],
  ['ReferenceTsc', 0x00090017],
  ['StatsPartitionRetail', 0x00090020],
  ['StatsVpRetail', 0x00090022],
  ...run('Sint', 0x000a0000, upTo(16)),
  ['Scontrol', 0x000a0010],
  ['Sversion', 0x000a0011],
  ['Sifp', 0x000a0012],
  ['Sipp', 0x000a0013],
  ['Eom', 0x000a0014],
  ['Sirbp', 0x000a0015],
  ...upTo(4).flatMap((n) => run(`Stimer${n}`, 0x000b0000 + 2 * n, ['Config', 'Count'])),
]);

/** Registers of the local APIC: this plus the number of the register in x2APIC mode. */
export const apicRegisterNames = { first: 0x00084802, last: 0x0008483f, base: 0x00084800 } as const;
