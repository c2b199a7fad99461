/** Which of the VMCS fields that do not always exist this machine has. */

/** Features of VMX with which such fields exist (`VmcsField.onlyWith`), as far as there are any. */
export const offeredFeatures: ReadonlySet<string> = new Set([
  ...['enable VPID', 'use I/O bitmaps', 'use MSR bitmaps', 'use TPR shadow', 'enable EPT', 'EPT'],
  ...['activate secondary controls', 'PLE', 'TSC scaling', 'VMX preemption timer'],
  ...['use TSC offsetting (field always exists)', 'load/save PAT', 'load/save EFER'],
]);
