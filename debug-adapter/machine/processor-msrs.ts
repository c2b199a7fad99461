/**
 * MSRs that are registers of the processor and nothing else: where each lies and which values it takes. The processor
 * obeys this table where the MSR bitmap lets a guest at them, and the hypervisor where it answers an exit.
 */
import type { LinearAddressBits } from '../spec/x86/address-widths';
import { msrByName } from '../spec/x86/msrs';
import { present } from '../support/assert';
import { isCanonicalHalf } from './addresses';
import { msrSlots, stateOffsets, vmcsEncoding, vmcsSlotOffset } from './processor-state';

/**
 * Whether a value, given as signed 32-bit halves, is one that WRMSR stores; any other raises #GP. `bits` are those of
 * the linear addresses that the processor supports, whatever its paging mode (SDM vol. 3, 4.5.2).
 */
type ValueRule = (low: number, high: number, bits: LinearAddressBits) => boolean;

/** One such MSR. */
export interface ProcessorMsr {
  readonly number: number;
  /** Of its 64 bits, from the start of the processor's state. */
  readonly offset: number;
  readonly takes: ValueRule;
  /** A write changes what is derived from segments: outside 64-bit mode the base of FS or GS is checked with the limit. */
  readonly isSegmentBase: boolean;
}

const anyValue: ValueRule = () => true;
const below32Bits: ValueRule = (_low, high) => high === 0;
const canonical: ValueRule = (_low, high, bits) => isCanonicalHalf(high, bits);

/** IBRS, STIBP and SSBD: nothing is speculated, so they are only kept (SDM vol. 4, table 2-2). */
const speculationControls: ValueRule = (low, high) => high === 0 && (low & ~7) === 0;

/** Memory types 0, 1, 4, 5, 6 and 7 in each byte (SDM vol. 3, 12.12.2). */
const memoryTypes: ValueRule = (low, high) => areMemoryTypes(low) && areMemoryTypes(high);

function areMemoryTypes(word: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    const type = (word >>> shift) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}

function row(name: string, offset: number, takes: ValueRule, isSegmentBase = false): ProcessorMsr {
  const { number } = present(msrByName.get(name), `MSR ${name}`);
  return { number, offset, takes, isSegmentBase };
}

function slot(name: keyof typeof msrSlots, takes: ValueRule): ProcessorMsr {
  return row(name, stateOffsets.msr + msrSlots[name] * 8, takes);
}

const field = (name: string): number => vmcsSlotOffset(vmcsEncoding(name));

const rows: readonly ProcessorMsr[] = [
  slot('IA32_SPEC_CTRL', speculationControls),
  row('IA32_SYSENTER_CS', field('GUEST_SYSENTER_CS'), below32Bits),
  row('IA32_SYSENTER_ESP', field('GUEST_SYSENTER_ESP'), canonical),
  row('IA32_SYSENTER_EIP', field('GUEST_SYSENTER_EIP'), canonical),
  row('IA32_PAT', field('GUEST_IA32_PAT'), memoryTypes),
  slot('IA32_STAR', anyValue),
  slot('IA32_LSTAR', canonical),
  slot('IA32_CSTAR', canonical),
  slot('IA32_FMASK', below32Bits),
  row('IA32_FS_BASE', field('GUEST_FS_BASE'), canonical, true),
  row('IA32_GS_BASE', field('GUEST_GS_BASE'), canonical, true),
  slot('IA32_KERNEL_GS_BASE', canonical),
  slot('IA32_TSC_AUX', below32Bits),
];

/** Rows by MSR number. */
export const processorMsrs: ReadonlyMap<number, ProcessorMsr> = new Map(
  rows.map((entry) => [entry.number, entry]),
);
