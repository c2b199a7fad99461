/** What crosses VMBus as records of the trace: messages, packets and signals. */
import type {
  TraceHeader,
  VmbusDirection,
  VmbusMessageEvent,
  VmbusPacketEvent,
  VmbusSignalEvent,
} from '../machine/trace';
import { present } from '../support/assert';
import type { FieldWriter, StructLayout } from '../support/struct-layout';
import { decodeUtf8, encodeUtf8 } from '../support/utf8';
import { limits } from './limits';
import { vmbusMessageRecord, vmbusPacketRecord, vmbusSignalRecord } from './trace-records';
import {
  fieldBytes,
  recordU16,
  recordU32,
  type FieldReader,
  type RecordCodec,
} from './trace-stream';

const directionOf = (read: FieldReader): VmbusDirection =>
  read('isToGuest') === 0n ? 'to-parent' : 'to-guest';

/** Where a text lies in a record: its bytes, and how many of them are used. */
interface TextPlace {
  readonly layout: StructLayout;
  readonly bytes: string;
  readonly length: string;
}

/** Writes as much of a text as there is room for. */
function writeText(place: TextPlace, record: Uint8Array, write: FieldWriter, text: string): void {
  if (text === '') return;
  const room = fieldBytes(place.layout, record, place.bytes);
  const kept = encodeUtf8(text).subarray(0, room.length);
  room.set(kept);
  write(place.length, BigInt(kept.length));
}

function readText(place: TextPlace, record: Uint8Array, read: FieldReader): string {
  const length = Number(read(place.length));
  if (length === 0) return '';
  return decodeUtf8(fieldBytes(place.layout, record, place.bytes).subarray(0, length));
}

const reasonIn = (layout: StructLayout): TextPlace => ({
  layout,
  bytes: 'reason',
  length: 'reasonLength',
});
const messageReason = reasonIn(vmbusMessageRecord);
const packetReason = reasonIn(vmbusPacketRecord);
const signalReason = reasonIn(vmbusSignalRecord);
const packetClass: TextPlace = {
  layout: vmbusPacketRecord,
  bytes: 'class',
  length: 'classLength',
};

export const vmbusMessageCodec: RecordCodec<VmbusMessageEvent> = {
  layout: vmbusMessageRecord,
  encode(event, write, record) {
    if (event.direction === 'to-guest') write('isToGuest', 1n);
    const room = fieldBytes(vmbusMessageRecord, record, 'payload');
    const kept = event.payload.subarray(0, room.length);
    room.set(kept);
    write('length', BigInt(kept.length));
    writeText(messageReason, record, write, event.refusal);
  },
  decode(header, record, read) {
    return {
      ...header,
      kind: 'vmbus-message',
      direction: directionOf(read),
      payload: fieldBytes(vmbusMessageRecord, record, 'payload').slice(0, Number(read('length'))),
      refusal: readText(messageReason, record, read),
    };
  },
};

const packetField = (name: string): number =>
  present(vmbusPacketRecord.byName.get(name), name).offset;
const packetAt = {
  isToGuest: packetField('isToGuest'),
  reasonLength: packetField('reasonLength'),
  classLength: packetField('classLength'),
  packetType: packetField('packetType'),
  channel: packetField('channel'),
  sizeBytes: packetField('sizeBytes'),
  transactionId: packetField('transactionId'),
  class: packetField('class'),
  reason: packetField('reason'),
} as const;

/** Text of a record; that of most is ASCII, for which no view of its bytes is made. */
function textAt(record: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let index = at; index < at + length; index++) {
    const byte = record[index] ?? 0;
    if (byte >= 0x80) return decodeUtf8(record.subarray(at, at + length));
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * A packet whose bytes are those of the log. A list takes in a hundred thousand of them, so fields are read at their
 * places, and without a view of the record for each.
 */
function borrowPacket(
  header: TraceHeader,
  record: Uint8Array,
  _: FieldReader,
  bytes: Uint8Array,
): VmbusPacketEvent {
  const { position, ordinal, timeNs, partition, processor } = header;
  const low = recordU32(record, packetAt.transactionId);
  const high = recordU32(record, packetAt.transactionId + 4);
  return {
    kind: 'vmbus-packet',
    position,
    ordinal,
    timeNs,
    partition,
    processor,
    direction: record[packetAt.isToGuest] === 0 ? 'to-parent' : 'to-guest',
    channel: recordU32(record, packetAt.channel),
    classId: textAt(record, packetAt.class, record[packetAt.classLength] ?? 0),
    transactionId: high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low),
    packetType: recordU16(record, packetAt.packetType),
    sizeBytes: recordU32(record, packetAt.sizeBytes),
    bytes,
    refusal: textAt(record, packetAt.reason, record[packetAt.reasonLength] ?? 0),
  };
}

export const vmbusPacketCodec: RecordCodec<VmbusPacketEvent> = {
  layout: vmbusPacketRecord,
  encode(event, write, record) {
    if (event.direction === 'to-guest') write('isToGuest', 1n);
    write('packetType', BigInt(event.packetType));
    write('channel', BigInt(event.channel));
    write('sizeBytes', BigInt(event.sizeBytes));
    write('transactionId', event.transactionId);
    writeText(packetClass, record, write, event.classId);
    writeText(packetReason, record, write, event.refusal);
  },
  decode(header, record, read, tail) {
    return borrowPacket(header, record, read, tail.slice());
  },
  borrow: borrowPacket,
  tail: {
    capacityBytes: limits.traceVmbusPacketsBytes,
    bytesMaximum: limits.tracePacketBytes,
    placeAt: packetField('bytesAt'),
    lengthAt: packetField('length'),
    bytesOf: ({ bytes }) => bytes,
  },
};

const signalField = (name: string): number =>
  present(vmbusSignalRecord.byName.get(name), name).offset;
const signalAt = {
  isToGuest: signalField('isToGuest'),
  reasonLength: signalField('reasonLength'),
  channel: signalField('channel'),
  reason: signalField('reason'),
} as const;

export const vmbusSignalCodec: RecordCodec<VmbusSignalEvent> = {
  layout: vmbusSignalRecord,
  encode(event, write, record) {
    if (event.direction === 'to-guest') write('isToGuest', 1n);
    write('channel', BigInt(event.channel));
    writeText(signalReason, record, write, event.outcome);
  },
  decode(header, record) {
    const { position, ordinal, timeNs, partition, processor } = header;
    return {
      kind: 'vmbus-signal',
      position,
      ordinal,
      timeNs,
      partition,
      processor,
      direction: record[signalAt.isToGuest] === 0 ? 'to-parent' : 'to-guest',
      channel: recordU32(record, signalAt.channel),
      outcome: textAt(record, signalAt.reason, record[signalAt.reasonLength] ?? 0),
    };
  },
};
