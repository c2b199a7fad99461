/** MSRs of the local APIC: IA32_APIC_BASE, IA32_TSC_DEADLINE, and the registers in x2APIC mode. */
import { guestTimeStamp, nanosecondsOf } from '../machine/time-stamp';
import { physicalAddressBits } from '../spec/x86/address-widths';
import {
  apicBase,
  registerOfMsr,
  timerMode,
  x2ApicMsrBase,
  x2ApicMsrCount,
} from '../spec/x86/local-apic';
import { msrByName } from '../spec/x86/msrs';
import { present } from '../support/assert';
import type { MsrBehaviour } from './msr-behaviour';
import { readX2, writeX2 } from './local-apic/register-access';
import type { VirtualProcessor } from './virtual-processor';

const { bootProcessor, x2Apic, enabled } = apicBase;
const addressBits = ((1n << BigInt(physicalAddressBits)) - 1n) & ~0xfffn;

/** The guest's time-stamp counter at `timeNs`. */
export function timeStampAt({ state }: VirtualProcessor, timeNs: number): bigint {
  return guestTimeStamp(state, timeNs);
}

function setDeadline(processor: VirtualProcessor, value: bigint, timeNs: number): void {
  const left = value - timeStampAt(processor, timeNs);
  processor.apic.timer.setDeadline(value, nanosecondsOf(processor.state, left), timeNs);
}

/** Modes may change from disabled to xAPIC to x2APIC, and from either to disabled (SDM vol. 3, 11.12.5). */
function isTransition(before: bigint, after: bigint): boolean {
  const isX2 = (after & x2Apic) !== 0n;
  const wasX2 = (before & x2Apic) !== 0n;
  if ((after & enabled) === 0n) return !isX2;
  if (isX2) return (before & enabled) !== 0n;
  return !wasX2;
}

const base: MsrBehaviour = {
  read: ({ apic }) => apic.base,
  write({ apic }, value) {
    if ((value & ~(bootProcessor | x2Apic | enabled | addressBits)) !== 0n) return false;
    if (!isTransition(apic.base, value)) return false;
    apic.base = (value & ~bootProcessor) | (apic.base & bootProcessor);
    // Disabling loses the APIC's state (SDM vol. 3, 11.4.3).
    if (!apic.isEnabled) apic.initialize();
    return true;
  },
};

/** Reads and writes of the deadline mean nothing in the other modes of the timer (SDM vol. 3, 11.5.4.1). */
const deadline: MsrBehaviour = {
  read: ({ apic }) => (apic.timerMode === timerMode.tscDeadline ? apic.timer.deadline : 0n),
  write(processor, value, timeNs) {
    const { apic } = processor;
    if (apic.timerMode !== timerMode.tscDeadline) return true;
    setDeadline(processor, value, timeNs);
    return true;
  },
};

function x2Register(number: number): MsrBehaviour {
  const register = registerOfMsr(number);
  return {
    read: ({ apic }, timeNs) => (apic.isX2Apic ? readX2(apic, register, timeNs) : undefined),
    write: ({ apic }, value, timeNs) => apic.isX2Apic && writeX2(apic, register, value, timeNs),
  };
}

/** The counter was set: a deadline that waits for it is met at another moment. */
export function timeStampWasSet(processor: VirtualProcessor, timeNs: number): void {
  const { timer } = processor.apic;
  if (timer.deadline === 0n) return;
  setDeadline(processor, timer.deadline, timeNs);
}

/** By MSR number. */
export const apicMsrBehaviour: ReadonlyMap<number, MsrBehaviour> = new Map([
  [present(msrByName.get('IA32_APIC_BASE'), 'IA32_APIC_BASE').number, base],
  [present(msrByName.get('IA32_TSC_DEADLINE'), 'IA32_TSC_DEADLINE').number, deadline],
  ...Array.from({ length: x2ApicMsrCount }, (_, index) => {
    const number = x2ApicMsrBase + index;
    return [number, x2Register(number)] as const;
  }),
]);
