/** Architectural MSRs of a virtual processor: where each one's value lives and what a write must satisfy. */
import { type msrSlots, stateOffsets, vmcsEncoding } from '../machine/processor-state';
import { Cr0, Efer } from '../spec/x86/control-registers';
import { msrByName } from '../spec/x86/msrs';
import { present } from '../support/assert';
import { isCanonical } from '../machine/addresses';
import type { VirtualProcessor } from './virtual-processor';
import { followLongMode } from './vmcs-setup';

/** One MSR's behaviour. Reads cannot fail once the MSR exists; a write that returns false raises #GP. */
export interface MsrBehaviour {
  read(processor: VirtualProcessor, timeNs: number): bigint;
  write(processor: VirtualProcessor, value: bigint, timeNs: number): boolean;
}

const anyValue = (): boolean => true;
const below32Bits = (value: bigint): boolean => value >> 32n === 0n;

/** A guest-state field of the VMCS. */
function vmcsMsr(fieldName: string, accepts: (value: bigint) => boolean): MsrBehaviour {
  const encoding = vmcsEncoding(fieldName);
  return {
    read: ({ state }) => state.vmcs(encoding),
    write({ state, core }, value) {
      if (!accepts(value)) return false;
      state.setVmcs(encoding, value);
      core.stateWasEdited();
      return true;
    },
  };
}

/** A slot of the processor's own state. */
function slotMsr(slot: keyof typeof msrSlots, accepts: (value: bigint) => boolean): MsrBehaviour {
  return {
    read: ({ state }) => state.msr(slot),
    write({ state }, value) {
      if (!accepts(value)) return false;
      state.setMsr(slot, value);
      return true;
    },
  };
}

const tscOffsetEncoding = vmcsEncoding('TSC_OFFSET');

/** The time-stamp counter is the lane's clock plus two offsets: the guest's own and the VMCS's (SDM vol. 3, 26.3). */
const timeStampCounter: MsrBehaviour = {
  read: ({ state }, timeNs) =>
    BigInt.asUintN(
      64,
      state.readU64(stateOffsets.tscOffset) + state.vmcs(tscOffsetEncoding) + BigInt(timeNs),
    ),
  write({ state }, value, timeNs) {
    const offset = value - state.vmcs(tscOffsetEncoding) - BigInt(timeNs);
    state.writeU64(stateOffsets.tscOffset, offset);
    return true;
  },
};

const eferEncoding = vmcsEncoding('GUEST_IA32_EFER');
const cr0Encoding = vmcsEncoding('GUEST_CR0');
const eferWritable = BigInt(Efer.SCE | Efer.LME | Efer.NXE);
const lmaBit = BigInt(Efer.LMA);

/** IA32_EFER (SDM vol. 3, 2.2.1 and 10.8.5): reserved bits and a change of LME under paging raise #GP; LMA is read-only. */
const extendedFeatureEnables: MsrBehaviour = {
  read: ({ state }) => state.vmcs(eferEncoding),
  write({ state, core }, value) {
    const before = state.vmcs(eferEncoding);
    if ((value & ~(eferWritable | lmaBit)) !== 0n) return false;
    const changesLme = ((value ^ before) & BigInt(Efer.LME)) !== 0n;
    if (changesLme && (state.vmcs(cr0Encoding) & BigInt(Cr0.PG)) !== 0n) return false;
    state.setVmcs(eferEncoding, (value & eferWritable) | (before & lmaBit));
    followLongMode(state);
    core.stateWasEdited();
    return true;
  },
};

/** Memory types 0, 1, 4, 5, 6 and 7 in each byte (SDM vol. 3, 12.12.2). */
function isPageAttributeTable(value: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    const type = Number((value >> shift) & 0xffn);
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}

/** No microcode update is loaded: the revision reads 0 and clearing it has no effect. */
const microcodeRevision: MsrBehaviour = { read: () => 0n, write: (_, value) => value === 0n };

const fastStrings = 1n;

const behaviourByName: Readonly<Record<string, MsrBehaviour>> = {
  IA32_TIME_STAMP_COUNTER: timeStampCounter,
  IA32_BIOS_SIGN_ID: microcodeRevision,
  IA32_SYSENTER_CS: vmcsMsr('GUEST_SYSENTER_CS', below32Bits),
  IA32_SYSENTER_ESP: vmcsMsr('GUEST_SYSENTER_ESP', isCanonical),
  IA32_SYSENTER_EIP: vmcsMsr('GUEST_SYSENTER_EIP', isCanonical),
  IA32_MISC_ENABLE: slotMsr('IA32_MISC_ENABLE', (value) => (value & ~fastStrings) === 0n),
  IA32_PAT: vmcsMsr('GUEST_IA32_PAT', isPageAttributeTable),
  IA32_EFER: extendedFeatureEnables,
  IA32_STAR: slotMsr('IA32_STAR', anyValue),
  IA32_LSTAR: slotMsr('IA32_LSTAR', isCanonical),
  IA32_CSTAR: slotMsr('IA32_CSTAR', isCanonical),
  IA32_FMASK: slotMsr('IA32_FMASK', below32Bits),
  IA32_FS_BASE: vmcsMsr('GUEST_FS_BASE', isCanonical),
  IA32_GS_BASE: vmcsMsr('GUEST_GS_BASE', isCanonical),
  IA32_KERNEL_GS_BASE: slotMsr('IA32_KERNEL_GS_BASE', isCanonical),
};

/** By MSR number; an MSR that is absent here does not exist on this processor and raises #GP. */
export const architecturalMsrBehaviour: ReadonlyMap<number, MsrBehaviour> = new Map(
  Object.entries(behaviourByName).map(([name, behaviour]) => [
    present(msrByName.get(name), name).number,
    behaviour,
  ]),
);
