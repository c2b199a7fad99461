// A guest that uses its disk to reach memory that is not its own, and that otherwise does its worst to its bus.
import assert from 'node:assert/strict';
import {
  encodeMessage,
  messageReader,
  messageType,
  type MessageValues,
} from '../../../debug-adapter/parent-partition/vmbus/channel-message';
import { ScsiOperation } from '../../../debug-adapter/spec/scsi/commands';
import { deviceClassByName } from '../../../debug-adapter/spec/vmbus/device-classes';
import {
  channelMessages,
  ChannelMessageType as T,
  VmbusConnectionId,
  VmbusVersion,
} from '../../../debug-adapter/spec/vmbus/messages';
import { VstorOperation } from '../../../debug-adapter/spec/vmbus/storage';
import { guidText } from '../../../debug-adapter/support/guid';
import { present } from '../../../debug-adapter/support/assert';
import type { DrivenGuest } from '../../support/driven-guest';
import type { SeededRandom } from '../../support/seeded-random';
import { GuestRing } from '../parent-partition/vmbus/guest-ring';

const ringPages = 4;
const firstRingPage = 0x200;
const edges = [0, 1, 2, 3, 7, 8, 16, 4095, 4096, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const guestMessages = channelMessages.filter(({ sender }) => sender === 'guest');

/** A piece of guest memory as a request names it. */
export interface NamedRange {
  readonly byteCount: number;
  readonly byteOffset: number;
  readonly pages: readonly bigint[];
}

export class StorageIntruder {
  relid = 0;
  private nextGpadl = 0xe1e10;
  private nextTransaction = 1n;
  private toParent: GuestRing | undefined;
  private toGuest: GuestRing | undefined;

  constructor(readonly guest: DrivenGuest) {}

  /** As a driver does: contact, offers, the SCSI channel, and the storage protocol. */
  connect(): void {
    this.post(T.initiateContact, { VersionRequested: VmbusVersion.v5_3, TargetSint: 2 });
    this.post(T.requestOffers);
    const scsi = present(deviceClassByName.get('scsi'), 'class').guid;
    for (let turn = 0; turn < 50; turn++) {
      const message = this.guest.takeMessage();
      // Every call ends the message, so that the next one comes.
      this.guest.signal(0xffff);
      if (message === undefined) continue;
      const type = messageType(message);
      if (type === T.allOffersDelivered) break;
      if (type !== T.offerChannel || guidText(message.subarray(8, 24)) !== scsi) continue;
      this.relid = messageReader(message)('ChildRelId');
    }
    assert.ok(this.relid > 0, 'the controller is offered');
    this.open();
    for (const operation of [
      'beginInitialization',
      'queryProtocolVersion',
      'queryProperties',
      'endInitialization',
    ] as const) {
      const payload = new Uint8Array(64);
      const view = new DataView(payload.buffer);
      view.setUint32(0, VstorOperation[operation], true);
      view.setUint32(4, 1, true);
      if (operation === 'queryProtocolVersion') view.setUint16(12, 0x0602, true);
      assert.equal(this.exchange(packet(6, [], payload, this.nextTransaction++))?.status, 0);
    }
  }

  /** Opens the channel anew. @param pages of its rings, by default good ones */
  open(
    pages: readonly number[] = Array.from({ length: 2 * ringPages }, (_, i) => firstRingPage + i),
  ): void {
    this.post(T.closeChannel, { ChildRelId: this.relid });
    const good = Array.from({ length: 2 * ringPages }, (_, index) => firstRingPage + index);
    for (const page of good) this.guest.write(page * 4096, new Uint8Array(4096));
    this.toParent = new GuestRing(this.guest, good.slice(0, ringPages));
    this.toGuest = new GuestRing(this.guest, good.slice(ringPages));
    const gpadl = this.nextGpadl++;
    const bytes = new Uint8Array(8 + 8 * pages.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, pages.length * 4096, true);
    pages.forEach((page, index) => view.setBigUint64(8 + 8 * index, BigInt(page), true));
    const ids = { ChildRelId: this.relid, Gpadl: gpadl };
    this.post(T.gpadlHeader, { ...ids, RangeCount: 1, RangeBufferLength: bytes.length }, bytes);
    this.post(T.openChannel, {
      ...{ ChildRelId: this.relid, OpenId: this.relid, RingBufferGpadl: gpadl },
      ...{ TargetVp: 0, DownstreamRingPageOffset: ringPages },
    });
    this.takeMessages();
  }

  /** A command for the disk whose data are the ranges; undefined where there is no answer. */
  command(
    cdb: readonly number[],
    isRead: boolean,
    ranges: readonly NamedRange[],
  ): Answer | undefined {
    const bytes = ranges.reduce((sum, { byteCount }) => sum + byteCount, 0);
    return this.exchange(srbPacket(cdb, isRead, bytes, ranges, this.nextTransaction++));
  }

  /** READ(10) or WRITE(10) of the first blocks. */
  transfer(isRead: boolean, ranges: readonly NamedRange[]): Answer | undefined {
    const bytes = ranges.reduce((sum, { byteCount }) => sum + byteCount, 0);
    const blocks = Math.floor(bytes / 512);
    const code = isRead ? ScsiOperation.read10 : ScsiOperation.write10;
    return this.command([code, 0, 0, 0, 0, 0, 0, blocks >> 8, blocks & 0xff, 0], isRead, ranges);
  }

  /** Something at random, half of it near to what drivers do. */
  act(random: SeededRandom): void {
    const action = random.below(100);
    if (action < 25) this.postMutated(random);
    else if (action < 30) this.guest.post(random.pick(edges), random.bytes(random.below(241)));
    else if (action < 70) this.sendMutated(random);
    else if (action < 80) this.spoilRing(random);
    else if (action < 90)
      this.guest.signal(random.chance(80) ? this.connection : random.pick(edges));
    else this.open(random.chance(50) ? undefined : this.wrongPages(random));
    if (random.chance(30)) this.takeMessages();
  }

  private get connection(): number {
    return this.relid | 0x2000;
  }

  private post(type: number, values: MessageValues = {}, appended?: Uint8Array): void {
    this.guest.post(VmbusConnectionId.messages4, encodeMessage(type, values, appended));
  }

  private takeMessages(): void {
    for (let turn = 0; turn < 8; turn++) {
      const isEmpty = this.guest.takeMessage() === undefined;
      this.guest.signal(0xffff);
      if (isEmpty) return;
    }
  }

  private exchange(bytes: Uint8Array): Answer | undefined {
    const { toParent, toGuest, guest } = this;
    if (toParent === undefined || toGuest === undefined) return undefined;
    toGuest.setHeader('read', toGuest.header('write'));
    toParent.send(bytes);
    guest.signal(this.connection);
    // The medium takes its time.
    for (let turn = 0; turn < 40; turn++) {
      const answer = toGuest.receive();
      if (answer !== undefined) return answerOf(answer.packet);
      guest.signal(0xffff);
    }
    return undefined;
  }

  private wrongPages(random: SeededRandom): readonly number[] {
    return Array.from({ length: 2 * ringPages }, (_, index) =>
      random.chance(70)
        ? firstRingPage + index
        : random.pick([0, 0x400, 0xfec00, 0xfee00, 2 ** 40]),
    );
  }

  private postMutated(random: SeededRandom): void {
    const { type, layout } = random.pick(guestMessages);
    const values = layout.fields.flatMap(({ name, type: field }): [string, number][] => {
      if (name === 'MessageType' || typeof field === 'object') return [];
      if (name === 'ChildRelId')
        return [[name, random.chance(70) ? this.relid : random.pick(edges)]];
      return [[name, name.includes('Gpadl') ? this.nextGpadl - 1 : random.pick(edges)]];
    });
    // Contact anew would take everything away.
    if (type === T.initiateContact || type === T.unload) return;
    const appended = random.bytes(random.pick([0, 8, 16, 24, 200]));
    const bytes = encodeMessage(type, Object.fromEntries(values), appended).slice(0, 240);
    this.guest.post(VmbusConnectionId.messages4, bytes);
  }

  private sendMutated(random: SeededRandom): void {
    const isRead = random.chance(50);
    const pages = [0x300n, 0x301n, 0x400n, 0xfee00n, 1n << 40n, (1n << 64n) - 1n];
    const ranges = Array.from({ length: random.below(3) }, () => ({
      byteCount: random.pick([512, 4096, 8192]),
      byteOffset: random.pick([0, 0, 512, 4095]),
      pages: Array.from({ length: 3 }, () => random.pick(pages)),
    }));
    const code = random.chance(60) ? ScsiOperation.read10 : random.below(256);
    const cdb = [code, 0, 0, 0, 0, 0, 0, 0, random.below(24), 0];
    const bytes = srbPacket(cdb, isRead, random.pick([0, 512, 4096, 65_536]), ranges, 1n);
    const changes = random.chance(40) ? 0 : 1 + random.below(4);
    for (let change = 0; change < changes; change++) {
      bytes[random.below(random.chance(50) ? 24 : bytes.length)] = random.below(256);
    }
    this.toParent?.send(bytes);
    this.guest.signal(this.connection);
  }

  private spoilRing(random: SeededRandom): void {
    const field = random.pick(['read', 'write', 'mask', 'pending', 'features'] as const);
    const ring = random.chance(50) ? this.toParent : this.toGuest;
    ring?.setHeader(field, random.chance(50) ? random.pick(edges) : 8 * random.below(2048));
    this.guest.signal(this.connection);
  }
}

/** What came back for a request. */
export interface Answer {
  /** NTSTATUS of the packet. */
  readonly status: number;
  /** Without the flags. */
  readonly srbStatus: number;
  readonly transferredBytes: number;
}

function answerOf(bytes: Uint8Array): Answer {
  const view = new DataView(bytes.buffer, bytes.byteOffset + 16);
  return {
    status: view.getUint32(8, true),
    srbStatus: view.getUint8(14) & 0x3f,
    transferredBytes: view.getUint32(24, true),
  };
}

function srbPacket(
  cdb: readonly number[],
  isRead: boolean,
  bytes: number,
  ranges: readonly NamedRange[],
  transaction: bigint,
): Uint8Array {
  const payload = new Uint8Array(64);
  const view = new DataView(payload.buffer);
  view.setUint32(0, VstorOperation.executeSrb, true);
  view.setUint32(4, 1, true);
  view.setUint16(12, 52, true);
  view.setUint8(20, cdb.length);
  view.setUint8(21, 20);
  view.setUint8(22, isRead ? 1 : 0);
  view.setUint32(24, bytes, true);
  payload.set(cdb, 28);
  return packet(9, ranges, payload, transaction);
}

/** A packet of type 6 (in-band) or 9 (GPA direct), with completion wanted. */
function packet(
  type: number,
  ranges: readonly NamedRange[],
  payload: Uint8Array,
  transaction: bigint,
): Uint8Array {
  const rangeBytes = ranges.reduce((sum, { pages }) => sum + 8 + 8 * pages.length, 0);
  const headBytes = type === 9 ? 24 + rangeBytes : 16;
  const bytes = new Uint8Array(headBytes + payload.length);
  const view = new DataView(bytes.buffer);
  [type, headBytes / 8, bytes.length / 8, 1].forEach((word, index) =>
    view.setUint16(2 * index, word, true),
  );
  view.setBigUint64(8, transaction, true);
  if (type === 9) view.setUint32(20, ranges.length, true);
  let at = 24;
  for (const { byteCount, byteOffset, pages } of ranges) {
    view.setUint32(at, byteCount, true);
    view.setUint32(at + 4, byteOffset, true);
    pages.forEach((page, index) => view.setBigUint64(at + 8 + 8 * index, page, true));
    at += 8 + 8 * pages.length;
  }
  bytes.set(payload, headBytes);
  return bytes;
}
