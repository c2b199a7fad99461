/** Queries over everything in the trace as one list: the events of the chosen kinds that pass a filter, and one in full. */
import type { TraceEvent } from '../../machine/trace';
import type { TraceLog } from '../../system/trace-log';
import { eventFields, nameOfValue } from '../event-fields';
import { lastExitBefore } from '../exits/last-exit';
import type { PartitionNamer } from '../guest-programs';
import { parseRowId, placeAmong, rowId, type RowPlace } from '../row-place';
import { describeEvent } from '../trace-events';
import { formatAddress, hex } from '../value-format';
import {
  eventCondition,
  hasMaskedWords,
  isMetBy,
  testOfAlike,
  type EventCondition,
  type LookedAt,
  type RecordTest,
} from './event-condition';
import { EventEntries, streamsOf } from './event-entries';
import { eventKinds, traceKindsOf, traceKindsOfAll, type EventKind } from './event-kinds';
import { testOfExits } from './exit-test';
import { testOfPackets } from './packet-test';

/** Conditions that an event must meet; absent ones do not restrict. */
export interface EventFilter {
  readonly kinds: readonly EventKind[];
  readonly partition?: number | undefined;
  /** Words and comparisons of decoded fields, all of which must hold. */
  readonly text?: string | undefined;
}

/** One row. */
export interface EventRow {
  /** `position.ordinal`. */
  readonly id: string;
  readonly kind: EventKind;
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly text: string;
}

/** A page of rows and the counts around it. */
export interface EventPage {
  readonly total: number;
  /** Entries there are without the text and the partition of the filter. */
  readonly kept: number;
  /** Events of the chosen kinds since power-on, those no longer kept among them. */
  readonly recorded: number;
  /** False while older entries have not been looked at: asked again, the log looks at more. */
  readonly isComplete: boolean;
  readonly rows: readonly EventRow[];
}

/** A row with every decoded field, and the instruction that led to it. */
export interface EventDetail {
  readonly row: EventRow;
  readonly fields: readonly {
    readonly name: string;
    readonly value: string;
    readonly note?: string;
  }[];
  readonly code?: { readonly rip: string; readonly text: string };
}

/**
 * What one query looks at: events, of which most are like others; and those that are not, each of which costs
 * microseconds in words, more while that is new code.
 */
const lookedAtMost = { events: 131_072, newAtFirst: 3_000, newAfterwards: 12_000 } as const;

interface Selection {
  readonly key: string;
  readonly revision: number;
  readonly entries: EventEntries;
  /** Of an entry's number; undefined where every entry passes. */
  readonly passes: ((number: number) => boolean) | undefined;
  /** Events that were not like others before. */
  readonly lookedAt: LookedAt;
  /** Entries below this number have been looked at. */
  seen: number;
  readonly numbers: number[];
}

const kindByTraceKind = new Map(
  eventKinds.flatMap((kind) => traceKindsOf[kind].map((each) => [each, kind] as const)),
);

/** The events of one machine. */
export class EventLog {
  private entries: EventEntries | undefined;
  private entriesKey = '';
  private selection: Selection | undefined;
  private readonly others: EventEntries;

  constructor(
    private readonly trace: TraceLog,
    private readonly namerOf: PartitionNamer,
  ) {
    const kinds = eventKinds.filter((kind) => kind !== 'exits' && kind !== 'vmbus');
    this.others = new EventEntries(trace, [...traceKindsOfAll(kinds)]);
  }

  /** Events since power-on that are neither VM exits nor VMBus traffic, as a front end is told. */
  get othersRecorded(): number {
    return this.others.recorded;
  }

  /** Rows `start` to `start + count - 1` among those that pass `filter`, oldest first. */
  query(start: number, count: number, filter: EventFilter): EventPage {
    const entries = this.entriesOf(filter.kinds);
    entries.update();
    const selection = this.select(entries, filter);
    const { passes, numbers } = selection;
    const total = passes === undefined ? entries.count : numbers.length;
    const rows = [];
    for (let row = start; row < Math.min(start + count, total); row++) {
      rows.push(this.rowOf(entries.eventAt(numbers[row] ?? row)));
    }
    return {
      total,
      kept: entries.count,
      recorded: entries.recorded,
      isComplete: passes === undefined || selection.seen >= entries.count,
      rows,
    };
  }

  /** Where the row of this identity stands among those that pass `filter`, as far as they have been looked at. */
  place(id: string, filter: EventFilter): RowPlace {
    const entries = this.entriesOf(filter.kinds);
    entries.update();
    const { passes, numbers } = this.select(entries, filter);
    const at = parseRowId(id);
    const number = at === undefined ? undefined : entries.numberOf(at.position, at.ordinal);
    if (passes !== undefined) return placeAmong(numbers, number);
    const total = entries.count;
    return number === undefined ? { total } : { index: number, total };
  }

  /** An event by identity with everything known about it; undefined where it is not kept. */
  detail(id: string): EventDetail | undefined {
    const place = parseRowId(id);
    if (place === undefined) return undefined;
    const all = eventKinds.flatMap((kind) => traceKindsOf[kind]);
    const event = new EventEntries(this.trace, all).find(place.position, place.ordinal);
    if (event === undefined) return undefined;
    const rip = this.codeOf(event);
    const fields = [...eventFields(event)].map(([name, value]) => {
      const note = typeof value === 'bigint' ? nameOfValue(event.kind, name, value) : undefined;
      const text = typeof value === 'string' ? value : hex(value);
      return { name, value: text, ...(note === undefined ? {} : { note }) };
    });
    const name = this.namerOf(event.partition);
    return {
      row: this.rowOf(event),
      fields,
      ...(rip === undefined ? {} : { code: { rip: hex(rip), text: formatAddress(rip, name) } }),
    };
  }

  private entriesOf(kinds: readonly EventKind[]): EventEntries {
    const key = kinds.join();
    if (this.entries !== undefined && this.entriesKey === key) return this.entries;
    this.entriesKey = key;
    this.selection = undefined;
    this.entries = new EventEntries(
      this.trace,
      kinds.flatMap((kind) => traceKindsOf[kind]),
    );
    return this.entries;
  }

  private select(entries: EventEntries, { partition, text = '' }: EventFilter): Selection {
    const key = `${partition} ${text}`;
    const { revision } = entries;
    let { selection } = this;
    if (selection?.key !== key || selection.revision !== revision) {
      const lookedAt = { count: 0 };
      const condition = eventCondition(partition, text, this.namerOf);
      const passes =
        condition && entries.testOf((kind) => this.testOfKind(kind, condition, lookedAt));
      selection = { key, revision, entries, passes, lookedAt, seen: 0, numbers: [] };
      this.selection = selection;
    }
    const { passes, lookedAt, numbers } = selection;
    if (passes === undefined) return selection;
    const end = Math.min(entries.count, selection.seen + lookedAtMost.events);
    const { newAtFirst, newAfterwards } = lookedAtMost;
    const newest = lookedAt.count + (selection.seen === 0 ? newAtFirst : newAfterwards);
    for (; selection.seen < end && lookedAt.count < newest; selection.seen++) {
      if (passes(selection.seen)) numbers.push(selection.seen);
    }
    return selection;
  }

  private testOfKind(
    kind: TraceEvent['kind'],
    condition: EventCondition,
    lookedAt: LookedAt,
  ): RecordTest {
    const { trace } = this;
    if (hasMaskedWords(condition)) {
      if (kind === 'vm-exit') return testOfExits(trace.exits, condition, lookedAt);
      if (kind === 'vmbus-packet') return testOfPackets(trace.vmbusPackets, condition, lookedAt);
    }
    const stream = streamsOf(trace)[kind];
    if (kind !== 'vmbus-packet') return testOfAlike(stream, condition, lookedAt);
    // Their bytes are not in their records.
    return (index) => {
      lookedAt.count++;
      const event = stream.at(index);
      return event !== undefined && isMetBy(event, condition);
    };
  }

  private rowOf(event: TraceEvent | undefined): EventRow {
    if (event === undefined) return droppedRow;
    const { kind, position, timeNs, partition, processor } = event;
    return {
      id: rowId(event),
      kind: kindByTraceKind.get(kind) ?? 'exits',
      ...{ position, timeNs, partition, processor },
      text: describeEvent(event, this.namerOf(partition)),
    };
  }

  private codeOf(event: TraceEvent): bigint | undefined {
    switch (event.kind) {
      case 'vm-exit':
      case 'event':
        return event.rip;
      case 'hypercall':
      case 'msr-access':
      case 'intercept-message':
      case 'console':
      case 'guest-crash':
        return lastExitBefore(this.trace.exits, event)?.rip;
      case 'vmbus-message':
      case 'vmbus-packet':
      case 'vmbus-signal':
        if (event.direction === 'to-guest') return undefined;
        return lastExitBefore(this.trace.exits, event)?.rip;
      default:
        return undefined;
    }
  }
}

/** Of an event that has been dropped while its row was being asked for. */
const droppedRow: EventRow = {
  ...{ id: '', kind: 'exits', position: 0, timeNs: 0, partition: 0, processor: 0 },
  text: 'no longer kept',
};
