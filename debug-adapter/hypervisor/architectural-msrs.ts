/** Architectural MSRs of a virtual processor: where each one's value lives and what a write must satisfy. */
import { processorMsrs, type ProcessorMsr } from '../machine/processor-msrs';
import { stateOffsets, vmcsEncoding } from '../machine/processor-state';
import { physicalTimeStamp } from '../machine/time-stamp';
import { architecturalCapabilities } from '../spec/x86/architectural-capabilities';
import { Cr0, Efer } from '../spec/x86/control-registers';
import { miscellaneousEnablesReset, msrByName } from '../spec/x86/msrs';
import { present } from '../support/assert';
import { maskOf } from '../support/bit-field';
import { apicMsrBehaviour, timeStampAt, timeStampWasSet } from './apic-msrs';
import { memoryTypeMsrs } from './memory-type-msrs';
import type { MsrBehaviour } from './msr-behaviour';
import { followLongMode } from './vmcs-setup';

/** A register of the processor, for accesses that exit and for those who are no guest. */
function processorRegister({ offset, takes }: ProcessorMsr): MsrBehaviour {
  return {
    read: ({ state }) => state.readU64(offset),
    write({ state, core }, value) {
      const [low, high] = [BigInt.asIntN(32, value), BigInt.asIntN(32, value >> 32n)];
      if (!takes(Number(low), Number(high), core.linearAddressBits)) return false;
      state.writeU64(offset, value);
      core.stateWasEdited();
      return true;
    },
  };
}

/** The time-stamp counter is the lane's clock plus the guest's own offset, and what the VMCS makes of it. */
const timeStampCounter: MsrBehaviour = {
  read: timeStampAt,
  write(processor, value, timeNs) {
    const { state } = processor;
    const offset = physicalTimeStamp(state, value) - BigInt(timeNs);
    const change = offset - state.readU64(stateOffsets.tscOffset);
    state.writeU64(stateOffsets.tscOffset, offset);
    state.setMsr('IA32_TSC_ADJUST', state.msr('IA32_TSC_ADJUST') + change);
    timeStampWasSet(processor, timeNs);
    return true;
  },
};

/** Each of the two MSRs follows what is added to the other (SDM vol. 3, 18.17.3). */
const timeStampAdjustment: MsrBehaviour = {
  read: ({ state }) => state.msr('IA32_TSC_ADJUST'),
  write(processor, value, timeNs) {
    const { state } = processor;
    const change = value - state.msr('IA32_TSC_ADJUST');
    state.setMsr('IA32_TSC_ADJUST', value);
    state.writeU64(stateOffsets.tscOffset, state.readU64(stateOffsets.tscOffset) + change);
    timeStampWasSet(processor, timeNs);
    return true;
  },
};

const capabilities = BigInt(
  maskOf(architecturalCapabilities, [
    'RDCL_NO',
    'IBRS_ALL',
    'SKIP_L1DFL_VMENTRY',
    'SSB_NO',
    'MDS_NO',
    'IF_PSCHANGE_MC_NO',
    'TAA_NO',
    'SBDR_SSDP_NO',
    'FBSDP_NO',
    'PSDP_NO',
    'BHI_NO',
    'PBRSB_NO',
    'GDS_NO',
    'RFDS_NO',
  ]),
);

/** This processor does nothing ahead of time: no defect of speculation is there to be worked around. */
const speculationDefects: MsrBehaviour = { read: () => capabilities, write: () => false };

/** Write-only; there is no prediction that the barrier could separate (SDM vol. 4, table 2-2). */
const predictionCommand: MsrBehaviour = {
  read: () => undefined,
  write: (_, value) => (value & ~1n) === 0n,
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

/** No microcode update is loaded: the revision reads 0 and clearing it has no effect. */
const microcodeRevision: MsrBehaviour = { read: () => 0n, write: (_, value) => value === 0n };

const miscellaneousEnables: MsrBehaviour = {
  read: ({ state }) => state.msr('IA32_MISC_ENABLE'),
  write({ state }, value) {
    if ((value & ~miscellaneousEnablesReset) !== 0n) return false;
    state.setMsr('IA32_MISC_ENABLE', value);
    return true;
  },
};

const behaviourByName: Readonly<Record<string, MsrBehaviour>> = {
  IA32_TIME_STAMP_COUNTER: timeStampCounter,
  IA32_TSC_ADJUST: timeStampAdjustment,
  IA32_PRED_CMD: predictionCommand,
  IA32_BIOS_SIGN_ID: microcodeRevision,
  IA32_ARCH_CAPABILITIES: speculationDefects,
  IA32_MISC_ENABLE: miscellaneousEnables,
  IA32_EFER: extendedFeatureEnables,
};

/** By MSR number; an MSR that is absent here does not exist on this processor and raises #GP. */
export const architecturalMsrBehaviour: ReadonlyMap<number, MsrBehaviour> = new Map([
  ...apicMsrBehaviour,
  ...[...processorMsrs].map(([number, msr]) => [number, processorRegister(msr)] as const),
  ...memoryTypeMsrs,
  ...Object.entries(behaviourByName).map(
    ([name, behaviour]) => [present(msrByName.get(name), name).number, behaviour] as const,
  ),
]);
