// Table: messages of dynamic memory (Linux drivers/hv/hv_balloon.c 6.1).
import { bit, bits } from '../../support/bit-field';
import {
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructLayout,
} from '../../support/struct-layout';

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };

/** Type of a message of dynamic memory. */
export const BalloonMessageType = {
  versionRequest: 1,
  versionResponse: 2,
  capabilities: 3,
  capabilitiesResponse: 4,
  status: 5,
  balloonRequest: 6,
  balloonResponse: 7,
  unballoonRequest: 8,
  unballoonResponse: 9,
  hotAddRequest: 10,
  hotAddResponse: 11,
  info: 12,
} as const;

const pageRange: FieldMeaning = {
  kind: 'bits',
  bits: [bits(39, 0, 'StartPage'), bits(63, 40, 'PageCount')],
};

export const balloonRange = structLayout('PageRange', [f('Range', 'u64', 0, pageRange)], 8);

const accepted: FieldMeaning = { kind: 'bits', bits: [bit(0, 'Accepted')] };

/** Bodies behind {@link balloonHeader}. */
export const balloonBodies: ReadonlyMap<number, StructLayout> = new Map([
  [
    BalloonMessageType.versionRequest,
    structLayout(
      'BalloonVersionRequest',
      [
        f('Version', 'u32', 0, {
          kind: 'bits',
          bits: [bits(15, 0, 'Minor'), bits(31, 16, 'Major')],
        }),
        f('Flags', 'u32', 4, { kind: 'bits', bits: [bit(0, 'IsLastAttempt')] }),
      ],
      8,
    ),
  ],
  [
    BalloonMessageType.versionResponse,
    structLayout('BalloonVersionResponse', [f('Flags', 'u64', 0, accepted)], 8),
  ],
  [
    BalloonMessageType.capabilities,
    structLayout(
      'BalloonCapabilities',
      [
        f('Capabilities', 'u64', 0, {
          kind: 'bits',
          bits: [bit(0, 'Balloon'), bit(1, 'HotAdd'), bits(5, 2, 'HotAddAlignment')],
        }),
        f('MinimumPageCount', 'u64', 8, count),
        f('MaximumPageNumber', 'u64', 16),
      ],
      24,
    ),
  ],
  [
    BalloonMessageType.capabilitiesResponse,
    structLayout('BalloonCapabilitiesResponse', [f('Flags', 'u64', 0, accepted)], 8),
  ],
  [
    BalloonMessageType.status,
    structLayout(
      'BalloonStatus',
      [
        f('AvailablePages', 'u64', 0, count),
        f('CommittedPages', 'u64', 8, count),
        f('PageFileSize', 'u64', 16, count),
        f('ZeroFreePages', 'u64', 24, count),
        f('PageFileWrites', 'u32', 32, count),
        f('IoDifference', 'u32', 36, count),
      ],
      40,
    ),
  ],
  [
    BalloonMessageType.balloonRequest,
    structLayout(
      'BalloonRequest',
      [f('PageCount', 'u32', 0, count), f('Reserved', 'u32', 4, reserved)],
      8,
    ),
  ],
  [
    BalloonMessageType.balloonResponse,
    structLayout(
      'BalloonResponse',
      [
        f('Reserved', 'u32', 0, reserved),
        f('RangeInformation', 'u32', 4, {
          kind: 'bits',
          bits: [bit(0, 'MorePages'), bits(31, 1, 'RangeCount')],
        }),
      ],
      8,
      [{ kind: 'elements', name: 'Ranges', element: balloonRange, count: { kind: 'rest' } }],
    ),
  ],
  [
    BalloonMessageType.unballoonRequest,
    structLayout(
      'UnballoonRequest',
      [
        f('Flags', 'u32', 0, { kind: 'bits', bits: [bit(0, 'MorePages')] }),
        f('RangeCount', 'u32', 4, count),
      ],
      8,
      [
        {
          kind: 'elements',
          name: 'Ranges',
          element: balloonRange,
          count: { kind: 'field', field: 'RangeCount' },
        },
      ],
    ),
  ],
  [
    BalloonMessageType.hotAddRequest,
    structLayout('HotAddRequest', [f('Range', 'u64', 0, pageRange)], 8, [
      {
        kind: 'appended',
        layout: structLayout('HotAddRegion', [f('Region', 'u64', 0, pageRange)], 8),
      },
    ]),
  ],
  [
    BalloonMessageType.hotAddResponse,
    structLayout(
      'HotAddResponse',
      [f('PageCount', 'u32', 0, count), f('Result', 'u32', 4, count)],
      8,
    ),
  ],
  [
    BalloonMessageType.info,
    structLayout(
      'BalloonInfo',
      [
        f('Reserved', 'u32', 0, reserved),
        f('InfoSize', 'u32', 4, count),
        f('InfoType', 'u32', 8, { kind: 'values', names: { 0: 'MaximumPageCount' } }),
        f('DataSize', 'u32', 12, count),
        f('MaximumPageCount', 'u64', 16, count),
      ],
      24,
    ),
  ],
]);

/** Head of a message of dynamic memory; no pipe header before it. */
export const balloonHeader = structLayout(
  'BalloonHeader',
  [
    f('MessageType', 'u16', 0, namesOfValues(BalloonMessageType)),
    /** Bytes of the whole message. */
    f('MessageSize', 'u16', 2, count),
    f('TransactionId', 'u32', 4, count),
  ],
  8,
  [{ kind: 'choice', by: 'MessageType', cases: balloonBodies }],
);
