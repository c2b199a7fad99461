/** Packets as bytes: what a guest's mean, checked against every rule, and how those to a guest are made. */
import { pageSizeBytes } from '../../machine/addresses';
import {
  gpaDirectDescriptor,
  packetDescriptor,
  packetFlag,
  PacketType,
  packetUnitBytes,
  transferPagesDescriptor,
} from '../../spec/vmbus/packets';
import { readField, structWriter } from '../../support/struct-layout';
import { guestPage, pagesTouched, type GuestRange } from './guest-ranges';
import type { OutgoingPacket, ReceivedPacket } from './provider';

const knownTypes: ReadonlySet<number> = new Set(Object.values(PacketType));
const rangeHeadBytes = 8;
const pageNumberBytes = 8;

/**
 * Ranges of guest pages one after another, as GPA-direct packets and GPADLs have them.
 * @returns the ranges and the bytes that they take, or in words what is wrong with them
 */
export function parseRanges(
  bytes: Uint8Array,
  count: number,
): { readonly ranges: readonly GuestRange[]; readonly sizeBytes: number } | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranges: GuestRange[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + rangeHeadBytes > bytes.length) return `range ${index} is cut short`;
    const byteCount = view.getUint32(at, true);
    const byteOffset = view.getUint32(at + 4, true);
    at += rangeHeadBytes;
    if (byteCount === 0) return `range ${index} is empty`;
    if (byteOffset >= pageSizeBytes) return `range ${index} begins ${byteOffset} bytes into a page`;
    const pageCount = pagesTouched(byteCount, byteOffset);
    if (at + pageCount * pageNumberBytes > bytes.length) {
      return `range ${index} of ${byteCount} bytes lacks page numbers`;
    }
    const pages: number[] = [];
    for (let page = 0; page < pageCount; page++, at += pageNumberBytes) {
      pages.push(guestPage(view.getUint32(at, true), view.getUint32(at + 4, true)));
    }
    ranges.push({ byteCount, byteOffset, pages });
  }
  return { ranges, sizeBytes: at };
}

/** Parts of a transfer-page set: they have no pages of their own. */
function parseTransferRanges(bytes: Uint8Array, count: number): readonly GuestRange[] | string {
  if (count * rangeHeadBytes > bytes.length) return `${count} ranges do not fit into the packet`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => ({
    byteCount: view.getUint32(index * rangeHeadBytes, true),
    byteOffset: view.getUint32(index * rangeHeadBytes + 4, true),
    pages: [],
  }));
}

function rangesOf(type: number, head: Uint8Array): readonly GuestRange[] | string {
  const isDirect = type === PacketType.dataUsingGpaDirect;
  if (!isDirect && type !== PacketType.dataUsingTransferPages) return [];
  const layout = isDirect ? gpaDirectDescriptor : transferPagesDescriptor;
  if (head.length < layout.sizeBytes) return `a descriptor of ${head.length} bytes has no ranges`;
  const count = Number(readField(layout, head, 'RangeCount'));
  if (count === 0) return 'a packet with ranges has none';
  const rest = head.subarray(layout.sizeBytes);
  if (!isDirect) return parseTransferRanges(rest, count);
  const parsed = parseRanges(rest, count);
  return typeof parsed === 'string' ? parsed : parsed.ranges;
}

/**
 * Decodes a packet that a ring gave up: its descriptor is known to lie inside.
 * @returns in words what is wrong with a packet that is none
 */
export function parsePacket(bytes: Uint8Array): ReceivedPacket | string {
  const field = (name: string): number => Number(readField(packetDescriptor, bytes, name));
  const type = field('Type');
  const flags = field('Flags');
  if (!knownTypes.has(type)) return `packet type ${type} is not known`;
  if ((flags & ~packetFlag.completionRequested) !== 0) {
    return `packet flags 0x${flags.toString(16)} are not known`;
  }
  const payloadAt = field('DataOffset8') * packetUnitBytes;
  const ranges = rangesOf(type, bytes.subarray(0, payloadAt));
  if (typeof ranges === 'string') return ranges;
  return {
    type,
    transactionId: readField(packetDescriptor, bytes, 'TransactionId'),
    needsCompletion: (flags & packetFlag.completionRequested) !== 0,
    payload: bytes.subarray(payloadAt),
    ranges,
  };
}

const wireType = {
  'in-band': PacketType.dataInBand,
  completion: PacketType.completion,
  'transfer-pages': PacketType.dataUsingTransferPages,
} as const;

const inUnits = (bytes: number): number => Math.ceil(bytes / packetUnitBytes);

/** The packet with its descriptor, padded as the ring wants it. */
export function encodePacket(packet: OutgoingPacket): Uint8Array {
  const { payload, transactionId = 0n } = packet;
  const ranges = packet.type === 'transfer-pages' ? packet.ranges : [];
  const head =
    packet.type === 'transfer-pages'
      ? transferPagesDescriptor.sizeBytes + ranges.length * rangeHeadBytes
      : packetDescriptor.sizeBytes;
  const length8 = inUnits(head) + inUnits(payload.length);
  const bytes = new Uint8Array(length8 * packetUnitBytes);
  const wantsCompletion = packet.type !== 'completion' && packet.needsCompletion === true;
  const set = structWriter(packetDescriptor, bytes);
  set('Type', BigInt(wireType[packet.type]));
  set('DataOffset8', BigInt(inUnits(head)));
  set('Length8', BigInt(length8));
  set('Flags', wantsCompletion ? BigInt(packetFlag.completionRequested) : 0n);
  set('TransactionId', transactionId);
  if (packet.type === 'transfer-pages') {
    const setPages = structWriter(transferPagesDescriptor, bytes);
    setPages('TransferPageSetId', BigInt(packet.setId));
    setPages('RangeCount', BigInt(ranges.length));
    const view = new DataView(bytes.buffer);
    ranges.forEach(({ byteCount, byteOffset }, index) => {
      const at = transferPagesDescriptor.sizeBytes + index * rangeHeadBytes;
      view.setUint32(at, byteCount, true);
      view.setUint32(at + 4, byteOffset, true);
    });
  }
  bytes.set(payload, inUnits(head) * packetUnitBytes);
  return bytes;
}
