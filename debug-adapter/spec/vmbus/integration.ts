// Table: messages of the integration components (Linux include/linux/hyperv.h, include/uapi/linux/hyperv.h 6.1; openvmm hyperv_ic_protocol).
import {
  bitsOfFlags,
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';
import { pipeHeader } from './packets';

/** Message types: which component a message is for, or the negotiation of versions. */
export const IcMessageType = {
  negotiate: 0,
  heartbeat: 1,
  kvp: 2,
  shutdown: 3,
  timesync: 4,
  vss: 5,
  remoteDesktop: 6,
  fileCopy: 7,
  session: 8,
} as const;

/** Flags of a message: requests have the first two, answers the first and the last. */
export const icFlag = { transaction: 1, request: 2, response: 4 } as const;

/** Status words. */
export const IcStatus = {
  ok: 0,
  fail: 0x8000_4005,
  noMoreItems: 0x8007_0103,
  notSupported: 0x8007_0032,
  notFound: 0x8004_1002,
  invalidArgument: 0x8007_0057,
  alreadyExists: 0x8007_0050,
  diskFull: 0x8007_0070,
  notConnected: 0x8007_048f,
  machineLocked: 0x8007_04f7,
} as const;

/** `major.minor` as an {@link icVersion} has them. */
export type IcVersionPair = readonly [major: number, minor: number];

/** Versions of the framework, newest first. */
export const icFrameworkVersions: readonly IcVersionPair[] = [
  [3, 0],
  [1, 0],
];

const count: FieldMeaning = { kind: 'count' };
const guid: FieldMeaning = { kind: 'guid' };
const reserved: FieldMeaning = { kind: 'reserved' };
const utf16: FieldMeaning = { kind: 'utf16' };

export const icVersion = structLayout(
  'IcVersion',
  [f('Major', 'u16', 0, count), f('Minor', 'u16', 2, count)],
  4,
);

/** Body of a negotiation: framework versions first, then message versions. */
export const icNegotiate = structLayout(
  'Negotiate',
  [
    f('FrameworkVersionCount', 'u16', 0, count),
    f('MessageVersionCount', 'u16', 2, count),
    f('Reserved', 'u32', 4, reserved),
  ],
  8,
  [
    {
      kind: 'elements',
      name: 'FrameworkVersions',
      element: icVersion,
      count: { kind: 'field', field: 'FrameworkVersionCount' },
    },
    {
      kind: 'elements',
      name: 'MessageVersions',
      element: icVersion,
      count: { kind: 'field', field: 'MessageVersionCount' },
    },
  ],
);

/** What a shutdown request asks for. */
export const ShutdownFlags = {
  shutDown: 0,
  forceShutDown: 1,
  restart: 2,
  forceRestart: 3,
  hibernate: 4,
  forceHibernate: 5,
} as const;

/** Body of a shutdown request; Linux takes no shorter one. */
export const icShutdown = structLayout(
  'Shutdown',
  [
    f('ReasonCode', 'u32', 0),
    f('TimeoutSeconds', 'u32', 4, count),
    f('Flags', 'u32', 8, namesOfValues(ShutdownFlags)),
    f('DisplayMessage', { bytes: 2048 }, 12, utf16),
  ],
  2060,
);

/** ApplicationState of a heartbeat from version 3.0 on. */
export const HeartbeatState = { unknown: 0, healthy: 1, critical: 2, stopped: 3 } as const;

/** Body of a heartbeat: the guest answers with the sequence number after it. */
export const icHeartbeat = structLayout(
  'Heartbeat',
  [
    f('SequenceNumber', 'u64', 0, count),
    f('ApplicationState', 'u32', 8, namesOfValues(HeartbeatState)),
    f('Reserved', { bytes: 28 }, 12, reserved),
  ],
  40,
);

/** TimeFlags: what the guest is to do with the sample. */
export const TimesyncFlags = { probe: 0, sync: 1, sample: 2 } as const;

/** Body of time synchronization up to version 3.0. Times count 100 ns since 1601. */
export const icTimesyncLegacy = structLayout(
  'TimesyncLegacy',
  [
    f('ParentTime', 'u64', 0, count),
    f('ChildTime', 'u64', 8, count),
    f('RoundTripTime', 'u64', 16, count),
    f('Flags', 'u8', 24, namesOfValues(TimesyncFlags)),
  ],
  25,
);

/** Body of time synchronization from version 4.0 on. */
export const icTimesync = structLayout(
  'Timesync',
  [
    f('ParentTime', 'u64', 0, count),
    /** The partition's reference counter when the time was sampled. */
    f('VmReferenceTime', 'u64', 8, count),
    f('Flags', 'u8', 16, namesOfValues(TimesyncFlags)),
    f('LeapFlags', 'u8', 17),
    f('Stratum', 'u8', 18, count),
    f('Reserved', { bytes: 3 }, 19, reserved),
  ],
  22,
);

/** Operation of a data-exchange message. */
export const KvpOperation = {
  get: 0,
  set: 1,
  delete: 2,
  enumerate: 3,
  getIpInfo: 4,
  setIpInfo: 5,
} as const;

/** Pool of a data-exchange message. */
export const KvpPool = {
  external: 0,
  guest: 1,
  auto: 2,
  autoExternal: 3,
  autoInternal: 4,
} as const;

/** Type of a value, those of the Windows registry; Linux takes 8 for the 64-bit one. */
export const KvpValueType = { string: 1, expandString: 2, u32: 4, u64Linux: 8, u64: 11 } as const;

export const kvpKeyBytes = 512;
export const kvpValueBytes = 2048;

const kvpKey = (offset: number): ReturnType<typeof f> =>
  f('Key', { bytes: kvpKeyBytes }, offset, utf16);

/** A key and its value, from the start of the body. */
export const kvpValue = structLayout(
  'KvpValue',
  [
    f('ValueType', 'u32', 0, namesOfValues(KvpValueType)),
    f('KeySize', 'u32', 4, count),
    f('ValueSize', 'u32', 8, count),
    kvpKey(12),
    f('Value', { bytes: kvpValueBytes }, 12 + kvpKeyBytes, utf16),
  ],
  2572,
);

/** Get and set: two bytes of padding behind operation and pool. */
export const kvpExchange = structLayout(
  'KvpExchange',
  [
    f('Padding', 'u16', 0, reserved),
    ...kvpValue.fields.map(({ name, type, offset, meaning }) => f(name, type, offset + 2, meaning)),
  ],
  2574,
);

export const kvpDelete = structLayout(
  'KvpDelete',
  [f('Padding', 'u16', 0, reserved), f('KeySize', 'u32', 2, count), kvpKey(6)],
  518,
);

export const kvpEnumerate = structLayout(
  'KvpEnumerate',
  [
    f('Padding', 'u16', 0, reserved),
    f('Index', 'u32', 2, count),
    ...kvpValue.fields.map(({ name, type, offset, meaning }) => f(name, type, offset + 6, meaning)),
  ],
  2578,
);

/** AddressFamily of an IP record. */
export const kvpAddressFamily = { ipv4: 1, ipv6: 2 } as const;

/** IP configuration of one adapter, right behind operation and pool. */
export const kvpIpInfo = structLayout(
  'KvpIpInfo',
  [
    f('AdapterId', { bytes: 256 }, 0, utf16),
    f('AddressFamily', 'u8', 256, bitsOfFlags(kvpAddressFamily)),
    f('DhcpEnabled', 'u8', 257, count),
    f('IpAddresses', { bytes: 2048 }, 258, utf16),
    f('SubnetMasks', { bytes: 2048 }, 2306, utf16),
    f('Gateways', { bytes: 1024 }, 4354, utf16),
    f('DnsServers', { bytes: 2048 }, 5378, utf16),
  ],
  7426,
);

/** Most addresses of one family, and most gateways, in the binary form of the IP configuration. */
const kvpAddressesMax = 64;
const kvpGatewaysMax = 5;

const octets = (name: string, sizeBytes: number, entries: number, offset: number): StructField =>
  f(name, { bytes: sizeBytes * entries }, offset);

/** The same from version 5.0 on, in numbers (openvmm hyperv_ic_protocol/src/kvp.rs); so much of each list is used. */
export const kvpIpInfoBinary = structLayout(
  'KvpIpInfoBinary',
  [
    f('Padding', 'u16', 0, reserved),
    f('Ipv4AddressCount', 'u32', 2, count),
    f('Ipv6AddressCount', 'u32', 6, count),
    f('Ipv4GatewayCount', 'u32', 10, count),
    f('Ipv6GatewayCount', 'u32', 14, count),
    f('Ipv4DnsServerCount', 'u32', 18, count),
    f('Ipv6DnsServerCount', 'u32', 22, count),
    f('AdapterId', { bytes: 256 }, 26, utf16),
    f('AddressFamily', 'u8', 282, bitsOfFlags(kvpAddressFamily)),
    f('DhcpEnabled', 'u8', 283, count),
    f('Reserved', 'u16', 284, reserved),
    octets('Ipv4Addresses', 4, kvpAddressesMax, 286),
    octets('Ipv6Addresses', 16, kvpAddressesMax, 542),
    octets('Ipv4Subnets', 4, kvpAddressesMax, 1566),
    octets('Ipv6Subnets', 16, kvpAddressesMax, 1822),
    octets('Ipv4Gateways', 4, kvpGatewaysMax, 2846),
    octets('Ipv6Gateways', 16, kvpGatewaysMax, 2866),
    octets('Ipv4DnsServers', 4, kvpAddressesMax, 2946),
    octets('Ipv6DnsServers', 16, kvpAddressesMax, 3202),
    octets('AddressOrigins', 4, 2 * kvpAddressesMax, 4226),
  ],
  4738,
);

const kvpIpByVersion = structLayout('KvpIpByVersion', [], 0, [
  {
    kind: 'choice',
    by: 'MessageVersionMajor',
    cases: new Map<number, StructLayout>([
      ...[1, 3, 4].map((major): [number, StructLayout] => [major, kvpIpInfo]),
      [5, kvpIpInfoBinary],
    ]),
  },
]);

/** Bytes of the body of get, set, delete and enumerate, whatever the operation uses. */
export const kvpBodyBytes = 2580;

/** Bytes of the body of the IP operations. */
export const kvpIpBodyBytes = 7428;

export const icKvp = structLayout(
  'Kvp',
  [
    f('Operation', 'u8', 0, namesOfValues(KvpOperation)),
    f('Pool', 'u8', 1, namesOfValues(KvpPool)),
  ],
  2,
  [
    {
      kind: 'choice',
      by: 'Operation',
      cases: new Map<number, StructLayout>([
        [KvpOperation.get, kvpExchange],
        [KvpOperation.set, kvpExchange],
        [KvpOperation.delete, kvpDelete],
        [KvpOperation.enumerate, kvpEnumerate],
        [KvpOperation.getIpInfo, kvpIpByVersion],
        [KvpOperation.setIpInfo, kvpIpByVersion],
      ]),
    },
  ],
);

/** Operation of a backup message. */
export const VssOperation = {
  create: 0,
  delete: 1,
  checkHotBackup: 2,
  getDirectMappedDeviceInfo: 3,
  backupComplete: 4,
  freeze: 5,
  thaw: 6,
  autoRecover: 7,
  queryGuestClusterInfo: 8,
} as const;

/** Flags of the answer to checkHotBackup. */
export const vssFlag = { hotBackupPossible: 1, noAutoRecovery: 4 } as const;

const vssFlags = structLayout('VssFlags', [f('Flags', 'u32', 0, bitsOfFlags(vssFlag))], 4);

/** One disk in the list of what a backup is of. */
const vssLun = structLayout(
  'VssLun',
  [
    f('BusType', 'u8', 0, { kind: 'values', names: { 1: 'Scsi', 2: 'Ide' } }),
    f('Reserved1', { bytes: 3 }, 1, reserved),
    f('ControllerId', { bytes: 16 }, 4, guid),
    f('Port', 'u8', 20, count),
    f('TargetId', 'u8', 21, count),
    f('Lun', 'u8', 22, count),
    f('Reserved2', 'u8', 23, reserved),
  ],
  24,
);

/** Other hosts say with freeze what the backup is of; guests need not read it. */
const vssFreeze = structLayout('VssFreeze', [f('BackupType', 'u32', 0)], 4, [
  {
    kind: 'appended',
    layout: structLayout(
      'VssFreezeLuns',
      [f('BackupFlags', 'u32', 0), f('LunCount', 'u32', 4, count)],
      8,
      [
        {
          kind: 'elements',
          name: 'Luns',
          element: vssLun,
          count: { kind: 'field', field: 'LunCount' },
        },
      ],
    ),
  },
]);

/** Head of a backup message: the operation tells what follows. */
export const icVss = structLayout(
  'Vss',
  [f('Operation', 'u8', 0, namesOfValues(VssOperation)), f('Reserved', { bytes: 7 }, 1, reserved)],
  8,
  [
    {
      kind: 'choice',
      by: 'Operation',
      cases: new Map<number, StructLayout>(
        Object.values(VssOperation).map((operation) => [
          operation,
          operation === VssOperation.freeze ? vssFreeze : vssFlags,
        ]),
      ),
    },
  ],
);

/** Bytes of the body of a backup message; Linux takes no shorter one. */
export const icVssBytes = icVss.sizeBytes + vssFlags.sizeBytes;

/** Operation of a file copy. */
export const FileCopyOperation = { start: 0, write: 1, complete: 2, cancel: 3 } as const;

/** CopyFlags of the start of a file copy. */
export const fileCopyFlag = { overwrite: 1, createPath: 2 } as const;

/** Most bytes of a file in one message. */
export const fileCopyFragmentBytesMax = 6144;

const fileNameBytes = 520;

/** Behind the head of a file copy. */
export const fileCopyStart = structLayout(
  'FileCopyStart',
  [
    f('FileName', { bytes: fileNameBytes }, 0, utf16),
    f('DestinationPath', { bytes: fileNameBytes }, 520, utf16),
    f('CopyFlags', 'u32', 1040, bitsOfFlags(fileCopyFlag)),
    f('FileSize', 'u64', 1044, count),
  ],
  1052,
);

/** Behind the head of a file copy; the data follow at their full length, whatever Size says. */
export const fileCopyWrite = structLayout(
  'FileCopyWrite',
  [
    f('Padding', 'u32', 0, reserved),
    f('Offset', 'u64', 4, count),
    f('Size', 'u32', 12, count),
    f('Data', { bytes: fileCopyFragmentBytesMax }, 16),
  ],
  6160,
);

export const icFileCopy = structLayout(
  'FileCopy',
  [
    f('Operation', 'u32', 0, namesOfValues(FileCopyOperation)),
    f('ServiceId', { bytes: 16 }, 4, guid),
    f('SessionId', { bytes: 16 }, 20, guid),
  ],
  36,
  [
    {
      kind: 'choice',
      by: 'Operation',
      cases: new Map([
        [FileCopyOperation.start, fileCopyStart],
        [FileCopyOperation.write, fileCopyWrite],
      ]),
    },
  ],
);

/** The two bodies of timesync: the version that was negotiated tells them apart. */
const icTimesyncByVersion = structLayout('TimesyncByVersion', [], 0, [
  {
    kind: 'choice',
    by: 'MessageVersionMajor',
    cases: new Map<number, StructLayout>([
      [1, icTimesyncLegacy],
      [3, icTimesyncLegacy],
      [4, icTimesync],
    ]),
  },
]);

/** Head of every message, behind the pipe header. */
export const icHeader = structLayout(
  'IcHeader',
  [
    f('FrameworkVersionMajor', 'u16', 0, count),
    f('FrameworkVersionMinor', 'u16', 2, count),
    f('MessageType', 'u16', 4, namesOfValues(IcMessageType)),
    f('MessageVersionMajor', 'u16', 6, count),
    f('MessageVersionMinor', 'u16', 8, count),
    /** Bytes behind this header. */
    f('MessageSize', 'u16', 10, count),
    f('Status', 'u32', 12, namesOfValues(IcStatus)),
    f('TransactionId', 'u8', 16, count),
    f('Flags', 'u8', 17, bitsOfFlags(icFlag)),
    f('Reserved', 'u16', 18, reserved),
  ],
  20,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map<number, StructLayout>([
        [IcMessageType.negotiate, icNegotiate],
        [IcMessageType.heartbeat, icHeartbeat],
        [IcMessageType.kvp, icKvp],
        [IcMessageType.shutdown, icShutdown],
        [IcMessageType.timesync, icTimesyncByVersion],
        [IcMessageType.vss, icVss],
        [IcMessageType.fileCopy, icFileCopy],
      ]),
    },
  ],
);

/** Where the body begins in the payload of a packet. */
export const icBodyOffset = pipeHeader.sizeBytes + icHeader.sizeBytes;
