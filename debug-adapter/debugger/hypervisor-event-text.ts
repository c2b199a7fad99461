/** What the hypervisor did besides exits and hypercalls, in words. */
import type { TraceEvent } from '../machine/trace';
import { msrs } from '../spec/x86/msrs';
import { unreachable } from '../support/assert';
import { hex } from './value-format';

type EventOf<Kind extends TraceEvent['kind']> = Extract<TraceEvent, { readonly kind: Kind }>;

/** Events of the kinds that this file describes. */
export type HypervisorEvent = EventOf<
  'msr-access' | 'intercept-message' | 'timer-expiration' | 'overlay-change' | 'schedule-switch'
>;

const msrNames = new Map(msrs.map(({ number, name }) => [number, name]));

function describeMsr({ msr, isWrite, value, isRefused }: EventOf<'msr-access'>): string {
  const name = msrNames.get(msr);
  const where = name === undefined ? hex(msr) : `${name} (${hex(msr)})`;
  if (isWrite) return `WRMSR ${where} = ${hex(value)}${isRefused ? ' → #GP' : ''}`;
  return `RDMSR ${where} → ${isRefused ? '#GP' : hex(value)}`;
}

function describeIntercept(event: EventOf<'intercept-message'>): string {
  const { intercept, address, sizeBytes, accessType, value } = event;
  switch (intercept) {
    case 'io-port':
    case 'memory': {
      const what = intercept === 'memory' ? 'guest-physical' : 'port';
      const how = accessType === 'write' ? `writes ${hex(value)}` : 'reads';
      return `intercept message: ${how}, ${sizeBytes} bytes at ${what} ${hex(address)}`;
    }
    case 'refused-access':
      return `intercept message: may not ${accessType} at guest-physical ${hex(address)}`;
    case 'apic-eoi':
      return `intercept message: end of level-triggered interrupt ${hex(address)}`;
    case 'interrupt-acknowledge':
      return 'intercept message: asks for the vector of an external interrupt';
    default:
      return unreachable(intercept);
  }
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0' : ((part * 100) / whole).toFixed(2);
}

function describeSwitch(event: EventOf<'schedule-switch'>): string {
  const { processor, logicalProcessor, begins, reason, atNs, ranNs, partitionRunNs } = event;
  const who = `processor ${processor}`;
  if (begins) return `${who} runs on logical processor ${logicalProcessor} from ${atNs} ns on`;
  const share = percent(partitionRunNs, atNs);
  return (
    `${who} leaves logical processor ${logicalProcessor} at ${atNs} ns after ${ranNs} ns: ${reason}; ` +
    `the partition has had ${share} % of one`
  );
}

export function describeHypervisorEvent(event: HypervisorEvent): string {
  switch (event.kind) {
    case 'msr-access':
      return describeMsr(event);
    case 'intercept-message':
      return describeIntercept(event);
    case 'timer-expiration': {
      const which = event.source === 'synthetic timer' ? ` ${event.timer}` : '';
      return `${event.source}${which} of processor ${event.processor} expires, due at ${event.dueNs} ns`;
    }
    case 'overlay-change': {
      const how = event.isLaid ? 'is laid over' : 'goes from';
      return `${event.page} ${how} guest page ${hex(event.gpaPage)}`;
    }
    case 'schedule-switch':
      return describeSwitch(event);
    default:
      return unreachable(event);
  }
}
