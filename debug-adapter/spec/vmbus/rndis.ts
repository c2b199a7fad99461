// Table: messages of remote NDIS as synthetic networking carries them (MS-RNDIS; Linux include/linux/rndis.h and hyperv_net.h 6.1).
import { bit, bits } from '../../support/bit-field';
import {
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
  type StructPart,
} from '../../support/struct-layout';
import { ndisDataByOid, NdisOid } from './ndis';

/** Type of a message; answers have the highest bit. */
export const RndisMessageType = {
  packet: 0x0000_0001,
  initialize: 0x0000_0002,
  halt: 0x0000_0003,
  query: 0x0000_0004,
  set: 0x0000_0005,
  reset: 0x0000_0006,
  indicateStatus: 0x0000_0007,
  keepAlive: 0x0000_0008,
  initializeComplete: 0x8000_0002,
  queryComplete: 0x8000_0004,
  setComplete: 0x8000_0005,
  resetComplete: 0x8000_0006,
  keepAliveComplete: 0x8000_0008,
} as const;

/** Status of an answer, or of an indication. */
export const RndisStatus = {
  success: 0x0000_0000,
  mediaConnect: 0x4001_000b,
  mediaDisconnect: 0x4001_000c,
  linkSpeedChange: 0x4001_0013,
  networkChange: 0x4001_0018,
  failure: 0xc000_0001,
  resources: 0xc000_009a,
  notSupported: 0xc000_00bb,
  invalidLength: 0xc001_0014,
  invalidData: 0xc001_0015,
  bufferTooShort: 0xc001_0016,
  invalidOid: 0xc001_0017,
} as const;

/** Type of what accompanies a packet; that of the internal ones has the highest bit. */
export const PerPacketInfoType = {
  tcpIpChecksum: 0,
  ipsec: 1,
  largeSend: 2,
  ieee8021q: 6,
  hashInfo: 7,
  hashValue: 8,
  packetId: 0x8000_0001,
} as const;

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };
const status = namesOfValues(RndisStatus);
const oid = namesOfValues(NdisOid);
const requestId = f('RequestId', 'u32', 0, count);

const body = (
  name: string,
  fields: readonly StructField[],
  sizeBytes: number,
  parts?: readonly StructPart[],
): StructLayout => structLayout(name, fields, sizeBytes, parts);

/** Bytes that lie where the message says; all offsets count from behind the message's type and length. */
const placed = (
  name: string,
  at: string,
  length: string,
  layout: StructLayout = structLayout(name, [], 0),
): StructPart => ({
  kind: 'placed',
  name,
  at,
  length: { kind: 'field', field: length },
  layout,
});

const information = (by: 'Oid' | 'Request.Oid'): StructPart =>
  placed(
    'InformationBuffer',
    'InformationBufferOffset',
    'InformationBufferLength',
    structLayout('InformationBuffer', [], 0, [{ kind: 'choice', by, cases: ndisDataByOid }]),
  );

const asks = (name: string): StructLayout =>
  body(
    name,
    [
      requestId,
      f('Oid', 'u32', 4, oid),
      f('InformationBufferLength', 'u32', 8, count),
      f('InformationBufferOffset', 'u32', 12, count),
      f('DeviceVcHandle', 'u32', 16),
    ],
    20,
    [information('Oid')],
  );

/** An Ethernet frame (IEEE 802.3). */
const ethernetFrame = structLayout(
  'EthernetFrame',
  [
    f('Destination', { bytes: 6 }, 0),
    f('Source', { bytes: 6 }, 6),
    f('EtherType', { bytes: 2 }, 12, { kind: 'big-endian' }),
  ],
  14,
  [{ kind: 'bytes', name: 'FramePayload', length: { kind: 'rest' } }],
);

const word = (name: string, ...fields: Parameters<typeof bits>[]): StructLayout =>
  structLayout(
    name,
    [f(name, 'u32', 0, { kind: 'bits', bits: fields.map((each) => bits(...each)) })],
    4,
  );
const one = (at: number, name: string): Parameters<typeof bits> => [at, at, name];

/** What the guest asks for with a packet that it sends. */
const transmitChecksum = word(
  'TransmitChecksum',
  one(0, 'IsIpv4'),
  one(1, 'IsIpv6'),
  one(2, 'TcpChecksum'),
  one(3, 'UdpChecksum'),
  one(4, 'IpHeaderChecksum'),
  [25, 16, 'TcpHeaderOffset'],
);

/** What the parent has found of a packet that it delivers. */
const receiveChecksum = word(
  'ReceiveChecksum',
  one(0, 'TcpChecksumFailed'),
  one(1, 'UdpChecksumFailed'),
  one(2, 'IpChecksumFailed'),
  one(3, 'TcpChecksumSucceeded'),
  one(4, 'UdpChecksumSucceeded'),
  one(5, 'IpChecksumSucceeded'),
  one(6, 'Loopback'),
  one(7, 'TcpChecksumValueInvalid'),
  one(8, 'IpChecksumValueInvalid'),
);

const largeSend = word(
  'LargeSend',
  [19, 0, 'MaximumSegmentSize'],
  [29, 20, 'TcpHeaderOffset'],
  one(30, 'IsVersion2'),
  one(31, 'IsIpv6'),
);

const ieee8021q = word('Ieee8021q', [2, 0, 'UserPriority'], one(3, 'CanonicalFormatId'), [
  15,
  4,
  'VlanId',
]);

const packetId = structLayout(
  'PacketId',
  [
    f('InfoVersion', 'u8', 0, count),
    f('Flags', 'u8', 1, {
      kind: 'bits',
      bits: [bit(0, 'SubAllocation'), bit(1, 'FirstFragment'), bit(2, 'LastFragment')],
    }),
    f('PacketId', 'u16', 2, count),
  ],
  4,
);

const value = (name: string): StructLayout => structLayout(name, [f(name, 'u32', 0)], 4);

const perPacketInfo = (checksum: StructLayout): StructLayout =>
  structLayout(
    'PerPacketInfo',
    [
      /** Bytes of the element, this word included. */
      f('InfoSize', 'u32', 0, count),
      f('InfoType', 'u32', 4, namesOfValues(PerPacketInfoType)),
      f('InfoOffset', 'u32', 8, count),
    ],
    12,
    [
      {
        kind: 'placed',
        name: 'Info',
        at: 'InfoOffset',
        length: { kind: 'until', field: 'InfoSize' },
        layout: structLayout('Info', [], 0, [
          {
            kind: 'choice',
            by: 'InfoType',
            cases: new Map([
              [PerPacketInfoType.tcpIpChecksum, checksum],
              [PerPacketInfoType.largeSend, largeSend],
              [PerPacketInfoType.ieee8021q, ieee8021q],
              [PerPacketInfoType.hashInfo, value('HashInfo')],
              [PerPacketInfoType.hashValue, value('HashValue')],
              [PerPacketInfoType.packetId, packetId],
            ]),
          },
        ]),
      },
    ],
  );

const packet = (checksum: StructLayout): StructLayout =>
  body(
    'Packet',
    [
      f('DataOffset', 'u32', 0, count),
      f('DataLength', 'u32', 4, count),
      f('OobDataOffset', 'u32', 8, count),
      f('OobDataLength', 'u32', 12, count),
      f('OobDataElementCount', 'u32', 16, count),
      f('PerPacketInfoOffset', 'u32', 20, count),
      f('PerPacketInfoLength', 'u32', 24, count),
      f('VcHandle', 'u32', 28),
      f('Reserved', 'u32', 32, reserved),
    ],
    36,
    [
      placed(
        'PerPacketInfos',
        'PerPacketInfoOffset',
        'PerPacketInfoLength',
        structLayout('PerPacketInfos', [], 0, [
          {
            kind: 'elements',
            name: 'Elements',
            element: perPacketInfo(checksum),
            count: { kind: 'rest' },
          },
        ]),
      ),
      placed('OobData', 'OobDataOffset', 'OobDataLength'),
      placed('Frame', 'DataOffset', 'DataLength', ethernetFrame),
    ],
  );

const T = RndisMessageType;

/** Of what is no data: the same in either direction. */
const controlBodies: ReadonlyMap<number, StructLayout> = new Map([
  [
    T.initialize,
    body(
      'Initialize',
      [
        requestId,
        f('MajorVersion', 'u32', 4, count),
        f('MinorVersion', 'u32', 8, count),
        f('MaximumTransferSize', 'u32', 12, count),
      ],
      16,
    ),
  ],
  [
    T.initializeComplete,
    body(
      'InitializeComplete',
      [
        requestId,
        f('Status', 'u32', 4, status),
        f('MajorVersion', 'u32', 8, count),
        f('MinorVersion', 'u32', 12, count),
        f('DeviceFlags', 'u32', 16, {
          kind: 'bits',
          bits: [bit(0, 'Connectionless'), bit(1, 'ConnectionOriented')],
        }),
        f('Medium', 'u32', 20, { kind: 'values', names: { 0: 'Ieee802_3' } }),
        f('MaximumPacketsPerMessage', 'u32', 24, count),
        f('MaximumTransferSize', 'u32', 28, count),
        f('PacketAlignmentFactor', 'u32', 32, count),
        f('AfListOffset', 'u32', 36, count),
        f('AfListSize', 'u32', 40, count),
      ],
      44,
    ),
  ],
  [T.halt, body('Halt', [requestId], 4)],
  [T.query, asks('Query')],
  [
    T.queryComplete,
    body(
      'QueryComplete',
      [
        requestId,
        f('Status', 'u32', 4, status),
        f('InformationBufferLength', 'u32', 8, count),
        f('InformationBufferOffset', 'u32', 12, count),
      ],
      16,
      [information('Request.Oid')],
    ),
  ],
  [T.set, asks('Set')],
  [T.setComplete, body('SetComplete', [requestId, f('Status', 'u32', 4, status)], 8)],
  [T.reset, body('Reset', [f('Reserved', 'u32', 0, reserved)], 4)],
  [
    T.resetComplete,
    body(
      'ResetComplete',
      [f('Status', 'u32', 0, status), f('AddressingReset', 'u32', 4, count)],
      8,
    ),
  ],
  [
    T.indicateStatus,
    body(
      'IndicateStatus',
      [
        f('Status', 'u32', 0, status),
        f('StatusBufferLength', 'u32', 4, count),
        f('StatusBufferOffset', 'u32', 8, count),
      ],
      12,
      [
        placed(
          'StatusBuffer',
          'StatusBufferOffset',
          'StatusBufferLength',
          structLayout('StatusBuffer', [], 0, [
            {
              kind: 'choice',
              by: 'Status',
              cases: new Map([
                [
                  RndisStatus.linkSpeedChange,
                  structLayout('LinkSpeed', [f('LinkSpeed100bps', 'u32', 0, count)], 4),
                ],
              ]),
            },
          ]),
        ),
      ],
    ),
  ],
  [T.keepAlive, body('KeepAlive', [requestId], 4)],
  [T.keepAliveComplete, body('KeepAliveComplete', [requestId, f('Status', 'u32', 4, status)], 8)],
]);

const bodies = (checksum: StructLayout): ReadonlyMap<number, StructLayout> =>
  new Map([[T.packet, packet(checksum)], ...controlBodies]);

const message = (name: string, checksum: StructLayout): StructLayout => {
  return structLayout(
    name,
    [
      f('MessageType', 'u32', 0, namesOfValues(RndisMessageType)),
      /** Bytes of the whole message. */
      f('MessageLength', 'u32', 4, count),
    ],
    8,
    [
      {
        kind: 'placed',
        name: 'Body',
        length: { kind: 'until', field: 'MessageLength' },
        layout: structLayout('Body', [], 0, [
          { kind: 'choice', by: 'MessageType', cases: bodies(checksum) },
        ]),
      },
    ],
  );
};

const messages = (name: string, checksum: StructLayout): StructLayout =>
  structLayout(name, [], 0, [
    {
      kind: 'elements',
      name: 'Messages',
      element: message('RndisMessage', checksum),
      count: { kind: 'rest' },
    },
  ]);

/** What lies in the memory that a packet of the guest names: messages, one behind the other. */
export const rndisGuestMessages = messages('RndisGuestMessages', transmitChecksum);

/** What lies in the memory that a packet of the parent names. */
export const rndisParentMessages = messages('RndisParentMessages', receiveChecksum);
