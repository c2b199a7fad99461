/** VMBus traffic as a ladder of text, event by event: the guest on the left, its parent on the right. */
import type { TraceEvent, VmbusPacketEvent } from '../../machine/trace';
import { RequestBook } from './request-book';
import { describeTraffic, type TrafficEvent } from './traffic-text';

interface Asked {
  readonly timeNs: number;
  /** Undefined for a message. */
  readonly packet: VmbusPacketEvent | undefined;
}

/** True for an event of VMBus. */
export function isTraffic(event: TraceEvent): event is TrafficEvent {
  return (
    event.kind === 'vmbus-message' || event.kind === 'vmbus-packet' || event.kind === 'vmbus-signal'
  );
}

/** Virtual time as people read it. */
export function latencyText(latencyNs: number): string {
  if (latencyNs < 1000) return `${latencyNs} ns`;
  if (latencyNs < 1e6) return `${(latencyNs / 1e3).toFixed(1)} µs`;
  return `${(latencyNs / 1e6).toFixed(2)} ms`;
}

/** Knows requests, so that answers can say what they answer and how long it took. */
export class TrafficLadder {
  private readonly requests = new RequestBook<Asked>();

  /** The line of an event. Events come in their order. */
  describe(event: TrafficEvent): string {
    const packet = event.kind === 'vmbus-packet' ? event : undefined;
    const role = this.requests.see(event, { timeNs: event.timeNs, packet });
    if (role.kind !== 'answer') return describeTraffic(event);
    const { timeNs, packet: request } = role.request;
    return `${describeTraffic(event, request)}  (${latencyText(event.timeNs - timeNs)})`;
  }
}
