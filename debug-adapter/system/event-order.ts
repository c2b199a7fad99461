/** Gives trace events their place in the order: position, and ordinal among the events of one position. */
import type { TraceEmitter, TraceEventBody, TraceHeader, TraceSink } from '../machine/trace';

/** Where the machine stands. */
export interface MachineClock {
  readonly position: number;
  readonly timeNs: number;
}

/** What tells an event from all others, and when it happened. */
export type EventPlace = Pick<TraceHeader, 'position' | 'ordinal' | 'timeNs'>;

/** The saved part: ordinals are machine state, so that a row has one identity in every replay. */
export interface EventOrderState {
  readonly position: number;
  readonly nextOrdinal: number;
}

export class EventOrder implements TraceEmitter {
  private position = -1;
  private nextOrdinal = 0;

  constructor(
    private readonly clock: () => MachineClock,
    private readonly sink: TraceSink,
  ) {}

  emit(body: TraceEventBody): TraceHeader {
    const event = { ...body, ...this.takePlace() };
    this.sink.record(event);
    return event;
  }

  /** The place of an event that the caller records itself, at once. */
  takePlace(): EventPlace {
    const { position, timeNs } = this.clock();
    if (position !== this.position) {
      this.position = position;
      this.nextOrdinal = 0;
    }
    return { position, ordinal: this.nextOrdinal++, timeNs };
  }

  get state(): EventOrderState {
    return { position: this.position, nextOrdinal: this.nextOrdinal };
  }

  set state(saved: EventOrderState) {
    this.position = saved.position;
    this.nextOrdinal = saved.nextOrdinal;
  }
}
