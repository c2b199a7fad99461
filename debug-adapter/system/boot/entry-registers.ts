/** The entry state of a boot protocol as registers of a virtual processor, by which the parent sets it (TLFS 7.10). */
import type { RegisterValue } from '../../parent-partition/virtualization-stack/guest-creation';
import { generalRegisterNames, segmentRegisterNames } from '../../spec/tlfs/register-names';
import { patResetValue } from '../../spec/x86/msrs';
import { dr7ResetValue, rflagsResetValue } from '../../spec/x86/reset-state';
import { assert } from '../../support/assert';
import { generalRegister, type ProcessorEntry } from './processor-entry';

const unusable = 0x10000n;

/** Every register that a protocol has a say in; one that it does not name is zero. */
export function entryRegisters({ rip, registers, fields }: ProcessorEntry): RegisterValue[] {
  const left = new Map(Object.entries(fields));
  const take = (name: string): bigint => {
    const value = left.get(name) ?? 0n;
    left.delete(name);
    return value;
  };
  const general = generalRegisterNames.map((name, encoding): RegisterValue => {
    const found = Object.entries(generalRegister).find(([, number]) => number === encoding);
    // The keys of the table are the names of `registers`.
    const value = found && registers[found[0] as keyof typeof generalRegister];
    return [name, BigInt(value ?? 0)];
  });
  const values: RegisterValue[] = [
    ['Rip', BigInt(rip)],
    ['Rflags', BigInt(rflagsResetValue)],
    ...general,
    ['Cr0', take('GUEST_CR0')],
    ['Cr3', take('GUEST_CR3')],
    ['Cr4', take('GUEST_CR4')],
    ['Efer', take('GUEST_IA32_EFER')],
    ...segmentRegisterNames.map((name): RegisterValue => [name, segmentValue(name, take)]),
    ['Idtr', tableValue('IDTR', take)],
    ['Gdtr', tableValue('GDTR', take)],
    ['Dr7', take('GUEST_DR7') || dr7ResetValue],
    ['Pat', take('GUEST_IA32_PAT') || patResetValue],
  ];
  assert(left.size === 0, `${[...left.keys()].join(', ')} has a register`);
  return values;
}

/** HV_X64_SEGMENT_REGISTER: a segment that is unusable is not present. */
function segmentValue(name: string, take: (field: string) => bigint): bigint {
  const part = (field: string): bigint => take(`GUEST_${name.toUpperCase()}_${field}`);
  const rights = part('AR_BYTES');
  const attributes = (rights & unusable) === 0n ? rights : 0n;
  return part('BASE') | (part('LIMIT') << 64n) | (part('SELECTOR') << 96n) | (attributes << 112n);
}

/** HV_X64_TABLE_REGISTER. */
function tableValue(name: string, take: (field: string) => bigint): bigint {
  return (take(`GUEST_${name}_LIMIT`) << 48n) | (take(`GUEST_${name}_BASE`) << 64n);
}
