/** A local APIC by itself: its timer runs when told to, and what it sends is noted. */
import { LocalApic } from '../../../../debug-adapter/hypervisor/local-apic/local-apic';
import type { InterruptRequest } from '../../../../debug-adapter/machine/interrupt-request';
import { ProcessorState, stateBytes } from '../../../../debug-adapter/machine/processor-state';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import { apicBase, spuriousVector } from '../../../../debug-adapter/spec/x86/local-apic';

export interface SentMessage {
  readonly request: InterruptRequest;
  readonly shorthand: number;
}

export function apicRig(id = 0) {
  const timers = new TimerQueue();
  const sent: SentMessage[] = [];
  const ended: number[] = [];
  const state = new ProcessorState(new Uint8Array(stateBytes), 0);
  const apic = new LocalApic(id, state, {
    createTimer: (onDue) => timers.createTimer('local APIC', onDue),
    send: (request, shorthand) => sent.push({ request, shorthand }),
    endOfLevelInterrupt: (vector) => ended.push(vector),
    readAssist: () => undefined,
    writeAssist: () => {},
    isAutoEndOfInterrupt: () => false,
    interruptEnded: () => {},
    changed: () => {},
  });
  return { apic, timers, sent, ended, state };
}

/** As software leaves it that uses interrupts. */
export function enabledApic(id = 0) {
  const rig = apicRig(id);
  rig.apic.spuriousInterrupt = spuriousVector.reset | spuriousVector.enabled;
  return rig;
}

export function x2Apic(id = 0) {
  const rig = enabledApic(id);
  rig.apic.base |= apicBase.x2Apic;
  return rig;
}
