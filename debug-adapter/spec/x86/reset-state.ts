/** Processor state after INIT (SDM vol. 3, 9.1.1 and table 9-1), by VMCS guest-state field; a field that is absent is 0. */

const realModeLimit = 0xffffn;
/** Accessed read/write data, present (SDM vol. 3, table 25-2). */
const dataAccessRights = 0x93n;
/** Accessed execute/read code, present. */
const codeAccessRights = 0x9bn;

function dataSegment(name: string): Readonly<Record<string, bigint>> {
  return {
    [`GUEST_${name}_SELECTOR`]: 0n,
    [`GUEST_${name}_BASE`]: 0n,
    [`GUEST_${name}_LIMIT`]: realModeLimit,
    [`GUEST_${name}_AR_BYTES`]: dataAccessRights,
  };
}

/** CR0 after power-on: CD, NW and ET. */
export const cr0ResetValue = 0x60000010n;
export const dr6ResetValue = 0xffff0ff0n;
export const dr7ResetValue = 0x400n;
export const rflagsResetValue = 2;
export const xcr0ResetValue = 1n;

/** Everything but RIP, RSP, RFLAGS, CR0, and what INIT leaves alone (MSRs, x87 and SSE state). */
export const initialGuestState: Readonly<Record<string, bigint>> = {
  GUEST_CS_SELECTOR: 0xf000n,
  GUEST_CS_BASE: 0xffff0000n,
  GUEST_CS_LIMIT: realModeLimit,
  GUEST_CS_AR_BYTES: codeAccessRights,
  ...dataSegment('DS'),
  ...dataSegment('ES'),
  ...dataSegment('FS'),
  ...dataSegment('GS'),
  ...dataSegment('SS'),
  GUEST_LDTR_SELECTOR: 0n,
  GUEST_LDTR_BASE: 0n,
  GUEST_LDTR_LIMIT: realModeLimit,
  GUEST_LDTR_AR_BYTES: 0x82n,
  GUEST_TR_SELECTOR: 0n,
  GUEST_TR_BASE: 0n,
  GUEST_TR_LIMIT: realModeLimit,
  GUEST_TR_AR_BYTES: 0x8bn,
  GUEST_GDTR_BASE: 0n,
  GUEST_GDTR_LIMIT: realModeLimit,
  GUEST_IDTR_BASE: 0n,
  GUEST_IDTR_LIMIT: realModeLimit,
  GUEST_CR3: 0n,
  GUEST_CR4: 0n,
  GUEST_IA32_EFER: 0n,
  GUEST_DR7: dr7ResetValue,
  GUEST_INTERRUPTIBILITY_INFO: 0n,
  GUEST_PENDING_DBG_EXCEPTIONS: 0n,
  VM_ENTRY_INTR_INFO_FIELD: 0n,
};

/** Instruction pointer of the first instruction after INIT, in the segment that CS has then. */
export const initialInstructionPointer = 0xfff0n;
