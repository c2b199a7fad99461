// Monitored notification: a bit in the guest's page is a signal, heard when the page is looked at.
import assert from 'node:assert/strict';
import { encodeMessage } from '../../../../debug-adapter/parent-partition/vmbus/channel-message';
import { encodePacket } from '../../../../debug-adapter/parent-partition/vmbus/packet';
import {
  ChannelMessageType as T,
  VmbusVersion,
} from '../../../../debug-adapter/spec/vmbus/messages';
import { monitorPage } from '../../../../debug-adapter/spec/vmbus/monitor-page';
import { BusRig, type OpenedChannel } from './bus-rig';
import { RecordingProvider } from './recording-provider';

const latencyNs = 100_000;
const packet = encodePacket({ type: 'in-band', payload: Uint8Array.of(1, 2, 3, 4) });

/** A provider that lets its guest signal by the page. */
function monitoredProvider(index: number): RecordingProvider {
  const instanceId = `00000000-0000-0000-0000-${String(index).padStart(12, '0')}`;
  const classId = 'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f';
  return new RecordingProvider(`device ${index}`, {
    ...{ classId, instanceId, flags: 0, isMonitored: true },
  });
}

interface Monitored {
  readonly rig: BusRig;
  readonly device: RecordingProvider;
  /** Guest-physical address of the page that the guest writes. */
  readonly page: number;
}

function connected(devices: number = 1, version: number = VmbusVersion.v5_3): Monitored {
  const providers = Array.from({ length: devices }, (_, index) => monitoredProvider(index));
  const rig = new BusRig(providers, 2, VmbusVersion.v6_0, latencyNs);
  const [first = 0, second = 0] = rig.pages(2);
  rig.post(T.initiateContact, {
    ...{ VersionRequested: version, TargetSint: 2 },
    ...{ ParentToChildMonitorPage: first * 4096, ChildToParentMonitorPage: second * 4096 },
  });
  rig.post(T.requestOffers);
  const [device] = providers;
  assert.ok(device !== undefined);
  return { rig, device, page: second * 4096 };
}

/** Sends a packet and sets the bit of a monitor, as a driver does. */
function send({ rig, page }: Monitored, channel: OpenedChannel, monitor: number): void {
  channel.toParent.send(packet);
  const at = page + monitorPage.triggerGroups.offset + (monitor >> 5) * 8;
  rig.memory.setWord(at, (rig.memory.word(at) | (1 << (monitor & 31))) >>> 0);
}

describe('monitored notification', () => {
  it('is offered with a number, and the page says what it stands for', () => {
    const { rig, page } = connected();
    assert.match(rig.take().join('\n'), /ChannelFlags \d+.*MonitorFlags 1/);
    assert.equal(rig.memory.word(page + monitorPage.triggerState), 1);
    assert.equal(rig.memory.word(page + monitorPage.latencies.offset), latencyNs / 100);
    assert.equal(rig.memory.word(page + monitorPage.parameters.offset), 0x2001);
  });

  it('is heard at the next look, and the bit is taken', () => {
    const monitored = connected();
    const { rig, device, page } = monitored;
    const channel = rig.open(1);
    rig.advanceTo(1_000_000);
    send(monitored, channel, 0);
    assert.equal(device.count, 0);
    rig.advanceTo(1_000_000 + latencyNs);
    assert.equal(device.count, 1);
    assert.equal(rig.memory.word(page + monitorPage.triggerGroups.offset), 0);
    send(monitored, channel, 0);
    rig.signal(1);
    assert.equal(device.count, 2, 'a hypercall is heard at once, as ever');
  });

  it('has monitors of its own for each channel, up to 128; the others are offered without', () => {
    const monitored = connected(130);
    const { rig } = monitored;
    const offers = rig.take().filter((text) => text.startsWith('OfferChannel'));
    assert.equal(offers.filter((text) => text.includes('MonitorFlags 1')).length, 128);
    const channel = rig.open(128);
    send(monitored, channel, 127);
    rig.advanceTo(1_000_000);
    const last = rig.providers[127];
    assert.ok(last instanceof RecordingProvider);
    assert.equal(last.count, 1);
  });

  it('is off where the guest has no page', () => {
    const rig = new BusRig([monitoredProvider(0)], 2, VmbusVersion.v5_3, latencyNs);
    rig.post(T.initiateContact, { VersionRequested: VmbusVersion.v5_3, TargetSint: 2 });
    rig.post(T.requestOffers);
    assert.doesNotMatch(rig.take().join('\n'), /MonitorFlags/);
    assert.equal(rig.timers.nextDueNs, Infinity);
  });

  it('ends, with a reason in the trace, where the page is taken away', () => {
    const monitored = connected();
    const { rig, page } = monitored;
    rig.open(1);
    rig.memory.unmap(page / 4096);
    rig.advanceTo(1_000_000);
    assert.ok(rig.outcomes.includes('to-parent 0: the monitor page is not mapped'));
    assert.equal(rig.timers.nextDueNs, Infinity);
  });

  it('goes on in another page that a guest of version 6.0 names', () => {
    const monitored = connected(1, VmbusVersion.v6_0);
    const { rig, device } = monitored;
    rig.post(T.initiateContact, {
      ...{ VersionRequested: VmbusVersion.v6_0, TargetSint: 2, FeatureFlags: 4 },
      ...{ ParentToChildMonitorPage: 4096, ChildToParentMonitorPage: monitored.page },
    });
    rig.post(T.requestOffers);
    const channel = rig.open(1);
    const [first = 0, second = 0] = rig.pages(2);
    const values = {
      ParentToChildMonitorPage: first * 4096,
      ChildToParentMonitorPage: second * 4096,
    };
    rig.postBytes(encodeMessage(T.modifyConnection, values));
    send({ ...monitored, page: second * 4096 }, channel, 0);
    rig.advanceTo(1_000_000);
    assert.equal(device.count, 1);
  });

  it('is part of the saved state', () => {
    const monitored = connected();
    const { rig, device } = monitored;
    const channel = rig.open(1);
    rig.advanceTo(150_000);
    const saved = rig.save();
    rig.restore(saved);
    assert.deepEqual(rig.save(), saved);
    send(monitored, channel, 0);
    rig.advanceTo(300_000);
    assert.equal(device.count, 1);
  });
});
