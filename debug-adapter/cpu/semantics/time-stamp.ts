/** The time-stamp counter (SDM vol. 2: RDTSC, RDTSCP), where neither CR4.TSD nor the VMCS keeps it from the code. */
import { msrSlots, stateOffsets } from '../../machine/processor-state';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { vmcsOffsets } from '../vmcs-offsets';
import { primaryControl, secondaryControl } from '../vmx/vm-exits';
import { define, type Definition } from './definition';
import { RAX, RCX, RDX } from './registers';

/** CR4.TSD. */
const timeStampDisable = 4;
const timeStampAuxiliary = stateOffsets.msr + msrSlots.IA32_TSC_AUX * 8;

/**
 * Whether privilege or the VMCS has a say; the routine knows which. It also scales the counter: scaling is either off,
 * or waiting for the routine is the smaller part of its price.
 */
function isRefused(b: Builder): Expression {
  const isExiting = hasControl(b, vmcsOffsets.primaryControls, primaryControl.rdtscExiting);
  const isScaled = hasControl(b, vmcsOffsets.secondaryControls, secondaryControl.useTscScaling);
  const isDisabled = b.and(b.state(vmcsOffsets.cr4, 4), b.i32(timeStampDisable));
  const isUser = b.compare('ne', b.state(runOffsets.cpl, 4), b.i32(0));
  return b.or(b.or(isExiting, isScaled), b.and(b.compare('ne', isDisabled, b.i32(0)), isUser));
}

function hasControl(b: Builder, controls: number, bits: number): Expression {
  return b.compare('ne', b.and(b.state(controls, 4), b.i32(bits)), b.i32(0));
}

/**
 * The lane's time before this instruction, or a later moment that has been read before (decision 33): the clocks of a
 * partition do not run backwards.
 */
function storeTimeStamp(b: Builder): void {
  const later = b.add(b.widen(b.stepsLeft()), b.i64(1));
  const now = b.let(b.sub(b.state(runOffsets.clockAtEnd, 8), later));
  const read = b.let(b.state(runOffsets.clockRead, 8));
  const seen = b.let(b.select(b.compare('gt_s', now, read), now, read));
  b.setState(runOffsets.clockRead, 8, seen);
  const isOffset = hasControl(b, vmcsOffsets.primaryControls, primaryControl.useTscOffsetting);
  const added = b.select(isOffset, b.state(vmcsOffsets.tscOffset, 8), b.i64(0));
  const value = b.let(b.add(seen, b.add(b.state(stateOffsets.tscOffset, 8), added)));
  b.setRegister(RAX, b.and(value, b.i64(0xffffffff)), 32);
  b.setRegister(RDX, b.binary('shr_u', value, b.i64(32)), 32);
}

const readTimeStamp = define('RDTSC', (b) => {
  b.if(isRefused(b), () => b.routine('readTimeStamp'));
  storeTimeStamp(b);
});

const readTimeStampAndProcessor = define('RDTSCP', (b) => {
  const isActive = b.binary('shr_u', b.state(vmcsOffsets.primaryControls, 4), b.i32(31));
  const isOffered = hasControl(b, vmcsOffsets.secondaryControls, secondaryControl.enableRdtscp);
  b.if(b.or(b.isZero(b.and(isActive, isOffered)), isRefused(b)), () => {
    b.routine('readTimeStampAndProcessor');
  });
  storeTimeStamp(b);
  b.setRegister(RCX, b.widen(b.state(timeStampAuxiliary, 4)), 32);
});

export const timeStampDefinitions: readonly Definition[] = [
  readTimeStamp,
  readTimeStampAndProcessor,
];
