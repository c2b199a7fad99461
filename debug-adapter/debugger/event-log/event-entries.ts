/** The kept events of some kinds in one order; grows with the trace. */
import type { TraceEvent, TraceHeader } from '../../machine/trace';
import type { TraceLog } from '../../system/trace-log';
import type { TraceStream } from '../../system/trace-stream';
import { firstNotBefore } from '../row-place';

/** What is needed of a stream of the trace. */
type Stream = Pick<
  TraceStream<TraceEvent>,
  'recorded' | 'dropped' | 'at' | 'headerAt' | 'find' | 'records' | 'recordBytes'
>;

/** The stream of each kind. */
export const streamsOf = (trace: TraceLog): Readonly<Record<TraceEvent['kind'], Stream>> => ({
  'vm-exit': trace.exits,
  hypercall: trace.hypercalls,
  event: trace.events,
  console: trace.console,
  'guest-crash': trace.crashes,
  input: trace.inputs,
  'synthetic-message': trace.syntheticMessages,
  'event-flag': trace.eventFlags,
  'msr-access': trace.msrAccesses,
  'intercept-message': trace.interceptMessages,
  'timer-expiration': trace.timerExpirations,
  'overlay-change': trace.overlayChanges,
  'schedule-switch': trace.scheduleSwitches,
  'vmbus-message': trace.vmbusMessages,
  'vmbus-packet': trace.vmbusPackets,
  'vmbus-signal': trace.vmbusSignals,
});

/** Numbers of streams are below this, so that an entry is one number. */
const streamRoom = 32;

/** Entries whose events are dropped leave in batches: the rings drop one event for each that comes. */
const staleMax = 4096;

interface Cursor {
  readonly stream: number;
  index: number;
  header: TraceHeader | undefined;
}

export class EventEntries {
  private readonly streams: readonly Stream[];
  private readonly seen: number[];
  private list: number[] = [];
  private generation: number;
  private cuts = 0;
  /** Events that had been dropped when the list was cut last. */
  private droppedBefore = 0;

  constructor(
    private readonly trace: TraceLog,
    private readonly kinds: readonly TraceEvent['kind'][],
  ) {
    const all = streamsOf(trace);
    this.streams = kinds.map((kind) => all[kind]);
    this.seen = kinds.map(() => 0);
    this.generation = trace.generation;
  }

  /** How many entries there are. */
  get count(): number {
    return this.list.length;
  }

  /** Grows when entries have been taken away, so that their numbers are given to others. */
  get revision(): number {
    return this.cuts;
  }

  /** Events of these kinds since power-on. */
  get recorded(): number {
    return this.streams.reduce((sum, { recorded }) => sum + recorded, 0);
  }

  /** Event of entry `number`; undefined where it is no longer kept. */
  eventAt(number: number): TraceEvent | undefined {
    const entry = this.list[number];
    if (entry === undefined) return undefined;
    return this.streams[entry % streamRoom]?.at(Math.floor(entry / streamRoom));
  }

  /** A test of entries by their number, made of one for each kind, which takes the number of the event in its stream. */
  testOf(
    testOfKind: (kind: TraceEvent['kind']) => (index: number) => boolean,
  ): (number: number) => boolean {
    const tests = this.kinds.map(testOfKind);
    return (number) => {
      const entry = this.list[number];
      if (entry === undefined) return false;
      const stream = entry % streamRoom;
      return tests[stream]?.((entry - stream) / streamRoom) === true;
    };
  }

  /** Number of the entry of the event there; undefined where it is none of these. */
  numberOf(position: number, ordinal: number): number | undefined {
    const number = firstNotBefore({ position, ordinal }, this.list.length, (at) =>
      this.headerAt(at),
    );
    const found = this.headerAt(number);
    return found?.position === position && found.ordinal === ordinal ? number : undefined;
  }

  private headerAt(number: number): TraceHeader | undefined {
    const entry = this.list[number];
    if (entry === undefined) return undefined;
    return this.streams[entry % streamRoom]?.headerAt(Math.floor(entry / streamRoom));
  }

  /** The event with this identity; undefined where it is not kept. */
  find(position: number, ordinal: number): TraceEvent | undefined {
    for (const stream of this.streams) {
      const index = stream.find(position, ordinal);
      if (index !== undefined) return stream.at(index);
    }
    return undefined;
  }

  /** Takes in what the trace has recorded since the last time. */
  update(): void {
    if (this.trace.generation !== this.generation) this.startOver();
    this.forgetDropped();
    const cursors = this.streams.map((stream, number): Cursor => {
      const index = Math.max(this.seen[number] ?? 0, stream.dropped);
      return { stream: number, index, header: stream.headerAt(index) };
    });
    for (;;) {
      let first: Cursor | undefined;
      for (const cursor of cursors) if (isBefore(cursor.header, first?.header)) first = cursor;
      if (first === undefined) break;
      this.list.push(first.index * streamRoom + first.stream);
      first.index++;
      first.header = this.streams[first.stream]?.headerAt(first.index);
    }
    for (const { stream, index } of cursors) this.seen[stream] = index;
  }

  private startOver(): void {
    this.generation = this.trace.generation;
    this.list = [];
    this.seen.fill(0);
    this.droppedBefore = 0;
    this.cuts++;
  }

  private forgetDropped(): void {
    const isStale = (entry: number): boolean => {
      const stream = this.streams[entry % streamRoom];
      return stream !== undefined && Math.floor(entry / streamRoom) < stream.dropped;
    };
    const dropped = this.streams.reduce((sum, stream) => sum + stream.dropped, 0);
    if (dropped - this.droppedBefore < staleMax) return;
    this.droppedBefore = dropped;
    this.list = this.list.filter((entry) => !isStale(entry));
    this.cuts++;
  }
}

/** True where `header` is there and comes first. */
function isBefore(header: TraceHeader | undefined, other: TraceHeader | undefined): boolean {
  if (header === undefined || other === undefined) return header !== undefined;
  if (header.position !== other.position) return header.position < other.position;
  return header.ordinal < other.ordinal;
}
