// Table: messages of synthetic networking (Linux drivers/net/hyperv/hyperv_net.h 6.1; openvmm netvsp protocol).
import { bit } from '../../support/bit-field';
import {
  bitsOfFlags,
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';
import { NdisOid, ndisObjectHeader } from './ndis';

/** Type of a message. */
export const NvspMessageType = {
  init: 1,
  initComplete: 2,
  sendNdisVersion: 100,
  sendReceiveBuffer: 101,
  sendReceiveBufferComplete: 102,
  revokeReceiveBuffer: 103,
  sendSendBuffer: 104,
  sendSendBufferComplete: 105,
  revokeSendBuffer: 106,
  sendRndisPacket: 107,
  sendRndisPacketComplete: 108,
  sendChimneyDelegatedBuffer: 109,
  sendChimneyDelegatedBufferComplete: 110,
  revokeChimneyDelegatedBuffer: 111,
  resumeChimneyReceiveIndication: 112,
  terminateChimney: 113,
  terminateChimneyComplete: 114,
  indicateChimneyEvent: 115,
  sendChimneyPacket: 116,
  sendChimneyPacketComplete: 117,
  postChimneyReceiveRequest: 118,
  postChimneyReceiveRequestComplete: 119,
  allocateReceiveBuffer: 120,
  allocateReceiveBufferComplete: 121,
  freeReceiveBuffer: 122,
  sendVmqRndisPacket: 123,
  sendVmqRndisPacketComplete: 124,
  sendNdisConfig: 125,
  allocateChimneyHandle: 126,
  allocateChimneyHandleComplete: 127,
  sendVfAssociation: 128,
  switchDataPath: 129,
  uplinkConnectState: 130,
  oidQueryEx: 131,
  oidQueryExComplete: 132,
  subChannel: 133,
  sendIndirectionTable: 134,
  pdApi: 135,
  pdPostBatch: 136,
} as const;

/** Versions, as InitComplete and Init have them. */
export const NvspVersion = {
  v1: 0x0000_0002,
  v2: 0x0003_0002,
  v4: 0x0004_0000,
  v5: 0x0005_0000,
  v6: 0x0006_0000,
  v6_1: 0x0006_0001,
} as const;

/** Status of a completion. */
export const NvspStatus = {
  none: 0,
  success: 1,
  failure: 2,
  protocolTooNew: 3,
  protocolTooOld: 4,
  invalidRndisPacket: 5,
  busy: 6,
  protocolUnsupported: 7,
  maximum: 8,
} as const;

/** ChannelType of a packet of RNDIS. */
export const NvspChannelType = { data: 0, control: 1 } as const;

/** Operation of a message for sub-channels. */
export const NvspSubChannelOperation = { allocate: 1 } as const;

/** Operation of a message for packet direct. */
export const NvspPdOperation = {
  configuration: 1,
  switchDataPath: 2,
  openProvider: 3,
  closeProvider: 4,
  createQueue: 5,
  flushQueue: 6,
  freeQueue: 7,
  allocateCommonBuffer: 8,
  freeCommonBuffer: 9,
} as const;

/** Capabilities in SendNdisConfig. */
export const ndisCapability = {
  vmq: 1 << 0,
  chimney: 1 << 1,
  sriov: 1 << 2,
  ieee8021q: 1 << 3,
  correlationId: 1 << 4,
  teaming: 1 << 5,
  virtualSubnetId: 1 << 6,
  rsc: 1 << 7,
} as const;

/** Section of a packet that does not lie in the send buffer. */
export const nvspSectionNone = 0xffff_ffff;

/** Bytes to which every completion is padded. */
export const nvspMessageBytes = 40;

const count: FieldMeaning = { kind: 'count' };
const status = namesOfValues(NvspStatus);
const version = namesOfValues(NvspVersion);

const body = (
  name: string,
  sizeBytes: number,
  fields: readonly StructField[],
  parts?: StructLayout['parts'],
): StructLayout => structLayout(name, fields, sizeBytes, parts);

const receiveBufferSection = structLayout(
  'ReceiveBufferSection',
  [
    f('Offset', 'u32', 0, count),
    f('SubAllocationSize', 'u32', 4, count),
    f('SubAllocationCount', 'u32', 8, count),
    f('EndOffset', 'u32', 12, count),
  ],
  16,
);

const T = NvspMessageType;

const batchBuffer = structLayout(
  'BatchBuffer',
  [
    f('RegionOffset', 'u32', 0, count),
    f('RegionId', 'u16', 4),
    f('BufferFlags', 'u16', 6, { kind: 'bits', bits: [bit(0, 'Partial')] }),
  ],
  8,
);

const tableEntry = structLayout('TableEntry', [f('ChannelIndex', 'u32', 0, count)], 4);

/** Where the type ends, from which offsets in a body do not count. */
const typeBytes = 4;

/** Bodies behind {@link nvspMessage}. */
const bodies: ReadonlyMap<number, StructLayout> = new Map([
  [
    T.init,
    body('Init', 8, [
      f('MinimumVersion', 'u32', 0, version),
      f('MaximumVersion', 'u32', 4, version),
    ]),
  ],
  [
    T.initComplete,
    body('InitComplete', 12, [
      f('NegotiatedVersion', 'u32', 0, version),
      f('MaximumMdlChainLength', 'u32', 4, count),
      f('Status', 'u32', 8, status),
    ]),
  ],
  [
    T.sendNdisVersion,
    body('SendNdisVersion', 8, [f('Major', 'u32', 0, count), f('Minor', 'u32', 4, count)]),
  ],
  [T.sendReceiveBuffer, body('SendReceiveBuffer', 6, [f('Gpadl', 'u32', 0), f('Id', 'u16', 4)])],
  [
    T.sendReceiveBufferComplete,
    body(
      'SendReceiveBufferComplete',
      8,
      [f('Status', 'u32', 0, status), f('SectionCount', 'u32', 4, count)],
      [
        {
          kind: 'elements',
          name: 'Sections',
          element: receiveBufferSection,
          count: { kind: 'field', field: 'SectionCount' },
        },
      ],
    ),
  ],
  [T.revokeReceiveBuffer, body('RevokeReceiveBuffer', 2, [f('Id', 'u16', 0)])],
  [T.sendSendBuffer, body('SendSendBuffer', 6, [f('Gpadl', 'u32', 0), f('Id', 'u16', 4)])],
  [
    T.sendSendBufferComplete,
    body('SendSendBufferComplete', 8, [
      f('Status', 'u32', 0, status),
      f('SectionSize', 'u32', 4, count),
    ]),
  ],
  [T.revokeSendBuffer, body('RevokeSendBuffer', 2, [f('Id', 'u16', 0)])],
  [
    T.sendRndisPacket,
    body('SendRndisPacket', 12, [
      f('ChannelType', 'u32', 0, namesOfValues(NvspChannelType)),
      f('SendBufferSectionIndex', 'u32', 4, {
        kind: 'values',
        names: { [nvspSectionNone]: 'None' },
      }),
      f('SendBufferSectionSize', 'u32', 8, count),
    ]),
  ],
  [T.sendRndisPacketComplete, body('SendRndisPacketComplete', 4, [f('Status', 'u32', 0, status)])],
  [
    T.sendNdisConfig,
    body('SendNdisConfig', 16, [
      f('Mtu', 'u32', 0, count),
      f('Reserved', 'u32', 4, { kind: 'reserved' }),
      f('Capabilities', 'u64', 8, bitsOfFlags(ndisCapability)),
    ]),
  ],
  [
    T.sendVfAssociation,
    body('SendVfAssociation', 8, [
      f('Allocated', 'u32', 0, count),
      f('SerialNumber', 'u32', 4, count),
    ]),
  ],
  [
    T.switchDataPath,
    body('SwitchDataPath', 4, [
      f('ActiveDataPath', 'u32', 0, { kind: 'values', names: { 0: 'Synthetic', 1: 'Vf' } }),
    ]),
  ],
  [
    T.oidQueryEx,
    body('OidQueryEx', 8, [...ndisObjectHeader.fields, f('Oid', 'u32', 4, namesOfValues(NdisOid))]),
  ],
  [
    T.oidQueryExComplete,
    body('OidQueryExComplete', 8, [
      f('Status', 'u32', 0, status),
      f('BytesWritten', 'u32', 4, count),
    ]),
  ],
  [
    T.subChannel,
    body('SubChannel', 8, [
      f('SubChannelOperation', 'u32', 0, namesOfValues(NvspSubChannelOperation)),
      f('SubChannelCount', 'u32', 4, count),
    ]),
  ],
  [
    T.sendIndirectionTable,
    body(
      'SendIndirectionTable',
      8,
      [f('TableEntryCount', 'u32', 0, count), f('TableOffset', 'u32', 4, count)],
      [
        {
          kind: 'placed',
          name: 'Table',
          at: 'TableOffset',
          base: -typeBytes,
          length: { kind: 'rest' },
          layout: structLayout('Table', [], 0, [
            {
              kind: 'elements',
              name: 'Entries',
              element: tableEntry,
              count: { kind: 'field', field: 'TableEntryCount' },
            },
          ]),
        },
      ],
    ),
  ],
  [T.pdApi, body('PdApi', 4, [f('PdOperation', 'u32', 0, namesOfValues(NvspPdOperation))])],
  [
    T.pdPostBatch,
    body(
      'PdPostBatch',
      4,
      [
        f('BufferCount', 'u16', 0, count),
        f('BatchFlags', 'u16', 2, {
          kind: 'bits',
          bits: [bit(0, 'GuestToHost'), bit(1, 'Receive')],
        }),
      ],
      [
        {
          kind: 'elements',
          name: 'Buffers',
          element: batchBuffer,
          count: { kind: 'field', field: 'BufferCount' },
        },
      ],
    ),
  ],
]);

/** What is different in completions. */
const completionBodies: ReadonlyMap<number, StructLayout> = new Map([
  [
    T.subChannel,
    body('SubChannelComplete', 8, [
      f('Status', 'u32', 0, status),
      f('SubChannelCount', 'u32', 4, count),
    ]),
  ],
]);

const message = (name: string, cases: ReadonlyMap<number, StructLayout>): StructLayout =>
  structLayout(name, [f('MessageType', 'u32', 0, namesOfValues(NvspMessageType))], 4, [
    { kind: 'choice', by: 'MessageType', cases },
  ]);

/** What every message begins with that is no completion. */
export const nvspMessage = message('NvspMessage', bodies);

/** What every completion begins with. */
export const nvspCompletion = message('NvspCompletion', new Map([...bodies, ...completionBodies]));
