/** One bounded ring of the trace: events of one kind as binary records, by number and by identity. */
import type { TraceEvent, TraceHeader } from '../machine/trace';
import { assert, present } from '../support/assert';
import { RingLog } from '../support/ring-log';
import {
  decodeStruct,
  readField,
  structWriter,
  type DecodedField,
  type FieldWriter,
  type StructLayout,
} from '../support/struct-layout';

/** What a stream does with the bytes of one kind of event. */
export interface RecordCodec<Event extends TraceEvent> {
  readonly layout: StructLayout;
  /** Writes integer fields through `write`, and bytes into the record itself. */
  encode(event: Event, write: FieldWriter, record: Uint8Array): void;
  decode(header: TraceHeader, record: Uint8Array, fields: FieldReader): Event;
}

/** Value of an integer field of the record. */
export type FieldReader = (name: string) => bigint;

/** The kept events of one kind, numbered from 0 in the order of their recording. */
export class TraceStream<Event extends TraceEvent> {
  private readonly ring: RingLog;
  private cuts = 0;

  constructor(
    private readonly codec: RecordCodec<Event>,
    capacity: number,
  ) {
    this.ring = new RingLog(codec.layout.sizeBytes, capacity);
  }

  /** Events recorded since the start. */
  get recorded(): number {
    return this.ring.recorded;
  }

  /** Events no longer kept; the oldest kept event has this number. */
  get dropped(): number {
    return this.ring.dropped;
  }

  /** How often events were forgotten, so that numbers have been given to others. */
  get generation(): number {
    return this.cuts;
  }

  /** Appends a record of the stream's layout that `write` fills whole. */
  appendRecord(write: (view: DataView, at: number) => void): void {
    const at = this.ring.reserve();
    write(this.ring.view, at);
  }

  /** Room for such a record, to be filled at once and whole: where it begins in {@link records}. */
  reserve(): number {
    return this.ring.reserve();
  }

  /** All records. */
  get records(): RingLog {
    return this.ring;
  }

  append(event: Event): void {
    const record = this.ring.append();
    const write = structWriter(this.codec.layout, record);
    write('position', BigInt(event.position));
    write('timeNs', BigInt(event.timeNs));
    write('ordinal', BigInt(event.ordinal));
    write('partition', BigInt(event.partition));
    write('processor', BigInt(event.processor));
    this.codec.encode(event, write, record);
  }

  /** Event number `index`; undefined where it is not kept. */
  at(index: number): Event | undefined {
    const record = this.ring.at(index);
    if (record === undefined) return undefined;
    const { layout } = this.codec;
    const read: FieldReader = (name) => readField(layout, record, name);
    const header: TraceHeader = {
      position: Number(read('position')),
      ordinal: Number(read('ordinal')),
      timeNs: Number(read('timeNs')),
      partition: Number(read('partition')),
      processor: Number(read('processor')),
    };
    return this.codec.decode(header, record, read);
  }

  /** The record of event number `index` itself, valid until the next event; undefined where it is not kept. */
  recordAt(index: number): Uint8Array | undefined {
    return this.ring.at(index);
  }

  /** The kept events among numbers `start` to `start + count - 1`, ascending. */
  query(start: number, count: number): readonly Event[] {
    const events: Event[] = [];
    const end = Math.min(start + count, this.recorded);
    for (let index = Math.max(start, this.dropped); index < end; index++) {
      events.push(present(this.at(index), 'trace record'));
    }
    return events;
  }

  /** Number of the kept event with this identity; undefined where there is none. */
  find(position: number, ordinal: number): number | undefined {
    const index = this.firstFrom(position, ordinal);
    const event = this.at(index);
    return event?.position === position && event.ordinal === ordinal ? index : undefined;
  }

  /** Forgets the events at `position` and behind it. */
  forgetFrom(position: number): void {
    this.ring.truncate(this.firstFrom(position, 0));
    this.cuts++;
  }

  /** Number of the first kept event at or behind a place. */
  firstFrom(position: number, ordinal: number): number {
    let low = this.dropped;
    let high = this.recorded;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const event = present(this.at(middle), 'trace record');
      const before =
        event.position < position || (event.position === position && event.ordinal < ordinal);
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The kept event number `index` field by field, as its record holds it. */
  fieldsOf(index: number): readonly DecodedField[] | undefined {
    const record = this.ring.at(index);
    return record === undefined ? undefined : decodeStruct(this.codec.layout, record);
  }

  clear(): void {
    this.ring.clear();
    this.cuts++;
  }
}

/** The bytes of a field. */
export function fieldBytes(layout: StructLayout, record: Uint8Array, name: string): Uint8Array {
  const field = present(
    layout.fields.find((candidate) => candidate.name === name),
    `field ${name}`,
  );
  assert(typeof field.type === 'object', `${name} holds bytes`);
  return record.subarray(field.offset, field.offset + field.type.bytes);
}

/** The bytes of a field, to be read and written as numbers. */
export function fieldView(layout: StructLayout, record: Uint8Array, name: string): DataView {
  const bytes = fieldBytes(layout, record, name);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
