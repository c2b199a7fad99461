/** What power-on, INIT and a start-up IPI make of a processor's registers. */
import { stateOffsets, vmcsEncoding, type ProcessorState } from '../machine/processor-state';
import { Cr0 } from '../spec/x86/control-registers';
import { miscellaneousEnablesReset, patResetValue } from '../spec/x86/msrs';
import {
  cr0ResetValue,
  dr6ResetValue,
  dr7ResetValue,
  initialGuestState,
  initialInstructionPointer,
  rflagsResetValue,
  xcr0ResetValue,
} from '../spec/x86/reset-state';
import { processorSignature } from './processor-signature';
import type { VirtualProcessor } from './virtual-processor';
import { followLongMode } from './vmcs-setup';

const fields = Object.entries(initialGuestState).map(
  ([name, value]) => [vmcsEncoding(name), value] as const,
);
const cr0Field = vmcsEncoding('GUEST_CR0');
const patField = vmcsEncoding('GUEST_IA32_PAT');
const csSelectorField = vmcsEncoding('GUEST_CS_SELECTOR');
const csBaseField = vmcsEncoding('GUEST_CS_BASE');
/** Caching is left as it is by INIT. */
const keptByInit = BigInt(Cr0.CD) | BigInt(Cr0.NW);
const rdx = 2;

/** Power-on: what INIT sets, and the registers that it leaves alone (SDM vol. 3, table 9-1). */
export function powerOn(processor: VirtualProcessor): void {
  const { state } = processor;
  state.setVmcs(cr0Field, cr0ResetValue);
  state.setVmcs(patField, patResetValue);
  state.writeU64(stateOffsets.xcr0, xcr0ResetValue);
  initialize(processor);
}

/** MSRs that are not 0 after a reset, and that INIT leaves alone. */
export function resetMsrs(state: ProcessorState): void {
  state.setMsr('IA32_MISC_ENABLE', miscellaneousEnablesReset);
}

/** INIT (SDM vol. 3, table 9-1). The activity state is the caller's business. */
export function initialize(processor: VirtualProcessor): void {
  const { state } = processor;
  for (const [field, value] of fields) state.setVmcs(field, value);
  const kept = state.vmcs(cr0Field) & keptByInit;
  state.setVmcs(cr0Field, kept | BigInt(Cr0.ET));
  for (let register = 0; register < 16; register++) state.setGpr(register, 0n);
  state.setGpr(rdx, BigInt(processorSignature));
  state.rip = initialInstructionPointer;
  state.rflags = rflagsResetValue;
  state.writeU64(stateOffsets.cr2, 0n);
  state.writeU64(stateOffsets.cr8, 0n);
  for (let register = 0; register < 4; register++) {
    state.writeU64(stateOffsets.dr + register * 8, 0n);
  }
  state.writeU64(stateOffsets.dr + 6 * 8, dr6ResetValue);
  state.writeU64(stateOffsets.dr + 7 * 8, dr7ResetValue);
  state.forgetAnswers();
  if (processor.isExitPending) processor.clearPendingExit();
  followLongMode(state);
  processor.core.stateWasEdited();
}

/** A start-up IPI: real mode at page `vector` of the first MiB (SDM vol. 3, 9.4.3 and 11.4.4.1). */
export function startUp(processor: VirtualProcessor, vector: number): void {
  const { state } = processor;
  state.setVmcs(csSelectorField, BigInt(vector << 8));
  state.setVmcs(csBaseField, BigInt(vector << 12));
  state.rip = 0n;
  processor.core.stateWasEdited();
}
