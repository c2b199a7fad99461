/** Checks of VM entry on control, debug and model-specific registers, tables, RIP and RFLAGS (SDM vol. 3, 27.3.1). */
import { offeredCr4 } from '../../machine/offered-control-bits';
import { physicalAddressBits } from '../../spec/x86/address-widths';
import { Cr4, Efer } from '../../spec/x86/control-registers';
import { entryControls } from '../../spec/x86/vmx-controls';
import { maskOf } from '../../support/bit-field';
import { hasOther, InjectedType, type EntryCheck } from './entry-state';

const registers = '27.3.1.1';
const tables = '27.3.1.3';
const flow = '27.3.1.4';
const ia32eModeGuest = maskOf(entryControls, ['IA-32e mode guest']);

/** A processor without 57-bit addresses refuses LA57 elsewhere. */
const cr4Allowed = BigInt(offeredCr4 | Cr4.LA57);
const eferAllowed = BigInt(Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE);
/** LBR, BTF, TR, BTS and what belongs to them, freezing of counters (SDM vol. 4, IA32_DEBUGCTL). */
const debugControlAllowed = 0xffc3n;
const memoryTypes: ReadonlySet<bigint> = new Set([0n, 1n, 4n, 5n, 6n, 7n]);
/** CR4.PCIDE. */
const processContexts = 1 << 17;
const codeIsLong = 0x2000n;
const rflagsAllowed = 0x3f7fd7n;
const virtual8086 = 0x20000n;
const tableLimitMost = 0xffffn;

function canonical(field: string, section: string): EntryCheck {
  return {
    field,
    section,
    problem: 'must be a canonical address',
    fails: (s) => !s.isCanonical(s.get(field)),
  };
}

function shortLimit(field: string): EntryCheck {
  return {
    field,
    section: tables,
    problem: 'must have bits 31:16 clear',
    fails: (s) => s.get(field) > tableLimitMost,
  };
}

function hasUnknownMemoryType(types: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    if (!memoryTypes.has((types >> shift) & 0xffn)) return true;
  }
  return false;
}

/** In the order of the manual. */
export const registerChecks: readonly EntryCheck[] = [
  {
    field: 'GUEST_CR0',
    section: registers,
    problem: 'must have bits 63:32 clear (IA32_VMX_CR0_FIXED1)',
    fails: (s) => s.get('GUEST_CR0') >> 32n !== 0n,
  },
  {
    field: 'GUEST_CR0',
    section: registers,
    problem: 'must have PE set where PG is',
    fails: (s) => s.isPaged && !s.isProtected,
  },
  {
    field: 'GUEST_CR4',
    section: registers,
    problem: 'has a bit set of a feature that this processor has not (IA32_VMX_CR4_FIXED1)',
    fails: (s) => hasOther(s.get('GUEST_CR4'), cr4Allowed),
  },
  {
    field: 'GUEST_IA32_DEBUGCTL',
    section: registers,
    problem: 'has reserved bits set',
    fails: (s) => hasOther(s.get('GUEST_IA32_DEBUGCTL'), debugControlAllowed),
  },
  {
    field: 'VM_ENTRY_CONTROLS',
    section: registers,
    problem: 'must have "IA-32e mode guest" as IA32_EFER has LMA',
    fails: (s) => s.has('VM_ENTRY_CONTROLS', ia32eModeGuest) !== s.isLongMode,
  },
  {
    field: 'GUEST_CR0',
    section: registers,
    problem: 'must have PG set in IA-32e mode',
    fails: (s) => s.isLongMode && !s.isPaged,
  },
  {
    field: 'GUEST_CR4',
    section: registers,
    problem: 'must have PAE set in IA-32e mode (IA32_EFER.LMA is set)',
    fails: (s) => s.isLongMode && !s.has('GUEST_CR4', Cr4.PAE),
  },
  {
    field: 'GUEST_CR4',
    section: registers,
    problem: 'must have PCIDE clear outside IA-32e mode',
    fails: (s) => !s.isLongMode && s.has('GUEST_CR4', processContexts),
  },
  {
    field: 'GUEST_CR3',
    section: registers,
    problem: 'must be within the physical-address width',
    fails: (s) => s.get('GUEST_CR3') >> BigInt(physicalAddressBits) !== 0n,
  },
  {
    field: 'GUEST_DR7',
    section: registers,
    problem: 'must have bits 63:32 clear',
    fails: (s) => s.get('GUEST_DR7') >> 32n !== 0n,
  },
  canonical('GUEST_SYSENTER_ESP', registers),
  canonical('GUEST_SYSENTER_EIP', registers),
  {
    field: 'GUEST_IA32_PAT',
    section: registers,
    problem: 'must have memory types 0, 1, 4, 5, 6 or 7 in its bytes',
    fails: (s) => hasUnknownMemoryType(s.get('GUEST_IA32_PAT')),
  },
  {
    field: 'GUEST_IA32_EFER',
    section: registers,
    problem: 'has reserved bits set',
    fails: (s) => hasOther(s.get('GUEST_IA32_EFER'), eferAllowed),
  },
  {
    field: 'GUEST_IA32_EFER',
    section: registers,
    problem: 'must have LMA equal to LME while CR0.PG is set',
    fails: (s) => s.isPaged && s.has('GUEST_IA32_EFER', Efer.LME) !== s.isLongMode,
  },
  canonical('GUEST_GDTR_BASE', tables),
  canonical('GUEST_IDTR_BASE', tables),
  shortLimit('GUEST_GDTR_LIMIT'),
  shortLimit('GUEST_IDTR_LIMIT'),
  {
    field: 'GUEST_RIP',
    section: flow,
    problem: 'must have bits 63:32 clear outside 64-bit mode',
    fails: (s) =>
      !(s.isLongMode && s.has('GUEST_CS_AR_BYTES', codeIsLong)) && s.get('GUEST_RIP') >> 32n !== 0n,
  },
  canonical('GUEST_RIP', flow),
  {
    field: 'GUEST_RFLAGS',
    section: flow,
    problem: 'must have bit 1 set and reserved bits clear',
    fails: (s) => hasOther(s.get('GUEST_RFLAGS'), rflagsAllowed) || !s.has('GUEST_RFLAGS', 2n),
  },
  {
    field: 'GUEST_RFLAGS',
    section: flow,
    problem: 'must have VM clear in IA-32e mode and outside protected mode',
    fails: (s) => s.has('GUEST_RFLAGS', virtual8086) && (s.isLongMode || !s.isProtected),
  },
  {
    field: 'GUEST_RFLAGS',
    section: flow,
    problem: 'must have IF set where VM entry injects an external interrupt',
    fails: (s) => s.injected?.type === InjectedType.externalInterrupt && !s.isInterruptEnabled,
  },
];
