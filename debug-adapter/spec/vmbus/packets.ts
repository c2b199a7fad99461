/** Packets in VMBus rings: descriptors, their kinds and what follows them. */
import { structField, structLayout } from '../../support/struct-layout';

/** Begins every packet; offset and length count units of 8 bytes from its start. */
export const packetDescriptor = structLayout('PacketDescriptor', [
  structField('Type', 'u16', 0),
  structField('DataOffset8', 'u16', 2),
  structField('Length8', 'u16', 4),
  structField('Flags', 'u16', 6),
  structField('TransactionId', 'u64', 8),
]);

/** Kinds of packets. */
export const PacketType = {
  synch: 1,
  addTransferPageSet: 2,
  removeTransferPageSet: 3,
  establishGpadl: 4,
  tearDownGpadl: 5,
  dataInBand: 6,
  dataUsingTransferPages: 7,
  dataUsingGpadl: 8,
  dataUsingGpaDirect: 9,
  cancelRequest: 10,
  completion: 11,
  dataUsingAdditionalPackets: 12,
  additionalData: 13,
} as const;

/** Flags of a descriptor; all others are zero. */
export const packetFlag = { completionRequested: 1 } as const;

/** Offset, length, and so the payload's place, are in these units. */
export const packetUnitBytes = 8;

/** Follows the packet in the ring and is not counted by its length: where the packet began, in the upper half. */
export const packetTrailerBytes = 8;

/** Extends the descriptor of a packet that names guest pages; ranges follow. */
export const gpaDirectDescriptor = structLayout('GpaDirectDescriptor', [
  structField('Reserved', 'u32', 16),
  structField('RangeCount', 'u32', 20),
]);

/** Extends the descriptor of a packet that names parts of a transfer-page set; ranges follow. */
export const transferPagesDescriptor = structLayout('TransferPagesDescriptor', [
  structField('TransferPageSetId', 'u16', 16),
  structField('SenderOwnsSet', 'u8', 18),
  structField('Reserved', 'u8', 19),
  structField('RangeCount', 'u32', 20),
]);

/** Heads a range of guest pages; as many page numbers of 64 bits follow as it touches. */
export const gpaRange = structLayout('GpaRange', [
  structField('ByteCount', 'u32', 0),
  structField('ByteOffset', 'u32', 4),
]);
