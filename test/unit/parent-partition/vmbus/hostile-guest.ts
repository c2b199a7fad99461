/** A guest that does its worst to its bus: half of it mutated from what drivers did in a boot, half nonsense. */
import assert from 'node:assert/strict';
import { Backup } from '../../../../debug-adapter/parent-partition/integration/backup';
import { FileCopy } from '../../../../debug-adapter/parent-partition/integration/file-copy';
import { Heartbeat } from '../../../../debug-adapter/parent-partition/integration/heartbeat';
import { busLimits } from '../../../../debug-adapter/parent-partition/vmbus/bus-services';
import { encodeMessage } from '../../../../debug-adapter/parent-partition/vmbus/channel-message';
import { encodePacket } from '../../../../debug-adapter/parent-partition/vmbus/packet';
import {
  channelMessages,
  ChannelMessageType as T,
  VmbusVersion,
} from '../../../../debug-adapter/spec/vmbus/messages';
import type { SeededRandom } from '../../../support/seeded-random';
import { BusRig, type OpenedChannel } from './bus-rig';
import { recordedMessages, recordedPackets } from './recorded-traffic';
import { RecordingProvider } from './recording-provider';

/** Numbers at which things break. */
const edges = [0, 1, 2, 3, 4, 7, 8, 16, 4095, 4096, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const versions = Object.values(VmbusVersion);
const guestMessages = channelMessages.filter(({ sender }) => sender === 'guest');

export class HostileGuest {
  readonly rig: BusRig;
  private channels: OpenedChannel[] = [];
  private readonly device = new RecordingProvider('disk');
  private readonly canary: number;

  constructor(private readonly random: SeededRandom) {
    const offer = { ...this.device.offer, instanceId: '00000000-0000-0000-0000-000000000001' };
    const second = new RecordingProvider('network', offer);
    second.delayNs = 1000;
    const components = [new Heartbeat(), new Backup(), new FileCopy()];
    this.rig = new BusRig([this.device, second, ...components], 2, VmbusVersion.v6_0);
    [this.canary = 0] = this.rig.pages(1);
    this.rig.memory.setWord(this.canary * 4096, 0xdead_beef);
  }

  /** Reasons for which something was refused or given up, numbers taken out. */
  get reasons(): ReadonlySet<string> {
    const given = [...this.rig.refusals, ...this.rig.outcomes];
    return new Set(given.map((text) => text.replace(/0x[0-9a-f]+|\d+/g, '#')));
  }

  /** Does one thing, and looks whether the bus is still in order. */
  act(): void {
    const { random, rig } = this;
    const action = random.below(100);
    if (action < 5) this.postMutated();
    else if (action < 12) this.postRecorded();
    else if (action < 14) this.postRanges();
    else if (action < 20)
      rig.postBytes(random.bytes(random.below(241)), random.pick([0, 1, 1, 1, 2]));
    else if (action < 25) this.connect();
    else if (action < 35) this.open();
    else if (action < 40) this.closeSomething();
    else if (action < 60) this.sendPacket();
    else if (action < 70) this.spoilRing();
    else if (action < 80) this.drain();
    else if (action < 90) rig.bus.receiveSignal(random.below(2), this.connectionId());
    else if (action < 94) rig.advanceTo(rig.nowNs + random.below(100_000_000));
    else if (action < 96) rig.bus.setPluggedIn('disk', random.chance(70));
    else if (action < 97) this.device.host.offerSubChannels(random.below(4));
    else if (action < 99) rig.messageRoom = random.pick([0, 1, Infinity, Infinity]);
    else this.saveAndRestore();
    this.check();
  }

  private check(): void {
    const { rig } = this;
    if (rig.messages.length > 100) rig.messages = [];
    if (rig.signals.length > 1000) rig.signals = [];
    for (const channel of rig.bus.offeredChannels) {
      assert.ok(channel.waitingPackets <= busLimits.waitingPacketsMaximum);
      assert.equal(rig.ports.has(channel.connectionId), channel.state === 'open');
    }
    assert.equal(rig.memory.word(this.canary * 4096), 0xdead_beef, 'memory of nobody is untouched');
  }

  private connect(): void {
    const { random, rig } = this;
    if (random.chance(50)) return rig.connect(random.pick(versions));
    rig.post(T.initiateContact, {
      VersionRequested: random.pick([...versions, ...edges]),
      TargetMessageVp: random.pick([0, 1, 2, 0xffff_ffff]),
      TargetSint: random.pick([2, 2, 2, 0, 15, 16, 255]),
      TargetVtl: random.pick([0, 0, 0, 1]),
      FeatureFlags: random.pick(edges),
      ParentToChildMonitorPage: random.pick([0, 0, 4096, 1]),
      ChildToParentMonitorPage: random.pick([0, 0, 8192]),
    });
  }

  private relid(): number {
    const { random } = this;
    return random.chance(80) ? 1 + random.below(9) : random.pick(edges);
  }

  private gpadl(): number {
    const { random } = this;
    const [some] = this.channels.length > 0 ? [random.pick(this.channels).gpadl] : [0];
    return random.chance(60) ? some : random.pick([...edges, 0xe1e10, 0xe1e11, 0xe1e20]);
  }

  private postMutated(): void {
    const { random, rig } = this;
    const { type, layout } = random.pick(guestMessages);
    const values = layout.fields.flatMap(({ name, type: field }): [string, number][] => {
      if (name === 'MessageType' || typeof field === 'object') return [];
      if (name === 'ChildRelId') return [[name, this.relid()]];
      if (name.includes('Gpadl')) return [[name, this.gpadl()]];
      return [[name, random.pick(edges)]];
    });
    const appended = random.bytes(random.pick([0, 8, 16, 24, 200]));
    const bytes = encodeMessage(type, Object.fromEntries(values), appended).slice(0, 240);
    rig.postBytes(random.chance(10) ? bytes.slice(0, random.below(bytes.length)) : bytes);
  }

  /** What a stock kernel said, with bytes changed. */
  private postRecorded(): void {
    const { random, rig } = this;
    const bytes = mutated(random.pick(recordedMessages), random);
    rig.postBytes(random.chance(10) ? bytes.slice(0, random.below(bytes.length)) : bytes);
  }

  /** A list of pages in one message, with a mistake or without. */
  private postRanges(): void {
    const { random, rig } = this;
    const count = random.below(4);
    const words = Array.from({ length: count }, () => [
      ...[random.pick([0, 1, 4096, 8192]), random.pick([0, 0, 4095, 4096])],
      ...[random.below(64), 0, random.below(64), 0],
    ]).flat();
    const bytes = new Uint8Array(new Uint32Array(words).buffer);
    const length = random.chance(70) ? bytes.length : random.pick(edges) & 0xffff;
    const head = {
      ChildRelId: this.relid(),
      Gpadl: random.chance(20) ? this.gpadl() : 0x100 + random.below(4000),
    };
    rig.post(T.gpadlHeader, { ...head, RangeCount: count, RangeBufferLength: length }, bytes);
    if (random.chance(80)) return;
    rig.post(T.openChannel, { ChildRelId: head.ChildRelId, RingBufferGpadl: head.Gpadl });
  }

  private open(): void {
    const { random, rig } = this;
    if (rig.bus.offeredChannels.length === 0) return this.connect();
    const relid = this.relid();
    if (random.chance(70)) rig.post(T.closeChannel, { ChildRelId: relid });
    const channel = rig.open(relid, random.pick([0, 1, 0, 1, 2, 0xffff_ffff]));
    this.channels = [...this.channels.filter((other) => other.relid !== relid), channel];
    if (random.chance(10)) {
      const values = { ChildRelId: relid, RingBufferGpadl: channel.gpadl };
      rig.post(T.closeChannel, { ChildRelId: relid });
      const pages = random.pick([0, 1, 4, 7, 8, 0xffff_ffff]);
      rig.post(T.openChannel, { ...values, DownstreamRingPageOffset: pages });
    }
  }

  private closeSomething(): void {
    const relid = this.relid();
    this.rig.post(this.random.pick([T.closeChannel, T.closeChannel, T.relIdReleased]), {
      ChildRelId: relid,
    });
    if (this.random.chance(60)) {
      this.rig.post(T.gpadlTeardown, { ChildRelId: relid, Gpadl: this.gpadl() });
    }
  }

  private connectionId(): number {
    return this.random.chance(80) ? (this.relid() | 0x2000) >>> 0 : this.random.pick(edges);
  }

  /** A driver's packet, in two of three cases with bytes changed. */
  private sendPacket(): void {
    const { random } = this;
    const channel = this.someChannel();
    if (channel === undefined) return;
    const made = random.chance(40) ? gpaDirect(random) : inBand(random);
    const packet = random.chance(50) ? random.pick(recordedPackets) : made;
    channel.toParent.send(mutated(packet, random));
    if (random.chance(80)) this.rig.signal(channel.relid);
  }

  private spoilRing(): void {
    const { random } = this;
    const channel = this.someChannel();
    if (channel === undefined) return;
    const ring = random.pick([channel.toParent, channel.toGuest]);
    const field = random.pick(['read', 'write', 'mask', 'pending', 'features'] as const);
    ring.setHeader(field, random.chance(50) ? random.pick(edges) : 8 * random.below(2048));
    if (random.chance(20)) {
      const page = random.pick(ring.pages);
      this.rig.memory.unmap(page);
      this.rig.signal(channel.relid);
      if (random.chance(90)) this.rig.memory.map(page, 1, random.pick(['read-write', 'read-only']));
    }
    this.rig.signal(channel.relid);
  }

  /** Takes what there is, as long as that makes sense. */
  private drain(): void {
    const channel = this.someChannel();
    if (channel === undefined) return;
    channel.toGuest.setHeader('read', channel.toGuest.header('write'));
    this.rig.signal(channel.relid);
  }

  private someChannel(): OpenedChannel | undefined {
    const usable = this.channels.filter(({ relid }) => this.rig.bus.channel(relid)?.isUsable);
    const some = usable.length > 0 && this.random.chance(90) ? usable : this.channels;
    return some.length === 0 ? undefined : this.random.pick(some);
  }

  private saveAndRestore(): void {
    const saved = this.rig.save();
    this.rig.restore(saved);
    assert.deepEqual(this.rig.save(), saved);
  }
}

/** The same bytes, in two of three cases with up to four of them changed, most of those at the beginning. */
function mutated(valid: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = valid.slice();
  const changes = random.chance(34) ? 0 : 1 + random.below(4);
  for (let change = 0; change < changes; change++) {
    const at = random.below(random.chance(70) ? Math.min(24, bytes.length) : bytes.length);
    bytes[at] = random.chance(50) ? random.below(256) : (bytes[at] ?? 0) ^ (1 << random.below(8));
  }
  return bytes;
}

function inBand(random: SeededRandom): Uint8Array {
  return encodePacket({
    type: 'in-band',
    transactionId: BigInt(random.next()),
    needsCompletion: random.chance(50),
    payload: random.bytes(random.below(80)),
  });
}

function gpaDirect(random: SeededRandom): Uint8Array {
  const ranges = random.below(3);
  const words: number[] = [0, ranges];
  for (let range = 0; range < ranges; range++) {
    words.push(random.pick([1, 512, 4096, 8192]), random.pick([0, 0, 512, 4095]));
    for (let page = 0; page < 3; page++) words.push(random.below(64), 0);
  }
  const payload = 8;
  const bytes = new Uint8Array(16 + 4 * words.length + payload);
  const view = new DataView(bytes.buffer);
  [9, (16 + 4 * words.length) / 8, bytes.length / 8, 1].forEach((word, index) =>
    view.setUint16(2 * index, word, true),
  );
  words.forEach((word, index) => view.setUint32(16 + 4 * index, word, true));
  return bytes;
}
