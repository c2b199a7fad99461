/** Decides what the next VM entry of a processor delivers, and what must exit so that the rest can follow. */
import {
  stateOffsets,
  vmcsEncoding,
  vmcsSlotOffset,
  type ProcessorState,
} from '../machine/processor-state';
import { ExceptionNumber } from '../spec/x86/exceptions';
import { Rflags } from '../spec/x86/control-registers';
import { interruptibilityState } from '../spec/x86/vmx-controls';
import { maskOf } from '../support/bit-field';
import { initialize, startUp } from './processor-reset';
import type { HypervisorServices } from './services';
import type { VirtualProcessor } from './virtual-processor';
import { armWindows, windowControl } from './window-controls';

const offsets = {
  information: vmcsSlotOffset(vmcsEncoding('VM_ENTRY_INTR_INFO_FIELD')),
  interruptibility: vmcsSlotOffset(vmcsEncoding('GUEST_INTERRUPTIBILITY_INFO')),
  errorCode: vmcsSlotOffset(vmcsEncoding('VM_ENTRY_EXCEPTION_ERROR_CODE')),
  entryLength: vmcsSlotOffset(vmcsEncoding('VM_ENTRY_INSTRUCTION_LEN')),
  vectoring: vmcsSlotOffset(vmcsEncoding('IDT_VECTORING_INFO_FIELD')),
  vectoringErrorCode: vmcsSlotOffset(vmcsEncoding('IDT_VECTORING_ERROR_CODE')),
  exitLength: vmcsSlotOffset(vmcsEncoding('VM_EXIT_INSTRUCTION_LEN')),
} as const;

const valid = 0x80000000;
const nmiUnblocking = 0x1000;
const externalInterrupt = 0 << 8;
const nonMaskable = 2 << 8;

const { interruptWindow, nmiWindow, cr8Load } = windowControl;

/** Blocking by STI and by MOV SS. */
const shadows = maskOf(interruptibilityState, ['blocking by STI', 'blocking by MOV SS']);
const nmiBlocked = shadows | maskOf(interruptibilityState, ['blocking by NMI']);

/** Whether VM entry injects nothing yet, and no instruction has begun that must take the answers of devices first. */
function isEntryFree({ state }: VirtualProcessor): boolean {
  const hasEvent = (state.readU32(offsets.information) & valid) !== 0;
  return !hasEvent && state.readU32(stateOffsets.answerCount) === 0;
}

/** Puts an event into the VM-entry interruption information; a halted processor runs again. */
export function injectEvent(
  processor: VirtualProcessor,
  event: number,
  services: HypervisorServices,
): void {
  processor.state.writeU64(offsets.information, BigInt((valid | event) >>> 0));
  wake(processor, services);
}

/** An event whose delivery a VM exit has cut short is delivered by the next VM entry (SDM vol. 3, 28.2.4). */
export function redeliverEvent(state: ProcessorState): void {
  const vectoring = state.readU32(offsets.vectoring);
  if ((vectoring & valid) !== 0) injectAgain(state, vectoring);
}

function injectAgain(state: ProcessorState, vectoring: number): void {
  if ((state.readU32(offsets.information) & valid) !== 0) return;
  state.writeU64(offsets.information, BigInt((vectoring & ~nmiUnblocking) >>> 0));
  state.writeU64(offsets.errorCode, state.readU64(offsets.vectoringErrorCode));
  state.writeU64(offsets.entryLength, state.readU64(offsets.exitLength));
}

function wake(processor: VirtualProcessor, services: HypervisorServices): void {
  if (processor.runState !== 'halted') return;
  processor.runState = 'active';
  services.wake(processor);
}

/** INIT and start-up IPIs (SDM vol. 3, 9.4): they reach a processor between two instructions. */
function takeInitAndStartUp(processor: VirtualProcessor, services: HypervisorServices): void {
  const { apic } = processor;
  if (!apic.isInitPending && apic.startUpVector === undefined) return;
  if (apic.isInitPending) {
    const { startUpVector } = apic;
    initialize(processor);
    apic.initialize();
    apic.startUpVector = startUpVector;
    if (processor.index === 0) {
      processor.runState = 'active';
      services.wake(processor);
    } else processor.waitForStartUp();
  }
  const vector = apic.startUpVector;
  apic.startUpVector = undefined;
  if (vector === undefined || !processor.waitsForStartUp) return;
  startUp(processor, vector);
  processor.runState = 'active';
  services.wake(processor);
}

/** NMI comes first. @returns the control that is needed where it must wait */
function prepareNmi(processor: VirtualProcessor, services: HypervisorServices): number {
  const { apic, state } = processor;
  if (!apic.isNmiPending) return 0;
  const blocking = state.readU32(offsets.interruptibility);
  if (!isEntryFree(processor) || (blocking & nmiBlocked) !== 0) return nmiWindow;
  apic.isNmiPending = false;
  injectEvent(processor, nonMaskable | ExceptionNumber.NMI, services);
  return 0;
}

interface Preparation {
  /** Controls that are needed where something must wait. */
  readonly controls: number;
  readonly asksParent: boolean;
}

function prepareInterrupt(processor: VirtualProcessor, services: HypervisorServices): Preparation {
  const { apic, state } = processor;
  const isExternal = apic.isExternalInterruptPending;
  if (apic.deliverable === 0 && !isExternal) {
    return { controls: apic.isHeldByTaskPriority ? cr8Load : 0, asksParent: false };
  }
  const blocking = state.readU32(offsets.interruptibility);
  const isOpen = (state.readU32(stateOffsets.flagsSystem) & Rflags.IF) !== 0;
  if (processor.isGuestIdle) wake(processor, services);
  if (!isOpen || (blocking & shadows) !== 0 || !isEntryFree(processor)) {
    return { controls: interruptWindow, asksParent: false };
  }
  if (!isExternal) {
    injectEvent(processor, externalInterrupt | apic.acknowledge(), services);
    return { controls: apic.deliverable === 0 ? 0 : interruptWindow, asksParent: false };
  }
  wake(processor, services);
  processor.awaited = 'interrupt-acknowledge';
  services.intercepts.post({
    kind: 'interrupt-acknowledge',
    partition: processor.partitionId,
    processor: processor.index,
  });
  return { controls: 0, asksParent: true };
}

/**
 * Decides about the next VM entry from the processor's state alone, so that deciding again changes nothing. A processor
 * with an exit to handle or an answer to come is left as it is: it is asked again afterwards.
 * @returns true where the parent has been asked for a vector
 */
export function prepareEntry(processor: VirtualProcessor, services: HypervisorServices): boolean {
  if (processor.isExitPending || processor.awaited !== undefined) return false;
  const { apic, state } = processor;
  if (apic.isQuiet) {
    if (processor.takesEvents) armWindows(state, 0);
    return false;
  }
  takeInitAndStartUp(processor, services);
  if (!processor.takesEvents) return false;
  apic.settleAssist();
  const nmi = prepareNmi(processor, services);
  const { controls, asksParent } = prepareInterrupt(processor, services);
  armWindows(state, nmi | controls);
  return asksParent;
}
