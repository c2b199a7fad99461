// Table: the section of the Intel SDM volume 3 (chapter 25) that describes each VMCS field.
import type { VmcsField, VmcsFieldGroup } from './vmcs-fields';

/** A section of the manual. */
export interface VmcsSection {
  readonly section: string;
  readonly title: string;
}

interface SectionRow extends VmcsSection {
  readonly group: VmcsFieldGroup;
  /** Fields of the group that the section describes; every field that no earlier row has where it is absent. */
  readonly fields?: RegExp;
}

function row(group: VmcsFieldGroup, section: string, title: string, fields?: RegExp): SectionRow {
  return { group, section, title, ...(fields === undefined ? {} : { fields }) };
}

const rows: readonly SectionRow[] = [
  row(
    'guest',
    '25.4.2',
    'Guest Non-Register State',
    /ACTIVITY|INTERRUPTIBILITY|PENDING_DBG|LINK_POINTER|PREEMPTION|PDPTR|INTR_STATUS|PML_INDEX/,
  ),
  row('guest', '25.4.1', 'Guest Register State'),
  row('host', '25.5', 'Host-State Area'),
  row('control', '25.6.1', 'Pin-Based VM-Execution Controls', /^PIN_BASED/),
  row(
    'control',
    '25.6.2',
    'Processor-Based VM-Execution Controls',
    /^(CPU_BASED|SECONDARY_VM_EXEC|TERTIARY)/,
  ),
  row('control', '25.6.3', 'Exception Bitmap', /^(EXCEPTION_BITMAP|PAGE_FAULT_ERROR)/),
  row('control', '25.6.4', 'I/O-Bitmap Addresses', /^IO_BITMAP/),
  row('control', '25.6.5', 'Time-Stamp Counter Offset and Multiplier', /^TSC_/),
  row('control', '25.6.6', 'Guest/Host Masks and Read Shadows', /^CR[04]_/),
  row('control', '25.6.7', 'CR3-Target Controls', /^CR3_TARGET/),
  row(
    'control',
    '25.6.8',
    'Controls for APIC Virtualization',
    /APIC|TPR_THRESHOLD|EOI_EXIT|POSTED_INTR|PID_POINTER|TIMER_VECTOR/,
  ),
  row('control', '25.6.9', 'MSR-Bitmap Address', /^MSR_BITMAP/),
  row('control', '25.6.10', 'Executive-VMCS Pointer', /^EXECUTIVE/),
  row('control', '25.6.11', 'Extended-Page-Table Pointer', /^EPT_POINTER/),
  row('control', '25.6.12', 'Virtual-Processor Identifier', /^VIRTUAL_PROCESSOR_ID/),
  row('control', '25.6.13', 'Controls for PAUSE-Loop Exiting', /^PLE_/),
  row('control', '25.6.14', 'VM-Function Controls', /^(VM_FUNCTION|EPTP_LIST)/),
  row('control', '25.6.15', 'VMCS Shadowing Bitmap Addresses', /^VM(READ|WRITE)_BITMAP/),
  row('control', '25.6.16', 'ENCLS-Exiting Bitmap', /^ENCLS/),
  row('control', '25.6.17', 'ENCLV-Exiting Bitmap', /^ENCLV/),
  row('control', '25.6.18', 'PCONFIG-Exiting Bitmap', /^PCONFIG/),
  row('control', '25.6.19', 'Page-Modification Logging', /^PML/),
  row('control', '25.6.20', 'Virtualization Exceptions', /^(VE_INFO|EPTP_INDEX)/),
  row('control', '25.6.21', 'XSS-Exiting Bitmap', /^XSS/),
  row('control', '25.6.22', 'Sub-Page-Permission-Table Pointer', /^SPPT/),
  row('control', '25.6.23', 'Hypervisor-Managed Linear-Address Translation', /^HLAT/),
  row('control', '25.6.24', 'PASID Translation', /PASID/),
  row('control', '25.6.25', 'Instruction-Timeout Control', /^NOTIFY/),
  row('control', '25.6.26', 'Virtualization of IA32_SPEC_CTRL', /^IA32_SPEC_CTRL/),
  row('control', '25.7.1', 'VM-Exit Controls', /^(VM_EXIT_CONTROLS|SECONDARY_VM_EXIT)/),
  row('control', '25.7.2', 'VM-Exit Controls for MSRs', /^VM_EXIT_MSR/),
  row('control', '25.8.1', 'VM-Entry Controls', /^VM_ENTRY_CONTROLS/),
  row('control', '25.8.2', 'VM-Entry Controls for MSRs', /^VM_ENTRY_MSR/),
  row('control', '25.8.3', 'VM-Entry Controls for Event Injection', /^(VM_ENTRY_|INJECTED)/),
  row('control', '25.6', 'VM-Execution Control Fields'),
  row(
    'exitInformation',
    '25.9.1',
    'Basic VM-Exit Information',
    /^(VM_EXIT_REASON|EXIT_QUALIFICATION|GUEST_(LINEAR|PHYSICAL)_ADDRESS)/,
  ),
  row('exitInformation', '25.9.2', 'VM Exits Due to Vectored Events', /^VM_EXIT_INTR/),
  row(
    'exitInformation',
    '25.9.3',
    'VM Exits That Occur During Event Delivery',
    /^(IDT_VECTORING|ORIGINAL_EVENT)/,
  ),
  row('exitInformation', '25.9.5', 'VM-Instruction Error Field', /^VM_INSTRUCTION_ERROR/),
  row('exitInformation', '25.9.4', 'VM Exits Due to Instruction Execution'),
];

/** Where the manual describes `field`. */
export function vmcsSectionOf({ name, group }: VmcsField): VmcsSection | undefined {
  return rows.find((each) => each.group === group && (each.fields?.test(name) ?? true));
}
