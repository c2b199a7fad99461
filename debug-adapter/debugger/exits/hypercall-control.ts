/** The hypercall input value, decoded (TLFS, "Hypercall Interface", hypercall inputs). */
import type { VmExitEvent } from '../../machine/trace';
import { bit, bits, extractBits, type BitField } from '../../support/bit-field';

/** Fields of the hypercall input value. */
export const hypercallControlFields: readonly BitField[] = [
  bits(15, 0, 'code'),
  bit(16, 'fast'),
  bits(26, 17, 'variable_header_size'),
  bit(31, 'nested'),
  bits(43, 32, 'rep_count'),
  bits(59, 48, 'rep_start'),
];

/** The control word of a VMCALL exit: RCX in 64-bit mode. */
export function hypercallControlOf(exit: VmExitEvent): bigint {
  return exit.registers[1] ?? 0n;
}

/** Call code, bits 15:0. */
export function hypercallCodeOf(exit: VmExitEvent): number {
  return Number(hypercallControlOf(exit) & 0xffffn);
}

/** Every field of the control word by name. */
export function decodeHypercallControl(control: bigint): readonly (readonly [string, bigint])[] {
  return hypercallControlFields.map((field) => [field.name, extractBits(control, field)]);
}
