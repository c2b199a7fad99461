/** Ranges of guest memory as packets and GPADLs describe them: a length, an offset and the pages that hold it. */
import { pageSizeBytes } from '../../machine/addresses';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { present } from '../../support/assert';

/** Bytes that are contiguous for the guest; the pages that hold them are not. */
export interface GuestRange {
  readonly byteCount: number;
  /** Of the first byte in the first page, below 4,096. */
  readonly byteOffset: number;
  /** Guest page numbers; one that no guest can have stands for all beyond it. */
  readonly pages: readonly number[];
}

/** Guest-physical memory of one partition, by the rights of its pages. */
export interface GuestBytes {
  /** @returns false, with nothing read, where a page is not mapped readable */
  read(gpa: number, target: Uint8Array): boolean;
  /** @returns false, with nothing written, where a page is not mapped writable */
  write(gpa: number, source: Uint8Array): boolean;
}

/** Stands for every page number at or above it: beyond what a processor can address, so never mapped. */
export const unreachablePage = 2 ** 40;

/** A page number as guests write it, 64 bits wide. */
export function guestPage(low: number, high: number): number {
  return Math.min(high * 2 ** 32 + low, unreachablePage);
}

/** Pages that `byteCount` bytes from `byteOffset` on touch. */
export function pagesTouched(byteCount: number, byteOffset: number): number {
  return Math.ceil((byteCount + byteOffset) / pageSizeBytes);
}

/** Bytes of all ranges together. */
export function totalBytes(ranges: readonly GuestRange[]): number {
  return ranges.reduce((sum, { byteCount }) => sum + byteCount, 0);
}

type Visit = (gpa: number, from: number, to: number) => boolean;

/** Visits the runs of adjacent pages that hold `count` bytes from `start` on; false once a visit fails. */
function visitRuns(range: GuestRange, start: number, count: number, visit: Visit): boolean {
  let done = 0;
  while (done < count) {
    const at = range.byteOffset + start + done;
    let index = Math.floor(at / pageSizeBytes);
    const inPage = at % pageSizeBytes;
    const first = present(range.pages[index], 'page of the range');
    let length = Math.min(pageSizeBytes - inPage, count - done);
    while (done + length < count && range.pages[index + 1] === (range.pages[index] ?? 0) + 1) {
      length = Math.min(length + pageSizeBytes, count - done);
      index++;
    }
    if (!visit(first * pageSizeBytes + inPage, done, done + length)) return false;
    done += length;
  }
  return true;
}

function visitRanges(
  ranges: readonly GuestRange[],
  offset: number,
  count: number,
  visit: Visit,
): boolean {
  let skip = offset;
  let done = 0;
  for (const range of ranges) {
    if (done === count) return true;
    if (skip >= range.byteCount) {
      skip -= range.byteCount;
      continue;
    }
    const base = done;
    const here = Math.min(range.byteCount - skip, count - done);
    const isDone = visitRuns(range, skip, here, (gpa, from, to) =>
      visit(gpa, base + from, base + to),
    );
    if (!isDone) return false;
    done += here;
    skip = 0;
  }
  return done === count;
}

/**
 * Reads from `offset` on, counted over all ranges one after another.
 * @returns false where the ranges are too short or a page is not readable; `target` is then of no use
 */
export function readRanges(
  memory: GuestBytes,
  ranges: readonly GuestRange[],
  offset: number,
  target: Uint8Array,
): boolean {
  return visitRanges(ranges, offset, target.length, (gpa, from, to) =>
    memory.read(gpa, target.subarray(from, to)),
  );
}

/**
 * Writes from `offset` on, counted over all ranges one after another.
 * @returns false where the ranges are too short or a page is not writable; pages before it have been written
 */
export function writeRanges(
  memory: GuestBytes,
  ranges: readonly GuestRange[],
  offset: number,
  source: Uint8Array,
): boolean {
  return visitRanges(ranges, offset, source.length, (gpa, from, to) =>
    memory.write(gpa, source.subarray(from, to)),
  );
}

/** Saved form of ranges, for whoever keeps a request. */
export function saveRanges(ranges: readonly GuestRange[]): StateNode {
  return ranges.map(({ byteCount, byteOffset, pages }) => ({ byteCount, byteOffset, pages }));
}

/** Reads the list of ranges that {@link saveRanges} made. */
export function restoreRanges(record: StateRecord, key: string): readonly GuestRange[] {
  return record.records(key).map((range) => ({
    byteCount: range.number('byteCount'),
    byteOffset: range.number('byteOffset'),
    pages: range.numbers('pages'),
  }));
}
