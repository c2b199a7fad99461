// Table: VMBus packets, as Linux include/linux/hyperv.h (6.1) and openvmm vmbus_ring/src/protocol.rs lay them out.
import {
  bitsOfFlags,
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructLayout,
} from '../../support/struct-layout';

/** Kinds of packets in a ring. */
export const PacketType = {
  synch: 0x1,
  addTransferPageSet: 0x2,
  removeTransferPageSet: 0x3,
  establishGpadl: 0x4,
  tearDownGpadl: 0x5,
  dataInBand: 0x6,
  dataUsingTransferPages: 0x7,
  dataUsingGpadl: 0x8,
  dataUsingGpaDirect: 0x9,
  cancelRequest: 0xa,
  completion: 0xb,
  dataUsingAdditionalPackets: 0xc,
  additionalData: 0xd,
} as const;

/** Flags of a packet; all other bits are zero. */
export const packetFlag = { completionRequested: 0x1 } as const;

/** Lengths and offsets of a descriptor count such units. */
export const packetUnitBytes = 8;

/** Behind every packet: the write index at which it began, in the high half. Readers do not check it. */
export const packetTrailerBytes = 8;

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };

const descriptorFields = [
  f('Type', 'u16', 0, namesOfValues(PacketType)),
  /** Where the payload begins, from the start of the descriptor, in units of 8 bytes. */
  f('DataOffset8', 'u16', 2, count),
  /** Descriptor and payload, without the trailer, in units of 8 bytes. */
  f('Length8', 'u16', 4, count),
  f('Flags', 'u16', 6, bitsOfFlags(packetFlag)),
  f('TransactionId', 'u64', 8),
];

/** One page frame number of a range. */
export const pageFrame = structLayout('PageFrame', [f('Pfn', 'u64', 0)], 8);

/** One range of guest memory: the pages follow (GPADL messages and GPA-direct packets). */
export const gpaRange = structLayout(
  'GpaRange',
  [f('ByteCount', 'u32', 0, count), f('ByteOffset', 'u32', 4, count)],
  8,
  [
    {
      kind: 'elements',
      name: 'Pages',
      element: pageFrame,
      count: { kind: 'pages', length: 'ByteCount', offset: 'ByteOffset' },
    },
  ],
);

/** What all packets begin with; all there is of in-band packets and completions. */
export const packetDescriptor = structLayout('PacketDescriptor', descriptorFields, 16);

/** One range of a set of transfer pages. */
export const transferPageRange = structLayout(
  'TransferPageRange',
  [f('ByteCount', 'u32', 0, count), f('ByteOffset', 'u32', 4, count)],
  8,
);

export const transferPagesDescriptor = structLayout(
  'TransferPagesDescriptor',
  [
    ...descriptorFields,
    f('TransferPageSetId', 'u16', 16),
    f('SenderOwnsSet', 'u8', 18, count),
    f('Reserved', 'u8', 19, reserved),
    f('RangeCount', 'u32', 20, count),
  ],
  24,
  [
    {
      kind: 'elements',
      name: 'Ranges',
      element: transferPageRange,
      count: { kind: 'field', field: 'RangeCount' },
    },
  ],
);

export const gpaDirectDescriptor = structLayout(
  'GpaDirectDescriptor',
  [...descriptorFields, f('Reserved', 'u32', 16, reserved), f('RangeCount', 'u32', 20, count)],
  24,
  [
    {
      kind: 'elements',
      name: 'Ranges',
      element: gpaRange,
      count: { kind: 'field', field: 'RangeCount' },
    },
  ],
);

export const gpadlDescriptor = structLayout(
  'GpadlDescriptor',
  [...descriptorFields, f('Gpadl', 'u32', 16), f('Reserved', 'u32', 20)],
  24,
);

export const transferPageSetDescriptor = structLayout(
  'TransferPageSetDescriptor',
  [
    ...descriptorFields,
    f('Gpadl', 'u32', 16),
    f('TransferPageSetId', 'u16', 20),
    f('Reserved', 'u16', 22, reserved),
  ],
  24,
);

/** Descriptors by type; the types that are not here have {@link packetDescriptor} alone. */
export const descriptorByPacketType: ReadonlyMap<number, StructLayout> = new Map([
  [PacketType.addTransferPageSet, transferPageSetDescriptor],
  [PacketType.removeTransferPageSet, transferPageSetDescriptor],
  [PacketType.establishGpadl, gpadlDescriptor],
  [PacketType.tearDownGpadl, gpadlDescriptor],
  [PacketType.dataUsingTransferPages, transferPagesDescriptor],
  [PacketType.dataUsingGpadl, gpadlDescriptor],
  [PacketType.dataUsingGpaDirect, gpaDirectDescriptor],
]);

/** What the payload of a channel in pipe mode begins with. */
export const PipePacketType = {
  data: 1,
  partial: 2,
  setUpGpaDirect: 3,
  tearDownGpaDirect: 4,
} as const;

export const pipeHeader = structLayout(
  'PipeHeader',
  [
    f('PipePacketType', 'u32', 0, namesOfValues(PipePacketType)),
    /** Bytes behind this header. */
    f('DataLength', 'u32', 4, count),
  ],
  8,
);
