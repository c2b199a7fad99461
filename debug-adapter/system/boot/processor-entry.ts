/** The state in which a boot protocol hands the first processor to a guest. */
import { Cr0, Cr4, Efer } from '../../spec/x86/control-registers';
import { patResetValue } from '../../spec/x86/msrs';

/** General registers by encoding. */
export const generalRegister = { rax: 0, rbx: 3, rdx: 2, rsp: 4, rsi: 6, rdi: 7 } as const;

/** Everything that a boot protocol says about the first processor; what is absent is zero. */
export interface ProcessorEntry {
  readonly rip: number;
  readonly registers: Readonly<Partial<Record<keyof typeof generalRegister, number>>>;
  /** Guest-state fields of the VMCS by name. */
  readonly fields: Readonly<Record<string, bigint>>;
}

/** Where the descriptors of flat code and data are. */
export interface FlatDescriptors {
  readonly gdtGpa: number;
  readonly gdtBytes: number;
  readonly codeSelector: number;
  readonly dataSelector: number;
}

type Registers = ProcessorEntry['registers'];

const dataSegments = ['DS', 'ES', 'SS', 'FS', 'GS'] as const;
const flatLimit = 0xffffffffn;
const rights = {
  code16: 0x9bn,
  data16: 0x93n,
  code32: 0xc09bn,
  code64: 0xa09bn,
  data: 0xc093n,
  busyTaskState: 0x8bn,
  unusable: 0x10000n,
} as const;

/** Fields that every protocol sets alike. */
const commonFields: Readonly<Record<string, bigint>> = {
  GUEST_LDTR_AR_BYTES: rights.unusable,
  GUEST_TR_AR_BYTES: rights.busyTaskState,
  GUEST_IA32_PAT: patResetValue,
  GUEST_DR7: 0x400n,
};

function flatSegments(descriptors: FlatDescriptors, codeRights: bigint): Record<string, bigint> {
  const fields: Record<string, bigint> = {
    GUEST_CS_SELECTOR: BigInt(descriptors.codeSelector),
    GUEST_CS_LIMIT: flatLimit,
    GUEST_CS_AR_BYTES: codeRights,
    GUEST_GDTR_BASE: BigInt(descriptors.gdtGpa),
    GUEST_GDTR_LIMIT: BigInt(descriptors.gdtBytes - 1),
  };
  for (const segment of dataSegments) {
    fields[`GUEST_${segment}_SELECTOR`] = BigInt(descriptors.dataSelector);
    fields[`GUEST_${segment}_LIMIT`] = flatLimit;
    fields[`GUEST_${segment}_AR_BYTES`] = rights.data;
  }
  return fields;
}

/** 64-bit mode at CPL 0 with flat segments, interrupts off; 4-level paging unless `cr4` says otherwise. */
export function longModeEntry(
  rip: number,
  pageTablesGpa: number,
  descriptors: FlatDescriptors,
  registers: Registers,
  cr4: number = Cr4.PAE,
): ProcessorEntry {
  const fields = {
    ...commonFields,
    ...flatSegments(descriptors, rights.code64),
    GUEST_TR_LIMIT: 0xffffn,
    GUEST_CR0: BigInt(Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP) | BigInt(Cr0.PG),
    GUEST_CR3: BigInt(pageTablesGpa),
    GUEST_CR4: BigInt(cr4),
    GUEST_IA32_EFER: BigInt(Efer.LME | Efer.LMA),
  };
  return { rip, registers, fields };
}

/** 32-bit protected mode at CPL 0 without paging, flat segments, interrupts off. */
export function protectedModeEntry(
  rip: number,
  descriptors: FlatDescriptors,
  registers: Registers,
): ProcessorEntry {
  const fields = {
    ...commonFields,
    ...flatSegments(descriptors, rights.code32),
    GUEST_TR_LIMIT: 0x67n,
    GUEST_CR0: BigInt(Cr0.PE | Cr0.ET),
  };
  return { rip, registers, fields };
}

/** Real mode, interrupts off; `address` below 64 KiB is reached through CS 0, others through a segment of their own. */
export function realModeEntry(address: number, registers: Registers): ProcessorEntry {
  const selector = address < 0x10000 ? 0 : address >>> 4;
  const fields: Record<string, bigint> = {
    ...commonFields,
    GUEST_TR_LIMIT: 0xffffn,
    GUEST_CR0: BigInt(Cr0.ET),
    GUEST_IDTR_LIMIT: 0x3ffn,
    GUEST_GDTR_LIMIT: 0xffffn,
    GUEST_CS_SELECTOR: BigInt(selector),
    GUEST_CS_BASE: BigInt(selector * 16),
    GUEST_CS_LIMIT: 0xffffn,
    GUEST_CS_AR_BYTES: rights.code16,
  };
  for (const segment of dataSegments) {
    fields[`GUEST_${segment}_LIMIT`] = 0xffffn;
    fields[`GUEST_${segment}_AR_BYTES`] = rights.data16;
  }
  return { rip: address - selector * 16, registers, fields };
}
