/** The log of a VHDX ([MS-VHDX] 2.3): what a writer that did not come to its end left to be replayed. */
import type { BlockSource } from '../../../backends/block-source';
import {
  vhdxLogData as dataSector,
  vhdxLogDescriptor as descriptor,
  vhdxLogEntry as entryHeader,
  vhdxLogVersion,
  VhdxSignature,
  vhdxSizes as sizes,
} from '../../../spec/disk-images/vhdx';
import { present } from '../../../support/assert';
import { guidText, isZeroGuid } from '../../../support/guid';
import type { ImageFileToOpen } from '../disk-image';
import { ImageReader, ImageStructure } from '../image-reader';
import { vhdxChecksum, type VhdxHeader } from './vhdx-structures';

/** A log is read as a whole; a longer one is refused. */
const logBytesMaximum = 256 * 1024 * 1024;
const sectorBytes = sizes.logSector;

interface LogEntry {
  readonly structure: ImageStructure;
  readonly lengthBytes: number;
  readonly sequenceNumber: bigint;
  readonly tail: number;
}

/** A file with its log replayed, in memory only. */
class ReplayedSource implements BlockSource {
  private readonly sectors = new Map<number, Uint8Array>();

  constructor(
    private readonly file: BlockSource,
    readonly sizeBytes: number,
  ) {}

  /** Replaces a sector of the log's size. */
  replace(offset: number, bytes: Uint8Array): void {
    this.sectors.set(offset / sectorBytes, bytes);
  }

  read(offset: number, target: Uint8Array): boolean {
    if (offset < 0 || offset + target.length > this.sizeBytes) return false;
    const inFile = Math.max(0, Math.min(target.length, this.file.sizeBytes - offset));
    if (!this.file.read(offset, target.subarray(0, inFile))) return false;
    target.fill(0, inFile);
    const end = offset + target.length;
    for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < end; sector++) {
      const replaced = this.sectors.get(sector);
      if (replaced === undefined) continue;
      const from = Math.max(offset, sector * sectorBytes);
      const to = Math.min(end, (sector + 1) * sectorBytes);
      const part = replaced.subarray(from - sector * sectorBytes, to - sector * sectorBytes);
      target.set(part, from - offset);
    }
    return true;
  }
}

/**
 * The file as it counts: itself where its log is empty, else with the log replayed.
 * @throws UserError where there is a log that cannot be replayed
 */
export function replayVhdxLog(file: ImageFileToOpen, header: VhdxHeader): ImageFileToOpen {
  if (isZeroGuid(header.logGuid)) return file;
  const reader: ImageReader = new ImageReader(file, true);
  reader.check(header.logVersion === vhdxLogVersion, 'log', `is of version ${header.logVersion}`);
  const { logLength, logOffset } = header;
  const isPlaced =
    logLength > 0 &&
    logLength % sizes.megabyte === 0 &&
    logOffset >= sizes.megabyte &&
    logOffset % sizes.megabyte === 0;
  reader.check(isPlaced, 'log', 'does not lie on a megabyte');
  reader.check(logLength <= logBytesMaximum, 'log', `has ${logLength} bytes`);
  const log = reader.read('log', logOffset, logLength);
  const sequence = activeSequence(log.bytes, header.logGuid);
  reader.check(
    sequence.length > 0,
    'log',
    'says that a write was not completed, but has no valid entry',
  );
  const newest = present(sequence.at(-1), 'newest log entry').structure;
  const flushed = newest.large(entryHeader.flushedFileOffset);
  reader.check(flushed <= file.source.sizeBytes, 'file', 'is shorter than its log says');
  const last = newest.large(entryHeader.lastFileOffset);
  const isSize = Number.isSafeInteger(last);
  reader.check(isSize, 'log', `extends the file to ${last} bytes`);
  const source = new ReplayedSource(file.source, Math.max(file.source.sizeBytes, last));
  for (const entry of sequence) applyEntry(reader, source, entry);
  return { ...file, source };
}

/** The entries to be replayed, oldest first ([MS-VHDX] 2.3.3): of all valid sequences the one that goes on longest. */
function activeSequence(log: Uint8Array, logGuid: string): readonly LogEntry[] {
  const seen = new Set<number>();
  let best: readonly LogEntry[] = [];
  for (let start = 0; start < log.length; start += sectorBytes) {
    if (seen.has(start)) continue;
    const sequence = sequenceFrom(log, logGuid, start, seen);
    const newest = sequence.at(-1);
    const bestNewest = best.at(-1);
    if (newest === undefined) continue;
    if (bestNewest !== undefined && bestNewest.sequenceNumber >= newest.sequenceNumber) continue;
    best = sequence;
  }
  return best;
}

/** Follows entries from `start` on; what is before the tail that the newest one names has been done already. */
function sequenceFrom(
  log: Uint8Array,
  logGuid: string,
  start: number,
  seen: Set<number>,
): readonly LogEntry[] {
  const places: number[] = [];
  const entries: LogEntry[] = [];
  let at = start;
  let used = 0;
  while (used < log.length) {
    const entry = readEntry(log, logGuid, at);
    const before = entries.at(-1);
    if (entry === undefined || used + entry.lengthBytes > log.length) break;
    if (before !== undefined && entry.sequenceNumber !== before.sequenceNumber + 1n) break;
    if (places.length > 0) seen.add(at);
    places.push(at);
    entries.push(entry);
    used += entry.lengthBytes;
    at = (at + entry.lengthBytes) % log.length;
  }
  const tail = entries.at(-1)?.tail;
  const first = tail === undefined ? -1 : places.indexOf(tail);
  return first < 0 ? [] : entries.slice(first);
}

/** The entry at `at`, put together where it goes around the end of the log; undefined where none is valid. */
function readEntry(log: Uint8Array, logGuid: string, at: number): LogEntry | undefined {
  const head = new ImageStructure(log.subarray(at, at + sectorBytes), true);
  if (head.text(entryHeader.signature, 4) !== VhdxSignature.logEntry) return undefined;
  if (guidText(head.bytes, entryHeader.logGuid) !== logGuid) return undefined;
  const lengthBytes = head.u32(entryHeader.entryLength);
  const isLength = lengthBytes >= sectorBytes && lengthBytes % sectorBytes === 0;
  if (!isLength || lengthBytes > log.length) return undefined;
  const bytes = new Uint8Array(lengthBytes);
  const inOnePiece = Math.min(lengthBytes, log.length - at);
  bytes.set(log.subarray(at, at + inOnePiece));
  bytes.set(log.subarray(0, lengthBytes - inOnePiece), inOnePiece);
  const structure = new ImageStructure(bytes, true);
  if (structure.u32(entryHeader.checksum) !== vhdxChecksum(bytes, entryHeader.checksum)) {
    return undefined;
  }
  const sequenceNumber = structure.u64(entryHeader.sequenceNumber);
  return { structure, lengthBytes, sequenceNumber, tail: structure.u32(entryHeader.tail) };
}

function applyEntry(reader: ImageReader, source: ReplayedSource, entry: LogEntry): void {
  const { structure, lengthBytes, sequenceNumber } = entry;
  const count = structure.u32(entryHeader.descriptorCount);
  const descriptorsEnd = entryHeader.descriptors + count * descriptor.sizeBytes;
  let data = Math.ceil(descriptorsEnd / sectorBytes) * sectorBytes;
  reader.check(data <= lengthBytes, 'log', `has an entry with ${count} descriptors`);
  for (let index = 0; index < count; index++) {
    const at = entryHeader.descriptors + index * descriptor.sizeBytes;
    const kind = structure.text(at + descriptor.signature, 4);
    const isOfEntry = structure.u64(at + descriptor.sequenceNumber) === sequenceNumber;
    reader.check(isOfEntry, 'log', 'has a descriptor of another entry');
    const offset = structure.large(at + descriptor.fileOffset);
    if (kind === VhdxSignature.zeroDescriptor) {
      const length = structure.large(at + descriptor.leadingBytesOrLength);
      replaceChecked(reader, source, offset, length, () => new Uint8Array(sectorBytes));
      continue;
    }
    reader.check(kind === VhdxSignature.dataDescriptor, 'log', `has a descriptor "${kind}"`);
    reader.check(data + sectorBytes <= lengthBytes, 'log', 'has an entry without its data');
    const bytes = joinSector(reader, structure, at, data, sequenceNumber);
    replaceChecked(reader, source, offset, sectorBytes, () => bytes);
    data += sectorBytes;
  }
}

function replaceChecked(
  reader: ImageReader,
  source: ReplayedSource,
  offset: number,
  length: number,
  bytesOf: () => Uint8Array,
): void {
  const isPlaced =
    offset % sectorBytes === 0 && length % sectorBytes === 0 && offset + length <= source.sizeBytes;
  reader.check(isPlaced, 'log', `writes ${length} bytes at ${offset}, outside the file`);
  for (let at = offset; at < offset + length; at += sectorBytes) source.replace(at, bytesOf());
}

/** The first eight and the last four bytes of a sector are in its descriptor. */
function joinSector(
  reader: ImageReader,
  structure: ImageStructure,
  descriptorAt: number,
  dataAt: number,
  sequenceNumber: bigint,
): Uint8Array {
  const isData = structure.text(dataAt + dataSector.signature, 4) === VhdxSignature.dataSector;
  const high = BigInt(structure.u32(dataAt + dataSector.sequenceHigh));
  const low = BigInt(structure.u32(dataAt + dataSector.sequenceLow));
  const isOfEntry = isData && ((high << 32n) | low) === sequenceNumber;
  reader.check(isOfEntry, 'log', 'has a data sector of another entry');
  const bytes = structure.bytes.slice(dataAt, dataAt + sectorBytes);
  bytes.set(structure.part(descriptorAt + descriptor.leadingBytesOrLength, 8), 0);
  bytes.set(structure.part(descriptorAt + descriptor.trailingBytes, 4), dataSector.sequenceLow);
  return bytes;
}
