/**
 * Controls that the injection of interrupts sets and clears: interrupt-window, NMI-window and CR8-load exiting. Persons
 * may set them too; then they stay until their exit comes, or are cleared again (decision 57).
 */
import {
  stateOffsets,
  vmcsEncoding,
  vmcsSlotOffset,
  type ProcessorState,
} from '../machine/processor-state';
import { primaryControls } from '../spec/x86/vmx-controls';
import { maskOf } from '../support/bit-field';
import { UserError } from '../support/user-error';

/** The controls by what they wait for. */
export const windowControl = {
  interruptWindow: maskOf(primaryControls, ['interrupt-window exiting']),
  nmiWindow: maskOf(primaryControls, ['NMI-window exiting']),
  cr8Load: maskOf(primaryControls, ['CR8-load exiting']),
} as const;

const windows = windowControl.interruptWindow | windowControl.nmiWindow | windowControl.cr8Load;
const controlsOffset = vmcsSlotOffset(vmcsEncoding('CPU_BASED_VM_EXEC_CONTROL'));

const waitsFor: readonly (readonly [control: number, name: string, reason: string])[] = [
  [
    windowControl.interruptWindow,
    'interrupt-window exiting',
    'an interrupt waits until the guest can take it',
  ],
  [windowControl.nmiWindow, 'NMI-window exiting', 'an NMI waits until the guest can take it'],
  [windowControl.cr8Load, 'CR8-load exiting', 'the task priority holds an interrupt back'],
];

/** Makes the controls what the hypervisor needs, and what a person has asked for besides. */
export function armWindows(state: ProcessorState, needed: number): void {
  if (needed !== state.readU32(stateOffsets.neededControls)) {
    state.writeU32(stateOffsets.neededControls, needed);
  }
  const before = state.readU32(controlsOffset);
  const held = state.readU32(stateOffsets.heldControls);
  const after = ((before & ~windows) | needed | held) >>> 0;
  if (after !== before) state.writeU32(controlsOffset, after);
}

/** The exit that a control asked for has come. */
export function dropHeldWindow(state: ProcessorState, control: number): void {
  const held = state.readU32(stateOffsets.heldControls);
  if ((held & control) !== 0) state.writeU32(stateOffsets.heldControls, held & ~control);
}

/**
 * A person writes the primary controls: what is set is held from now on, what is cleared no longer.
 * @throws UserError, with nothing changed, where the hypervisor itself needs a control that would be cleared
 */
export function holdWindows(state: ProcessorState, controls: number): void {
  const needed = state.readU32(stateOffsets.neededControls);
  const owned = waitsFor.find(([control]) => (needed & ~controls & control) !== 0);
  if (owned !== undefined) {
    const [, name, reason] = owned;
    throw new UserError(
      'control-owned',
      `"${name}" cannot be cleared now: the hypervisor's interrupt injection has set it, because ${reason}.`,
      'It clears the control by itself once that is over.',
    );
  }
  const held = state.readU32(stateOffsets.heldControls);
  const kept = (controls & windows & (~needed | held)) >>> 0;
  state.writeU32(stateOffsets.heldControls, kept);
}
