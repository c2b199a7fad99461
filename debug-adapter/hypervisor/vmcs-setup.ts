/** The controls under which every guest of this hypervisor runs. */
import { hypervisorPages } from '../machine/hypervisor-pages';
import { vmcsEncoding, type ProcessorState } from '../machine/processor-state';
import {
  entryControls,
  exitControls,
  pinBasedControls,
  primaryControls,
  requiredControlBits,
  secondaryControls,
} from '../spec/x86/vmx-controls';
import { maskOf } from '../support/bit-field';
import { fillAccessBitmaps } from './access-bitmaps';

const required = requiredControlBits;

const controls: Readonly<Record<string, number>> = {
  PIN_BASED_VM_EXEC_CONTROL:
    required.pinBased |
    maskOf(pinBasedControls, ['external-interrupt exiting', 'NMI exiting', 'virtual NMIs']),
  CPU_BASED_VM_EXEC_CONTROL:
    required.primary |
    maskOf(primaryControls, [
      'use TSC offsetting',
      'HLT exiting',
      'MWAIT exiting',
      'MONITOR exiting',
      'unconditional I/O exiting',
      'use MSR bitmaps',
      'activate secondary controls',
    ]),
  SECONDARY_VM_EXEC_CONTROL: maskOf(secondaryControls, [
    'enable EPT',
    'enable RDTSCP',
    'enable VPID',
    'enable RDTSCP',
    'unrestricted guest',
    'enable INVPCID',
  ]),
  VM_EXIT_CONTROLS:
    required.exit |
    maskOf(exitControls, [
      'save debug controls',
      'host address-space size',
      'save IA32_PAT',
      'load IA32_PAT',
      'save IA32_EFER',
      'load IA32_EFER',
    ]),
  VM_ENTRY_CONTROLS:
    required.entry |
    maskOf(entryControls, ['load debug controls', 'load IA32_PAT', 'load IA32_EFER']),
};

/** Write-back memory type, page walks of four levels (SDM vol. 3, 25.6.11). */
const eptPointer = 6n | (3n << 3n);
const noVmcsLink = (1n << 64n) - 1n;

/**
 * Fills control fields. I/O and HLT exit always, RDMSR and WRMSR where the MSR bitmap says so. Control registers, RDTSC,
 * INVLPG, PAUSE and exceptions do not exit. The I/O bitmaps are there for those who want them; every bit of them is set.
 * Host-state fields stay zero: the host of this VMCS is not an x86 program.
 * The EPT pointer has no address: the second-level map is the partition's own and needs no paging structures.
 */
export function setUpVmcsControls(state: ProcessorState, processorIndex: number): void {
  for (const [name, value] of Object.entries(controls)) {
    state.setVmcs(vmcsEncoding(name), BigInt(value >>> 0));
  }
  fillAccessBitmaps(state.bytes);
  state.setVmcs(vmcsEncoding('MSR_BITMAP'), BigInt(hypervisorPages.msrBitmap));
  state.setVmcs(vmcsEncoding('IO_BITMAP_A'), BigInt(hypervisorPages.ioBitmapA));
  state.setVmcs(vmcsEncoding('IO_BITMAP_B'), BigInt(hypervisorPages.ioBitmapB));
  state.setVmcs(vmcsEncoding('EPT_POINTER'), eptPointer);
  state.setVmcs(vmcsEncoding('VIRTUAL_PROCESSOR_ID'), BigInt(processorIndex + 1));
  state.setVmcs(vmcsEncoding('VMCS_LINK_POINTER'), noVmcsLink);
}

const entryControlField = vmcsEncoding('VM_ENTRY_CONTROLS');
const eferField = vmcsEncoding('GUEST_IA32_EFER');
const ia32eModeGuest = BigInt(maskOf(entryControls, ['IA-32e mode guest']));

/** Makes the control "IA-32e mode guest" equal IA32_EFER.LMA, as every exit does (SDM vol. 3, 28.2.1, IA32_VMX_MISC bit 5). */
export function followLongMode(state: ProcessorState): void {
  const active = (state.vmcs(eferField) >> 10n) & 1n;
  const rest = state.vmcs(entryControlField) & ~ia32eModeGuest;
  state.setVmcs(entryControlField, active === 1n ? rest | ia32eModeGuest : rest);
}
