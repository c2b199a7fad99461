// A storage controller as a guest sees it on its channels: initialization, commands, resets, changes, saved states.
import assert from 'node:assert/strict';
import { ScsiDisk } from '../../../../../debug-adapter/parent-partition/service-providers/storage/scsi-disk';
import { StorageController } from '../../../../../debug-adapter/parent-partition/service-providers/storage/storage-controller';
import type {
  OpenChannel,
  OutgoingPacket,
  ReceivedPacket,
} from '../../../../../debug-adapter/parent-partition/vmbus/provider';
import { PacketType } from '../../../../../debug-adapter/spec/vmbus/packets';
import { VstorOperation as op } from '../../../../../debug-adapter/spec/vmbus/storage';
import { StateRecord } from '../../../../../debug-adapter/support/state-record';
import { decodeStateTree, encodeStateTree } from '../../../../../debug-adapter/support/state-tree';
import { SeededRandom, seedOf } from '../../../../support/seeded-random';
import { cdb, labDisk } from '../../../../support/storage-lab';

const content = Uint8Array.from({ length: 64 * 512 }, (_, at) => at ^ (at >>> 9));

/** What a guest has: channels with one buffer of memory behind them, and a clock. */
class Guest {
  nowNs = 1000;
  readonly memory = new Uint8Array(64 * 512);
  readonly completions: { id: bigint; subChannel: number; bytes: Uint8Array }[] = [];
  readonly sent: OutgoingPacket[] = [];
  subChannels = 0;
  readonly channels: OpenChannel[] = [];
  private scheduled: { dueNs: number; work: number; channel: OpenChannel }[] = [];

  constructor(readonly controller: StorageController) {
    controller.connect({
      nowNs: () => this.nowNs,
      behindNs: () => 0,
      openChannels: () => this.channels,
      offerSubChannels: (count) => (this.subChannels = count),
    });
  }

  open(subChannel: number): void {
    const channel: OpenChannel = {
      relid: 5 + subChannel,
      subChannel,
      busVersion: 0x50003,
      userData: new Uint8Array(120),
      send: (packet) => this.sent.push(packet) > 0,
      complete: (id, bytes) => this.completions.push({ id, subChannel, bytes }) > 0,
      readPages: (_ranges, offset, target) => {
        target.set(this.memory.subarray(offset, offset + target.length));
        return true;
      },
      writePages: (_ranges, offset, source) => {
        this.memory.set(source, offset);
        return true;
      },
      gpadl: () => undefined,
      schedule: (delayNs, work) =>
        this.scheduled.push({ dueNs: this.nowNs + delayNs, work, channel }),
    };
    this.channels[subChannel] = channel;
    this.controller.opened(channel);
  }

  /** Sends a packet; `bytes` is its part behind the status. */
  send(operation: number, bytes: Uint8Array, id = 1n, dataBytes = 0, subChannel = 0): void {
    const payload = new Uint8Array(64);
    new DataView(payload.buffer).setUint32(0, operation, true);
    payload.set(bytes, 12);
    const [page, byteOffset] = [0, 0];
    const ranges = dataBytes > 0 ? [{ byteCount: dataBytes, byteOffset, pages: [page] }] : [];
    const packet: ReceivedPacket = {
      type: ranges.length > 0 ? PacketType.dataUsingGpaDirect : PacketType.dataInBand,
      ...{ transactionId: id, needsCompletion: true, payload, ranges },
    };
    const channel = this.channels[subChannel];
    assert.ok(channel);
    this.controller.receive(channel, packet);
  }

  srb(text: string, dataBytes = 0, address = { path: 0, target: 0, lun: 0 }, id = 1n): void {
    const bytes = new Uint8Array(52);
    const view = new DataView(bytes.buffer);
    bytes.set([52, 0, 0, 0, 0, address.path, address.target, address.lun, 16, 20]);
    view.setUint32(12, dataBytes, true);
    bytes.set(cdb(text), 16);
    this.send(op.executeSrb, bytes, id, dataBytes);
  }

  /** Status of the last completion. */
  get status(): number {
    const bytes = this.completions.at(-1)?.bytes ?? new Uint8Array(64);
    return new DataView(bytes.buffer).getUint32(8, true);
  }

  /** SRB status, SCSI status and bytes moved, of the last completion. */
  get srbResult(): readonly [number, number, number] {
    const bytes = this.completions.at(-1)?.bytes ?? new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    return [view.getUint8(14), view.getUint8(15), view.getUint32(24, true)];
  }

  initialize(version = [0x02, 0x06]): void {
    this.open(0);
    this.send(op.beginInitialization, new Uint8Array(0));
    this.send(op.queryProtocolVersion, Uint8Array.from(version));
    this.send(op.queryProperties, new Uint8Array(0));
    this.send(op.endInitialization, new Uint8Array(0));
    assert.deepEqual(
      this.completions.map(({ bytes }) => new DataView(bytes.buffer).getUint32(8, true)),
      [0, 0, 0, 0],
    );
  }

  /** Lets time pass until the next completion is due. */
  wait(): void {
    this.scheduled.sort((a, b) => a.dueNs - b.dueNs);
    const next = this.scheduled.shift();
    assert.ok(next, 'something is scheduled');
    this.nowNs = next.dueNs;
    this.controller.due(next.channel, next.work);
  }
}

function makeGuest(): Guest {
  return new Guest(
    new StorageController({
      name: 'storage',
      offer: { classId: '', instanceId: '', flags: 0 },
      units: [
        { lun: 0, unit: labDisk(content), isAttachedAtStart: true },
        { lun: 3, unit: new ScsiDisk(labDisk(content).disk), isAttachedAtStart: false },
      ],
      latency: { requestNs: 100_000, kibibyteNs: 1000 },
      subChannelsMaximum: 7,
      hasOneDrive: false,
    }),
  );
}

describe('a storage controller', () => {
  it('is initialized in its order, and tells what it can do', () => {
    const guest = makeGuest();
    guest.initialize();
    const properties = guest.completions[2]?.bytes ?? new Uint8Array(0);
    const view = new DataView(properties.buffer);
    assert.equal(view.getUint32(0, true), op.completeIo);
    assert.equal(view.getUint16(16, true), 7);
    assert.equal(view.getUint32(20, true), 1);
    assert.equal(view.getUint32(24, true), 0x100000);
    guest.send(op.createSubChannels, Uint8Array.of(7, 0));
    assert.deepEqual([guest.status, guest.subChannels], [0, 7]);
  });

  const invalidDeviceState = 0xc0000184;
  /** [operations that come first, operation, its bytes, status] */
  const wrong: readonly (readonly [
    string,
    readonly number[],
    number,
    readonly number[],
    number,
  ])[] = [
    ['a command before the end', [7], op.executeSrb, [], invalidDeviceState],
    ['the end before the beginning', [], op.endInitialization, [], invalidDeviceState],
    ['a second beginning', [7], op.beginInitialization, [], invalidDeviceState],
    ['properties before the version', [7], op.queryProperties, [], invalidDeviceState],
    ['a version that there is not', [7], op.queryProtocolVersion, [7, 6], 0xc0000059],
    ['channels before all', [7], op.createSubChannels, [1, 0], invalidDeviceState],
    ['an operation that there is not', [], 99, [], 0xc0000010],
  ];
  for (const [title, before, operation, bytes, status] of wrong) {
    it(`refuses ${title}`, () => {
      const guest = makeGuest();
      guest.open(0);
      for (const each of before) guest.send(each, new Uint8Array(0));
      guest.send(operation, Uint8Array.from(bytes));
      assert.equal(guest.status, status);
    });
  }

  it('refuses more channels than there may be, and initialization on another channel', () => {
    const guest = makeGuest();
    guest.initialize();
    guest.send(op.createSubChannels, Uint8Array.of(8, 0));
    assert.equal(guest.status, 0xc000000d);
    guest.open(1);
    guest.send(op.beginInitialization, new Uint8Array(0), 1n, 0, 1);
    assert.equal(guest.status, invalidDeviceState);
  });

  it('completes a read after its time, with the data in place', () => {
    const guest = makeGuest();
    guest.initialize();
    guest.srb('28 00 00 00 00 01 00 00 04 00', 2048, { path: 0, target: 0, lun: 0 }, 42n);
    assert.equal(guest.completions.length, 4);
    const before = guest.nowNs;
    guest.wait();
    assert.equal(guest.nowNs - before, 102_000);
    assert.equal(guest.completions.at(-1)?.id, 42n);
    assert.deepEqual(guest.srbResult, [1, 0, 2048]);
    assert.deepEqual(guest.memory.subarray(0, 2048), content.subarray(512, 2560));
  });

  it('lets data of one request wait for those of another', () => {
    const guest = makeGuest();
    guest.initialize();
    const start = guest.nowNs;
    for (const id of [1n, 2n]) guest.srb('28 00 00 00 00 00 00 00 20 00', 16384, undefined, id);
    guest.wait();
    assert.equal(guest.nowNs - start, 116_000);
    guest.wait();
    assert.equal(guest.nowNs - start, 132_000);
  });

  /** [address, command, SRB status, SCSI status, first byte of the answer] */
  const addresses: readonly (readonly [number, number, number, string, number, number, number?])[] =
    [
      [0, 0, 0, '12 00 00 00 24', 1, 0, 0],
      [0, 0, 3, '12 00 00 00 24', 1, 0, 0x7f],
      [0, 1, 0, '12 00 00 00 24', 1, 0, 0x7f],
      [7, 0, 0, '12 00 00 00 24', 1, 0, 0x7f],
      [0, 0, 1, '00', 0xa0, 2],
      [0, 1, 0, '25', 0xa0, 2],
      [0, 0, 9, 'a0 00 00 00 00 00 00 00 00 24', 1, 0, 0],
    ];
  for (const [path, target, lun, text, srb, scsi, first] of addresses) {
    it(`answers ${text.slice(0, 2)} at ${path}:${target}:${lun}`, () => {
      const guest = makeGuest();
      guest.initialize();
      guest.memory.fill(0xee);
      guest.srb(text, 36, { path, target, lun });
      assert.deepEqual(guest.srbResult.slice(0, 2), [srb, scsi]);
      if (first !== undefined) assert.equal(guest.memory[0], first);
    });
  }

  it('reports the units that are attached, and tells of one that comes', () => {
    const guest = makeGuest();
    guest.initialize();
    const listed = (): readonly number[] => {
      guest.srb('a0 00 00 00 00 00 00 00 01 00', 256);
      const length = new DataView(guest.memory.buffer).getUint32(0);
      return Array.from({ length: length / 8 }, (_, index) => guest.memory[9 + index * 8] ?? -1);
    };
    assert.deepEqual(listed(), [0]);
    guest.controller.setAttached(3, true);
    assert.deepEqual(listed(), [0, 3]);
    assert.equal(guest.sent.length, 1);
    const [told] = guest.sent;
    assert.equal(new DataView(told?.payload.buffer ?? new ArrayBuffer(4)).getUint32(0, true), 11);
    guest.controller.setAttached(0, false);
    assert.deepEqual(listed(), [3]);
    guest.controller.reset();
    guest.completions.length = 0;
    guest.initialize();
    assert.deepEqual(listed(), [3]);
  });

  it('refuses data that the packet does not have', () => {
    const guest = makeGuest();
    guest.initialize();
    const bytes = new Uint8Array(52);
    bytes.set([52, 0, 0, 0, 0, 0, 0, 0, 16, 20, 1, 0, 0, 4]);
    bytes.set(cdb('28 00 00 00 00 00 00 00 01 00'), 16);
    guest.send(op.executeSrb, bytes, 1n, 512);
    assert.equal(guest.srbResult[0], 0x86);
  });

  it('lets everything that is under way go out before a reset is answered', () => {
    const guest = makeGuest();
    guest.initialize();
    for (const id of [10n, 11n]) guest.srb('28 00 00 00 00 00 00 00 01 00', 512, undefined, id);
    guest.send(op.resetBus, new Uint8Array(0), 12n);
    assert.deepEqual(
      guest.completions.slice(-3).map(({ id }) => id),
      [10n, 11n, 12n],
    );
    guest.wait();
    assert.equal(guest.completions.length, 7);
  });

  it('goes on from a saved state with what was under way', () => {
    const guest = makeGuest();
    guest.initialize();
    guest.controller.setAttached(3, true);
    guest.srb('28 00 00 00 00 00 00 00 01 00', 512, undefined, 77n);
    const saved = encodeStateTree(guest.controller.save());
    const other = makeGuest();
    other.controller.restore(new StateRecord(decodeStateTree(saved), 'storage'));
    other.open(0);
    other.controller.restore(new StateRecord(decodeStateTree(saved), 'storage'));
    assert.deepEqual(encodeStateTree(other.controller.save()), saved);
    const [channel] = other.channels;
    assert.ok(channel);
    other.controller.due(channel, 0);
    assert.equal(other.completions.at(-1)?.id, 77n);
    assert.deepEqual(other.srbResult, [1, 0, 512]);
    assert.ok(other.controller.isAttached(3));
  });

  it('answers whatever it is sent', () => {
    const seed = seedOf(9);
    const random = new SeededRandom(seed);
    const guest = makeGuest();
    guest.initialize();
    for (let round = 0; round < 2000; round++) {
      const channel = guest.channels[0];
      assert.ok(channel);
      const payload = random.bytes(random.pick([0, 4, 11, 12, 40, 48, 63, 64, 64, 64, 200]));
      if (payload.length > 0 && random.chance(80)) payload[0] = 1 + random.below(15);
      payload.fill(0, 1, 4);
      if (payload.length > 40)
        payload[28] = random.pick([0x12, 0x28, 0x2a, 0x42, 0x5a, 0x93, 0xa0]);
      const byteCount = random.below(4096);
      const ranges = [{ byteCount, byteOffset: 0, pages: [0] }];
      const before = guest.completions.length;
      guest.controller.receive(channel, {
        ...{ type: PacketType.dataUsingGpaDirect, transactionId: BigInt(round) },
        ...{ needsCompletion: true, payload, ranges },
      });
      if (guest.completions.length === before) guest.wait();
      const answer = guest.completions.at(-1);
      assert.ok(answer, `seed ${seed}, round ${round}`);
      assert.equal(new DataView(answer.bytes.buffer).getUint32(0, true), op.completeIo);
    }
  });
});
