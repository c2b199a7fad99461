/** Gives trace events their place in the order: position, and ordinal among the events of one position. */
import type { TraceEmitter, TraceEventBody, TraceHeader, TraceSink } from '../machine/trace';

/** Where the machine stands. */
export interface MachineClock {
  readonly position: number;
  readonly timeNs: number;
}

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
    const { position, timeNs } = this.clock();
    if (position !== this.position) {
      this.position = position;
      this.nextOrdinal = 0;
    }
    const event = { ...body, position, timeNs, ordinal: this.nextOrdinal++ };
    this.sink.record(event);
    return event;
  }

  get state(): EventOrderState {
    return { position: this.position, nextOrdinal: this.nextOrdinal };
  }

  set state(saved: EventOrderState) {
    this.position = saved.position;
    this.nextOrdinal = saved.nextOrdinal;
  }
}
