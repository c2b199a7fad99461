// Table: objects of NDIS and what they hold, as far as synthetic networking asks for them (NDIS 6.30; Linux hyperv_net.h 6.1; openvmm netvsp).
import {
  bitsOfFlags,
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';

/** Object identifiers, under the names of NDIS without `OID_`. */
export const NdisOid = {
  genSupportedList: 0x0001_0101,
  genHardwareStatus: 0x0001_0102,
  genMediaSupported: 0x0001_0103,
  genMediaInUse: 0x0001_0104,
  genMaximumLookahead: 0x0001_0105,
  genMaximumFrameSize: 0x0001_0106,
  genLinkSpeed: 0x0001_0107,
  genTransmitBufferSpace: 0x0001_0108,
  genReceiveBufferSpace: 0x0001_0109,
  genTransmitBlockSize: 0x0001_010a,
  genReceiveBlockSize: 0x0001_010b,
  genVendorId: 0x0001_010c,
  genVendorDescription: 0x0001_010d,
  genCurrentPacketFilter: 0x0001_010e,
  genCurrentLookahead: 0x0001_010f,
  genDriverVersion: 0x0001_0110,
  genMaximumTotalSize: 0x0001_0111,
  genMacOptions: 0x0001_0113,
  genMediaConnectStatus: 0x0001_0114,
  genMaximumSendPackets: 0x0001_0115,
  genVendorDriverVersion: 0x0001_0116,
  genReceiveScaleCapabilities: 0x0001_0203,
  genReceiveScaleParameters: 0x0001_0204,
  genLinkState: 0x0001_0207,
  genFriendlyName: 0x0002_0216,
  genRndisConfigParameter: 0x0001_021b,
  ieee8023PermanentAddress: 0x0101_0101,
  ieee8023CurrentAddress: 0x0101_0102,
  ieee8023MulticastList: 0x0101_0103,
  ieee8023MaximumListSize: 0x0101_0104,
  offloadEncapsulation: 0x0101_010a,
  ieee8023ReceiveErrorAlignment: 0x0102_0101,
  ieee8023TransmitOneCollision: 0x0102_0102,
  ieee8023TransmitMoreCollisions: 0x0102_0103,
  tcpOffloadCurrentConfig: 0xfc01_020b,
  tcpOffloadParameters: 0xfc01_020c,
  tcpOffloadHardwareCapabilities: 0xfc01_020d,
} as const;

/** Bits of the packet filter. */
const packetFilter = {
  directed: 1,
  multicast: 2,
  allMulticast: 4,
  broadcast: 8,
  promiscuous: 0x20,
} as const;

/** First byte of an object. */
const NdisObjectType = {
  default: 0x80,
  rssCapabilities: 0x88,
  rssParameters: 0x89,
  offload: 0xa7,
} as const;

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };

const object: readonly StructField[] = [
  f('ObjectType', 'u8', 0, namesOfValues(NdisObjectType)),
  f('ObjectRevision', 'u8', 1, count),
  f('ObjectSize', 'u16', 2, count),
];

const words = (offset: number, ...names: readonly string[]): readonly StructField[] =>
  names.map((name, index) => f(name, 'u32', offset + 4 * index));

/** NDIS_OFFLOAD; each revision appends. */
export const ndisOffload = structLayout(
  'NdisOffload',
  [
    ...object,
    ...words(4, 'Ipv4TransmitEncapsulation', 'Ipv4TransmitCapabilities'),
    ...words(12, 'Ipv4ReceiveEncapsulation', 'Ipv4ReceiveCapabilities'),
    ...words(20, 'Ipv6TransmitEncapsulation', 'Ipv6TransmitCapabilities'),
    ...words(28, 'Ipv6ReceiveEncapsulation', 'Ipv6ReceiveCapabilities'),
    ...words(36, 'LsoV1Encapsulation', 'LsoV1MaximumSize', 'LsoV1MinimumSegments', 'LsoV1Options'),
    f('IpsecV1', { bytes: 28 }, 52),
    ...words(80, 'LsoV2Ipv4Encapsulation', 'LsoV2Ipv4MaximumSize', 'LsoV2Ipv4MinimumSegments'),
    ...words(92, 'LsoV2Ipv6Encapsulation', 'LsoV2Ipv6MaximumSize', 'LsoV2Ipv6MinimumSegments'),
    ...words(104, 'LsoV2Ipv6Options', 'OffloadFlags'),
  ],
  112,
  [
    {
      kind: 'appended',
      layout: structLayout('NdisOffload2', [f('IpsecV2', { bytes: 32 }, 0)], 32, [
        {
          kind: 'appended',
          layout: structLayout(
            'NdisOffload3',
            [
              f('RscIpv4', 'u8', 0, count),
              f('RscIpv6', 'u8', 1, count),
              f('Reserved', 'u16', 2, reserved),
              f('EncapsulatedOffload', 'u32', 4),
              f('EncapsulatedHeaderSizeMaximum', 'u32', 8, count),
            ],
            12,
          ),
        },
      ]),
    },
  ],
);

const checksum: FieldMeaning = {
  kind: 'values',
  names: { 0: 'NoChange', 1: 'Disabled', 2: 'Transmit', 3: 'Receive', 4: 'Both' },
};
const offOn: FieldMeaning = {
  kind: 'values',
  names: { 0: 'NoChange', 1: 'Disabled', 2: 'Enabled' },
};

/** NDIS_OFFLOAD_PARAMETERS; shorter up to version 4.0 of the protocol. */
export const ndisOffloadParameters = structLayout(
  'NdisOffloadParameters',
  [
    ...object,
    f('Ipv4Checksum', 'u8', 4, checksum),
    f('TcpIpv4Checksum', 'u8', 5, checksum),
    f('UdpIpv4Checksum', 'u8', 6, checksum),
    f('TcpIpv6Checksum', 'u8', 7, checksum),
    f('UdpIpv6Checksum', 'u8', 8, checksum),
    f('LsoV1', 'u8', 9, offOn),
    f('IpsecV1', 'u8', 10, count),
    f('LsoV2Ipv4', 'u8', 11, offOn),
    f('LsoV2Ipv6', 'u8', 12, offOn),
    f('TcpConnectionIpv4', 'u8', 13, count),
    f('TcpConnectionIpv6', 'u8', 14, count),
    f('OffloadFlags', 'u32', 16),
    f('IpsecV2', 'u8', 20, count),
    f('IpsecV2Ipv4', 'u8', 21, count),
  ],
  22,
  [
    {
      kind: 'appended',
      layout: structLayout(
        'NdisOffloadParameters3',
        [
          f('RscIpv4', 'u8', 0, offOn),
          f('RscIpv6', 'u8', 1, offOn),
          f('EncapsulatedPacketTask', 'u8', 2, count),
          f('EncapsulationType', 'u8', 3, count),
        ],
        6,
      ),
    },
  ],
);

/** NDIS_RECEIVE_SCALE_CAPABILITIES. */
export const ndisReceiveScaleCapabilities = structLayout(
  'NdisReceiveScaleCapabilities',
  [
    ...object,
    f('RssCapabilities', 'u32', 4),
    f('InterruptMessageCount', 'u32', 8, count),
    f('ReceiveQueueCount', 'u32', 12, count),
    f('IndirectionTableEntryCount', 'u16', 16, count),
  ],
  18,
);

const rssFlag = {
  baseCpuUnchanged: 0x01,
  hashInfoUnchanged: 0x02,
  indirectionTableUnchanged: 0x04,
  hashKeyUnchanged: 0x08,
  disableRss: 0x10,
} as const;
const rssHash = {
  toeplitz: 0x1,
  ipv4: 0x100,
  tcpIpv4: 0x200,
  ipv6: 0x400,
  ipv6Extended: 0x800,
  tcpIpv6: 0x1000,
  tcpIpv6Extended: 0x2000,
} as const;

/** NDIS_RECEIVE_SCALE_PARAMETERS: the table and the key lie where it says, from its own start. */
export const ndisReceiveScaleParameters = structLayout(
  'NdisReceiveScaleParameters',
  [
    ...object,
    f('RssFlags', 'u16', 4, bitsOfFlags(rssFlag)),
    f('BaseCpu', 'u16', 6, count),
    f('HashInformation', 'u32', 8, bitsOfFlags(rssHash)),
    f('IndirectionTableSize', 'u16', 12, count),
    f('IndirectionTableOffset', 'u32', 16, count),
    f('HashKeySize', 'u16', 20, count),
    f('HashKeyOffset', 'u32', 24, count),
    f('ProcessorMasksOffset', 'u32', 28, count),
    f('ProcessorMaskCount', 'u32', 32, count),
    f('ProcessorMaskEntrySize', 'u32', 36, count),
  ],
  40,
  [
    {
      kind: 'placed',
      name: 'IndirectionTable',
      at: 'IndirectionTableOffset',
      length: { kind: 'field', field: 'IndirectionTableSize' },
      layout: structLayout('IndirectionTable', [], 0, [
        {
          kind: 'elements',
          name: 'Entries',
          element: structLayout('Entry', [f('Queue', 'u32', 0, count)], 4),
          count: { kind: 'rest' },
        },
      ]),
    },
    {
      kind: 'placed',
      name: 'HashKey',
      at: 'HashKeyOffset',
      length: { kind: 'field', field: 'HashKeySize' },
      layout: structLayout('HashKey', [], 0),
    },
  ],
);

const utf16At = (name: string, at: string, length: string): StructLayout['parts'][number] => ({
  kind: 'placed',
  name,
  at,
  length: { kind: 'field', field: length },
  layout: structLayout(name, [], 0, [
    { kind: 'bytes', name: 'Text', length: { kind: 'rest' }, meaning: { kind: 'utf16' } },
  ]),
});

/** A parameter of the adapter by name, such as its address. */
export const ndisConfigParameter = structLayout(
  'NdisConfigParameter',
  [
    f('ParameterNameOffset', 'u32', 0, count),
    f('ParameterNameLength', 'u32', 4, count),
    f('ParameterType', 'u32', 8, { kind: 'values', names: { 0: 'Integer', 2: 'String' } }),
    f('ParameterValueOffset', 'u32', 12, count),
    f('ParameterValueLength', 'u32', 16, count),
  ],
  20,
  [
    utf16At('ParameterName', 'ParameterNameOffset', 'ParameterNameLength'),
    utf16At('ParameterValue', 'ParameterValueOffset', 'ParameterValueLength'),
  ],
);

const address = structLayout('MacAddress', [f('MacAddress', { bytes: 6 }, 0)], 6);
const word = (name: string, meaning?: FieldMeaning): StructLayout =>
  structLayout(name, [f(name, 'u32', 0, meaning)], 4);
const text = (name: string, kind: 'utf16' | 'ascii'): StructLayout =>
  structLayout(name, [], 0, [{ kind: 'bytes', name, length: { kind: 'rest' }, meaning: { kind } }]);
const listOf = (name: string, element: StructLayout): StructLayout =>
  structLayout(name, [], 0, [{ kind: 'elements', name, element, count: { kind: 'rest' } }]);

/** What queries and sets hold, by object identifier. */
export const ndisDataByOid: ReadonlyMap<number, StructLayout> = new Map([
  [NdisOid.genSupportedList, listOf('SupportedOids', word('SupportedOid', namesOfValues(NdisOid)))],
  [NdisOid.genHardwareStatus, word('HardwareStatus', count)],
  [NdisOid.genMediaSupported, word('MediaSupported', count)],
  [NdisOid.genMediaInUse, word('MediaInUse', count)],
  [NdisOid.genMaximumLookahead, word('MaximumLookahead', count)],
  [NdisOid.genMaximumFrameSize, word('MaximumFrameSize', count)],
  [NdisOid.genLinkSpeed, word('LinkSpeed100bps', count)],
  [NdisOid.genTransmitBufferSpace, word('TransmitBufferSpace', count)],
  [NdisOid.genReceiveBufferSpace, word('ReceiveBufferSpace', count)],
  [NdisOid.genTransmitBlockSize, word('TransmitBlockSize', count)],
  [NdisOid.genReceiveBlockSize, word('ReceiveBlockSize', count)],
  [NdisOid.genVendorId, word('NicVendorId')],
  [NdisOid.genVendorDescription, text('VendorDescription', 'ascii')],
  [NdisOid.genCurrentPacketFilter, word('PacketFilter', bitsOfFlags(packetFilter))],
  [NdisOid.genCurrentLookahead, word('CurrentLookahead', count)],
  [NdisOid.genDriverVersion, word('DriverVersion')],
  [NdisOid.genMaximumTotalSize, word('MaximumTotalSize', count)],
  [NdisOid.genMacOptions, word('MacOptions')],
  [
    NdisOid.genMediaConnectStatus,
    word('MediaConnectStatus', { kind: 'values', names: { 0: 'Connected', 1: 'Disconnected' } }),
  ],
  [NdisOid.genMaximumSendPackets, word('MaximumSendPackets', count)],
  [NdisOid.genVendorDriverVersion, word('VendorDriverVersion')],
  [NdisOid.genReceiveScaleCapabilities, ndisReceiveScaleCapabilities],
  [NdisOid.genReceiveScaleParameters, ndisReceiveScaleParameters],
  [NdisOid.genFriendlyName, text('FriendlyName', 'utf16')],
  [NdisOid.genRndisConfigParameter, ndisConfigParameter],
  [NdisOid.ieee8023PermanentAddress, address],
  [NdisOid.ieee8023CurrentAddress, address],
  [NdisOid.ieee8023MulticastList, listOf('MulticastAddresses', address)],
  [NdisOid.ieee8023MaximumListSize, word('MaximumListSize', count)],
  [NdisOid.ieee8023ReceiveErrorAlignment, word('ReceiveErrorAlignment', count)],
  [NdisOid.ieee8023TransmitOneCollision, word('TransmitOneCollision', count)],
  [NdisOid.ieee8023TransmitMoreCollisions, word('TransmitMoreCollisions', count)],
  [NdisOid.tcpOffloadCurrentConfig, ndisOffload],
  [NdisOid.tcpOffloadParameters, ndisOffloadParameters],
  [NdisOid.tcpOffloadHardwareCapabilities, ndisOffload],
]);

/** NDIS_OBJECT_HEADER alone, as NVSP queries begin with it. */
export const ndisObjectHeader = structLayout('NdisObjectHeader', object, 4);
