/** Writes the trace record of a VM exit straight from the processor, without an event in between. */
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { stateOffsets, vmcsEncoding, vmcsSlotOffset } from '../machine/processor-state';
import type { RingLog } from '../support/ring-log';
import { offsetsIn, writeCount, writeHeader } from './record-header';
import { vmExitRecord } from './trace-records';

const offsetOf = offsetsIn(vmExitRecord);

const vmcsSlot = (name: string): number => vmcsSlotOffset(vmcsEncoding(name));

/** Fields of 64 bits that are slots of the processor's state. */
const wideFields = {
  qualification: vmcsSlot('EXIT_QUALIFICATION'),
  guestPhysicalAddress: vmcsSlot('GUEST_PHYSICAL_ADDRESS'),
  guestLinearAddress: vmcsSlot('GUEST_LINEAR_ADDRESS'),
  rip: stateOffsets.rip,
  cr0: vmcsSlot('GUEST_CR0'),
  cr3: vmcsSlot('GUEST_CR3'),
  cr4: vmcsSlot('GUEST_CR4'),
} as const;

/** Fields of 32 bits that are the lower half of a slot. */
const narrowFields = {
  reason: vmcsSlot('VM_EXIT_REASON'),
  instructionLength: vmcsSlot('VM_EXIT_INSTRUCTION_LEN'),
  interruptionInformation: vmcsSlot('VM_EXIT_INTR_INFO'),
} as const;

/** Words to copy, each by its offset in the state and its offset in the record, one after the other. */
const copiedWords = Int32Array.from([
  ...Object.entries(wideFields).flatMap(([name, from]) => {
    const to = offsetOf(name);
    return [from, to, from + 4, to + 4];
  }),
  ...Object.entries(narrowFields).flatMap(([name, from]) => [from, offsetOf(name)]),
]);

const at = {
  exitNumber: offsetOf('exitNumber'),
  rflags: offsetOf('rflags'),
  registers: offsetOf('registers'),
} as const;

const generalRegisters = 16;

/** Fills the whole record at `base` with the exit that `processor` has just recorded. */
export function writeExitRecord(log: RingLog, base: number, processor: VirtualProcessor): void {
  const { state, exits, exitPosition, exitTimeNs, exitOrdinal, partitionId, index } = processor;
  const { view, words } = log;
  writeHeader(view, base, exitPosition, exitTimeNs, exitOrdinal, partitionId, index);
  writeCount(view, base + at.exitNumber, exits);
  view.setUint32(base + at.rflags, state.rflags, true);
  state.copyWords(copiedWords, words, base);
  state.copySlots(stateOffsets.gpr, generalRegisters, words, base + at.registers);
}
