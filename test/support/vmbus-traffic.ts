/** A conversation between a Linux guest and its parent as trace events: contact, offers, one SCSI channel, requests. */
import type { TraceEvent, VmbusDirection } from '../../debug-adapter/machine/trace';
import { channelMessageByType, ChannelMessageType } from '../../debug-adapter/spec/vmbus/messages';
import { packetDescriptor, packetFlag, PacketType } from '../../debug-adapter/spec/vmbus/packets';
import { srbRequest, vstorPacket, VstorOperation } from '../../debug-adapter/spec/vmbus/storage';
import { present } from '../../debug-adapter/support/assert';
import { parseGuid } from '../../debug-adapter/support/guid';
import { writeField, type StructLayout } from '../../debug-adapter/support/struct-layout';

export const scsiClass = 'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f';
export const scsiRelid = 6;
export const ringGpadl = 0xe1e10;
/** Page frames of the ring: two pages to the parent, two to the guest. */
export const ringPages = [0x100, 0x101, 0x102, 0x103];

/** A channel message with the given fields; byte fields as GUID text. */
export function channelMessage(
  type: number,
  fields: Readonly<Record<string, number | string>> = {},
  tail: Uint8Array = new Uint8Array(),
): Uint8Array {
  const { layout } = present(channelMessageByType.get(type), 'layout of the message');
  const bytes = new Uint8Array(layout.sizeBytes + tail.length);
  writeField(layout, bytes, 'MessageType', BigInt(type));
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'number') writeField(layout, bytes, name, BigInt(value));
    else
      bytes.set(present(parseGuid(value), 'GUID'), present(layout.byName.get(name), name).offset);
  }
  bytes.set(tail, layout.sizeBytes);
  return bytes;
}

/** Descriptor and payload. */
export function packetBytes(
  type: number,
  transactionId: bigint,
  payload: Uint8Array,
  flags = 0,
): Uint8Array {
  const bytes = new Uint8Array(packetDescriptor.sizeBytes + payload.length);
  writeField(packetDescriptor, bytes, 'Type', BigInt(type));
  writeField(packetDescriptor, bytes, 'DataOffset8', 2n);
  writeField(packetDescriptor, bytes, 'Length8', BigInt(bytes.length / 8));
  writeField(packetDescriptor, bytes, 'Flags', BigInt(flags));
  writeField(packetDescriptor, bytes, 'TransactionId', transactionId);
  bytes.set(payload, packetDescriptor.sizeBytes);
  return bytes;
}

function structure(layout: StructLayout, fields: Readonly<Record<string, number>>): Uint8Array {
  const bytes = new Uint8Array(layout.sizeBytes);
  for (const [name, value] of Object.entries(fields)) {
    writeField(layout, bytes, name, BigInt(value));
  }
  return bytes;
}

/** What every packet to storage begins with. */
export function vstorHead(operation: number): Uint8Array {
  return structure(vstorPacket, { Operation: operation, Flags: 1 });
}

/** A SCSI request of the guest as the payload of a packet. */
export function srbPayload(transferLength: number, cdb: readonly number[]): Uint8Array {
  const srb = structure(srbRequest, {
    Length: 52,
    CdbLength: cdb.length,
    DataDirection: 1,
    DataTransferLength: transferLength,
  });
  srb.set(cdb, present(srbRequest.byName.get('Cdb'), 'Cdb').offset);
  return Uint8Array.of(...vstorHead(VstorOperation.executeSrb), ...srb);
}

/** The answer to one. */
export function srbAnswer(transferLength: number): Uint8Array {
  const srb = structure(srbRequest, {
    Length: 52,
    SrbStatus: 1,
    DataTransferLength: transferLength,
  });
  const head = structure(vstorPacket, { Operation: VstorOperation.completeIo });
  return Uint8Array.of(...head, ...srb);
}

/** Makes events, each a step and a microsecond after the one before. */
export class TrafficWriter {
  readonly events: TraceEvent[] = [];

  private next(): {
    position: number;
    ordinal: number;
    timeNs: number;
    partition: number;
    processor: number;
  } {
    const count = this.events.length + 1;
    return { position: count, ordinal: 0, timeNs: count * 1000, partition: 2, processor: 0 };
  }

  add(body: Pick<TraceEvent, 'kind'> & Readonly<Record<string, unknown>>): void {
    // The callers are tests, which write what the kind has.
    this.events.push({ ...this.next(), ...body } as unknown as TraceEvent);
  }

  message(direction: VmbusDirection, payload: Uint8Array, refusal = ''): void {
    this.add({ kind: 'vmbus-message', direction, payload, refusal });
  }

  packet(direction: VmbusDirection, packetType: number, bytes: Uint8Array, refusal = ''): void {
    this.add({
      kind: 'vmbus-packet',
      ...{ direction, packetType, bytes, refusal },
      channel: scsiRelid,
      classId: 'scsi',
      transactionId: new DataView(bytes.buffer).getBigUint64(8, true),
      sizeBytes: bytes.length,
    });
  }

  signal(direction: VmbusDirection, outcome = 'signalled'): void {
    this.add({ kind: 'vmbus-signal', direction, channel: scsiRelid, outcome });
  }

  /** Contact, version, offers. */
  connect(): void {
    const T = ChannelMessageType;
    this.message('to-parent', channelMessage(T.initiateContact, { VersionRequested: 0x50003 }));
    this.message('to-guest', channelMessage(T.versionResponse, { VersionSupported: 1 }));
    this.message('to-parent', channelMessage(T.requestOffers));
    this.message(
      'to-guest',
      channelMessage(T.offerChannel, {
        InterfaceType: scsiClass,
        InterfaceInstance: '4487b255-b88c-403f-bb51-d1f69cf17f87',
        ChildRelId: scsiRelid,
        ConnectionId: 0x2006,
      }),
    );
    this.message('to-guest', channelMessage(T.allOffersDelivered));
  }

  /** The ring's memory, and the channel on it. */
  open(): void {
    const T = ChannelMessageType;
    const range = new DataView(new ArrayBuffer(8 + ringPages.length * 8));
    range.setUint32(0, ringPages.length * 4096, true);
    ringPages.forEach((page, index) => range.setBigUint64(8 + index * 8, BigInt(page), true));
    const gpadl = { ChildRelId: scsiRelid, Gpadl: ringGpadl };
    this.message(
      'to-parent',
      channelMessage(
        T.gpadlHeader,
        { ...gpadl, RangeBufferLength: range.byteLength, RangeCount: 1 },
        new Uint8Array(range.buffer),
      ),
    );
    this.message('to-guest', channelMessage(T.gpadlCreated, gpadl));
    const opened = { ChildRelId: scsiRelid, OpenId: scsiRelid };
    this.message(
      'to-parent',
      channelMessage(T.openChannel, {
        ...opened,
        RingBufferGpadl: ringGpadl,
        DownstreamRingPageOffset: 2,
      }),
    );
    this.message('to-guest', channelMessage(T.openChannelResult, opened));
  }

  /** A read of `transferLength` bytes. */
  request(id: number, transferLength = 4096, cdb = [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0]): void {
    const payload = srbPayload(transferLength, cdb);
    const { dataInBand } = PacketType;
    const flags = packetFlag.completionRequested;
    this.packet('to-parent', dataInBand, packetBytes(dataInBand, BigInt(id), payload, flags));
  }

  complete(id: number, transferLength = 4096): void {
    const { completion } = PacketType;
    const bytes = packetBytes(completion, BigInt(id), srbAnswer(transferLength));
    this.packet('to-guest', completion, bytes);
  }
}
