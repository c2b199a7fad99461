/**
 * Checks of VM entry on the guest state (SDM vol. 3, 27.3). Only what an edit can break and the core relies on:
 * control registers, IA32_EFER, RFLAGS, RIP, activity state, interruptibility and bitmaps. Segments are not checked.
 */
import type { ProcessorCore } from '../machine/processor';
import { vmcsEncoding } from '../machine/processor-state';
import type { LinearAddressBits } from '../spec/x86/address-widths';
import { Cr0, Cr4, Efer } from '../spec/x86/control-registers';
import { isHypervisorPage } from '../machine/hypervisor-pages';
import { entryControls, primaryControls } from '../spec/x86/vmx-controls';
import { maskOf } from '../support/bit-field';
import { isCanonical } from '../machine/addresses';

interface EntryState {
  /** Those that the processor supports (SDM vol. 3, 27.3.1.4). */
  readonly linearAddressBits: LinearAddressBits;
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly activity: bigint;
  readonly interruptibility: bigint;
  readonly entryControls: bigint;
  readonly primaryControls: bigint;
  readonly msrBitmap: bigint;
  readonly ioBitmaps: readonly bigint[];
}

/** What of a processor VM entry looks at. */
type EntryPart = Pick<ProcessorCore, 'state' | 'linearAddressBits'>;

interface EntryCheck {
  /** What is wrong where `fails` says true. */
  readonly problem: string;
  fails(state: EntryState): boolean;
}

const has = (word: bigint, mask: number): boolean => (word & BigInt(mask)) !== 0n;
const ia32eModeGuest = maskOf(entryControls, ['IA-32e mode guest']);

const useMsrBitmaps = maskOf(primaryControls, ['use MSR bitmaps']);
const useIoBitmaps = maskOf(primaryControls, ['use I/O bitmaps']);

const checks: readonly EntryCheck[] = [
  {
    problem: 'CR0.PG is set without CR0.PE',
    fails: (s) => has(s.cr0, Cr0.PG) && !has(s.cr0, Cr0.PE),
  },
  { problem: 'CR0 has bits 63:32 set', fails: (s) => s.cr0 >> 32n !== 0n },
  {
    problem: 'the control "IA-32e mode guest" differs from IA32_EFER.LMA',
    fails: (s) => has(s.entryControls, ia32eModeGuest) !== has(s.efer, Efer.LMA),
  },
  {
    problem: 'IA32_EFER.LMA is set without CR0.PG, CR4.PAE and IA32_EFER.LME',
    fails: (s) =>
      has(s.efer, Efer.LMA) &&
      !(has(s.cr0, Cr0.PG) && has(s.cr4, Cr4.PAE) && has(s.efer, Efer.LME)),
  },
  { problem: 'CR4.VMXE is set', fails: (s) => has(s.cr4, Cr4.VMXE) },
  { problem: 'CR3 is beyond the physical address width', fails: (s) => s.cr3 >> 52n !== 0n },
  { problem: 'RIP is not canonical', fails: (s) => !isCanonical(s.rip, s.linearAddressBits) },
  { problem: 'RFLAGS bit 1 is clear', fails: (s) => (s.rflags & 2n) === 0n },
  {
    problem: 'RFLAGS has reserved bits set',
    fails: (s) => (s.rflags & ~0x3f7fd7n) !== 0n,
  },
  { problem: 'the activity state is above 3', fails: (s) => s.activity > 3n },
  {
    problem: 'blocking by STI and by MOV SS are both set',
    fails: (s) => (s.interruptibility & 3n) === 3n,
  },
  {
    problem: "the MSR bitmap is not one of the hypervisor's pages",
    fails: (s) => has(s.primaryControls, useMsrBitmaps) && !isHypervisorPage(s.msrBitmap),
  },
  {
    problem: "an I/O bitmap is not one of the hypervisor's pages",
    fails: (s) => has(s.primaryControls, useIoBitmaps) && !s.ioBitmaps.every(isHypervisorPage),
  },
];

/** What VM entry would refuse, in words; undefined where it would succeed. */
export function findEntryProblem({ state, linearAddressBits }: EntryPart): string | undefined {
  const read = (name: string): bigint => state.vmcs(vmcsEncoding(name));
  const values: EntryState = {
    linearAddressBits,
    cr0: read('GUEST_CR0'),
    cr3: read('GUEST_CR3'),
    cr4: read('GUEST_CR4'),
    efer: read('GUEST_IA32_EFER'),
    rip: read('GUEST_RIP'),
    rflags: read('GUEST_RFLAGS'),
    activity: read('GUEST_ACTIVITY_STATE'),
    interruptibility: read('GUEST_INTERRUPTIBILITY_INFO'),
    entryControls: read('VM_ENTRY_CONTROLS'),
    primaryControls: read('CPU_BASED_VM_EXEC_CONTROL'),
    msrBitmap: read('MSR_BITMAP'),
    ioBitmaps: [read('IO_BITMAP_A'), read('IO_BITMAP_B')],
  };
  return checks.find((check) => check.fails(values))?.problem;
}
