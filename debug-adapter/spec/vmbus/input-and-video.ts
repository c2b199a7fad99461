// Table: messages of the synthetic keyboard, mouse and video (Linux hyperv-keyboard.c, hid-hyperv.c, hyperv_fb.c 6.1; openvmm uidevices).
import { bit, bits } from '../../support/bit-field';
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
const signed: FieldMeaning = { kind: 'signed' };
const reserved: FieldMeaning = { kind: 'reserved' };
const accepted: FieldMeaning = { kind: 'bits', bits: [bit(0, 'Accepted')] };
const yesNo: FieldMeaning = { kind: 'values', names: { 0: 'No', 1: 'Yes' } };

const body = (
  name: string,
  sizeBytes: number,
  fields: readonly StructField[],
  parts?: StructLayout['parts'],
): StructLayout => structLayout(name, fields, sizeBytes, parts);

/** Type of a keyboard's message. */
export const KeyboardMessageType = {
  protocolRequest: 1,
  protocolResponse: 2,
  event: 3,
  ledIndicators: 4,
} as const;

/** Flags of a keystroke. */
export const keystrokeFlag = { unicode: 1, break: 2, e0: 4, e1: 8 } as const;

/** What every message of a keyboard begins with; no pipe header before it. */
export const keyboardMessage = structLayout(
  'KeyboardMessage',
  [f('MessageType', 'u32', 0, namesOfValues(KeyboardMessageType))],
  4,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map([
        [
          KeyboardMessageType.protocolRequest,
          body('ProtocolRequest', 4, [
            f('Version', 'u32', 0, {
              kind: 'bits',
              bits: [bits(15, 0, 'Minor'), bits(31, 16, 'Major')],
            }),
          ]),
        ],
        [
          KeyboardMessageType.protocolResponse,
          body('ProtocolResponse', 4, [f('Status', 'u32', 0, accepted)]),
        ],
        [
          KeyboardMessageType.event,
          body('Keystroke', 8, [
            f('MakeCode', 'u16', 0),
            f('Reserved', 'u16', 2, reserved),
            f('Flags', 'u32', 4, bitsOfFlags(keystrokeFlag)),
          ]),
        ],
        [
          KeyboardMessageType.ledIndicators,
          body('LedIndicators', 4, [f('LedFlags', 'u16', 0), f('Reserved', 'u16', 2, reserved)]),
        ],
      ]),
    },
  ],
);

/** Type of a mouse's message. */
export const MouseMessageType = {
  protocolRequest: 0,
  protocolResponse: 1,
  initialDeviceInfo: 2,
  initialDeviceInfoAck: 3,
  inputReport: 4,
} as const;

/** HID descriptor (USB HID 1.11, 6.2.1). */
const hidDescriptor = structLayout(
  'HidDescriptor',
  [
    f('DescriptorLength', 'u8', 0, count),
    f('DescriptorType', 'u8', 1),
    f('HidVersion', 'u16', 2),
    f('CountryCode', 'u8', 4, count),
    f('DescriptorCount', 'u8', 5, count),
    f('ReportDescriptorType', 'u8', 6),
    f('ReportDescriptorLength', 'u16', 7, count),
  ],
  9,
);

/** What every message of a mouse begins with, behind the pipe header. */
export const mouseMessage = structLayout(
  'MouseMessage',
  [
    f('MessageType', 'u32', 0, namesOfValues(MouseMessageType)),
    /** Bytes behind this word. */
    f('MessageSize', 'u32', 4, count),
  ],
  8,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map<number, StructLayout>([
        [MouseMessageType.protocolRequest, body('ProtocolRequest', 4, [f('Version', 'u32', 0)])],
        [
          MouseMessageType.protocolResponse,
          body('ProtocolResponse', 5, [f('Version', 'u32', 0), f('Approved', 'u8', 4, yesNo)]),
        ],
        [
          MouseMessageType.initialDeviceInfo,
          body(
            'InitialDeviceInfo',
            41,
            [
              f('AttributesSize', 'u32', 0, count),
              f('VendorId', 'u16', 4),
              f('ProductId', 'u16', 6),
              f('VersionNumber', 'u16', 8),
              f('Reserved', { bytes: 22 }, 10, reserved),
              f('HidDescriptor', { bytes: 9 }, 32, { kind: 'structure', layout: hidDescriptor }),
            ],
            [{ kind: 'bytes', name: 'ReportDescriptor', length: { kind: 'rest' } }],
          ),
        ],
        [
          MouseMessageType.initialDeviceInfoAck,
          body('InitialDeviceInfoAck', 1, [f('Reserved', 'u8', 0, reserved)]),
        ],
        [
          MouseMessageType.inputReport,
          body('InputReport', 7, [
            f('Buttons', 'u8', 0),
            f('X', 'u16', 1, count),
            f('Y', 'u16', 3, count),
            f('Wheel', 'u16', 5, signed),
          ]),
        ],
      ]),
    },
  ],
);

/** Type of a message of synthetic video. */
export const VideoMessageType = {
  error: 0,
  versionRequest: 1,
  versionResponse: 2,
  vramLocation: 3,
  vramLocationAck: 4,
  situationUpdate: 5,
  situationUpdateAck: 6,
  pointerPosition: 7,
  pointerShape: 8,
  featureChange: 9,
  dirt: 10,
  biosInfoRequest: 11,
  biosInfoResponse: 12,
  supportedResolutionsRequest: 13,
  supportedResolutionsResponse: 14,
  capabilityRequest: 15,
  capabilityResponse: 16,
} as const;

const videoVersion: FieldMeaning = {
  kind: 'bits',
  bits: [bits(15, 0, 'Major'), bits(31, 16, 'Minor')],
};

const videoOutput = structLayout(
  'VideoOutput',
  [
    f('Active', 'u8', 0, yesNo),
    f('VramOffset', 'u32', 1),
    f('DepthBits', 'u8', 5, count),
    f('Width', 'u32', 6, count),
    f('Height', 'u32', 10, count),
    f('PitchBytes', 'u32', 14, count),
  ],
  18,
);

const rectangle = structLayout(
  'Rectangle',
  [
    f('X1', 'u32', 0, signed),
    f('Y1', 'u32', 4, signed),
    f('X2', 'u32', 8, signed),
    f('Y2', 'u32', 12, signed),
  ],
  16,
);

const resolution = structLayout(
  'Resolution',
  [f('Width', 'u16', 0, count), f('Height', 'u16', 2, count)],
  4,
);

const context = f('UserContext', 'u64', 0);

/** What every message of video begins with, behind the pipe header; its size is not to be relied on. */
export const videoMessage = structLayout(
  'VideoMessage',
  [f('MessageType', 'u32', 0, namesOfValues(VideoMessageType)), f('MessageSize', 'u32', 4, count)],
  8,
  [
    {
      kind: 'choice',
      by: 'MessageType',
      cases: new Map<number, StructLayout>([
        [
          VideoMessageType.versionRequest,
          body('VersionRequest', 4, [f('Version', 'u32', 0, videoVersion)]),
        ],
        [
          VideoMessageType.versionResponse,
          body('VersionResponse', 6, [
            f('Version', 'u32', 0, videoVersion),
            f('Accepted', 'u8', 4, yesNo),
            f('MaximumOutputs', 'u8', 5, count),
          ]),
        ],
        [
          VideoMessageType.vramLocation,
          body('VramLocation', 17, [
            context,
            f('IsGpaSpecified', 'u8', 8, yesNo),
            f('VramGpa', 'u64', 9),
          ]),
        ],
        [VideoMessageType.vramLocationAck, body('VramLocationAck', 8, [context])],
        [
          VideoMessageType.situationUpdate,
          body(
            'SituationUpdate',
            9,
            [context, f('OutputCount', 'u8', 8, count)],
            [
              {
                kind: 'elements',
                name: 'Outputs',
                element: videoOutput,
                count: { kind: 'field', field: 'OutputCount' },
              },
            ],
          ),
        ],
        [VideoMessageType.situationUpdateAck, body('SituationUpdateAck', 8, [context])],
        [
          VideoMessageType.pointerPosition,
          body('PointerPosition', 10, [
            f('Visible', 'u8', 0, yesNo),
            f('Output', 'u8', 1, count),
            f('X', 'u32', 2, signed),
            f('Y', 'u32', 6, signed),
          ]),
        ],
        [
          VideoMessageType.pointerShape,
          body(
            'PointerShape',
            18,
            [
              f('PartIndex', 'u8', 0),
              f('IsArgb', 'u8', 1, yesNo),
              f('Width', 'u32', 2, count),
              f('Height', 'u32', 6, count),
              f('HotX', 'u32', 10, count),
              f('HotY', 'u32', 14, count),
            ],
            [{ kind: 'bytes', name: 'Pixels', length: { kind: 'rest' } }],
          ),
        ],
        [
          VideoMessageType.featureChange,
          body(
            'FeatureChange',
            4,
            [
              f('DirtNeeded', 'u8', 0, yesNo),
              f('PointerPositionNeeded', 'u8', 1, yesNo),
              f('PointerShapeNeeded', 'u8', 2, yesNo),
              f('SituationNeeded', 'u8', 3, yesNo),
            ],
            [
              {
                kind: 'appended',
                layout: structLayout('Edid', [f('Edid', { bytes: 128 }, 0)], 128),
              },
            ],
          ),
        ],
        [
          VideoMessageType.dirt,
          body(
            'Dirt',
            2,
            [f('Output', 'u8', 0, count), f('RectangleCount', 'u8', 1, count)],
            [
              {
                kind: 'elements',
                name: 'Rectangles',
                element: rectangle,
                count: { kind: 'field', field: 'RectangleCount' },
              },
            ],
          ),
        ],
        [
          VideoMessageType.biosInfoResponse,
          body('BiosInfoResponse', 16, [
            f('VmGeneration', 'u32', 0, count),
            f('Reserved1', 'u32', 4, reserved),
            f('Reserved2', 'u64', 8, reserved),
          ]),
        ],
        [
          VideoMessageType.capabilityResponse,
          body('CapabilityResponse', 64, [
            f('Capabilities', 'u32', 0, { kind: 'bits', bits: [bit(0, 'LockOnDisconnect')] }),
            f('Reserved', { bytes: 60 }, 4, reserved),
          ]),
        ],
        [
          VideoMessageType.supportedResolutionsRequest,
          body('SupportedResolutionsRequest', 1, [f('MaximumCount', 'u8', 0, count)]),
        ],
        [
          VideoMessageType.supportedResolutionsResponse,
          body(
            'SupportedResolutionsResponse',
            131,
            [
              f('Edid', { bytes: 128 }, 0),
              f('ResolutionCount', 'u8', 128, count),
              f('DefaultIndex', 'u8', 129, count),
              f('IsStandard', 'u8', 130, yesNo),
            ],
            [
              {
                kind: 'elements',
                name: 'Resolutions',
                element: resolution,
                count: { kind: 'field', field: 'ResolutionCount' },
              },
            ],
          ),
        ],
      ]),
    },
  ],
);
