/** The published hypercalls and MSRs that guests could reach and do not find here, each with the reason. */

/** Hypercalls that answer HV_STATUS_INVALID_HYPERCALL_CODE although nothing but this list keeps a guest from them. */
export const unsupportedHypercalls: readonly (readonly [
  reason: string,
  names: readonly string[],
])[] = [
  [
    'CPUID does not recommend it',
    [
      ...['HvCallSwitchVirtualAddressSpace', 'HvCallPinGpaPageRanges', 'HvCallUnpinGpaPageRanges'],
      ...['HvCallMemoryMappedIoRead', 'HvCallMemoryMappedIoWrite'],
    ],
  ],
  ['a debugging aid of the hypervisor itself', ['HvCallOutputDebugCharacter']],
  ['guests have no devices of a PCI host', ['HvCallRetargetDeviceInterrupt']],
  ['the older form answers the same question', ['HvCallTranslateVirtualAddressEx']],
  [
    'CPUID does not offer nested virtualization',
    ['HvCallFlushGuestPhysicalAddressSpace', 'HvCallFlushGuestPhysicalAddressList'],
  ],
  [
    'for virtual trust levels, of which there is one',
    ['HvCallSignalEventDirect', 'HvCallPostMessageDirect'],
  ],

  [
    'HvExtCallQueryCapabilities does not offer it',
    [
      ...['HvExtCallGetBootZeroedMemory', 'HvExtCallMemoryHeatHint', 'HvExtCallEpfSetup'],
      ...['HvExtCallSchedulerAssistSetup', 'HvExtCallMemoryHeatHintAsync'],
    ],
  ],
];

/** MSRs of which every access raises #GP, whatever the privileges. */
export const unsupportedMsrs: readonly (readonly [reason: string, names: readonly string[]])[] = [
  ['CPUID does not offer non-privileged instruction execution prevention', ['NPIEP_CONFIG']],
  ['obsolete: no published format', ['SIRBP']],
  [
    'the privilege is given to nobody',
    [
      ...['STATS_PARTITION_RETAIL_PAGE', 'STATS_PARTITION_INTERNAL_PAGE'],
      ...['STATS_VP_RETAIL_PAGE', 'STATS_VP_INTERNAL_PAGE', 'REENLIGHTENMENT_CONTROL'],
      ...['TSC_EMULATION_CONTROL', 'TSC_EMULATION_STATUS'],
    ],
  ],
  [
    'CPUID does not offer the synthetic debugger',
    ['CONTROL', 'STATUS', 'SEND_BUFFER', 'RECEIVE_BUFFER', 'PENDING_BUFFER', 'OPTIONS'].map(
      (name) => `SYNTH_DEBUG_${name}`,
    ),
  ],
  [
    'CPUID does not offer the time-unhalted timer',
    ['STIME_UNHALTED_TIMER_CONFIG', 'STIME_UNHALTED_TIMER_COUNT'],
  ],
];

/** Why there is no such hypercall; undefined where there is, or where a privilege is missing. */
export function reasonWithoutCall(name: string): string | undefined {
  return unsupportedHypercalls.find(([, names]) => names.includes(name))?.[0];
}

/** Why there is no such MSR, by its whole name. */
export function reasonWithoutMsr(name: string): string | undefined {
  return unsupportedMsrs.find(([, names]) =>
    names.some((short) => name === `HV_X64_MSR_${short}`),
  )?.[0];
}
