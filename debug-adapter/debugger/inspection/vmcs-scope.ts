/** The VMCS scope: every field by its name in the SDM, in the four groups of the structure. */
import { vmcsWidthBits } from '../../machine/processor-state';
import { cr0Bits, cr3Bits, cr4Bits, eferBits, rflagsBits } from '../../spec/x86/control-registers';
import { exitReasonByNumber, exitReasonFlags } from '../../spec/x86/exit-reasons';
import { vmcsFields, type VmcsField, type VmcsFieldGroup } from '../../spec/x86/vmcs-fields';
import {
  activityState,
  controlBitsByEncoding,
  interruptionInformation,
  segmentAccessRights,
} from '../../spec/x86/vmx-controls';
import type { BitField } from '../../support/bit-field';
import type { DebuggedThread } from '../debugged-machine';
import { exitReasonText } from '../exits/exit-description';
import { formatAddress, formatBits, hex, type AddressNamer } from '../value-format';
import { bitNodes } from './register-scopes';
import type { VariableNode, VariableScope } from './variable-node';

const groupTitles: readonly (readonly [group: VmcsFieldGroup, title: string])[] = [
  ['exitInformation', 'Exit information'],
  ['guest', 'Guest state'],
  ['control', 'Controls'],
  ['host', 'Host state'],
];

const interruptionFields: readonly BitField[] = Object.values(interruptionInformation);

/** Fields whose bits have names, besides the controls. */
const bitsByName: ReadonlyMap<string, readonly BitField[]> = new Map([
  ['GUEST_CR0', cr0Bits],
  ['GUEST_CR3', cr3Bits],
  ['GUEST_CR4', cr4Bits],
  ['HOST_CR0', cr0Bits],
  ['HOST_CR4', cr4Bits],
  ['CR0_GUEST_HOST_MASK', cr0Bits],
  ['CR0_READ_SHADOW', cr0Bits],
  ['CR4_GUEST_HOST_MASK', cr4Bits],
  ['CR4_READ_SHADOW', cr4Bits],
  ['GUEST_IA32_EFER', eferBits],
  ['HOST_IA32_EFER', eferBits],
  ['GUEST_RFLAGS', rflagsBits],
  ['VM_EXIT_REASON', exitReasonFlags],
  ['VM_EXIT_INTR_INFO', interruptionFields],
  ['VM_ENTRY_INTR_INFO_FIELD', interruptionFields],
  ['IDT_VECTORING_INFO_FIELD', interruptionFields],
]);

function bitsOf(field: VmcsField, reason: number): readonly BitField[] | undefined {
  if (field.name === 'EXIT_QUALIFICATION') {
    const layout = exitReasonByNumber.get(reason & 0xffff)?.qualification;
    return layout?.kind === 'bits' ? layout.fields : undefined;
  }
  if (field.name.endsWith('_AR_BYTES')) return segmentAccessRights;
  return controlBitsByEncoding.get(field.encoding) ?? bitsByName.get(field.name);
}

const activityNames = new Map(
  Object.entries(activityState).map(([name, value]) => [BigInt(value), name]),
);

function textOf(
  field: VmcsField,
  value: bigint,
  fields: readonly BitField[] | undefined,
  nameOf: AddressNamer,
  hasExited: boolean,
): string {
  if (field.name === 'VM_EXIT_REASON') {
    return hasExited ? `${hex(value)} ${exitReasonText(Number(value & 0xffffn))}` : hex(value);
  }
  if (field.name === 'GUEST_ACTIVITY_STATE')
    return `${hex(value)} ${activityNames.get(value) ?? ''}`.trim();
  if (fields !== undefined) return formatBits(value, fields);
  return field.width === 'natural' ? formatAddress(value, nameOf) : hex(value);
}

function fieldNode(
  field: VmcsField,
  thread: DebuggedThread,
  reason: number,
  nameOf: AddressNamer,
): VariableNode {
  const { encoding } = field;
  const { state } = thread.processor.core;
  const value = state.vmcs(encoding);
  const fields = bitsOf(field, reason);
  const at = { partition: thread.partition.id, processor: thread.processor.index };
  // The processor writes exit information; what a person wrote there would say something untrue.
  const edit: VariableNode['edit'] =
    field.group === 'exitInformation'
      ? undefined
      : (next) => ({ kind: 'edit-vmcs', ...at, encoding, value: next });
  return {
    name: field.name,
    value: textOf(field, value, fields, nameOf, thread.processor.exits > 0),
    type: `0x${encoding.toString(16).padStart(4, '0')}, ${vmcsWidthBits(encoding)} bits`,
    ...(fields === undefined
      ? {}
      : { children: () => bitNodes(state.vmcs(encoding), fields, edit) }),
    ...(edit === undefined ? {} : { edit }),
  };
}

/**
 * Fields that exist on this machine: those of features it does not have are left out unless they hold a value.
 */
function isShown(field: VmcsField, value: bigint): boolean {
  return field.onlyWith === undefined || value !== 0n;
}

/** The VMCS of a thread's processor, as a scope with one child for each group. */
export function vmcsScope(thread: DebuggedThread, nameOf: AddressNamer): VariableScope {
  const { state } = thread.processor.core;
  const reason = Number(state.vmcs(0x4402) & 0xffffn);
  const groups = (): readonly VariableNode[] =>
    groupTitles.map(([group, title]) => ({
      name: title,
      value: group === 'exitInformation' ? exitSummary(thread, reason) : '',
      children: () =>
        vmcsFields
          .filter((field) => field.group === group && isShown(field, state.vmcs(field.encoding)))
          .map((field) => fieldNode(field, thread, reason, nameOf)),
    }));
  return { name: 'VMCS', expensive: false, isRegisters: true, children: groups };
}

function exitSummary({ processor }: DebuggedThread, reason: number): string {
  if (processor.exits === 0) return 'no exit yet';
  const pending = processor.pendingExit === undefined ? 'handled' : 'not handled yet';
  return `exit ${processor.exits}: ${exitReasonText(reason)}, ${pending}`;
}
