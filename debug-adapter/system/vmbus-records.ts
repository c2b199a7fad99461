/** What crosses VMBus as records of the trace: messages, packets and signals. */
import type {
  VmbusDirection,
  VmbusMessageEvent,
  VmbusPacketEvent,
  VmbusSignalEvent,
} from '../machine/trace';
import { present } from '../support/assert';
import type { FieldWriter, StructLayout } from '../support/struct-layout';
import { decodeUtf8, encodeUtf8 } from '../support/utf8';
import { vmbusMessageRecord, vmbusPacketRecord, vmbusSignalRecord } from './trace-records';
import { fieldBytes, type FieldReader, type RecordCodec } from './trace-stream';

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

export const vmbusPacketCodec: RecordCodec<VmbusPacketEvent> = {
  layout: vmbusPacketRecord,
  encode(event, write, record) {
    if (event.direction === 'to-guest') write('isToGuest', 1n);
    write('packetType', BigInt(event.packetType));
    write('channel', BigInt(event.channel));
    write('sizeBytes', BigInt(event.sizeBytes));
    write('transactionId', event.transactionId);
    const room = fieldBytes(vmbusPacketRecord, record, 'bytes');
    const kept = event.bytes.subarray(0, room.length);
    room.set(kept);
    write('length', BigInt(kept.length));
    writeText(packetClass, record, write, event.classId);
    writeText(packetReason, record, write, event.refusal);
  },
  decode(header, record, read) {
    return {
      ...header,
      kind: 'vmbus-packet',
      direction: directionOf(read),
      channel: Number(read('channel')),
      classId: readText(packetClass, record, read),
      transactionId: read('transactionId'),
      packetType: Number(read('packetType')),
      sizeBytes: Number(read('sizeBytes')),
      bytes: fieldBytes(vmbusPacketRecord, record, 'bytes').slice(0, Number(read('length'))),
      refusal: readText(packetReason, record, read),
    };
  },
};

const packetLengthField = present(vmbusPacketRecord.byName.get('length'), 'length').offset;
const packetBytesField = present(vmbusPacketRecord.byName.get('bytes'), 'bytes').offset;

/** The bytes of a packet in its record, not copied: for filters, which look at every packet. */
export function packetBytesIn(record: Uint8Array): Uint8Array {
  const low = record[packetLengthField] ?? 0;
  const length = low | ((record[packetLengthField + 1] ?? 0) << 8);
  return record.subarray(packetBytesField, packetBytesField + length);
}

export const vmbusSignalCodec: RecordCodec<VmbusSignalEvent> = {
  layout: vmbusSignalRecord,
  encode(event, write, record) {
    if (event.direction === 'to-guest') write('isToGuest', 1n);
    write('channel', BigInt(event.channel));
    writeText(signalReason, record, write, event.outcome);
  },
  decode(header, record, read) {
    return {
      ...header,
      kind: 'vmbus-signal',
      direction: directionOf(read),
      channel: Number(read('channel')),
      outcome: readText(signalReason, record, read),
    };
  },
};
