/** What observers of a run are shown of the events in it. */
import type { EventDeliveryEvent, TraceEvent, TraceHeader } from '../machine/trace';

/** What tells an event from all others, and when it happened. */
export type EventPlace = Pick<TraceHeader, 'position' | 'ordinal' | 'timeNs'>;

/** What was delivered through a guest's IDT, and the RIP that delivery pushed. */
export interface Delivery {
  readonly vector: number;
  readonly errorCode: number | undefined;
  readonly returnRip: bigint;
  /** By VM entry, not raised by the guest. */
  readonly isInjected: boolean;
}

/** The trace event of a delivery. */
export function deliveryEvent(
  place: EventPlace,
  where: Pick<TraceHeader, 'partition' | 'processor'>,
  { vector, errorCode, returnRip: rip, isInjected }: Delivery,
): EventDeliveryEvent {
  return { kind: 'event', ...place, ...where, vector, errorCode, rip, isInjected };
}

/** What of the trace is waited for; VM exits and delivered events have questions of their own. */
export interface TraceInterest {
  readonly kinds: ReadonlySet<TraceEvent['kind']>;
  /** Asked as an event of these kinds happens, in the middle of a step; must not change the machine. */
  readonly wanted: (event: TraceEvent) => boolean;
}
