/** The VMCS scope: every field by its name in the SDM, in the four groups of the structure. */
import { vmcsWidthBits } from '../../machine/processor-state';
import { vmcsFields, type VmcsField } from '../../spec/x86/vmcs-fields';
import type { DebuggedThread } from '../debugged-machine';
import { exitReasonText } from '../exits/exit-description';
import type { AddressNamer } from '../value-format';
import { bitNodes } from './register-scopes';
import type { VariableNode, VariableScope } from './variable-node';
import { isVmcsFieldShown, vmcsBits, vmcsGroups, vmcsText } from './vmcs-decoding';

function fieldNode(
  field: VmcsField,
  thread: DebuggedThread,
  reason: number,
  nameOf: AddressNamer,
): VariableNode {
  const { encoding } = field;
  const { state } = thread.processor.core;
  const value = state.vmcs(encoding);
  const fields = vmcsBits(field, reason);
  const at = { partition: thread.partition.id, processor: thread.processor.index };
  // The processor writes exit information; what a person wrote there would say something untrue.
  const edit: VariableNode['edit'] =
    field.group === 'exitInformation'
      ? undefined
      : (next) => ({ kind: 'edit-vmcs', ...at, encoding, value: next });
  return {
    name: field.name,
    value: vmcsText(field, value, {
      reason: thread.processor.exits > 0 ? reason : undefined,
      nameOf,
    }),
    type: `0x${encoding.toString(16).padStart(4, '0')}, ${vmcsWidthBits(encoding)} bits`,
    ...(fields === undefined
      ? {}
      : { children: () => bitNodes(state.vmcs(encoding), fields, edit) }),
    ...(edit === undefined ? {} : { edit }),
  };
}

/** The VMCS of a thread's processor, as a scope with one child for each group. */
export function vmcsScope(thread: DebuggedThread, nameOf: AddressNamer): VariableScope {
  const { state } = thread.processor.core;
  const reason = Number(state.vmcs(0x4402) & 0xffffn);
  const groups = (): readonly VariableNode[] =>
    vmcsGroups.map(([group, title]) => ({
      name: title,
      value: group === 'exitInformation' ? exitSummary(thread, reason) : '',
      children: () =>
        vmcsFields
          .filter(
            (field) => field.group === group && isVmcsFieldShown(field, state.vmcs(field.encoding)),
          )
          .map((field) => fieldNode(field, thread, reason, nameOf)),
    }));
  return { name: 'VMCS', expensive: false, isRegisters: true, children: groups };
}

function exitSummary({ processor }: DebuggedThread, reason: number): string {
  if (processor.exits === 0) return 'no exit yet';
  const pending = processor.pendingExit === undefined ? 'handled' : 'not handled yet';
  return `exit ${processor.exits}: ${exitReasonText(reason)}, ${pending}`;
}
