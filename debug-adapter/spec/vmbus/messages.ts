// Table: VMBus channel messages, as Linux include/linux/hyperv.h (6.1) and openvmm vmbus_core/src/protocol.rs lay them out.
import { bit } from '../../support/bit-field';
import {
  bitsOfFlags,
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructLayout,
  type StructPart,
} from '../../support/struct-layout';

import { gpaRange, pageFrame } from './packets';

/** Type of a synthetic message that carries a channel message (HvCallPostMessage, message slot). */
export const channelMessageSynicType = 1;

/** Source of synthetic interrupts that VMBus uses on every processor (VMBUS_MESSAGE_SINT). */
export const channelMessageSint = 2;

/** Most bytes of a channel message: the payload of a synthetic message. */
export const channelMessageBytesMax = 240;

/** Connections that are not of one channel. */
export const VmbusConnectionId = {
  /** Channel messages before version 5.0. */
  messages: 1,
  /** The event connection that all channels of version 0.13 share. */
  events: 2,
  /** Monitored notifications; never given to a hypercall. */
  monitor: 3,
  /** InitiateContact from version 5.0 on; VersionResponse says what the messages after it use. */
  messages4: 4,
} as const;

/** Types of channel messages: the first word of each. */
export const ChannelMessageType = {
  invalid: 0,
  offerChannel: 1,
  rescindChannelOffer: 2,
  requestOffers: 3,
  allOffersDelivered: 4,
  openChannel: 5,
  openChannelResult: 6,
  closeChannel: 7,
  gpadlHeader: 8,
  gpadlBody: 9,
  gpadlCreated: 10,
  gpadlTeardown: 11,
  gpadlTorndown: 12,
  relIdReleased: 13,
  initiateContact: 14,
  versionResponse: 15,
  unload: 16,
  unloadResponse: 17,
  openReservedChannel: 18,
  closeReservedChannel: 19,
  closeReservedChannelResponse: 20,
  tlConnectRequest: 21,
  modifyChannel: 22,
  tlConnectResult: 23,
  modifyChannelResponse: 24,
  modifyConnection: 25,
  modifyConnectionResponse: 26,
  pause: 27,
  pauseResponse: 28,
  resume: 29,
} as const;

/** Protocol versions: major << 16 | minor. */
export const VmbusVersion = {
  v0_13: 0x0000_000d,
  v1_1: 0x0001_0001,
  v2_4: 0x0002_0004,
  v3_0: 0x0003_0000,
  v4_0: 0x0004_0000,
  v4_1: 0x0004_0001,
  v5_0: 0x0005_0000,
  v5_1: 0x0005_0001,
  v5_2: 0x0005_0002,
  v5_3: 0x0005_0003,
  v6_0: 0x0006_0000,
} as const;

/** `5.3` for 0x50003. */
export function vmbusVersionText(version: number): string {
  return `${version >>> 16}.${version & 0xffff}`;
}

/** Channel flags of an offer. */
export const channelFlag = {
  enumerateDeviceInterface: 0x0001,
  /** From version 6.0 on: the ring is confidential, which a plain host must not say. */
  confidentialRing: 0x0002,
  /** From version 6.0 on: external memory is confidential, which a plain host must not say. */
  confidentialExternalMemory: 0x0004,
  /** From version 6.0 on with the feature GpaPinning. */
  requiresPinnedMemory: 0x0008,
  namedPipeMode: 0x0010,
  loopbackOffer: 0x0100,
  parentOffer: 0x0200,
  requestMonitoredNotification: 0x0400,
  /** A socket: the class is a service, the instance a connection. */
  tlnpiProvider: 0x2000,
} as const;

/** Feature flags of version 6.0. */
export const vmbusFeature = {
  guestSpecifiedSignalParameters: 0x01,
  channelInterruptRedirection: 0x02,
  modifyConnection: 0x04,
  clientId: 0x08,
  confidentialChannels: 0x10,
  pauseResume: 0x20,
  serverSpecifiedMonitorPages: 0x40,
  gpaPinning: 0x80,
} as const;

/** First u32 of the user-defined area of a pipe offer. */
export const PipeMode = { byte: 0, message: 4 } as const;

/** User-defined area of the offer of a pipe; the bytes behind it are the device's. */
export const pipeOfferArea = structLayout(
  'PipeOfferArea',
  [f('PipeMode', 'u32', 0, namesOfValues(PipeMode))],
  4,
);

/** Value of a target processor that stands for none: the channel raises no interrupts. */
export const targetVpNone = 0xffff_ffff;

/** Relation ids that have an event flag: 1 to this. */
export const channelRelIdMax = 2047;

/** Status words; others are failures too, and Linux treats all the same. */
export const VmbusStatus = { success: 0, failure: 0x8000_ffff } as const;

/** TlConnectResult: STATUS_CONNECTION_REFUSED. */
export const tlConnectionRefused = 0xc000_0236;

/** VersionResponse and ModifyConnectionResponse: state of the connection. */
export const VmbusConnectionState = { successful: 0, lowResources: 1, unknownFailure: 2 } as const;

const guid: FieldMeaning = { kind: 'guid' };
const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };
const status: FieldMeaning = namesOfValues(VmbusStatus);
const version: FieldMeaning = {
  kind: 'values',
  names: Object.fromEntries(
    Object.values(VmbusVersion).map((value) => [value, vmbusVersionText(value)]),
  ),
};
const connectionState: FieldMeaning = namesOfValues(VmbusConnectionState);
const features: FieldMeaning = bitsOfFlags(vmbusFeature);
const processor: FieldMeaning = { kind: 'values', names: { [targetVpNone]: 'none' } };

const header = [
  f('MessageType', 'u32', 0, namesOfValues(ChannelMessageType)),
  f('Padding', 'u32', 4, reserved),
];

const layoutOf = (
  name: string,
  fields: Parameters<typeof structLayout>[1],
  sizeBytes: number,
  parts: readonly StructPart[] = [],
): StructLayout => structLayout(name, [...header, ...fields], sizeBytes, parts);

/** What all channel messages begin with. */
export const channelMessageHeader = layoutOf('ChannelMessageHeader', [], 8);

export const offerChannel = layoutOf(
  'OfferChannel',
  [
    f('InterfaceType', { bytes: 16 }, 8, guid),
    f('InterfaceInstance', { bytes: 16 }, 24, guid),
    f('InterruptLatency100ns', 'u64', 40, count),
    f('Reserved1', 'u64', 48, reserved),
    f('ChannelFlags', 'u16', 56, bitsOfFlags(channelFlag)),
    f('MmioMegabytes', 'u16', 58, count),
    f('UserDefined', { bytes: 120 }, 60),
    f('SubChannelIndex', 'u16', 180, count),
    f('Reserved2', 'u16', 182, reserved),
    f('ChildRelId', 'u32', 184, count),
    f('MonitorId', 'u8', 188, count),
    f('MonitorFlags', 'u8', 189, { kind: 'bits', bits: [bit(0, 'MonitorAllocated')] }),
    f('InterruptFlags', 'u16', 190, { kind: 'bits', bits: [bit(0, 'IsDedicatedInterrupt')] }),
    f('ConnectionId', 'u32', 192),
  ],
  196,
);

export const rescindChannelOffer = layoutOf(
  'RescindChannelOffer',
  [f('ChildRelId', 'u32', 8, count)],
  12,
);

export const requestOffers = layoutOf('RequestOffers', [], 8);

export const allOffersDelivered = layoutOf('AllOffersDelivered', [], 8);

/** What version 6.0 appends to OpenChannel (openvmm: OpenChannel2). */
export const openChannelTail = structLayout(
  'OpenChannel2',
  [
    f('EventConnectionId', 'u32', 0),
    f('EventFlag', 'u16', 4, count),
    f('Flags', 'u16', 6, { kind: 'bits', bits: [bit(0, 'RedirectInterrupt')] }),
  ],
  8,
);

export const openChannel = layoutOf(
  'OpenChannel',
  [
    f('ChildRelId', 'u32', 8, count),
    f('OpenId', 'u32', 12, count),
    f('RingBufferGpadl', 'u32', 16),
    f('TargetVp', 'u32', 20, processor),
    f('DownstreamRingPageOffset', 'u32', 24, count),
    f('UserData', { bytes: 120 }, 28),
  ],
  148,
  [{ kind: 'appended', layout: openChannelTail }],
);

export const openChannelResult = layoutOf(
  'OpenChannelResult',
  [f('ChildRelId', 'u32', 8, count), f('OpenId', 'u32', 12, count), f('Status', 'u32', 16, status)],
  20,
);

export const closeChannel = layoutOf('CloseChannel', [f('ChildRelId', 'u32', 8, count)], 12);

export const gpadlHeader = layoutOf(
  'GpadlHeader',
  [
    f('ChildRelId', 'u32', 8, count),
    f('Gpadl', 'u32', 12),
    /** Bytes of all ranges, those in the bodies included. */
    f('RangeBufferLength', 'u16', 16, count),
    f('RangeCount', 'u16', 18, count),
  ],
  20,
  [
    {
      kind: 'elements',
      name: 'Ranges',
      element: gpaRange,
      count: { kind: 'field', field: 'RangeCount' },
    },
  ],
);

export const gpadlBody = layoutOf(
  'GpadlBody',
  [f('MessageNumber', 'u32', 8, count), f('Gpadl', 'u32', 12)],
  16,
  [{ kind: 'elements', name: 'Pages', element: pageFrame, count: { kind: 'rest' } }],
);

export const gpadlCreated = layoutOf(
  'GpadlCreated',
  [f('ChildRelId', 'u32', 8, count), f('Gpadl', 'u32', 12), f('Status', 'u32', 16, status)],
  20,
);

export const gpadlTeardown = layoutOf(
  'GpadlTeardown',
  [f('ChildRelId', 'u32', 8, count), f('Gpadl', 'u32', 12)],
  16,
);

export const gpadlTorndown = layoutOf('GpadlTorndown', [f('Gpadl', 'u32', 8)], 12);

export const relIdReleased = layoutOf('RelIdReleased', [f('ChildRelId', 'u32', 8, count)], 12);

/** What version 6.0 appends to InitiateContact with the feature ClientId (openvmm: InitiateContact2). */
export const initiateContactTail = structLayout(
  'InitiateContact2',
  [f('ClientId', { bytes: 16 }, 0, guid)],
  16,
);

/** InitiateContact before version 5.0. */
export const initiateContactLegacy = layoutOf(
  'InitiateContact',
  [
    f('VersionRequested', 'u32', 8, version),
    f('TargetMessageVp', 'u32', 12, count),
    f('InterruptPage', 'u64', 16),
    f('ParentToChildMonitorPage', 'u64', 24),
    f('ChildToParentMonitorPage', 'u64', 32),
  ],
  40,
);

/** InitiateContact from version 5.0 on: the interrupt page made room for the target. */
export const initiateContact = layoutOf(
  'InitiateContact',
  [
    f('VersionRequested', 'u32', 8, version),
    f('TargetMessageVp', 'u32', 12, count),
    f('TargetSint', 'u8', 16, count),
    f('TargetVtl', 'u8', 17, count),
    f('Reserved', 'u16', 18, reserved),
    f('FeatureFlags', 'u32', 20, features),
    f('ParentToChildMonitorPage', 'u64', 24),
    f('ChildToParentMonitorPage', 'u64', 32),
  ],
  40,
  [{ kind: 'appended', layout: initiateContactTail }],
);

/** What version 6.0 appends with the feature ServerSpecifiedMonitorPages (openvmm: VersionResponse3). */
export const versionResponseMonitorPages = structLayout(
  'VersionResponse3',
  [
    f('Reserved', 'u32', 0, reserved),
    f('ParentToChildMonitorPage', 'u64', 4),
    f('ChildToParentMonitorPage', 'u64', 12),
  ],
  20,
);

/** What version 6.0 appends to VersionResponse (openvmm: VersionResponse2). */
export const versionResponseFeatures = structLayout(
  'VersionResponse2',
  [f('SupportedFeatures', 'u32', 0, features)],
  4,
  [{ kind: 'appended', layout: versionResponseMonitorPages }],
);

export const versionResponse = layoutOf(
  'VersionResponse',
  [
    f('VersionSupported', 'u8', 8, { kind: 'values', names: { 0: 'no', 1: 'yes' } }),
    f('ConnectionState', 'u8', 9, connectionState),
    f('Reserved', 'u16', 10, reserved),
    /** From version 5.0 on the connection of the messages to come; before it the version itself. */
    f('MessageConnectionId', 'u32', 12),
  ],
  16,
  [{ kind: 'appended', layout: versionResponseFeatures }],
);

export const unload = layoutOf('Unload', [], 8);

export const unloadResponse = layoutOf('UnloadResponse', [], 8);

export const openReservedChannel = layoutOf(
  'OpenReservedChannel',
  [
    f('ChildRelId', 'u32', 8, count),
    f('TargetVp', 'u32', 12, processor),
    f('TargetSint', 'u32', 16, count),
    f('RingBufferGpadl', 'u32', 20),
    f('DownstreamRingPageOffset', 'u32', 24, count),
  ],
  28,
);

export const closeReservedChannel = layoutOf(
  'CloseReservedChannel',
  [
    f('ChildRelId', 'u32', 8, count),
    f('TargetVp', 'u32', 12, processor),
    f('TargetSint', 'u32', 16, count),
  ],
  20,
);

export const closeReservedChannelResponse = layoutOf(
  'CloseReservedChannelResponse',
  [f('ChildRelId', 'u32', 8, count)],
  12,
);

/** What version 5.2 appends to TlConnectRequest. */
export const tlConnectRequestTail = structLayout(
  'TlConnectRequest2',
  [f('SiloId', { bytes: 16 }, 0, guid)],
  16,
);

export const tlConnectRequest = layoutOf(
  'TlConnectRequest',
  [f('EndpointId', { bytes: 16 }, 8, guid), f('ServiceId', { bytes: 16 }, 24, guid)],
  40,
  [{ kind: 'appended', layout: tlConnectRequestTail }],
);

export const modifyChannel = layoutOf(
  'ModifyChannel',
  [f('ChildRelId', 'u32', 8, count), f('TargetVp', 'u32', 12, processor)],
  16,
);

export const tlConnectResult = layoutOf(
  'TlConnectResult',
  [
    f('EndpointId', { bytes: 16 }, 8, guid),
    f('ServiceId', { bytes: 16 }, 24, guid),
    f('Status', 'u32', 40, {
      kind: 'values',
      names: { [tlConnectionRefused]: 'STATUS_CONNECTION_REFUSED' },
    }),
  ],
  44,
);

export const modifyChannelResponse = layoutOf(
  'ModifyChannelResponse',
  [f('ChildRelId', 'u32', 8, count), f('Status', 'u32', 12, status)],
  16,
);

export const modifyConnection = layoutOf(
  'ModifyConnection',
  [f('ParentToChildMonitorPage', 'u64', 8), f('ChildToParentMonitorPage', 'u64', 16)],
  24,
);

export const modifyConnectionResponse = layoutOf(
  'ModifyConnectionResponse',
  [f('ConnectionState', 'u8', 8, connectionState)],
  12,
);

export const pause = layoutOf('Pause', [], 8);

export const pauseResponse = layoutOf('PauseResponse', [], 8);

export const resume = layoutOf('Resume', [], 8);

/** Who sends a message. */
export type ChannelMessageSender = 'guest' | 'parent';

/** One kind of channel message. */
export interface ChannelMessage {
  readonly type: number;
  readonly name: string;
  readonly sender: ChannelMessageSender;
  /** Its size is the least that the receiver accepts. */
  readonly layout: StructLayout;
  /** First protocol version that has it. */
  readonly since: number;
}

const T = ChannelMessageType;
const V = VmbusVersion;

const row = (
  type: number,
  sender: ChannelMessageSender,
  layout: StructLayout,
  since: number = V.v0_13,
): ChannelMessage => ({ type, name: layout.name, sender, layout, since });

/** Every channel message, ascending. InitiateContact has its form of version 5.0 and later. */
export const channelMessages: readonly ChannelMessage[] = [
  row(T.offerChannel, 'parent', offerChannel),
  row(T.rescindChannelOffer, 'parent', rescindChannelOffer),
  row(T.requestOffers, 'guest', requestOffers),
  row(T.allOffersDelivered, 'parent', allOffersDelivered),
  row(T.openChannel, 'guest', openChannel),
  row(T.openChannelResult, 'parent', openChannelResult),
  row(T.closeChannel, 'guest', closeChannel),
  row(T.gpadlHeader, 'guest', gpadlHeader),
  row(T.gpadlBody, 'guest', gpadlBody),
  row(T.gpadlCreated, 'parent', gpadlCreated),
  row(T.gpadlTeardown, 'guest', gpadlTeardown),
  row(T.gpadlTorndown, 'parent', gpadlTorndown),
  row(T.relIdReleased, 'guest', relIdReleased),
  row(T.initiateContact, 'guest', initiateContact),
  row(T.versionResponse, 'parent', versionResponse),
  row(T.unload, 'guest', unload, V.v1_1),
  row(T.unloadResponse, 'parent', unloadResponse, V.v1_1),
  row(T.openReservedChannel, 'guest', openReservedChannel, V.v3_0),
  row(T.closeReservedChannel, 'guest', closeReservedChannel, V.v3_0),
  row(T.closeReservedChannelResponse, 'parent', closeReservedChannelResponse, V.v3_0),
  row(T.tlConnectRequest, 'guest', tlConnectRequest, V.v4_0),
  row(T.modifyChannel, 'guest', modifyChannel, V.v4_1),
  row(T.tlConnectResult, 'parent', tlConnectResult, V.v4_1),
  row(T.modifyChannelResponse, 'parent', modifyChannelResponse, V.v5_3),
  row(T.modifyConnection, 'guest', modifyConnection, V.v6_0),
  row(T.modifyConnectionResponse, 'parent', modifyConnectionResponse, V.v6_0),
  row(T.pause, 'guest', pause, V.v6_0),
  row(T.pauseResponse, 'parent', pauseResponse, V.v6_0),
  row(T.resume, 'guest', resume, V.v6_0),
];

/** Channel messages by type. */
export const channelMessageByType: ReadonlyMap<number, ChannelMessage> = new Map(
  channelMessages.map((message) => [message.type, message]),
);

/** A message that another one answers; they belong together where the fields agree. */
export interface ChannelMessageAnswer {
  readonly request: number;
  readonly answer: number;
  readonly fields: readonly string[];
}

const answer = (
  request: number,
  answeredBy: number,
  ...fields: readonly string[]
): ChannelMessageAnswer => ({ request, answer: answeredBy, fields });

/** Which message answers which. */
export const channelMessageAnswers: readonly ChannelMessageAnswer[] = [
  answer(T.initiateContact, T.versionResponse),
  answer(T.requestOffers, T.allOffersDelivered),
  answer(T.openChannel, T.openChannelResult, 'ChildRelId', 'OpenId'),
  answer(T.gpadlHeader, T.gpadlCreated, 'ChildRelId', 'Gpadl'),
  answer(T.gpadlTeardown, T.gpadlTorndown, 'Gpadl'),
  answer(T.rescindChannelOffer, T.relIdReleased, 'ChildRelId'),
  answer(T.unload, T.unloadResponse),
  answer(T.closeReservedChannel, T.closeReservedChannelResponse, 'ChildRelId'),
  answer(T.tlConnectRequest, T.tlConnectResult, 'EndpointId'),
  answer(T.modifyChannel, T.modifyChannelResponse, 'ChildRelId'),
  answer(T.modifyConnection, T.modifyConnectionResponse),
  answer(T.pause, T.pauseResponse),
];
