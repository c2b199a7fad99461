/** VMCS fields in words: which of them there are, what their bits mean, where the manual has them. */
import { offeredFeatures } from '../../machine/vmcs-features';
import {
  cr0Bits,
  cr3Bits,
  cr4Bits,
  dr7Bits,
  eferBits,
  rflagsBits,
} from '../../spec/x86/control-registers';
import { exitReasonByNumber, exitReasonFlags } from '../../spec/x86/exit-reasons';
import type { VmcsField, VmcsFieldGroup } from '../../spec/x86/vmcs-fields';
import {
  activityState,
  controlBitsByEncoding,
  interruptionInformation,
  segmentAccessRights,
} from '../../spec/x86/vmx-controls';
import type { BitField } from '../../support/bit-field';
import { exitReasonText } from '../exits/exit-description';
import { formatAddress, formatBits, hex, type AddressNamer } from '../value-format';

/** The four areas of the structure, in the order in which they are shown. */
export const vmcsGroups: readonly (readonly [group: VmcsFieldGroup, title: string])[] = [
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
  ['GUEST_DR7', dr7Bits],
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

/** What the bits of a field mean; undefined where it is one number. `reason` decides about the qualification. */
export function vmcsBits(field: VmcsField, reason: number): readonly BitField[] | undefined {
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

/** What the text of a field depends on besides its value. */
export interface VmcsMomentInWords {
  /** Basic exit reason of the moment; undefined before the first exit. */
  readonly reason: number | undefined;
  readonly nameOf: AddressNamer;
}

/** A field's value in hexadecimal, and what it means. */
export function vmcsText(
  field: VmcsField,
  value: bigint,
  { reason, nameOf }: VmcsMomentInWords,
): string {
  if (field.name === 'VM_EXIT_REASON') {
    if (reason === undefined) return hex(value);
    const failed = (value & (1n << 31n)) === 0n ? '' : ', VM-entry failure';
    return `${hex(value)} ${exitReasonText(Number(value & 0xffffn))}${failed}`;
  }
  if (field.name === 'GUEST_ACTIVITY_STATE') {
    return `${hex(value)} ${activityNames.get(value) ?? ''}`.trim();
  }
  const fields = vmcsBits(field, reason ?? 0);
  if (fields !== undefined) return formatBits(value, fields);
  return field.width === 'natural' ? formatAddress(value, nameOf) : hex(value);
}

/** True for fields that exist on this machine: those of features it does not have are left out unless they hold a value. */
export function isVmcsFieldShown(field: VmcsField, value: bigint): boolean {
  return field.onlyWith === undefined || offeredFeatures.has(field.onlyWith) || value !== 0n;
}
