// Table: protocols of a few messages: remote desktop control, VMBus file system, serial ports, sockets (openvmm vmbfs,
// vmbus_serial_protocol; Linux net/vmw_vsock/hyperv_transport.c 6.1; Mile.HyperV).
import { bits } from '../../support/bit-field';
import {
  bitsOfFlags,
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };
const majorMinor: FieldMeaning = {
  kind: 'bits',
  bits: [bits(15, 0, 'Major'), bits(31, 16, 'Minor')],
};
const yesNo: FieldMeaning = { kind: 'values', names: { 0: 'No', 1: 'Yes' } };

const body = (
  name: string,
  sizeBytes: number,
  fields: readonly StructField[],
  parts?: StructLayout['parts'],
): StructLayout => structLayout(name, fields, sizeBytes, parts);

const path: StructLayout['parts'] = [
  { kind: 'bytes', name: 'Path', length: { kind: 'rest' }, meaning: { kind: 'utf16' } },
];

/** Type of a message of remote desktop control. */
export const RdpControlMessageType = { error: 0, versionRequest: 1, versionResponse: 2 } as const;

export const rdpControlMessage = structLayout(
  'RdpControlMessage',
  [
    f('MessageType', 'u32', 0, namesOfValues(RdpControlMessageType)),
    f('MessageSize', 'u32', 4, count),
  ],
  8,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map([
        [
          RdpControlMessageType.versionRequest,
          body('VersionRequest', 8, [
            f('Version', 'u32', 0, majorMinor),
            f('Reserved', 'u32', 4, reserved),
          ]),
        ],
        [
          RdpControlMessageType.versionResponse,
          body('VersionResponse', 9, [
            f('Version', 'u32', 0, majorMinor),
            f('Reserved', 'u32', 4, reserved),
            f('Accepted', 'u8', 8, yesNo),
          ]),
        ],
      ]),
    },
  ],
);

/** Type of a message of the VMBus file system. */
export const VmbfsMessageType = {
  versionRequest: 1,
  versionResponse: 2,
  getFileInfoRequest: 3,
  getFileInfoResponse: 4,
  readFileRequest: 5,
  readFileResponse: 6,
  readFileRdmaRequest: 7,
  readFileRdmaResponse: 8,
} as const;

/** Status of an answer about a file. */
export const VmbfsStatus = { ok: 0, notFound: 1, endOfFile: 2, error: 3 } as const;

const fileFlag = { directory: 1, rdmaCapable: 2 } as const;

export const vmbfsMessage = structLayout(
  'VmbfsMessage',
  [f('MessageType', 'u32', 0, namesOfValues(VmbfsMessageType)), f('Reserved', 'u32', 4, reserved)],
  8,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map([
        [
          VmbfsMessageType.versionRequest,
          body('VersionRequest', 4, [
            f('Version', 'u32', 0, {
              kind: 'bits',
              bits: [bits(15, 0, 'Minor'), bits(31, 16, 'Major')],
            }),
          ]),
        ],
        [
          VmbfsMessageType.versionResponse,
          body('VersionResponse', 4, [
            f('Status', 'u32', 0, { kind: 'values', names: { 0: 'Supported', 1: 'Unsupported' } }),
          ]),
        ],
        [VmbfsMessageType.getFileInfoRequest, body('GetFileInfoRequest', 0, [], path)],
        [
          VmbfsMessageType.getFileInfoResponse,
          body('GetFileInfoResponse', 16, [
            f('Status', 'u32', 0, namesOfValues(VmbfsStatus)),
            f('Flags', 'u32', 4, bitsOfFlags(fileFlag)),
            f('FileSize', 'u64', 8, count),
          ]),
        ],
        [
          VmbfsMessageType.readFileRequest,
          body(
            'ReadFileRequest',
            12,
            [f('ByteCount', 'u32', 0, count), f('FileOffset', 'u64', 4, count)],
            path,
          ),
        ],
        [
          VmbfsMessageType.readFileResponse,
          body(
            'ReadFileResponse',
            4,
            [f('Status', 'u32', 0, namesOfValues(VmbfsStatus))],
            [{ kind: 'bytes', name: 'FileData', length: { kind: 'rest' } }],
          ),
        ],
      ]),
    },
  ],
);

/** Type of a message of a serial port. */
export const UartMessageType = {
  hostNotification: 1,
  hostRequest: 2,
  hostResponse: 3,
  guestNotification: 4,
} as const;

/** What a serial port tells the guest. */
export const UartHostNotification = { rxClear: 1, txDataAvailable: 2 } as const;

/** What the guest tells a serial port. */
export const UartGuestNotification = {
  rxDataAvailable: 1,
  setModemStatus: 2,
  txCompleted: 3,
} as const;

/** What a serial port asks the guest. */
export const UartRequest = { version: 1, getRxData: 2 } as const;

const ofId = (name: string, ids: Readonly<Record<string, number>>): StructLayout =>
  structLayout(name, [f('Id', 'u16', 0, namesOfValues(ids))], 2);

export const uartMessage = structLayout(
  'UartMessage',
  [f('HeaderVersion', 'u8', 0, count), f('MessageType', 'u8', 1, namesOfValues(UartMessageType))],
  2,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map([
        [UartMessageType.hostNotification, ofId('HostNotification', UartHostNotification)],
        [UartMessageType.hostRequest, ofId('HostRequest', UartRequest)],
        [UartMessageType.hostResponse, ofId('HostResponse', UartRequest)],
        [UartMessageType.guestNotification, ofId('GuestNotification', UartGuestNotification)],
      ]),
    },
  ],
);

/** What a socket carries, behind the pipe header; no bytes end the stream. */
export const socketData = structLayout('SocketData', [], 0, [
  { kind: 'bytes', name: 'StreamData', length: { kind: 'rest' } },
]);

/** User-defined area of the offer of a socket. */
export const socketOfferArea = structLayout(
  'SocketOfferArea',
  [
    f('PipeType', 'u32', 0),
    f('IsForGuestAccept', 'u8', 4, yesNo),
    f('IsForContainer', 'u8', 5, yesNo),
    f('Version', 'u32', 6, count),
    f('SiloId', { bytes: 16 }, 10, { kind: 'guid' }),
    f('Padding', { bytes: 2 }, 26, reserved),
  ],
  28,
);
