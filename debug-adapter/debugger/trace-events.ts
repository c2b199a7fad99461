/** Events of the trace in words. */
import type { SyntheticDelivery, TraceEvent, VmExitEvent } from '../machine/trace';
import { exceptionByVector } from '../spec/x86/exceptions';
import { describeExit, exitReasonText } from './exits/exit-description';
import { describeHypercall } from './hypercall-text';
import { describeHypervisorEvent } from './hypervisor-event-text';
import { describeTraffic } from './traffic/traffic-text';
import { formatAddress, hex, type AddressNamer } from './value-format';

const describeDelivery = ({ outcome, reason }: SyntheticDelivery): string =>
  reason === '' ? outcome : `${outcome}, ${reason}`;

/** What a VM exit was and about what, without its number and its place. */
export function describeExitEvent(event: VmExitEvent): string {
  const detail = describeExit(event);
  const what = exitReasonText(event.reason);
  return `${what}${detail === '' ? '' : `: ${detail}`}`;
}

/** An event in words. */
export function describeEvent(event: TraceEvent, nameOf: AddressNamer): string {
  switch (event.kind) {
    case 'vm-exit': {
      const what = describeExitEvent(event);
      return `exit ${event.exitNumber} ${what} at ${formatAddress(event.rip, nameOf)}`;
    }
    case 'hypercall':
      return describeHypercall(event);
    case 'event': {
      const name = exceptionByVector.get(event.vector)?.mnemonic ?? `vector ${hex(event.vector)}`;
      const code = event.errorCode === undefined ? '' : `, error code ${hex(event.errorCode)}`;
      const how = event.isInjected ? ', injected' : '';
      return `${name}${code}${how} at ${formatAddress(event.rip, nameOf)}`;
    }
    case 'console':
      return `console ${event.data.length} bytes`;
    case 'guest-crash':
      return `guest crash ${event.parameters.map(hex).join(' ')}`;
    case 'input':
      return event.input;
    case 'synthetic-message': {
      const what = `message ${hex(event.messageType)} for SINT ${event.sint}`;
      return `${what}: ${describeDelivery(event)}`;
    }
    case 'event-flag':
      return `event flag ${event.flag} of SINT ${event.sint}: ${describeDelivery(event)}`;
    case 'msr-access':
    case 'intercept-message':
    case 'timer-expiration':
    case 'overlay-change':
    case 'schedule-switch':
      return describeHypervisorEvent(event);
    case 'vmbus-message':
    case 'vmbus-packet':
    case 'vmbus-signal':
      return describeTraffic(event);
  }
}
