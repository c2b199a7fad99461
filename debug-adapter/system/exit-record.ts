/** Writes the trace record of a VM exit straight from the processor, without an event in between. */
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { stateOffsets, vmcsEncoding, vmcsSlotOffset } from '../machine/processor-state';
import { present } from '../support/assert';
import { vmExitRecord } from './trace-records';

const offsetOf = (name: string): number =>
  present(vmExitRecord.byName.get(name), `field ${name} of the exit record`).offset;

/** Fields of 64 and of 32 bits that are slots of the processor's state. */
const wideFields = Object.entries({
  qualification: vmcsSlotOffset(vmcsEncoding('EXIT_QUALIFICATION')),
  guestPhysicalAddress: vmcsSlotOffset(vmcsEncoding('GUEST_PHYSICAL_ADDRESS')),
  guestLinearAddress: vmcsSlotOffset(vmcsEncoding('GUEST_LINEAR_ADDRESS')),
  rip: stateOffsets.rip,
  cr0: vmcsSlotOffset(vmcsEncoding('GUEST_CR0')),
  cr3: vmcsSlotOffset(vmcsEncoding('GUEST_CR3')),
  cr4: vmcsSlotOffset(vmcsEncoding('GUEST_CR4')),
}).map(([name, from]) => ({ from, to: offsetOf(name) }));

const narrowFields = Object.entries({
  reason: vmcsSlotOffset(vmcsEncoding('VM_EXIT_REASON')),
  instructionLength: vmcsSlotOffset(vmcsEncoding('VM_EXIT_INSTRUCTION_LEN')),
  interruptionInformation: vmcsSlotOffset(vmcsEncoding('VM_EXIT_INTR_INFO')),
}).map(([name, from]) => ({ from, to: offsetOf(name) }));

const at = {
  position: offsetOf('position'),
  timeNs: offsetOf('timeNs'),
  ordinal: offsetOf('ordinal'),
  partition: offsetOf('partition'),
  processor: offsetOf('processor'),
  exitNumber: offsetOf('exitNumber'),
  rflags: offsetOf('rflags'),
  registers: offsetOf('registers'),
} as const;

const generalRegisters = 16;
const twoTo32 = 2 ** 32;

/** Fills the whole record at `base` with the exit that `processor` has just recorded. */
export function writeExitRecord(view: DataView, base: number, processor: VirtualProcessor): void {
  const { state, exits } = processor;
  const { position, ordinal, timeNs } = present(processor.exitIdentity, 'recorded exit');
  const writeCount = (to: number, count: number): void => {
    view.setUint32(base + to, count % twoTo32, true);
    view.setUint32(base + to + 4, Math.floor(count / twoTo32), true);
  };
  writeCount(at.position, position);
  writeCount(at.timeNs, timeNs);
  writeCount(at.exitNumber, exits);
  view.setUint32(base + at.ordinal, ordinal, true);
  view.setUint16(base + at.partition, processor.partitionId, true);
  view.setUint16(base + at.processor, processor.index, true);
  view.setUint32(base + at.rflags, state.rflags, true);
  for (const { from, to } of wideFields) state.copySlots(from, 1, view, base + to);
  for (const { from, to } of narrowFields) {
    view.setUint32(base + to, state.readU32(from), true);
  }
  state.copySlots(stateOffsets.gpr, generalRegisters, view, base + at.registers);
}
