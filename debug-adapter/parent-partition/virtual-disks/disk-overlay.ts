/** What guests have written to a disk: pages over its image, which are machine state and shared with checkpoints. */
import { pageSizeBytes } from '../../machine/addresses';
import { isZeroPage, zeroPage, type PageStore } from '../../machine/page-store';
import { present } from '../../support/assert';
import { equalBytes } from '../../support/equal-bytes';
import { StateHash } from '../../support/state-hash';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { UserError } from '../../support/user-error';

/** Pages of a group: what is copied at once when a checkpoint shares it. */
const groupPages = 512;
/** Slot of a page that shows the image. */
const imagePage = -2;
const versionOfState = 1;

/** How a saved group says what a page is. */
const SavedPage = { ofImage: 0, zero: 1, kept: 2 } as const;

/** Consecutive pages. As soon as two hold a group, nobody changes it. */
interface PageGroup {
  readonly slots: Int32Array;
  holders: number;
  digest: Int32Array | undefined;
}

/** The overlay at one moment; {@link release} it when it is not needed any more. */
export class OverlaySnapshot {
  constructor(
    private readonly store: PageStore,
    readonly groups: ReadonlyMap<number, PageGroup>,
    readonly keptPages: number,
  ) {}

  release(): void {
    for (const group of this.groups.values()) releaseGroup(this.store, group);
  }
}

/** Pages that a guest has written; the others are the image's. */
export class DiskOverlay {
  private groups = new Map<number, PageGroup>();
  private kept = 0;

  /**
   * @param store keeps the pages of all overlays of a machine, and of their snapshots
   * @param bytesMaximum a write that would need more is refused; pages of zeros take no room
   */
  constructor(
    private readonly store: PageStore,
    readonly bytesMaximum: number,
  ) {}

  /** Bytes of the pages that the overlay itself holds, a function of its contents. */
  get sizeBytes(): number {
    return this.kept * pageSizeBytes;
  }

  /** Power-on: the disk is what its image says. */
  clear(): void {
    for (const group of this.groups.values()) releaseGroup(this.store, group);
    this.groups.clear();
    this.kept = 0;
  }

  /** True where a page was written. */
  has(page: number): boolean {
    return this.slotOf(page) !== imagePage;
  }

  /** Pages from `page` on, up to `end`, that are all the image's. */
  imagePagesFrom(page: number, end: number): number {
    let at = page;
    while (at < end) {
      const group = this.groups.get(Math.floor(at / groupPages));
      if (group === undefined) at = (Math.floor(at / groupPages) + 1) * groupPages;
      else if (group.slots[at % groupPages] === imagePage) at++;
      else break;
    }
    return Math.min(at, end) - page;
  }

  /** Copies a part of a written page. */
  read(page: number, from: number, target: Uint8Array): void {
    const slot = this.slotOf(page);
    if (slot === zeroPage) target.fill(0);
    else target.set(this.store.bytesOf(slot).subarray(from, from + target.length));
  }

  /**
   * Makes a page what `bytes` say.
   * @param bytes the whole page, on a 4-byte boundary
   * @returns false, with nothing changed, where there is no room
   */
  write(page: number, bytes: Uint8Array): boolean {
    const before = this.slotOf(page);
    const isZero = isZeroPage(bytes);
    if (before < 0 && !isZero && this.sizeBytes >= this.bytesMaximum) return false;
    const group = this.groupToChange(page);
    const index = page % groupPages;
    if (before >= 0 && !isZero && !this.store.isShared(before)) {
      this.store.bytesOf(before).set(bytes);
      return true;
    }
    group.slots[index] = isZero ? zeroPage : this.store.keep(bytes);
    if (before >= 0) this.store.release(before);
    this.kept += Number(!isZero) - Number(before >= 0);
    return true;
  }

  /** Makes pages zeros, which takes no room. */
  zero(page: number, count: number): void {
    for (let at = page; at < page + count;) {
      const { slots } = this.groupToChange(at);
      const from = at % groupPages;
      const to = Math.min(groupPages, from + page + count - at);
      for (let index = from; index < to; index++) {
        const before = present(slots[index], 'slot of a page');
        if (before >= 0) {
          this.store.release(before);
          this.kept--;
        }
      }
      slots.fill(zeroPage, from, to);
      at += to - from;
    }
  }

  /** Pages that were written, ascending. */
  *writtenPages(): Generator<number> {
    for (const index of this.groupIndexes()) {
      const { slots } = present(this.groups.get(index), 'group of pages');
      for (let slot = 0; slot < groupPages; slot++) {
        if (slots[slot] !== imagePage) yield index * groupPages + slot;
      }
    }
  }

  takeSnapshot(): OverlaySnapshot {
    for (const group of this.groups.values()) group.holders++;
    return new OverlaySnapshot(this.store, new Map(this.groups), this.kept);
  }

  restoreSnapshot(snapshot: OverlaySnapshot): void {
    for (const group of snapshot.groups.values()) group.holders++;
    this.clear();
    this.groups = new Map(snapshot.groups);
    this.kept = snapshot.keptPages;
  }

  /**
   * Compares with a snapshot byte by byte.
   * @returns the first page that differs, undefined where all is equal
   */
  compare(snapshot: OverlaySnapshot): number | undefined {
    const indexes = new Set([...this.groups.keys(), ...snapshot.groups.keys()]);
    for (const index of [...indexes].sort((a, b) => a - b)) {
      const [now, then] = [this.groups.get(index), snapshot.groups.get(index)];
      if (now === then) continue;
      for (let page = 0; page < groupPages; page++) {
        const [a, b] = [now?.slots[page] ?? imagePage, then?.slots[page] ?? imagePage];
        if (!this.equalSlots(a, b)) return index * groupPages + page;
      }
    }
    return undefined;
  }

  /** Adds what was written to `hash`; groups that did not change are not hashed again. */
  addTo(hash: StateHash): void {
    for (const index of this.groupIndexes()) {
      const group = present(this.groups.get(index), 'group of pages');
      group.digest ??= this.digestOf(group.slots);
      const row = new DataView(new ArrayBuffer(24));
      row.setFloat64(0, index);
      group.digest.forEach((word, at) => row.setInt32(8 + at * 4, word));
      hash.update(new Uint8Array(row.buffer));
    }
  }

  save(): StateNode {
    return {
      version: versionOfState,
      groups: this.groupIndexes().map((index) => {
        const { slots } = present(this.groups.get(index), 'group of pages');
        const kept = slots.filter((slot) => slot >= 0);
        const bytes = new Uint8Array(kept.length * pageSizeBytes);
        kept.forEach((slot, at) => bytes.set(this.store.bytesOf(slot), at * pageSizeBytes));
        return { index, pages: Uint8Array.from(slots, savedPageOf), bytes };
      }),
    };
  }

  /** @throws UserError where the state is of another disk, or needs more than this one may hold */
  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.clear();
    for (const saved of record.records('groups')) {
      const first = saved.number('index') * groupPages;
      const pages = saved.bytes('pages', groupPages);
      const kept = pages.filter((kind) => kind === SavedPage.kept).length;
      const bytes = saved.bytes('bytes', kept * pageSizeBytes);
      let at = 0;
      pages.forEach((kind, index) => {
        if (kind === SavedPage.ofImage) return;
        const isKept = kind === SavedPage.kept;
        const page = isKept ? bytes.slice(at, (at += pageSizeBytes)) : zeros;
        if (!this.write(first + index, page)) throw overlayTooLarge(this.bytesMaximum);
      });
    }
  }

  private slotOf(page: number): number {
    const group = this.groups.get(Math.floor(page / groupPages));
    return group?.slots[page % groupPages] ?? imagePage;
  }

  /** The group of a page, for this overlay alone. */
  private groupToChange(page: number): PageGroup {
    const index = Math.floor(page / groupPages);
    const group = this.groups.get(index);
    if (group?.holders === 1) {
      group.digest = undefined;
      return group;
    }
    const slots = group?.slots.slice() ?? new Int32Array(groupPages).fill(imagePage);
    for (const slot of slots) if (slot >= 0) this.store.hold(slot);
    const own: PageGroup = { slots, holders: 1, digest: undefined };
    if (group !== undefined) group.holders--;
    this.groups.set(index, own);
    return own;
  }

  private groupIndexes(): number[] {
    return [...this.groups.keys()].sort((a, b) => a - b);
  }

  private digestOf(slots: Int32Array): Int32Array {
    const hash = new StateHash().update(Uint8Array.from(slots, savedPageOf));
    for (const slot of slots) if (slot >= 0) hash.update(this.store.bytesOf(slot));
    return hash.words();
  }

  private equalSlots(a: number, b: number): boolean {
    if (a === b) return true;
    return a >= 0 && b >= 0 && equalBytes(this.store.bytesOf(a), this.store.bytesOf(b));
  }
}

const zeros = new Uint8Array(pageSizeBytes);

function savedPageOf(slot: number): number {
  if (slot === imagePage) return SavedPage.ofImage;
  return slot === zeroPage ? SavedPage.zero : SavedPage.kept;
}

function releaseGroup(store: PageStore, group: PageGroup): void {
  if (--group.holders > 0) return;
  for (const slot of group.slots) if (slot >= 0) store.release(slot);
}

function overlayTooLarge(bytesMaximum: number): UserError {
  return new UserError(
    'disk-overlay-full',
    `The saved state has more written to a disk than the ${bytesMaximum} bytes that are kept of one.`,
  );
}
