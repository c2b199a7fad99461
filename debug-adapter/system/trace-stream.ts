/** One bounded ring of the trace: events of one kind as binary records, by number and by identity. */
import type { TraceEvent, TraceHeader } from '../machine/trace';
import { assert, present } from '../support/assert';
import { ByteLog } from '../support/byte-log';
import { RingLog } from '../support/ring-log';
import {
  decodeStruct,
  readField,
  structWriter,
  type DecodedField,
  type FieldWriter,
  type StructLayout,
} from '../support/struct-layout';
import { headerOffsets } from './record-header';

/** What a stream does with the bytes of one kind of event. */
export interface RecordCodec<Event extends TraceEvent> {
  readonly layout: StructLayout;
  /** Writes integer fields through `write`, and bytes into the record itself. */
  encode(event: Event, write: FieldWriter, record: Uint8Array): void;
  /** @param tail the bytes beside the record, to be copied; none where there is no {@link tail} */
  decode(header: TraceHeader, record: Uint8Array, fields: FieldReader, tail: Uint8Array): Event;
  /** The same without copies: valid until the next event. */
  borrow?(header: TraceHeader, record: Uint8Array, fields: FieldReader, tail: Uint8Array): Event;
  /** For events with bytes that differ much in number: those are kept beside the records. */
  readonly tail?: RecordTail<Event>;
}

/** The bytes of events beside their records. An event is kept as long as its bytes are. */
export interface RecordTail<Event extends TraceEvent> {
  /** Bytes kept of all events together, and of one of them; a longer one is cut. */
  readonly capacityBytes: number;
  readonly bytesMaximum: number;
  /** Offsets in the record of where the bytes are, a u64, and of how many, a u32. */
  readonly placeAt: number;
  readonly lengthAt: number;
  bytesOf(event: Event): Uint8Array;
}

/** Bytes of one event among those of all. */
export interface TailPlace {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** Value of an integer field of the record. */
export type FieldReader = (name: string) => bigint;

/** The kept events of one kind, numbered from 0 in the order of their recording. */
export class TraceStream<Event extends TraceEvent> {
  private readonly ring: RingLog;
  private readonly tails: ByteLog | undefined;
  private cuts = 0;

  constructor(
    private readonly codec: RecordCodec<Event>,
    capacity: number,
  ) {
    this.ring = new RingLog(codec.layout.sizeBytes, capacity);
    if (codec.tail !== undefined) this.tails = new ByteLog(codec.tail.capacityBytes);
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

  /** Room for a record of the stream's layout, to be filled at once and whole: where it begins in {@link records}. */
  reserve(): number {
    return this.ring.reserve();
  }

  /** Bytes of a record. */
  get recordBytes(): number {
    return this.codec.layout.sizeBytes;
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
    this.appendTail(event, record);
  }

  /** Event number `index`; undefined where it is not kept. */
  at(index: number): Event | undefined {
    const record = this.ring.at(index);
    if (record === undefined) return undefined;
    const { layout } = this.codec;
    const read = (name: string): bigint => readField(layout, record, name);
    return this.codec.decode(headerIn(record), record, read, this.tailOf(record));
  }

  /** Where event number `index` came about; undefined where it is not kept. */
  headerAt(index: number): TraceHeader | undefined {
    const record = this.ring.at(index);
    return record === undefined ? undefined : headerIn(record);
  }

  /** Event number `index` as {@link at} gives it, but valid only until the next event: for whoever looks at very many. */
  borrow(index: number): Event | undefined {
    const { codec } = this;
    if (codec.borrow === undefined) return this.at(index);
    const record = this.ring.at(index);
    if (record === undefined) return undefined;
    const read = (name: string): bigint => readField(codec.layout, record, name);
    return codec.borrow(headerIn(record), record, read, this.tailOf(record));
  }

  /**
   * Says in `place` where the bytes beside the record of event number `index` lie among those of all, valid until the
   * next event; false where it is not kept, or has none.
   */
  tailPlace(index: number, place: TailPlace): boolean {
    const at = this.ring.placeOf(index);
    return at !== undefined && this.tailIn(this.ring.allBytes, at, place);
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
    const first = this.firstFrom(position, 0);
    const record = this.ring.at(first);
    const { tail } = this.codec;
    if (record !== undefined && tail !== undefined) {
      this.tails?.truncate(recordU64(record, tail.placeAt));
    }
    this.ring.truncate(first);
    this.cuts++;
  }

  /** Number of the first kept event at or behind a place. */
  firstFrom(position: number, ordinal: number): number {
    let low = this.dropped;
    let high = this.recorded;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const place = headerIn(present(this.ring.at(middle), 'trace record'));
      const before =
        place.position < position || (place.position === position && place.ordinal < ordinal);
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
    this.tails?.truncate(0);
    this.cuts++;
  }

  /** Keeps the bytes of an event, and drops the events whose bytes have made room for them. */
  private appendTail(event: Event, record: Uint8Array): void {
    const { ring, tails } = this;
    const { tail } = this.codec;
    if (tails === undefined || tail === undefined) return;
    const bytes = tail.bytesOf(event).subarray(0, tail.bytesMaximum);
    const place = tails.append(bytes);
    putU32(record, tail.lengthAt, bytes.length);
    putU32(record, tail.placeAt, place % twoTo32);
    putU32(record, tail.placeAt + 4, Math.floor(place / twoTo32));
    const { firstPlace } = tails;
    while (recordU64(present(ring.at(ring.dropped), 'record'), tail.placeAt) < firstPlace) {
      ring.dropOldest();
    }
  }

  private tailOf(record: Uint8Array): Uint8Array {
    const place = { bytes: noBytes, start: 0, end: 0 };
    return this.tailIn(record, 0, place) ? place.bytes.subarray(place.start, place.end) : noBytes;
  }

  /** Where the bytes beside a record lie, which begins at `at` of `records`. */
  private tailIn(records: Uint8Array, at: number, place: TailPlace): boolean {
    const { tails } = this;
    const { tail } = this.codec;
    if (tails === undefined || tail === undefined) return false;
    place.bytes = tails.allBytes;
    place.start = tails.offsetOf(recordU64(records, at + tail.placeAt));
    place.end = place.start + recordU32(records, at + tail.lengthAt);
    return true;
  }
}

const noBytes = new Uint8Array(0);

const twoTo32 = 2 ** 32;

/** A little-endian word of a record. */
export function recordU32(record: Uint8Array, at: number): number {
  const low = (record[at] ?? 0) | ((record[at + 1] ?? 0) << 8) | ((record[at + 2] ?? 0) << 16);
  return (record[at + 3] ?? 0) * 0x100_0000 + low;
}

/** Two little-endian words of a record, below 2^53. */
function recordU64(record: Uint8Array, at: number): number {
  return recordU32(record, at) + recordU32(record, at + 4) * twoTo32;
}

function putU32(record: Uint8Array, at: number, value: number): void {
  record[at] = value;
  record[at + 1] = value >>> 8;
  record[at + 2] = value >>> 16;
  record[at + 3] = value >>> 24;
}

/** A little-endian half word of a record. */
export function recordU16(record: Uint8Array, at: number): number {
  return (record[at] ?? 0) | ((record[at + 1] ?? 0) << 8);
}

/** What every record begins with, field by field: a reader by name would cost more than all the rest of a record. */
function headerIn(record: Uint8Array): TraceHeader {
  const { position, timeNs, ordinal, partition, processor } = headerOffsets;
  return {
    position: recordU64(record, position),
    ordinal: recordU32(record, ordinal),
    timeNs: recordU64(record, timeNs),
    partition: recordU16(record, partition),
    processor: recordU16(record, processor),
  };
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
