// Table: messages of synthetic storage (Linux drivers/scsi/storvsc_drv.c 6.1; openvmm storvsp_protocol).
import { bit, bits } from '../../support/bit-field';
import { commandBlock } from '../scsi/command-blocks';
import { fixedSenseData } from '../scsi/sense';
import {
  bitsOfFlags,
  namesOfValues,
  valueNames,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';

/** Operation of a packet. */
export const VstorOperation = {
  completeIo: 1,
  removeDevice: 2,
  executeSrb: 3,
  resetLun: 4,
  resetAdapter: 5,
  resetBus: 6,
  beginInitialization: 7,
  endInitialization: 8,
  queryProtocolVersion: 9,
  queryProperties: 10,
  enumerateBus: 11,
  fibreChannelData: 12,
  createSubChannels: 13,
  eventNotification: 14,
} as const;

/** Flags of a packet. */
export const vstorFlag = { completionRequested: 1 } as const;

/** Status of a packet: the NTSTATUS values that a provider of storage gives. */
export const VstorStatus = {
  success: 0,
  bufferOverflow: 0x8000_0005,
  deviceBusy: 0x8000_0011,
  unsuccessful: 0xc000_0001,
  invalidParameter: 0xc000_000d,
  invalidDeviceRequest: 0xc000_0010,
  revisionMismatch: 0xc000_0059,
  deviceNotConnected: 0xc000_009d,
  ioTimeout: 0xc000_00b5,
  deviceDoesNotExist: 0xc000_00c0,
  cancelled: 0xc000_0120,
  invalidDeviceState: 0xc000_0184,
  ioDeviceError: 0xc000_0185,
} as const;

/** Versions of the protocol: major << 8 | minor. */
export const VstorVersion = {
  v2_0: 0x0200,
  v4_2: 0x0402,
  v5_1: 0x0501,
  v6_0: 0x0600,
  v6_2: 0x0602,
} as const;

/** Bytes of a packet, whatever its operation uses. */
export const vstorPacketBytes = 64;

/** Where the part begins that depends on the operation. */
export const vstorUnionOffset = 12;

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };

/** DataDirection of an SRB. */
export const SrbDataDirection = { write: 0, read: 1, none: 2 } as const;

/** Low six bits of SrbStatus. */
export const SrbStatus = {
  pending: 0x00,
  success: 0x01,
  aborted: 0x02,
  error: 0x04,
  busy: 0x05,
  invalidRequest: 0x06,
  noDevice: 0x08,
  timeout: 0x09,
  selectionTimeout: 0x0a,
  busReset: 0x0e,
  dataOverrun: 0x12,
  invalidLun: 0x20,
  invalidTarget: 0x21,
} as const;

/** High two bits of SrbStatus. */
export const srbStatusFlag = { queueFrozen: 0x40, autosenseValid: 0x80 } as const;

/** SrbFlags that Linux sets. */
export const srbFlag = {
  queueActionEnable: 0x02,
  disableSynchronousTransfer: 0x08,
  dataIn: 0x40,
  dataOut: 0x80,
  noQueueFreeze: 0x100,
} as const;

/** Most bytes of a command descriptor block. */
export const srbCdbBytesMax = 16;

/** Most bytes of sense data in an answer; they lie where the command was. */
export const srbSenseBytesMax = 20;

/** Value of Length in an SRB. */
export const srbBytes = 52;

const srbStatus: FieldMeaning = {
  kind: 'bits',
  bits: [
    bits(5, 0, 'Code', valueNames(SrbStatus)),
    bit(6, 'QueueFrozen'),
    bit(7, 'AutosenseValid'),
  ],
};

/** STATUS of SAM-5. */
export const ScsiStatus = {
  good: 0x00,
  checkCondition: 0x02,
  busy: 0x08,
  reservationConflict: 0x18,
  taskSetFull: 0x28,
  taskAborted: 0x40,
} as const;

const srbFields = (area: StructField): readonly StructField[] => [
  f('Length', 'u16', 0, count),
  f('SrbStatus', 'u8', 2, srbStatus),
  f('ScsiStatus', 'u8', 3, namesOfValues(ScsiStatus)),
  f('PortNumber', 'u8', 4, count),
  f('PathId', 'u8', 5, count),
  f('TargetId', 'u8', 6, count),
  f('Lun', 'u8', 7, count),
  f('CdbLength', 'u8', 8, count),
  f('SenseInfoLength', 'u8', 9, count),
  f('DataDirection', 'u8', 10, namesOfValues(SrbDataDirection)),
  f('Properties', 'u8', 11),
  f('DataTransferLength', 'u32', 12, count),
  area,
  f('Reserved', 'u16', 36, reserved),
  f('QueueTag', 'u8', 38),
  f('QueueAction', 'u8', 39),
  f('SrbFlags', 'u32', 40, bitsOfFlags(srbFlag)),
  f('TimeoutSeconds', 'u32', 44, count),
  f('QueueSortKey', 'u32', 48, count),
];

/** A SCSI request as the guest sends it, in the part that depends on the operation. */
export const srbRequest = structLayout(
  'Srb',
  srbFields(f('Cdb', { bytes: srbCdbBytesMax }, 16, { kind: 'structure', layout: commandBlock })),
  srbBytes,
);

/** A SCSI request as it comes back: sense data where the command was. */
export const srbCompletion = structLayout(
  'SrbCompletion',
  srbFields(
    f('SenseData', { bytes: srbSenseBytesMax }, 16, { kind: 'structure', layout: fixedSenseData }),
  ),
  srbBytes,
);

export const vstorProtocolVersion = structLayout(
  'ProtocolVersion',
  [
    f('Version', 'u16', 0, {
      kind: 'bits',
      bits: [bits(7, 0, 'Minor'), bits(15, 8, 'Major')],
    }),
    f('Revision', 'u16', 2, count),
  ],
  4,
);

/** What the guest may say with queryProperties. */
export const vstorClientProperties = structLayout(
  'ClientProperties',
  [f('Flags', 'u32', 0, { kind: 'bits', bits: [bit(0, 'AsyncNotifyCapable')] })],
  4,
);

/** Flags of the channel's properties. */
export const vstorPropertyFlag = { supportsMultiChannel: 1 } as const;

export const vstorChannelProperties = structLayout(
  'ChannelProperties',
  [
    f('Reserved1', 'u32', 0, reserved),
    f('MaximumSubChannelCount', 'u16', 4, count),
    f('Reserved2', 'u16', 6, reserved),
    f('Flags', 'u32', 8, bitsOfFlags(vstorPropertyFlag)),
    f('MaximumTransferBytes', 'u32', 12, count),
    f('Reserved3', 'u64', 16, reserved),
  ],
  24,
);

export const vstorFibreChannelData = structLayout(
  'FibreChannelData',
  [
    f('PrimaryActive', 'u8', 0, count),
    f('Reserved', { bytes: 3 }, 1, reserved),
    f('PrimaryPortWwn', { bytes: 8 }, 4),
    f('PrimaryNodeWwn', { bytes: 8 }, 12),
    f('SecondaryPortWwn', { bytes: 8 }, 20),
    f('SecondaryNodeWwn', { bytes: 8 }, 28),
  ],
  36,
);

export const vstorSubChannels = structLayout(
  'SubChannels',
  [f('SubChannelCount', 'u16', 0, count)],
  2,
);

export const vstorEvent = structLayout(
  'EventNotification',
  [
    f('Lun', 'u8', 0, count),
    f('TargetId', 'u8', 1, count),
    f('PathId', 'u8', 2, count),
    f('Flags', 'u8', 3),
  ],
  4,
);

const head: readonly StructField[] = [
  f('Operation', 'u32', 0, namesOfValues(VstorOperation)),
  f('Flags', 'u32', 4, bitsOfFlags(vstorFlag)),
  f('Status', 'u32', 8, namesOfValues(VstorStatus)),
];

/** What every packet begins with; a request tells by its operation what follows. */
export const vstorPacket = structLayout('VstorPacket', head, vstorUnionOffset, [
  {
    kind: 'choice',
    by: 'Operation',
    cases: new Map<number, StructLayout>([
      [VstorOperation.executeSrb, srbRequest],
      [VstorOperation.resetLun, srbRequest],
      [VstorOperation.resetAdapter, srbRequest],
      [VstorOperation.resetBus, srbRequest],
      [VstorOperation.queryProtocolVersion, vstorProtocolVersion],
      [VstorOperation.queryProperties, vstorClientProperties],
      [VstorOperation.createSubChannels, vstorSubChannels],
      [VstorOperation.eventNotification, vstorEvent],
    ]),
  },
]);

/** An answer: its operation is completeIo, and the request's tells what follows. */
export const vstorCompletion = structLayout('VstorCompletion', head, vstorUnionOffset, [
  {
    kind: 'choice',
    by: 'Request.Operation',
    cases: new Map<number, StructLayout>([
      [VstorOperation.executeSrb, srbCompletion],
      [VstorOperation.queryProtocolVersion, vstorProtocolVersion],
      [VstorOperation.queryProperties, vstorChannelProperties],
      [VstorOperation.fibreChannelData, vstorFibreChannelData],
      [VstorOperation.createSubChannels, vstorSubChannels],
    ]),
  },
]);

/** User-defined area of the offer of an IDE accelerator: which drive it is. */
export const ideOfferArea = structLayout(
  'IdeOfferArea',
  [
    f('Reserved1', 'u16', 0, reserved),
    f('PathId', 'u8', 2, count),
    f('TargetId', 'u8', 3, count),
    f('Reserved2', 'u32', 4, reserved),
    f('Flags', 'u32', 8, { kind: 'bits', bits: [bit(1, 'IsIdeDevice')] }),
    f('Reserved3', { bytes: 12 }, 12, reserved),
  ],
  24,
);
