/** GPADLs: lists of guest pages that a guest describes in one or more messages, for a channel. */
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { busLimits } from './bus-services';
import { restoreRanges, saveRanges, type GuestRange } from './guest-ranges';
import { parseRanges } from './packet';

/** A list that is complete. */
export interface Gpadl {
  readonly id: number;
  readonly relid: number;
  readonly ranges: readonly GuestRange[];
}

/** What the first message says of a list. */
export interface GpadlHead {
  readonly id: number;
  readonly relid: number;
  readonly rangeCount: number;
  /** Of all ranges, those in later messages included. */
  readonly lengthBytes: number;
}

/** A list whose page numbers are still arriving. */
interface UnfinishedGpadl extends GpadlHead {
  readonly bytes: Uint8Array;
  filled: number;
}

/** What a message did to a list; `failed` in words. */
export type GpadlProgress =
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'created'; readonly gpadl: Gpadl }
  | { readonly kind: 'failed'; readonly reason: string };

/** A range has a head of 8 bytes and at least one page number. */
const leastRangeBytes = 16;
const pageNumberBytes = 8;

const failed = (reason: string): GpadlProgress => ({ kind: 'failed', reason });

const pagesOf = (ranges: readonly GuestRange[]): number =>
  ranges.reduce((sum, { pages }) => sum + pages.length, 0);

export class GpadlTable {
  private readonly complete = new Map<number, Gpadl>();
  private readonly unfinished = new Map<number, UnfinishedGpadl>();

  get(id: number): Gpadl | undefined {
    return this.complete.get(id);
  }

  /** Relation id of a list that is still arriving. */
  unfinishedRelid(id: number): number | undefined {
    return this.unfinished.get(id)?.relid;
  }

  /** The first message of a list. */
  begin(head: GpadlHead, bytes: Uint8Array): GpadlProgress {
    const { id, rangeCount, lengthBytes } = head;
    if (id === 0) return failed('0 names no GPADL');
    if (this.complete.has(id) || this.unfinished.has(id)) {
      return failed(`GPADL 0x${id.toString(16)} is there already`);
    }
    if (rangeCount === 0 || lengthBytes < rangeCount * leastRangeBytes) {
      return failed(`${rangeCount} ranges do not fit into ${lengthBytes} bytes`);
    }
    if (lengthBytes % pageNumberBytes !== 0) return failed(`${lengthBytes} bytes end in a number`);
    if (this.complete.size + this.unfinished.size >= busLimits.gpadls) {
      return failed(`a guest has at most ${busLimits.gpadls} GPADLs`);
    }
    const list = { ...head, bytes: new Uint8Array(lengthBytes), filled: 0 };
    this.unfinished.set(id, list);
    return this.fill(list, bytes);
  }

  /** A further message of a list; undefined where there is none that is unfinished. */
  extend(id: number, bytes: Uint8Array): GpadlProgress | undefined {
    const list = this.unfinished.get(id);
    return list === undefined ? undefined : this.fill(list, bytes);
  }

  remove(id: number): void {
    this.complete.delete(id);
  }

  /** Forgets every list of a channel. */
  removeOf(relid: number): void {
    for (const lists of [this.complete, this.unfinished]) {
      for (const [id, list] of lists) if (list.relid === relid) lists.delete(id);
    }
  }

  clear(): void {
    this.complete.clear();
    this.unfinished.clear();
  }

  save(): StateNode {
    return {
      complete: Array.from(this.complete.values(), ({ id, relid, ranges }) => ({
        id,
        relid,
        ranges: saveRanges(ranges),
      })),
      unfinished: Array.from(this.unfinished.values(), (list) => ({ ...list })),
    };
  }

  restore(record: StateRecord): void {
    this.clear();
    for (const saved of record.records('complete')) {
      const id = saved.number('id');
      const ranges = restoreRanges(saved, 'ranges');
      this.complete.set(id, { id, relid: saved.number('relid'), ranges });
    }
    for (const saved of record.records('unfinished')) {
      const id = saved.number('id');
      this.unfinished.set(id, {
        id,
        relid: saved.number('relid'),
        rangeCount: saved.number('rangeCount'),
        lengthBytes: saved.number('lengthBytes'),
        bytes: saved.bytes('bytes').slice(),
        filled: saved.number('filled'),
      });
    }
  }

  /** Bytes beyond what is still needed are tolerated: some guests send messages of the greatest length. */
  private fill(list: UnfinishedGpadl, bytes: Uint8Array): GpadlProgress {
    const used = bytes.subarray(0, list.bytes.length - list.filled);
    list.bytes.set(used, list.filled);
    list.filled += used.length;
    if (list.filled < list.bytes.length) return { kind: 'unfinished' };
    this.unfinished.delete(list.id);
    const parsed = parseRanges(list.bytes, list.rangeCount);
    if (typeof parsed === 'string') return failed(parsed);
    const pages = [...this.complete.values()].reduce((sum, { ranges }) => sum + pagesOf(ranges), 0);
    if (pages + pagesOf(parsed.ranges) > busLimits.gpadlPages) {
      return failed(`the GPADLs of a guest name at most ${busLimits.gpadlPages} pages`);
    }
    const gpadl = { id: list.id, relid: list.relid, ranges: parsed.ranges };
    this.complete.set(list.id, gpadl);
    return { kind: 'created', gpadl };
  }
}
