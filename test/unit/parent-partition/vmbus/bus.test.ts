/** The bus against a guest that the test plays: contact, offers, channels, traffic, and every rule of what is refused. */
import assert from 'node:assert/strict';
import { encodePacket } from '../../../../debug-adapter/parent-partition/vmbus/packet';
import {
  ChannelMessageType as T,
  targetVpNone,
  VmbusVersion as V,
} from '../../../../debug-adapter/spec/vmbus/messages';
import type { StateNode } from '../../../../debug-adapter/support/state-tree';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { BusRig, type OpenedChannel } from './bus-rig';
import { RecordingProvider } from './recording-provider';

const inBand = (transactionId: bigint, bytes = 8, needsCompletion = true): Uint8Array =>
  encodePacket({
    type: 'in-band',
    transactionId,
    needsCompletion,
    payload: new Uint8Array(bytes),
  });

const contact = (rig: BusRig, values: Record<string, number>): string[] => {
  rig.post(T.initiateContact, { TargetSint: 2, ...values });
  return rig.take();
};

function connected(
  names = ['a', 'bc'],
  version: number = V.v5_3,
): { rig: BusRig; providers: RecordingProvider[] } {
  const providers = names.map((name) => new RecordingProvider(name));
  const rig = new BusRig(providers);
  rig.connect(version);
  return { rig, providers };
}

function opened(version?: number): {
  rig: BusRig;
  provider: RecordingProvider;
  channel: OpenedChannel;
} {
  const { rig, providers } = connected(['a', 'bc'], version);
  const channel = rig.open(1);
  return { rig, provider: providers[0] ?? new RecordingProvider('none'), channel };
}

/** Payload lengths of the completions that the guest finds, by transaction. */
function completions({ toGuest }: OpenedChannel): string[] {
  const found: string[] = [];
  for (let next = toGuest.receive(); next !== undefined; next = toGuest.receive()) {
    const view = new DataView(next.packet.buffer);
    found.push(`${view.getUint16(0, true)}: ${view.getBigUint64(8, true)}`);
  }
  return found;
}

describe('contact with a bus', () => {
  for (const [version, response] of [
    [V.v2_4, `VersionResponse, VersionSupported 1, MessageConnectionId ${V.v2_4}`],
    [V.v3_0, `VersionResponse, VersionSupported 1, MessageConnectionId ${V.v3_0}`],
    [V.v4_0, `VersionResponse, VersionSupported 1, MessageConnectionId ${V.v4_0}`],
    [V.v4_1, `VersionResponse, VersionSupported 1, MessageConnectionId ${V.v4_1}`],
    [V.v5_0, 'VersionResponse, VersionSupported 1, MessageConnectionId 4'],
    [V.v5_1, 'VersionResponse, VersionSupported 1, MessageConnectionId 4'],
    [V.v5_2, 'VersionResponse, VersionSupported 1, MessageConnectionId 4'],
    [V.v5_3, 'VersionResponse, VersionSupported 1, MessageConnectionId 4'],
    [V.v6_0, 'VersionResponse'],
    [V.v1_1, 'VersionResponse'],
    [V.v0_13, 'VersionResponse'],
    [0x0005_0004, 'VersionResponse'],
    [0xffff_ffff, 'VersionResponse'],
  ] as const) {
    it(`of version 0x${version.toString(16)} is answered with ${response}`, () => {
      const rig = new BusRig([new RecordingProvider('a')]);
      assert.deepEqual(contact(rig, { VersionRequested: version }), [response]);
    });
  }

  it('goes down to an older version where the newest is capped, and has no newer connection', () => {
    const rig = new BusRig([new RecordingProvider('a')], 1, V.v4_0);
    assert.deepEqual([...rig.ports], [1]);
    assert.deepEqual(contact(rig, { VersionRequested: V.v4_1 }), ['VersionResponse']);
    assert.equal(contact(rig, { VersionRequested: V.v4_0 }).length, 1);
    assert.equal(rig.bus.version, V.v4_0);
  });

  it('of version 6.0 is granted the features that there are', () => {
    const rig = new BusRig([new RecordingProvider('a')], 1, V.v6_0);
    rig.post(T.initiateContact, { VersionRequested: V.v6_0, TargetSint: 2, FeatureFlags: 0xff });
    const payload = rig.messages[0]?.payload ?? new Uint8Array(0);
    assert.equal(payload.length, 20);
    assert.equal(payload[16], 0x2c, 'modify connection, client id, pause and resume');
    rig.take();
    rig.post(T.pause);
    assert.deepEqual(rig.take(), ['PauseResponse']);
    rig.post(T.requestOffers);
    assert.deepEqual(rig.take(), [], 'nothing until it resumes');
    rig.post(T.resume);
    assert.equal(rig.take().length, 2);
  });

  it('puts messages where the guest wants them, from version 3.0 on', () => {
    for (const [version, target] of [
      [V.v2_4, '0:2'],
      [V.v3_0, '1:2'],
      [V.v5_3, '1:2'],
    ] as const) {
      const rig = new BusRig([new RecordingProvider('a')]);
      rig.post(T.initiateContact, {
        VersionRequested: version,
        TargetMessageVp: 1,
        TargetSint: 2,
      });
      assert.equal(rig.messages[0]?.target, target);
    }
  });

  for (const [name, values, target] of [
    ['another source of interrupts', { TargetSint: 3 }, '0:3'],
    ['another trust level', { TargetSint: 2, TargetVtl: 1 }, '0:2'],
  ] as const) {
    it(`with ${name} is answered there that it is not supported`, () => {
      const rig = new BusRig([new RecordingProvider('a')]);
      rig.post(T.initiateContact, { VersionRequested: V.v5_3, ...values });
      assert.equal(rig.messages[0]?.target, target);
      assert.deepEqual(rig.take(), ['VersionResponse']);
      assert.equal(rig.bus.version, 0);
    });
  }

  for (const [name, values] of [
    ['one monitor page only', { ParentToChildMonitorPage: 0x5000 }],
    [
      'a crooked monitor page',
      { ParentToChildMonitorPage: 0x5000, ChildToParentMonitorPage: 0x6001 },
    ],
  ] as const) {
    it(`with ${name} is an unknown failure`, () => {
      const rig = new BusRig([new RecordingProvider('a')]);
      const answer =
        'VersionResponse, VersionSupported 1, ConnectionState 2, MessageConnectionId 4';
      assert.deepEqual(contact(rig, { VersionRequested: V.v5_3, ...values }), [answer]);
      assert.equal(rig.bus.version, 0);
    });
  }

  for (const [name, values] of [
    ['a processor that is not there', { TargetMessageVp: 2 }],
    ['a source of interrupts that is not there', { TargetSint: 16 }],
  ] as const) {
    it(`with ${name} cannot be answered`, () => {
      const rig = new BusRig([new RecordingProvider('a')]);
      assert.deepEqual(contact(rig, { VersionRequested: V.v5_3, ...values }), []);
      assert.equal(rig.bus.refusedMessages, 1);
    });
  }

  it('while connected starts anew: another system has taken over', () => {
    const { rig, provider, channel } = opened();
    rig.connect();
    assert.deepEqual(provider.log, ['opened 1.0', 'closed 1.0']);
    assert.equal(rig.ports.has(0x2000 | channel.relid), false);
    rig.open(1);
    assert.equal(provider.log.length, 3);
  });
});

describe('offers of a bus', () => {
  it('are one for each device, and the end', () => {
    const rig = new BusRig([new RecordingProvider('a'), new RecordingProvider('bc')]);
    contact(rig, { VersionRequested: V.v5_3 });
    rig.post(T.requestOffers);
    assert.deepEqual(rig.take(), [
      'OfferChannel, ChildRelId 1, InterruptFlags 1, ConnectionId 8193',
      'OfferChannel, ChildRelId 2, InterruptFlags 1, ConnectionId 8194',
      'AllOffersDelivered',
    ]);
  });

  it('have the class in the byte order of Windows', () => {
    const rig = new BusRig([new RecordingProvider('a')]);
    contact(rig, { VersionRequested: V.v5_3 });
    rig.post(T.requestOffers);
    const payload = rig.messages[0]?.payload ?? new Uint8Array(0);
    assert.equal(payload.length, 196);
    const scsi = 'd96361baa104294db60572e2ffb1dc7f';
    assert.equal(Buffer.from(payload.subarray(8, 24)).toString('hex'), scsi);
  });

  it('leave out what the version is too old for', () => {
    const offer = { ...new RecordingProvider('a').offer, minimumVersion: V.v3_0 };
    for (const [version, count] of [
      [V.v2_4, 1],
      [V.v3_0, 2],
    ] as const) {
      const rig = new BusRig([new RecordingProvider('a', offer)]);
      contact(rig, { VersionRequested: version });
      rig.post(T.requestOffers);
      assert.equal(rig.take().length, count);
    }
  });

  it('come again after an unload', () => {
    const { rig, provider } = opened();
    rig.post(T.unload);
    assert.deepEqual(rig.take(), ['UnloadResponse']);
    assert.equal(provider.log.at(-1), 'closed 1.0');
    rig.post(T.requestOffers);
    assert.deepEqual(rig.take(), [], 'not without a connection');
    contact(rig, { VersionRequested: V.v4_0 });
    rig.post(T.requestOffers);
    assert.equal(rig.take().length, 3);
  });

  it('wait in order while the hypervisor has no room, and are not lost', () => {
    const rig = new BusRig([new RecordingProvider('a'), new RecordingProvider('bc')]);
    rig.messageRoom = 1;
    contact(rig, { VersionRequested: V.v5_3 });
    rig.post(T.requestOffers);
    const taken: string[] = [];
    for (let round = 1; round <= 4; round++) {
      taken.push(...rig.take());
      rig.advanceTo(round * 100_000);
    }
    assert.deepEqual(
      taken.map((message) => message.split(',')[0]),
      ['OfferChannel', 'OfferChannel', 'AllOffersDelivered'],
    );
  });
});

describe('channel of a bus', () => {
  it('opens, carries packets both ways, and closes', () => {
    const { rig, provider, channel } = opened();
    channel.toParent.send(inBand(7n));
    channel.toParent.send(inBand(8n));
    rig.signal(1);
    assert.deepEqual(completions(channel), ['11: 7', '11: 8']);
    assert.ok(channel.toParent.isEmpty);
    assert.deepEqual(rig.signals, ['1:1'], 'one signal for a ring that was empty');
    rig.post(T.closeChannel, { ChildRelId: 1 });
    rig.post(T.gpadlTeardown, { ChildRelId: 1, Gpadl: channel.gpadl });
    assert.deepEqual(rig.take(), [`GpadlTorndown, Gpadl ${channel.gpadl}`]);
    assert.deepEqual(provider.log, ['opened 1.0', 'packet 7: 8', 'packet 8: 8', 'closed 1.0']);
    assert.equal(rig.ports.has(0x2001), false);
  });

  it('finds what the guest wrote before it could signal', () => {
    const { rig, providers } = connected();
    const pages = rig.pages(4);
    const gpadl = rig.makeGpadl(1, pages);
    const early = inBand(1n, 0);
    rig.memory.write((pages[1] ?? 0) * 4096, early);
    rig.memory.setWord((pages[0] ?? 0) * 4096, early.length + 8);
    rig.post(T.openChannel, {
      ChildRelId: 1,
      RingBufferGpadl: gpadl,
      DownstreamRingPageOffset: 2,
    });
    assert.deepEqual(providers[0]?.log, ['opened 1.0', 'packet 1: 0']);
  });

  it('answers later, at the moment that the provider named', () => {
    const { rig, provider, channel } = opened();
    provider.delayNs = 5000;
    channel.toParent.send(inBand(3n));
    rig.signal(1);
    rig.advanceTo(4999);
    assert.deepEqual(completions(channel), []);
    rig.advanceTo(5000);
    assert.deepEqual(completions(channel), ['11: 3']);
  });

  it('forgets what was scheduled once it is closed', () => {
    const { rig, provider, channel } = opened();
    provider.delayNs = 5000;
    channel.toParent.send(inBand(3n));
    rig.signal(1);
    rig.post(T.closeChannel, { ChildRelId: 1 });
    rig.open(1);
    rig.advanceTo(9000);
    assert.equal(provider.log.includes('due 3'), false);
  });

  it('leaves requests in the ring while the guest takes no answers, and loses none', function () {
    this.timeout(20_000);
    const { rig, provider, channel } = opened();
    // Each answer is as large as a third of the ring, and requests are small.
    provider.onPacket = (open, { transactionId }) =>
      void open.complete(transactionId, new Uint8Array(4000));
    const sent = 300;
    for (let id = 1; id <= sent; id++) channel.toParent.send(inBand(BigInt(id), 0));
    rig.signal(1);
    assert.equal(provider.count, 131, 'three in the ring, 128 that wait');
    assert.equal(channel.toParent.header('mask'), 1);
    const found: string[] = [];
    while (found.length < sent) {
      const batch = completions(channel);
      assert.notEqual(batch.length, 0, `stalled after ${found.length}`);
      found.push(...batch);
      rig.signal(1);
    }
    assert.deepEqual(
      found,
      Array.from({ length: sent }, (_, index) => `11: ${index + 1}`),
    );
    assert.equal(channel.toParent.header('mask'), 0);
  });

  it('interrupts the processor that it was moved to', () => {
    const { rig, channel } = opened();
    rig.post(T.modifyChannel, { ChildRelId: 1, TargetVp: 0 });
    assert.deepEqual(rig.take(), ['ModifyChannelResponse, ChildRelId 1']);
    channel.toParent.send(inBand(7n));
    rig.signal(1);
    assert.deepEqual(rig.signals, ['0:1']);
  });

  it('interrupts nobody where the guest wants that', () => {
    const { rig } = connected();
    const channel = rig.open(1, targetVpNone);
    channel.toParent.send(inBand(7n));
    rig.signal(1);
    assert.deepEqual(rig.signals, []);
    assert.deepEqual(completions(channel), ['11: 7']);
    assert.ok(rig.outcomes.some((outcome) => outcome.includes('without interrupts')));
  });

  it('has sub-channels where the provider offers them', () => {
    const { rig, provider } = opened();
    provider.host.offerSubChannels(2);
    assert.deepEqual(rig.take(), [
      'OfferChannel, SubChannelIndex 1, ChildRelId 3, InterruptFlags 1, ConnectionId 8195',
      'OfferChannel, SubChannelIndex 2, ChildRelId 4, InterruptFlags 1, ConnectionId 8196',
    ]);
    rig.open(4);
    assert.deepEqual(
      provider.host.openChannels().map(({ relid, subChannel }) => `${relid}.${subChannel}`),
      ['1.0', '4.2'],
    );
  });

  it('names the GPADLs that a guest made for it, and no others', () => {
    const { rig, provider, channel } = opened();
    const pages = rig.pages(3);
    const own = rig.makeGpadl(1, pages);
    const foreign = rig.makeGpadl(2, rig.pages(1));
    const [open] = provider.host.openChannels();
    assert.deepEqual(open?.gpadl(own), [{ byteCount: 12_288, byteOffset: 0, pages }]);
    for (const id of [foreign, channel.gpadl, 0]) assert.equal(open?.gpadl(id), undefined);
  });

  it('takes page lists of many messages', () => {
    const { rig } = opened();
    const gpadl = rig.makeGpadl(1, rig.pages(100));
    assert.deepEqual(rig.take(), [`GpadlCreated, ChildRelId 1, Gpadl ${gpadl}`]);
    assert.deepEqual(rig.refusals, []);
  });
});

describe('device that is taken away', () => {
  it('is revoked with its sub-channels first, and offered again once the guest has let go', () => {
    const { rig, provider } = opened();
    provider.host.offerSubChannels(1);
    rig.take();
    rig.bus.setPluggedIn('a', false);
    assert.deepEqual(rig.take(), [
      'RescindChannelOffer, ChildRelId 3',
      'RescindChannelOffer, ChildRelId 1',
    ]);
    assert.equal(provider.log.at(-1), 'closed 1.0');
    rig.bus.setPluggedIn('a', true);
    rig.post(T.relIdReleased, { ChildRelId: 3 });
    assert.deepEqual(rig.take(), [], 'its first channel is still there');
    rig.post(T.relIdReleased, { ChildRelId: 1 });
    assert.deepEqual(rig.take(), [
      'OfferChannel, ChildRelId 1, InterruptFlags 1, ConnectionId 8193',
    ]);
  });

  it('answers what a guest still asks of it', () => {
    const { rig, channel } = opened();
    rig.bus.setPluggedIn('a', false);
    rig.take();
    rig.post(T.closeChannel, { ChildRelId: 1 });
    rig.post(T.gpadlTeardown, { ChildRelId: 1, Gpadl: channel.gpadl });
    const late = rig.makeGpadl(1, [1]);
    assert.deepEqual(rig.take(), [
      `GpadlTorndown, Gpadl ${channel.gpadl}`,
      `GpadlCreated, ChildRelId 1, Gpadl ${late}`,
    ]);
    assert.deepEqual(rig.refusals, []);
  });

  it('is not offered to a guest that connects later', () => {
    const { rig } = connected();
    rig.bus.setPluggedIn('a', false);
    rig.post(T.unload);
    rig.take();
    contact(rig, { VersionRequested: V.v5_3 });
    rig.post(T.requestOffers);
    assert.equal(rig.take().length, 2);
  });
});

const failure = '0x8000ffff';

describe('what a bus refuses', () => {
  for (const [name, post, answers] of [
    ['another type of message', (rig) => rig.postBytes(new Uint8Array(8), 2), []],
    ['a message without a header', (rig) => rig.postBytes(Uint8Array.of(3, 0, 0, 0)), []],
    ['an empty message', (rig) => rig.postBytes(new Uint8Array(0)), []],
    ['message type 0', (rig) => rig.postBytes(new Uint8Array(8)), []],
    ['message type 30', (rig) => rig.postBytes(Uint8Array.of(30, ...new Uint8Array(7))), []],
    ['a message of the parent', (rig) => rig.post(T.offerChannel), []],
    [
      'a message that is cut short',
      (rig) => rig.postBytes(Uint8Array.of(5, ...Array(100).fill(0))),
      [],
    ],
    ['a second request for offers', (rig) => rig.post(T.requestOffers), []],
    ['a message without its feature', (rig) => rig.post(T.pause), []],
    ['an open of no channel', (rig) => rig.post(T.openChannel, { ChildRelId: 77 }), []],
    [
      'an open of an open channel',
      (rig, { gpadl }) =>
        rig.post(T.openChannel, {
          ChildRelId: 1,
          RingBufferGpadl: gpadl,
          DownstreamRingPageOffset: 4,
        }),
      [],
    ],
    [
      'an open without a GPADL',
      (rig) => rig.post(T.openChannel, { ChildRelId: 2, OpenId: 9, RingBufferGpadl: 5 }),
      [`OpenChannelResult, ChildRelId 2, OpenId 9, Status ${failure}`],
    ],
    [
      "an open with another channel's GPADL",
      (rig, { gpadl }) =>
        rig.post(T.openChannel, {
          ChildRelId: 2,
          RingBufferGpadl: gpadl,
          DownstreamRingPageOffset: 4,
        }),
      [`OpenChannelResult, ChildRelId 2, Status ${failure}`],
    ],
    ['a close of a closed channel', (rig) => rig.post(T.closeChannel, { ChildRelId: 2 }), []],
    ['a close of no channel', (rig) => rig.post(T.closeChannel, { ChildRelId: 9 }), []],
    [
      'a GPADL for no channel',
      (rig) => rig.post(T.gpadlHeader, { ChildRelId: 9, Gpadl: 5, RangeCount: 1 }),
      [`GpadlCreated, ChildRelId 9, Gpadl 5, Status ${failure}`],
    ],
    [
      'a GPADL that is there already',
      (rig, { gpadl }) =>
        rig.post(T.gpadlHeader, {
          ChildRelId: 1,
          Gpadl: gpadl,
          RangeCount: 1,
          RangeBufferLength: 16,
        }),
      [`GpadlCreated, ChildRelId 1, Gpadl ${0xe1e10}, Status ${failure}`],
    ],
    [
      'GPADL 0',
      (rig) => rig.post(T.gpadlHeader, { ChildRelId: 1, RangeCount: 1, RangeBufferLength: 16 }),
      [`GpadlCreated, ChildRelId 1, Status ${failure}`],
    ],
    [
      'a GPADL without ranges',
      (rig) => rig.post(T.gpadlHeader, { ChildRelId: 1, Gpadl: 5, RangeBufferLength: 16 }),
      [`GpadlCreated, ChildRelId 1, Gpadl 5, Status ${failure}`],
    ],
    [
      'a GPADL whose ranges are no ranges',
      (rig) =>
        rig.post(
          T.gpadlHeader,
          { ChildRelId: 1, Gpadl: 5, RangeCount: 1, RangeBufferLength: 16 },
          new Uint8Array(16),
        ),
      [`GpadlCreated, ChildRelId 1, Gpadl 5, Status ${failure}`],
    ],
    ['a body of no GPADL', (rig) => rig.post(T.gpadlBody, { Gpadl: 5 }, new Uint8Array(8)), []],
    ['a teardown of no GPADL', (rig) => rig.post(T.gpadlTeardown, { ChildRelId: 1, Gpadl: 5 }), []],
    [
      "a teardown of another channel's GPADL",
      (rig, { gpadl }) => rig.post(T.gpadlTeardown, { ChildRelId: 2, Gpadl: gpadl }),
      [],
    ],
    ['a release of an open channel', (rig) => rig.post(T.relIdReleased, { ChildRelId: 1 }), []],
    ['a release of no channel', (rig) => rig.post(T.relIdReleased, { ChildRelId: 0 }), []],
    [
      'a move of a closed channel',
      (rig) => rig.post(T.modifyChannel, { ChildRelId: 2, TargetVp: 0 }),
      [`ModifyChannelResponse, ChildRelId 2, Status ${failure}`],
    ],
    [
      'a move to no processor',
      (rig) => rig.post(T.modifyChannel, { ChildRelId: 1, TargetVp: targetVpNone }),
      [`ModifyChannelResponse, ChildRelId 1, Status ${failure}`],
    ],
    ['a socket', (rig) => rig.post(T.tlConnectRequest), ['TlConnectResult, Status 0xc0000236']],
    [
      'a reserved open',
      (rig) => rig.post(T.openReservedChannel, { ChildRelId: 1 }),
      [`OpenChannelResult, ChildRelId 1, Status ${failure}`],
    ],
    [
      'a reserved close',
      (rig) => rig.post(T.closeReservedChannel, { ChildRelId: 1 }),
      ['CloseReservedChannelResponse, ChildRelId 1'],
    ],
  ] as [string, (rig: BusRig, channel: OpenedChannel) => void, string[]][]) {
    it(name, () => {
      const { rig, provider, channel } = opened();
      post(rig, channel);
      assert.deepEqual(rig.take(), answers);
      assert.equal(rig.refusals.length, 1, rig.refusals.join('; '));
      assert.equal(rig.bus.refusedMessages, 1);
      channel.toParent.send(inBand(1n));
      rig.signal(1);
      assert.equal(provider.count, 1, 'the open channel goes on');
    });
  }

  it('messages that the version does not have, and messages without a connection', () => {
    const { rig } = connected(['a'], V.v4_0);
    rig.post(T.modifyChannel, { ChildRelId: 1 });
    assert.deepEqual(rig.take(), []);
    const fresh = new BusRig([new RecordingProvider('a')]);
    fresh.post(T.requestOffers);
    assert.deepEqual(fresh.take(), []);
    assert.deepEqual([rig.bus.refusedMessages, fresh.bus.refusedMessages], [1, 1]);
  });

  it('a move before version 5.3 has no answer', () => {
    const { rig } = opened(V.v5_2);
    rig.post(T.modifyChannel, { ChildRelId: 1, TargetVp: 0 });
    rig.post(T.modifyChannel, { ChildRelId: 2, TargetVp: 0 });
    assert.deepEqual(rig.take(), []);
  });

  for (const [name, downstream, pageCount] of [
    ['no page to the parent', 1, 4],
    ['no data to the guest', 3, 4],
    ['a ring beyond the list', 0xffff_ffff, 4],
  ] as const) {
    it(`rings with ${name}`, () => {
      const { rig } = connected();
      const gpadl = rig.makeGpadl(1, rig.pages(pageCount));
      rig.take();
      rig.post(T.openChannel, {
        ChildRelId: 1,
        RingBufferGpadl: gpadl,
        DownstreamRingPageOffset: downstream,
      });
      const answer = `OpenChannelResult, ChildRelId 1, Status ${failure}`;
      assert.deepEqual(rig.take(), [answer]);
    });
  }

  for (const [name, spoil] of [
    ['a write index outside', ({ toParent }) => toParent.setHeader('write', 1 << 20)],
    ['a packet of an unknown type', ({ toParent }) => toParent.send(packet(99, 2, 2, 0))],
    ['unknown flags', ({ toParent }) => toParent.send(packet(6, 2, 2, 0x10))],
    ['a payload before its packet', ({ toParent }) => toParent.send(packet(6, 0, 2, 0))],
    ['GPA direct without ranges', ({ toParent }) => toParent.send(packet(9, 2, 2, 0))],
  ] as [string, (channel: OpenedChannel) => void][]) {
    it(`a ring with ${name}: the channel is given up, the others go on`, () => {
      const { rig, provider, channel } = opened();
      const other = rig.open(2);
      spoil(channel);
      rig.signal(1);
      assert.equal(provider.log.at(-1), 'closed 1.0');
      channel.toParent.send(inBand(1n));
      rig.signal(1);
      assert.equal(provider.count, 0);
      assert.ok(rig.outcomes.at(-1)?.includes('given up'));
      other.toParent.send(inBand(1n));
      rig.signal(2);
      assert.deepEqual(completions(other), ['11: 1']);
      rig.post(T.closeChannel, { ChildRelId: 1 });
      const again = rig.open(1);
      again.toParent.send(inBand(2n));
      rig.signal(1);
      assert.deepEqual(completions(again), ['11: 2'], 'closing and opening mends it');
      assert.deepEqual(
        provider.log.filter((line) => !line.startsWith('packet')),
        ['opened 1.0', 'closed 1.0', 'opened 1.0'],
      );
    });
  }

  it('a signal of a connection that is no open channel', () => {
    const { rig } = connected();
    for (const id of [0x2001, 0x2007, 0x1001, 5]) rig.bus.receiveSignal(0, id);
    assert.deepEqual(
      rig.outcomes.map((outcome) => outcome.split(': ')[1]),
      [
        'the channel is not open',
        'no channel has connection 0x2007',
        'no channel has connection 0x1001',
        'no channel has connection 0x5',
      ],
    );
  });

  it('packets that can never fit into the ring of a guest', () => {
    const { rig, provider } = opened();
    const [open] = provider.host.openChannels();
    assert.equal(open?.send({ type: 'in-band', payload: new Uint8Array(20_000) }), false);
    assert.deepEqual(rig.refusals, ['lost: larger than the ring']);
  });
});

function packet(type: number, offset8: number, length8: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(length8 * 8);
  const view = new DataView(bytes.buffer);
  [type, offset8, length8, flags].forEach((value, index) => view.setUint16(index * 2, value, true));
  return bytes;
}

/** The same state, but that every open channel says `fields`. */
function withOpenChannels(node: StateNode, fields: Record<string, number>): StateNode {
  if (typeof node !== 'object' || node instanceof Uint8Array) return node;
  if (node instanceof Array) return node.map((item) => withOpenChannels(item, fields));
  const changed = Object.entries(node).map(([key, value]) => {
    const inner = withOpenChannels(value, fields);
    return [key, key === 'open' ? { ...(inner as Record<string, StateNode>), ...fields } : inner];
  });
  return Object.fromEntries(changed) as StateNode;
}

describe('state of a bus', () => {
  it('is saved and restored with everything that is under way', () => {
    const { rig, provider, channel } = opened();
    provider.delayNs = 5000;
    channel.toParent.send(inBand(3n));
    rig.signal(1);
    rig.makeGpadl(2, rig.pages(2));
    rig.post(
      T.gpadlHeader,
      { ChildRelId: 2, Gpadl: 0x77, RangeCount: 1, RangeBufferLength: 24 },
      Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0),
    );
    rig.messageRoom = rig.messages.length;
    rig.post(T.modifyChannel, { ChildRelId: 1, TargetVp: 0 });
    const saved = rig.save();
    rig.bus.reset();
    assert.deepEqual(rig.bus.offeredChannels, []);
    rig.restore(saved);
    assert.deepEqual(rig.save(), saved);
    rig.messageRoom = Infinity;
    rig.take();
    rig.advanceTo(200_000);
    assert.deepEqual(rig.take(), ['ModifyChannelResponse, ChildRelId 1']);
    assert.deepEqual(completions(channel), ['11: 3']);
    rig.post(T.gpadlBody, { Gpadl: 0x77 }, new Uint8Array(16));
    assert.deepEqual(rig.take(), ['GpadlCreated, ChildRelId 2, Gpadl 119']);
  });

  for (const [name, change] of [
    ['fewer', (devices: readonly StateNode[]) => devices.slice(1)],
    ['more', (devices: readonly StateNode[]) => [...devices, ...devices]],
  ] as const) {
    it(`is not that of a bus with ${name} devices`, () => {
      const { rig } = opened();
      const saved = rig.bus.save() as { readonly devices: readonly StateNode[] };
      const changed = { ...saved, devices: change(saved.devices) } as StateNode;
      const refusal = new RegExp(`bus.devices is not a list of ${saved.devices.length} devices`);
      assert.throws(() => new BusRig(rig.providers).restoreBus(changed), refusal);
    });
  }

  for (const [name, fields, refusal] of [
    ['a GPADL that is not there', { gpadl: 99 }, 'gpadl is not one that the guest has set up'],
    ['no room for one direction', { downstreamPage: 1 }, 'gpadl is not one of a ring: a ring at'],
    ['a read index behind the ring', { readIndex: 1 << 20 }, 'readIndex is not a multiple of 8'],
    ['a crooked write index', { writeIndex: 4 }, 'writeIndex is not a multiple of 8'],
  ] as const) {
    it(`is not that of an open channel with ${name}`, () => {
      const { rig } = opened();
      const saved = withOpenChannels(rig.bus.save(), fields);
      assert.throws(
        () => new BusRig(rig.providers).restoreBus(saved),
        (error) =>
          error instanceof UserError &&
          error.id === 'saved-state-mismatch' &&
          error.message.includes(`bus.devices[0].channels[0].open.${refusal}`),
      );
    });
  }
});
