/**
 * The two directions of a channel's ring as the parent sees them. The index of our own side is kept here and only shown
 * to the guest; what the guest writes is copied once and checked before it is used.
 */
import { pageSizeBytes } from '../../machine/addresses';
import { packetDescriptor, packetTrailerBytes, packetUnitBytes } from '../../spec/vmbus/packets';
import { ringAlignmentBytes, ringFeature, ringHeader } from '../../spec/vmbus/ring';
import { assert } from '../../support/assert';
import { readField } from '../../support/struct-layout';
import type { StateRecord } from '../../support/state-record';
import { readRanges, writeRanges, type GuestBytes, type GuestRange } from './guest-ranges';

/** A problem of the ring that ends the use of its channel, in words for the person. */
export interface RingFault {
  readonly kind: 'fault';
  readonly reason: string;
}

/** What the guest-to-parent direction had. */
export type TakenPacket =
  { readonly kind: 'packet'; readonly bytes: Uint8Array } | { readonly kind: 'empty' } | RingFault;

/** What became of a packet to the guest; `silence` says why the guest need not hear of it, empty where it must. */
export type PutPacket =
  { readonly kind: 'written'; readonly silence: string } | { readonly kind: 'full' } | RingFault;

const offsetOf = (field: string): number => ringHeader.byName.get(field)?.offset ?? 0;
const writeIndexAt = offsetOf('WriteIndex');
const readIndexAt = offsetOf('ReadIndex');
const interruptMaskAt = offsetOf('InterruptMask');
const pendingSendSizeAt = offsetOf('PendingSendSize');
const featureBitsAt = offsetOf('FeatureBits');
const indicesBytes = 16;

const fault = (reason: string): RingFault => ({ kind: 'fault', reason });
const notMapped = fault('a page of the ring is not mapped');

/** One direction: a header page, and data that wrap around. */
class RingPages {
  readonly dataBytes: number;
  private readonly window: readonly GuestRange[];

  constructor(
    private readonly memory: GuestBytes,
    pages: readonly number[],
  ) {
    assert(pages.length >= 2, 'a ring has a header page and data');
    const byteCount = pages.length * pageSizeBytes;
    this.window = [{ byteCount, byteOffset: 0, pages }];
    this.dataBytes = byteCount - pageSizeBytes;
  }

  /** WriteIndex, ReadIndex, InterruptMask and PendingSendSize, all of one moment. */
  header(): DataView | undefined {
    const bytes = new Uint8Array(indicesBytes);
    const isRead = readRanges(this.memory, this.window, 0, bytes);
    return isRead ? new DataView(bytes.buffer) : undefined;
  }

  featureBits(): number {
    const bytes = new Uint8Array(4);
    const isRead = readRanges(this.memory, this.window, featureBitsAt, bytes);
    return isRead ? new DataView(bytes.buffer).getUint32(0, true) : 0;
  }

  writeHeader(at: number, value: number): boolean {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return writeRanges(this.memory, this.window, at, bytes);
  }

  readData(index: number, target: Uint8Array): boolean {
    const head = Math.min(target.length, this.dataBytes - index);
    const { memory, window } = this;
    return (
      readRanges(memory, window, pageSizeBytes + index, target.subarray(0, head)) &&
      readRanges(memory, window, pageSizeBytes, target.subarray(head))
    );
  }

  writeData(index: number, source: Uint8Array): boolean {
    const head = Math.min(source.length, this.dataBytes - index);
    const { memory, window } = this;
    return (
      writeRanges(memory, window, pageSizeBytes + index, source.subarray(0, head)) &&
      writeRanges(memory, window, pageSizeBytes, source.subarray(head))
    );
  }

  isIndex(value: number): boolean {
    return value < this.dataBytes && value % ringAlignmentBytes === 0;
  }

  /** Bytes between a read and a write index. */
  used(readIndex: number, writeIndex: number): number {
    return (writeIndex - readIndex + this.dataBytes) % this.dataBytes;
  }

  /** Index `bytes` after `index`. */
  advance(index: number, bytes: number): number {
    return (index + bytes) % this.dataBytes;
  }
}

/** Both indices of a direction as a guest left them when it opened the channel; undefined where they make no sense. */
function initialIndices(pages: RingPages): { read: number; write: number } | undefined {
  const header = pages.header();
  if (header === undefined) return undefined;
  const read = header.getUint32(readIndexAt, true);
  const write = header.getUint32(writeIndexAt, true);
  return pages.isIndex(read) && pages.isIndex(write) ? { read, write } : undefined;
}

/** @throws UserError where the index is not in the ring */
function restoredIndex(pages: RingPages, saved: StateRecord, key: string): number {
  const index = saved.count(key);
  if (pages.isIndex(index)) return index;
  throw saved.mismatch(
    key,
    `a multiple of ${ringAlignmentBytes} below ${pages.dataBytes}, the bytes of its ring`,
  );
}

/** From the guest to the parent: the parent reads. */
export class IncomingRing {
  private readonly pages: RingPages;
  private index = 0;
  /** Free bytes that the guest knew of before this batch; undefined where no packet was taken since. */
  private freeBefore: number | undefined;

  constructor(memory: GuestBytes, pages: readonly number[]) {
    this.pages = new RingPages(memory, pages);
  }

  /** Takes over the indices of a channel that is being opened; false where they are none. */
  open(): boolean {
    const indices = initialIndices(this.pages);
    this.index = indices?.read ?? 0;
    return indices !== undefined;
  }

  /** Our index, which the guest cannot change. */
  get readIndex(): number {
    return this.index;
  }

  /** @throws UserError where the index is not in the ring */
  restore(saved: StateRecord): void {
    this.index = restoredIndex(this.pages, saved, 'readIndex');
    this.freeBefore = undefined;
  }

  /** Bytes in use and in all, for whoever looks. */
  occupancy(): { readonly usedBytes: number; readonly dataBytes: number } {
    const write = this.pages.header()?.getUint32(writeIndexAt, true) ?? this.index;
    const { dataBytes } = this.pages;
    return {
      usedBytes: this.pages.isIndex(write) ? this.pages.used(this.index, write) : 0,
      dataBytes,
    };
  }

  /** Asks the guest not to signal (true) or to signal again. */
  maskInterrupts(masked: boolean): boolean {
    return this.pages.writeHeader(interruptMaskAt, Number(masked));
  }

  /** Copies the next packet, descriptor and payload, out of the ring. The guest sees it gone after {@link release}. */
  take(): TakenPacket {
    const { pages, index } = this;
    const header = pages.header();
    if (header === undefined) return notMapped;
    const writeIndex = header.getUint32(writeIndexAt, true);
    if (!pages.isIndex(writeIndex)) return fault(`write index ${writeIndex} is not in the ring`);
    const used = pages.used(index, writeIndex);
    if (used === 0) return { kind: 'empty' };
    const descriptor = new Uint8Array(packetDescriptor.sizeBytes);
    if (used < descriptor.length + packetTrailerBytes) {
      return fault(`${used} bytes are in use, too few for a packet`);
    }
    if (!pages.readData(index, descriptor)) return notMapped;
    const length = Number(readField(packetDescriptor, descriptor, 'Length8')) * packetUnitBytes;
    const offset = Number(readField(packetDescriptor, descriptor, 'DataOffset8')) * packetUnitBytes;
    if (offset < descriptor.length || offset > length) {
      return fault(`payload at ${offset} of a packet of ${length} bytes`);
    }
    if (length + packetTrailerBytes > used) {
      return fault(`a packet of ${length} bytes where ${used} are in use`);
    }
    const bytes = new Uint8Array(length);
    bytes.set(descriptor);
    const rest = bytes.subarray(descriptor.length);
    if (!pages.readData(pages.advance(index, descriptor.length), rest)) return notMapped;
    this.freeBefore ??= pages.dataBytes - used;
    this.index = pages.advance(index, length + packetTrailerBytes);
    return { kind: 'packet', bytes };
  }

  /**
   * Shows the guest what has been taken.
   * @returns true where the guest waits for room and there is enough now, undefined where the ring is not mapped
   */
  release(): boolean | undefined {
    const { pages, freeBefore } = this;
    if (freeBefore === undefined) return false;
    this.freeBefore = undefined;
    const header = pages.header();
    if (header === undefined || !pages.writeHeader(readIndexAt, this.index)) return undefined;
    const wanted = header.getUint32(pendingSendSizeAt, true);
    const speaksOfIt = (pages.featureBits() & ringFeature.pendingSendSizeSupported) !== 0;
    const writeIndex = header.getUint32(writeIndexAt, true);
    if (!speaksOfIt || wanted === 0 || !pages.isIndex(writeIndex)) return false;
    const freeNow = pages.dataBytes - pages.used(this.index, writeIndex);
    return freeBefore <= wanted && wanted < freeNow;
  }
}

/** A guest that has not read everything yet goes on reading; one that reads on its own masks interrupts. */
function silenceOf(header: DataView, usedBytes: number): string {
  if (usedBytes > 0) return `no signal: the guest has ${usedBytes} bytes still to read`;
  const isMasked = header.getUint32(interruptMaskAt, true) !== 0;
  return isMasked ? 'no signal: the guest has masked interrupts in the ring' : '';
}

/** From the parent to the guest: the parent writes. */
export class OutgoingRing {
  private readonly pages: RingPages;
  private index = 0;
  /** PendingSendSize as we last wrote it. */
  private wanted = 0;

  constructor(memory: GuestBytes, pages: readonly number[]) {
    this.pages = new RingPages(memory, pages);
  }

  /** Takes over the indices of a channel that is being opened; false where they are none. */
  open(): boolean {
    const indices = initialIndices(this.pages);
    this.index = indices?.write ?? 0;
    this.wanted = 0;
    return indices !== undefined;
  }

  /** What is kept on our side. */
  get state(): { readonly writeIndex: number; readonly wanted: number } {
    return { writeIndex: this.index, wanted: this.wanted };
  }

  /** @throws UserError where the index is not in the ring */
  restore(saved: StateRecord): void {
    this.index = restoredIndex(this.pages, saved, 'writeIndex');
    this.wanted = saved.number('wanted');
  }

  /** Bytes in use and in all, for whoever looks. */
  occupancy(): { readonly usedBytes: number; readonly dataBytes: number } {
    const read = this.pages.header()?.getUint32(readIndexAt, true) ?? this.index;
    const { dataBytes } = this.pages;
    return {
      usedBytes: this.pages.isIndex(read) ? this.pages.used(read, this.index) : 0,
      dataBytes,
    };
  }

  /** True where a packet of this size fits into the empty ring. */
  holds(packetBytes: number): boolean {
    return packetBytes + packetTrailerBytes < this.pages.dataBytes;
  }

  /** Writes a packet, descriptor and payload, a multiple of 8 bytes. Where it does not fit the guest is told how much is wanted. */
  put(packet: Uint8Array): PutPacket {
    assert(packet.length % packetUnitBytes === 0, 'packets are padded');
    const { pages, index } = this;
    const header = pages.header();
    if (header === undefined) return notMapped;
    const readIndex = header.getUint32(readIndexAt, true);
    if (!pages.isIndex(readIndex)) return fault(`read index ${readIndex} is not in the ring`);
    const total = packet.length + packetTrailerBytes;
    const used = pages.used(readIndex, index);
    if (pages.dataBytes - used <= total) {
      return this.want(total) ? { kind: 'full' } : notMapped;
    }
    const bytes = new Uint8Array(total);
    bytes.set(packet);
    // The trailer has the packet's own index in its upper half; readers do not look at it.
    new DataView(bytes.buffer).setUint32(packet.length + 4, index, true);
    this.index = pages.advance(index, total);
    const isWritten =
      pages.writeData(index, bytes) &&
      pages.writeHeader(writeIndexAt, this.index) &&
      (this.wanted === 0 || this.want(0));
    if (!isWritten) return notMapped;
    return { kind: 'written', silence: silenceOf(header, used) };
  }

  private want(bytes: number): boolean {
    this.wanted = bytes;
    return this.pages.writeHeader(pendingSendSizeAt, bytes);
  }
}
