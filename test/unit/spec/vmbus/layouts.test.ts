/** VMBus layouts: in order, inside their structure, of the documented sizes. */
import assert from 'node:assert/strict';
import {
  channelMessageBytesMax,
  channelMessageByType,
  ChannelMessageType,
  channelMessages,
  initiateContactLegacy,
  vmbusVersionText,
} from '../../../../debug-adapter/spec/vmbus/messages';
import {
  descriptorByPacketType,
  packetDescriptor,
  PacketType,
  pipeHeader,
} from '../../../../debug-adapter/spec/vmbus/packets';
import {
  balloonHeader,
  BalloonMessageType,
} from '../../../../debug-adapter/spec/vmbus/dynamic-memory';
import {
  deviceClassByGuid,
  deviceClassByName,
  deviceClasses,
  socketDeviceClassName,
} from '../../../../debug-adapter/spec/vmbus/device-classes';
import { deviceProtocolByClass } from '../../../../debug-adapter/spec/vmbus/device-protocols';
import * as ic from '../../../../debug-adapter/spec/vmbus/integration';
import { socketOfferArea } from '../../../../debug-adapter/spec/vmbus/small-protocols';
import * as storage from '../../../../debug-adapter/spec/vmbus/storage';
import { parseGuid } from '../../../../debug-adapter/support/guid';
import { ringBytesUsed, ringHeader } from '../../../../debug-adapter/spec/vmbus/ring';
import { fieldSizeBytes, type StructLayout } from '../../../../debug-adapter/support/struct-layout';

/** Bytes as sizeof of Linux 6.1 and openvmm say, headers included; the appended forms are not in it. */
const messageBytes: Readonly<Record<keyof typeof ChannelMessageType, number>> = {
  invalid: 0,
  offerChannel: 196,
  rescindChannelOffer: 12,
  requestOffers: 8,
  allOffersDelivered: 8,
  openChannel: 148,
  openChannelResult: 20,
  closeChannel: 12,
  gpadlHeader: 20,
  gpadlBody: 16,
  gpadlCreated: 20,
  gpadlTeardown: 16,
  gpadlTorndown: 12,
  relIdReleased: 12,
  initiateContact: 40,
  versionResponse: 16,
  unload: 8,
  unloadResponse: 8,
  openReservedChannel: 28,
  closeReservedChannel: 20,
  closeReservedChannelResponse: 12,
  tlConnectRequest: 40,
  modifyChannel: 16,
  tlConnectResult: 44,
  modifyChannelResponse: 16,
  modifyConnection: 24,
  modifyConnectionResponse: 12,
  pause: 8,
  pauseResponse: 8,
  resume: 8,
};

/** The layout and all that its parts lead to. */
function withParts(layout: StructLayout): readonly StructLayout[] {
  const inner = layout.parts.flatMap((part) => {
    if (part.kind === 'elements') return withParts(part.element);
    if (part.kind === 'appended' || part.kind === 'placed') return withParts(part.layout);
    return part.kind === 'choice' ? [...part.cases.values()].flatMap(withParts) : [];
  });
  const fields = layout.fields.flatMap(({ meaning }) =>
    meaning?.kind === 'structure' ? withParts(meaning.layout) : [],
  );
  return [layout, ...inner, ...fields];
}

const roots: readonly StructLayout[] = [
  ...channelMessages.map((message) => message.layout),
  initiateContactLegacy,
  packetDescriptor,
  ...descriptorByPacketType.values(),
  pipeHeader,
  ringHeader,
  pipeHeader,
  ic.icHeader,
  balloonHeader,
  storage.vstorPacket,
  storage.vstorCompletion,
  storage.vstorChannelProperties,
  storage.ideOfferArea,
  ...[...deviceProtocolByClass.values()].flatMap((each) => [
    each.message,
    each.completion,
    ...Object.values(each.memory ?? {}),
  ]),
  socketOfferArea,
];

describe('VMBus layouts', () => {
  for (const layout of new Set(roots.flatMap(withParts))) {
    it(`${layout.name}: fields in order, apart, with names of their own`, () => {
      let end = 0;
      for (const { name, type, offset } of layout.fields) {
        assert(offset >= end, `${name} begins behind the field before it`);
        end = offset + fieldSizeBytes(type);
      }
      assert(end <= layout.sizeBytes);
      assert.equal(layout.byName.size, layout.fields.length);
    });
  }

  it('all messages have the sizes of the headers they come from', () => {
    const sizes = channelMessages.map(({ type, layout }) => [type, layout.sizeBytes]);
    const expected = Object.entries(ChannelMessageType)
      .filter(([name]) => name !== 'invalid')
      // Object.entries forgets that the keys are those of the constant.
      .map(([name, type]) => [type, messageBytes[name as keyof typeof messageBytes]]);
    assert.deepEqual(sizes, expected);
    for (const { layout } of channelMessages) assert(layout.sizeBytes <= channelMessageBytesMax);
  });

  it('messages are found by type, under the name of the constant', () => {
    for (const [name, type] of Object.entries(ChannelMessageType)) {
      const found = channelMessageByType.get(type)?.name.toLowerCase();
      assert.equal(found, name === 'invalid' ? undefined : name.toLowerCase());
    }
  });

  it('descriptors have the sizes of the headers they come from', () => {
    assert.equal(packetDescriptor.sizeBytes, 16);
    assert.equal(descriptorByPacketType.get(PacketType.dataUsingGpaDirect)?.sizeBytes, 24);
    assert.equal(descriptorByPacketType.get(PacketType.dataUsingTransferPages)?.sizeBytes, 24);
  });

  it('says versions as people do', () => {
    assert.equal(vmbusVersionText(0x50003), '5.3');
    assert.equal(vmbusVersionText(0xd), '0.13');
  });

  it('knows how full a ring is, across its end too', () => {
    assert.equal(ringBytesUsed(64, 64, 4096), 0);
    assert.equal(ringBytesUsed(96, 64, 4096), 32);
    assert.equal(ringBytesUsed(16, 4080, 4096), 32);
  });

  // Bytes that Linux 6.1 insists on or sends: the whole payload, pipe and IC headers included.
  for (const [name, sizeBytes, linuxBytes] of [
    ['shutdown', ic.icBodyOffset + ic.icShutdown.sizeBytes, 28 + 2060],
    ['heartbeat', ic.icBodyOffset + ic.icHeartbeat.sizeBytes, 28 + 40],
    ['timesync 3.0', ic.icBodyOffset + ic.icTimesyncLegacy.sizeBytes, 28 + 25],
    ['timesync 4.0', ic.icBodyOffset + ic.icTimesync.sizeBytes, 28 + 22],
    ['KVP enumerate', ic.icKvp.sizeBytes + ic.kvpEnumerate.sizeBytes, ic.kvpBodyBytes],
    ['KVP IP', ic.icKvp.sizeBytes + ic.kvpIpInfo.sizeBytes, ic.kvpIpBodyBytes],
    ['VSS', ic.icBodyOffset + ic.icVssBytes, 40],
    ['KVP IP, binary', ic.icKvp.sizeBytes + ic.kvpIpInfoBinary.sizeBytes, 4740],
    ['file copy start', ic.icFileCopy.sizeBytes + ic.fileCopyStart.sizeBytes, 1088],
    ['file copy write', ic.icFileCopy.sizeBytes + ic.fileCopyWrite.sizeBytes, 6196],
    [
      'storage',
      storage.vstorPacket.sizeBytes + storage.srbRequest.sizeBytes,
      storage.vstorPacketBytes,
    ],
  ] as const) {
    it(`${name}: as many bytes as Linux expects`, () => assert.equal(sizeBytes, linuxBytes));
  }

  it('dynamic memory has a body for every message but the empty one', () => {
    const [choice] = balloonHeader.parts;
    assert(choice?.kind === 'choice');
    for (const [name, type] of Object.entries(BalloonMessageType)) {
      assert.equal(choice.cases.has(type), name !== 'unballoonResponse', name);
    }
  });
});

describe('VMBus device classes', () => {
  it('have GUIDs and names of their own', () => {
    assert.equal(deviceClassByGuid.size, deviceClasses.length);
    assert.equal(deviceClassByName.size, deviceClasses.length);
    for (const { guid, instances, name } of deviceClasses) {
      for (const each of [guid, ...instances]) {
        assert(parseGuid(each));
        assert.equal(each, each.toLowerCase());
      }
      assert.match(name, /^[a-z][a-z0-9-]*$/);
    }
  });

  it('have protocols whose operations are fields of them', () => {
    for (const [name, { message, completion, operationFields }] of deviceProtocolByClass) {
      assert(deviceClassByName.has(name) || name === socketDeviceClassName, name);
      const namesOf = (layout: StructLayout): readonly string[] =>
        withParts(layout).flatMap((each) => each.fields.map((field) => field.name));
      for (const field of operationFields) {
        assert(namesOf(message).includes(field), `${name}.${field}`);
        // Completions of PCI have a status and no more: only their request says what they do.
        if (name !== 'pci') assert(namesOf(completion).includes(field), `${name}.${field}`);
      }
    }
  });
});
