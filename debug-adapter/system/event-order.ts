/** Gives trace events their place in the order: position, and ordinal among the events of one position. */
import type {
  SelectiveTraceSink,
  TraceEmitter,
  TraceEvent,
  TraceEventBody,
  TraceHeader,
} from '../machine/trace';
import { consoleBytes } from './console-record';
import type { EventPlace, TraceInterest } from './observed-events';

/** Where the machine stands. */
export interface MachineClock {
  readonly position: number;
  timeNs(): number;
}

/** The saved part: ordinals are machine state, so that a row has one identity in every replay. */
export interface EventOrderState {
  readonly position: number;
  readonly nextOrdinal: number;
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export class EventOrder implements TraceEmitter {
  private position = -1;
  private nextOrdinal = 0;
  private interest: TraceInterest | undefined;
  private caught: TraceEvent | undefined;

  constructor(
    private readonly clock: MachineClock,
    private readonly sink: SelectiveTraceSink,
  ) {}

  /** Takes over `body`, which becomes the event: a copy of each would cost as much as all the rest. */
  emit(body: TraceEventBody): TraceHeader {
    // Not Object.assign, which the engine calls a library for; what is added is all that an event has besides.
    const event = body as TraceEventBody & Writable<EventPlace>;
    const { position, ordinal, timeNs } = this.takePlace();
    event.position = position;
    event.ordinal = ordinal;
    event.timeNs = timeNs;
    this.sink.record(event);
    this.catchWanted(event);
    return event;
  }

  emitConsole(partition: number, processor: number, value: number, sizeBytes: number): void {
    const { position, ordinal, timeNs } = this.takePlace();
    const at = { position, ordinal, timeNs, partition, processor };
    this.sink.recordConsole(at, value, sizeBytes);
    if (this.interest?.kinds.has('console') !== true) return;
    this.catchWanted({ ...at, kind: 'console', data: consoleBytes(value, sizeBytes) });
  }

  private catchWanted(event: TraceEvent): void {
    if (this.interest?.kinds.has(event.kind) !== true) return;
    if (this.interest.wanted(event)) this.caught ??= event;
  }

  offer(kind: TraceEvent['kind'], make: () => TraceEventBody): void {
    if (this.sink.wants(kind) || this.interest?.kinds.has(kind) === true) this.emit(make());
    else this.nextPlace();
  }

  /** Looks out for events from now on; undefined ends that. */
  lookOutFor(interest: TraceInterest | undefined): void {
    this.interest = interest;
    this.caught = undefined;
  }

  get hasCaught(): boolean {
    return this.caught !== undefined;
  }

  /** The first wanted event since the last call. */
  takeCaught(): TraceEvent | undefined {
    const { caught } = this;
    this.caught = undefined;
    return caught;
  }

  /** The place of an event that the caller records itself, at once. */
  takePlace(): EventPlace {
    const ordinal = this.nextPlace();
    return { position: this.position, ordinal, timeNs: this.clock.timeNs() };
  }

  /** Moves on to the next place. @returns its ordinal */
  private nextPlace(): number {
    const { position } = this.clock;
    if (position !== this.position) {
      this.position = position;
      this.nextOrdinal = 0;
    }
    return this.nextOrdinal++;
  }

  get state(): EventOrderState {
    return { position: this.position, nextOrdinal: this.nextOrdinal };
  }

  set state(saved: EventOrderState) {
    this.position = saved.position;
    this.nextOrdinal = saved.nextOrdinal;
  }
}
