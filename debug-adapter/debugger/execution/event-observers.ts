/** Turns interest in kinds of trace events into what the machine asks about as it runs. */
import type { TraceEvent } from '../../machine/trace';
import { deliveryEvent } from '../../system/observed-events';
import type { RunRequest } from '../../system/run-types';

type Observers = Pick<RunRequest, 'stopAtExit' | 'stopAtEvent' | 'stopAtTrace'>;

/**
 * The observers that put every event of `kinds` before `isWanted`: VM exits before they are handled, delivered events
 * when the handler is about to run, everything else after the step in which it happens.
 */
export function eventObservers(
  kinds: ReadonlySet<TraceEvent['kind']>,
  isWanted: (event: TraceEvent) => boolean,
): Observers {
  const others = new Set([...kinds].filter((kind) => kind !== 'vm-exit' && kind !== 'event'));
  return {
    ...(kinds.has('vm-exit') ? { stopAtExit: isWanted } : {}),
    ...(kinds.has('event')
      ? {
          stopAtEvent: (delivery, at, place) => isWanted(deliveryEvent(place, at, delivery)),
        }
      : {}),
    ...(others.size === 0 ? {} : { stopAtTrace: { kinds: others, wanted: isWanted } }),
  };
}
