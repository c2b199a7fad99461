/** Every class of devices taken apart, also those without a provider; and no bytes are lost, or read twice, whatever they are. */
import assert from 'node:assert/strict';
import {
  memoryTree,
  messageTree,
  packetOperation,
  packetTree,
  packetValues,
  type PacketBytes,
} from '../../../../debug-adapter/debugger/traffic/decode-traffic';
import {
  deviceClasses,
  isPipeClass,
  socketDeviceClassName,
} from '../../../../debug-adapter/spec/vmbus/device-classes';
import { deviceProtocolByClass } from '../../../../debug-adapter/spec/vmbus/device-protocols';
import { channelMessages } from '../../../../debug-adapter/spec/vmbus/messages';
import { RndisMessageType } from '../../../../debug-adapter/spec/vmbus/rndis';
import { NdisOid } from '../../../../debug-adapter/spec/vmbus/ndis';
import { PacketType } from '../../../../debug-adapter/spec/vmbus/packets';
import type { StructNode } from '../../../../debug-adapter/support/struct-tree';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

/** Little-endian numbers: `[4, 0x101]` are four bytes; text is UTF-16, `bytes` as they are. */
type Piece = readonly [sizeBytes: 1 | 2 | 4 | 8, value: number | bigint] | string | Uint8Array;

function bytesOf(...pieces: readonly Piece[]): Uint8Array {
  return Uint8Array.from(
    pieces.flatMap((piece) => {
      if (piece instanceof Uint8Array) return [...piece];
      if (typeof piece === 'string') return [...Buffer.from(piece, 'utf16le')];
      const [size, value] = piece;
      return Array.from({ length: size }, (_, at) =>
        Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * at)) & 0xffn),
      );
    }),
  );
}
const zeros = (count: number): Uint8Array => new Uint8Array(count);

/** A packet in the ring, with a pipe header where its class has one. */
function packetOf(classId: string, packetType: number, payload: Uint8Array): PacketBytes {
  const pipe = isPipeClass(classId) ? bytesOf([4, 1], [4, payload.length]) : zeros(0);
  const length = Math.ceil((16 + pipe.length + payload.length) / 8);
  const bytes = new Uint8Array(8 * length);
  bytes.set(bytesOf([2, packetType], [2, 2], [2, length], [2, 0], [8, 7], pipe, payload));
  return { classId, packetType, bytes };
}

function leavesOf(nodes: readonly StructNode[]): readonly StructNode[] {
  return nodes.flatMap((node) =>
    node.value === undefined && node.children.length > 0 ? leavesOf(node.children) : [node],
  );
}

/** Each byte stands in exactly one field. */
function checkCover(nodes: readonly StructNode[], bytes: Uint8Array, what: string): void {
  let at = 0;
  for (const { offset, sizeBytes, name } of leavesOf(nodes)) {
    assert.equal(offset, at, `${what}: ${name}`);
    at += sizeBytes;
  }
  assert.equal(at, bytes.length, `${what}: its end`);
}

/** Fields by name; bits and elements among them, the last of a name. */
function fieldsOf(nodes: readonly StructNode[]): ReadonlyMap<string, bigint | string | undefined> {
  return new Map(
    nodes.flatMap((node): [string, bigint | string | undefined][] => [
      [node.name, node.valueName ?? node.value],
      ...fieldsOf(node.children),
    ]),
  );
}

type Expected = Readonly<Record<string, bigint | string>>;
function checkFields(nodes: readonly StructNode[], expected: Expected): void {
  const found = fieldsOf(nodes);
  const of = Object.keys(expected).map((name) => [name, found.get(name)]);
  assert.deepEqual(Object.fromEntries(of), expected);
}

interface Row {
  readonly classId: string;
  readonly payload: Uint8Array;
  readonly operation: string | undefined;
  readonly fields: Expected;
  readonly request?: Row;
}
const row = (
  classId: string,
  operation: string | undefined,
  payload: Uint8Array,
  fields: Expected,
  request?: Row,
): Row => ({ classId, payload, operation, fields, ...(request === undefined ? {} : { request }) });

const pci = (type: number): Piece => [4, 0x4249_0000 + type];
const pciInterrupt = row(
  'pci',
  'CreateInterrupt2',
  bytesOf(pci(0x17), [4, 0x20], [1, 0x31], [1, 0], [2, 1], [2, 2], [2, 0], [2, 5], zeros(60)),
  { Device: 0n, Function: 1n, Vector: 0x31n, ProcessorCount: 2n, '[1]': 5n },
);
const pciRequirements = row('pci', 'QueryResourceRequirements', bytesOf(pci(5), [4, 0]), {
  Slot: 0n,
});
const subChannels = row('network', 'SubChannel', bytesOf([4, 133], [4, 1], [4, 3], zeros(28)), {
  SubChannelOperation: 'Allocate',
  SubChannelCount: 3n,
});
const fcData = row('fc', 'FibreChannelData', bytesOf([4, 12], [4, 1], [4, 0], zeros(52)), {
  Operation: 'FibreChannelData',
});
const ic = (type: number, major: number, ...body: readonly Piece[]): Uint8Array => {
  const bytes = bytesOf(...body);
  const versions: readonly Piece[] = [
    [2, 3],
    [2, 0],
    [2, type],
    [2, major],
    [2, 0],
  ];
  return bytesOf(...versions, [2, bytes.length], [4, 0], [1, 1], [1, 3], [2, 0], bytes);
};
const lun = bytesOf([1, 1], zeros(3), zeros(16), [1, 0], [1, 1], [1, 4], [1, 0]);

// The layouts of vsp-network, vsp-ui and vsp-integration: values that Linux 6.1 and openvmm send.
const rows: readonly Row[] = [
  row('network', 'Init', bytesOf([4, 1], [4, 0x60001], [4, 0x60001], zeros(28)), {
    MaximumVersion: 'V6_1',
  }),
  row('network', 'SendNdisConfig', bytesOf([4, 125], [4, 1514], [4, 0], [8, 0xac], zeros(20)), {
    Mtu: 1514n,
    Sriov: 1n,
    Ieee8021q: 1n,
    Rsc: 1n,
    Vmq: 0n,
  }),
  row(
    'network',
    'SendReceiveBufferComplete',
    bytesOf([4, 102], [4, 1], [4, 1], [4, 0], [4, 1728], [4, 9709], [4, 16777152], zeros(12)),
    { Status: 'Success', SubAllocationSize: 1728n, SubAllocationCount: 9709n },
  ),
  row('network', 'SendRndisPacket', bytesOf([4, 107], [4, 1], [4, 0xffffffff], [4, 0]), {
    ChannelType: 'Control',
    SendBufferSectionIndex: 'None',
  }),
  row(
    'network',
    'SendIndirectionTable',
    bytesOf(
      [4, 134],
      [4, 16],
      [4, 40],
      zeros(28),
      ...Array.from({ length: 16 }, (_, at): Piece => [4, at % 3]),
    ),
    { TableEntryCount: 16n, TableOffset: 40n, '[2]': 2n, '[15]': 0n },
  ),
  row('network', 'OidQueryEx', bytesOf([4, 131], [1, 0x80], [1, 1], [2, 12], [4, 0x10106]), {
    Oid: 'GenMaximumFrameSize',
  }),
  row('network', 'PdPostBatch', bytesOf([4, 136], [2, 1], [2, 3], [4, 64], [2, 7], [2, 1]), {
    GuestToHost: 1n,
    RegionOffset: 64n,
    RegionId: 7n,
    Partial: 1n,
  }),
  subChannels,
  row(
    'network',
    'SubChannel',
    bytesOf([4, 133], [4, 1], [4, 3], zeros(28)),
    { Status: 'Success', SubChannelCount: 3n },
    subChannels,
  ),
  row('pci', 'QueryProtocolVersion', bytesOf(pci(0x13), [4, 0x10004]), { Major: 1n, Minor: 4n }),
  row('pci', 'BusD0Entry', bytesOf(pci(7), [4, 0], [8, 0xf800_0000]), { MmioBase: 0xf800_0000n }),
  row(
    'pci',
    'BusRelations2',
    bytesOf(
      pci(0x19),
      ...([[4, 1]] as const),
      ...([
        [2, 0x15b3],
        [2, 0x1016],
        [1, 0],
        [1, 0],
        [1, 0],
        [1, 2],
      ] as const),
      ...([
        [4, 0x1234],
        [4, 0],
        [4, 2],
        [4, 1],
        [2, 1],
        [2, 0],
      ] as const),
    ),
    { DeviceCount: 1n, VendorId: 0x15b3n, BaseClass: 2n, NumaAffinity: 1n, VirtualNumaNode: 1n },
  ),
  pciInterrupt,
  row(
    'pci',
    undefined,
    bytesOf([4, 0], [4, 0], [2, 0], [2, 1], [4, 0x4031], [8, 0xfee0_0000]),
    { Status: 'Success', VectorCount: 1n, MessageData: 0x4031n, MessageAddress: 0xfee0_0000n },
    pciInterrupt,
  ),
  row(
    'pci',
    undefined,
    bytesOf([4, 0], [4, 0xfff0_0000], ...Array.from({ length: 5 }, (): Piece => [4, 0])),
    { '[0]': 0xfff0_0000n, '[5]': 0n },
    pciRequirements,
  ),
  row('pci', undefined, bytesOf([4, 0xc000_0059]), { Status: 'RevisionMismatch' }, pciRequirements),
  fcData,
  row(
    'fc',
    'CompleteIo',
    bytesOf([4, 1], [4, 0], [4, 0], [1, 1], zeros(51)),
    { Status: 'Success', PrimaryActive: 1n },
    fcData,
  ),
  row('keyboard', 'Event', bytesOf([4, 3], [2, 0x1c], [2, 0], [4, 2]), {
    MakeCode: 0x1cn,
    Break: 1n,
    Unicode: 0n,
  }),
  row(
    'mouse',
    'InitialDeviceInfo',
    bytesOf(
      ...([
        [4, 2],
        [4, 108],
        [4, 32],
        [2, 0x45e],
        [2, 0x621],
        [2, 1],
      ] as const),
      zeros(22),
      Uint8Array.of(9, 0x21, 1, 1, 0, 1, 0x22, 67, 0),
      new Uint8Array(67).fill(5),
    ),
    { VendorId: 0x45en, DescriptorLength: 9n, ReportDescriptorLength: 67n },
  ),
  row('video', 'CapabilityResponse', bytesOf([4, 16], [4, 72], [4, 1], zeros(60)), {
    LockOnDisconnect: 1n,
  }),
  row('video', 'FeatureChange', bytesOf([4, 9], [4, 12], Uint8Array.of(1, 0, 1, 0)), {
    DirtNeeded: 'Yes',
    PointerPositionNeeded: 'No',
  }),
  row('balloon', 'BalloonResponse', bytesOf([2, 7], [2, 24], [4, 5], [4, 0], [4, 2], [8, 3]), {
    RangeCount: 1n,
    MorePages: 0n,
    StartPage: 3n,
  }),
  row('vss', 'Freeze', ic(5, 5, [1, 5], zeros(7), [4, 2], [4, 0], [4, 1], lun), {
    BackupType: 2n,
    LunCount: 1n,
    BusType: 'Scsi',
    TargetId: 1n,
    Lun: 4n,
  }),
  row('vss', 'CheckHotBackup', ic(5, 5, [1, 2], zeros(7), [4, 5]), {
    HotBackupPossible: 1n,
    NoAutoRecovery: 1n,
  }),
  row('kvp', 'GetIpInfo', ic(2, 5, [1, 4], [1, 0], [2, 0], [4, 1], zeros(20), '{x}', zeros(4700)), {
    Ipv4AddressCount: 1n,
    AdapterId: '{x}',
  }),
  row('kvp', 'GetIpInfo', ic(2, 4, [1, 4], [1, 0], '{y}', zeros(7420)), { AdapterId: '{y}' }),
  row('rdv', 'RemoteDesktop', ic(6, 3, zeros(8)), { MessageType: 'RemoteDesktop' }),
  row('rdp-control', 'VersionResponse', bytesOf([4, 2], [4, 9], [4, 1], [4, 0], [1, 1]), {
    Major: 1n,
    Accepted: 'Yes',
  }),
  row('vmbfs', 'ReadFileRequest', bytesOf([4, 5], [4, 0], [4, 64], [8, 512], 'dir\\f', [2, 0]), {
    ByteCount: 64n,
    FileOffset: 512n,
    Path: 'dir\\f',
  }),
  row('uart', 'TxDataAvailable', bytesOf([1, 1], [1, 1], [2, 2]), {
    MessageType: 'HostNotification',
  }),
  row(socketDeviceClassName, undefined, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), {
    DataLength: 8n,
  }),
];

describe('packets of every class', () => {
  for (const { classId, payload, operation, fields, request } of rows) {
    const kind = request === undefined ? PacketType.dataInBand : PacketType.completion;
    it(`${classId}: ${operation ?? 'without an operation'}${request ? ', completed' : ''}`, () => {
      const packet = packetOf(classId, kind, payload);
      const asked = request && packetOf(classId, PacketType.dataInBand, request.payload);
      const nodes = packetTree(packet, asked);
      checkFields(nodes, fields);
      checkCover(nodes, packet.bytes, classId);
      assert.equal(packetOperation(packet), operation);
    });
  }

  it('SCSI sense data, where the command was', () => {
    const sense = Uint8Array.of(0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 9, 0, 0, 0, 0, 0, 0);
    const srb = bytesOf([2, 52], Uint8Array.of(0x84, 2), zeros(12), sense, zeros(16));
    const answer = bytesOf([4, 1], [4, 0], [4, 0], srb);
    const ask = packetOf('scsi', PacketType.dataInBand, bytesOf([4, 3], zeros(60)));
    const nodes = packetTree(packetOf('scsi', PacketType.completion, answer), ask);
    checkFields(nodes, { SenseKey: 'UnitAttention', AdditionalSenseCode: 0x2an });
  });
});

const network = { classId: 'network' };
const rndis = (type: number, ...body: readonly Piece[]): Uint8Array => {
  const bytes = bytesOf(...body);
  return bytesOf([4, type], [4, 8 + bytes.length], bytes);
};
const frame = bytesOf(
  new Uint8Array(6).fill(0xff),
  new Uint8Array(6).fill(2),
  [2, 0x0608],
  zeros(46),
);

describe('messages of RNDIS in the memory that a packet names', () => {
  it('a packet with what accompanies it, and another behind it', () => {
    const infos = bytesOf(
      ...([
        [4, 16],
        [4, 0],
        [4, 12],
        [4, 0x0022_0015],
      ] as const),
      ...([
        [4, 16],
        [4, 6],
        [4, 12],
        [4, 0x63],
      ] as const),
    );
    const packet = rndis(
      RndisMessageType.packet,
      ...([
        [4, 68],
        [4, frame.length],
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 36],
        [4, 32],
      ] as const),
      ...([
        [4, 0],
        [4, 0],
      ] as const),
      infos,
      frame,
    );
    const bytes = bytesOf(packet, rndis(RndisMessageType.halt, [4, 9]));
    const nodes = memoryTree({ ...network, direction: 'to-parent' }, bytes);
    checkCover(nodes, bytes, 'RNDIS');
    checkFields(nodes, {
      MessageType: 'Halt',
      InfoType: 'Ieee8021q',
      TcpChecksum: 1n,
      TcpHeaderOffset: 34n,
      UserPriority: 3n,
      VlanId: 6n,
      EtherType: 0x0806n,
      RequestId: 9n,
    });
    const delivered = fieldsOf(memoryTree({ ...network, direction: 'to-guest' }, packet));
    assert.equal(delivered.get('IpChecksumFailed'), 1n, 'the other meaning of the same word');
  });

  it('what an object identifier asks for, in both directions', () => {
    const query = rndis(
      RndisMessageType.query,
      ...([
        [4, 2],
        [4, NdisOid.tcpOffloadHardwareCapabilities],
        [4, 4],
        [4, 20],
        [4, 0],
      ] as const),
      Uint8Array.of(0xa7, 1, 112, 0),
    );
    const asked = memoryTree({ ...network, direction: 'to-parent' }, query);
    checkCover(asked, query, 'query');
    checkFields(asked, { Oid: 'TcpOffloadHardwareCapabilities', ObjectType: 'Offload' });
    const answer = rndis(
      RndisMessageType.queryComplete,
      ...([
        [4, 2],
        [4, 0],
        [4, 4],
        [4, 16],
        [4, 10_000_000],
      ] as const),
    );
    const answered = memoryTree({ ...network, direction: 'to-guest' }, answer, (name) =>
      name === 'Request.Oid' ? BigInt(NdisOid.genLinkSpeed) : undefined,
    );
    checkFields(answered, { Status: 'Success', LinkSpeed100bps: 10_000_000n });
  });

  it('sets: scaling with its table and key, the name of the adapter’s address', () => {
    const scaling = bytesOf(
      Uint8Array.of(0x89, 2, 40, 0),
      ...([
        [2, 0],
        [2, 0],
        [4, 0x701],
        [2, 8],
        [2, 0],
        [4, 40],
        [2, 4],
        [2, 0],
        [4, 48],
      ] as const),
      ...([
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 1],
      ] as const),
      Uint8Array.of(1, 2, 3, 4),
    );
    const parameter = bytesOf(
      ...([
        [4, 20],
        [4, 28],
        [4, 2],
        [4, 48],
        [4, 24],
      ] as const),
      'NetworkAddress',
      '00155D010203',
    );
    const rowsOfSets = [
      [NdisOid.genReceiveScaleParameters, scaling, { Toeplitz: 1n, Ipv4: 1n, '[1]': 1n }],
      [NdisOid.genRndisConfigParameter, parameter, { Text: '00155D010203' }],
      [NdisOid.genCurrentPacketFilter, bytesOf([4, 0xd]), { Directed: 1n, Broadcast: 1n }],
    ] as const;
    for (const [oid, data, expected] of rowsOfSets) {
      const lengths = [
        [4, 3],
        [4, oid],
        [4, data.length],
        [4, 20],
        [4, 0],
      ] as const;
      const set = rndis(RndisMessageType.set, ...lengths, data);
      const nodes = memoryTree({ ...network, direction: 'to-parent' }, set);
      checkCover(nodes, set, `set 0x${oid.toString(16)}`);
      checkFields(nodes, expected);
    }
  });

  it('an indication of the link’s speed', () => {
    const bytes = rndis(7, [4, 0x4001_0013], [4, 4], [4, 12], [4, 100]);
    const nodes = memoryTree({ ...network, direction: 'to-guest' }, bytes);
    checkFields(nodes, { Status: 'LinkSpeedChange', LinkSpeed100bps: 100n });
  });
});

describe('offers', () => {
  const offer = (guid: string, flags: number, area: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(196);
    bytes.set(bytesOf([4, 1], [4, 0], Uint8Array.from(Buffer.from(guid, 'hex'))));
    bytes.set(bytesOf([2, flags]), 56);
    bytes.set(area, 60);
    return bytes;
  };
  const ide = '32264132cb86a2449b5c50d1417354f5';
  for (const [title, guid, flags, area, fields] of [
    ['of a pipe', '00'.repeat(16), 0x11, bytesOf([4, 4]), { PipeMode: 'Message' }],
    [
      'of an IDE accelerator',
      ide,
      1,
      bytesOf([2, 0], [1, 1], [1, 1]),
      { PathId: 1n, TargetId: 1n },
    ],
    ['of a socket', ide, 0x2011, bytesOf([4, 0], [1, 1]), { IsForGuestAccept: 'Yes' }],
  ] as const) {
    it(`${title}: the user-defined area`, () => {
      const payload = offer(guid, flags, area);
      const nodes = messageTree({ payload });
      checkFields(nodes, fields);
      checkCover(nodes, payload, title);
    });
  }
});

describe('any bytes, taken apart', () => {
  const seed = seedOf(60);
  const random = new SeededRandom(seed);
  const bytes = (length: number): Uint8Array => random.bytes(length);
  const classIds = [...deviceClasses.map(({ name }) => name), socketDeviceClassName, 'unknown'];
  const kinds = [...Object.values(PacketType), 0, 0xff];

  /** First words of messages that exist, or any. */
  function payloadOf(classId: string): Uint8Array {
    const own = rows.filter((each) => each.classId === classId);
    const valid = own[random.below(own.length + 1)]?.payload;
    const payload = valid?.slice() ?? bytes(random.below(200));
    for (let change = random.below(4); change > 0 && payload.length > 0; change--) {
      payload[random.below(payload.length)] = random.below(256);
    }
    return payload.subarray(0, payload.length - random.below(Math.min(12, payload.length + 1)));
  }

  it(`packets: every byte stands in one field, seed ${seed}`, function () {
    this.timeout(20_000);
    for (let round = 0; round < 2000; round++) {
      const classId = classIds[round % classIds.length] ?? '';
      const packetType = kinds[random.below(kinds.length)] ?? 0;
      const packet = packetOf(classId, packetType, payloadOf(classId));
      for (let change = random.below(3); change > 0; change--) {
        packet.bytes[random.below(16)] = random.below(256);
      }
      const kept = {
        ...packet,
        bytes: packet.bytes.slice(0, packet.bytes.length - random.below(9)),
      };
      const request = packetOf(classId, PacketType.dataInBand, payloadOf(classId));
      checkCover(packetTree(kept, request), kept.bytes, `${classId}, round ${round}`);
      packetValues(kept, request);
    }
  });

  it(`messages and memory: every byte stands in one field, seed ${seed}`, function () {
    this.timeout(20_000);
    const types = Object.values(RndisMessageType);
    const oids = Object.values(NdisOid);
    for (let round = 0; round < 1500; round++) {
      const message = channelMessages[random.below(channelMessages.length)];
      const payload = bytes(random.below(241));
      payload.set([message?.type ?? 0, 0, 0, 0].slice(0, payload.length));
      checkCover(messageTree({ payload }), payload, `${message?.name}, round ${round}`);
      const type = types[random.below(types.length)] ?? 0;
      const small = (): Piece => [4, random.below(64)];
      const oid = oids[random.below(oids.length)] ?? 0;
      const memory = bytesOf(
        rndis(type, small(), [4, oid], small(), small(), small(), small(), small(), bytes(80)),
        bytes(random.below(40)),
      );
      const direction = round % 2 === 0 ? 'to-parent' : 'to-guest';
      const request = (): bigint => BigInt(oid);
      checkCover(memoryTree({ classId: 'network', direction }, memory, request), memory, 'memory');
    }
  });

  it('every class of the reference has a protocol, or none is published', () => {
    const without = deviceClasses
      .map(({ name }) => name)
      .filter((name) => !deviceProtocolByClass.has(name));
    assert.deepEqual(without.sort(), [
      ...['activation', 'crash-dump', 'get', 'get-log', 'network-direct', 'rdp-data', 'smb'],
    ]);
  });
});
