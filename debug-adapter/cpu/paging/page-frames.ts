/** A map from linear pages to frames that costs nothing to empty: operating systems do that at every switch of processes. */

const slots = 4096;
const free = -1;
/** What was here has gone; whoever looks for something else goes on behind it. */
const removed = -2;

export class PageFrames {
  /** Pages taken in at most since all were forgotten. */
  static readonly limit = slots / 2;
  private readonly keys = new Float64Array(slots).fill(free);
  private readonly frames = new Int32Array(slots);
  /** Slots that are not free. */
  private readonly filled = new Uint16Array(PageFrames.limit);
  private count = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** True where all has to be forgotten before anything can be added. */
  get isFull(): boolean {
    return this.count === PageFrames.limit;
  }

  get(page: number): number | undefined {
    const slot = this.slotOf(page);
    return this.keys[slot] === page ? this.frames[slot] : undefined;
  }

  set(page: number, frame: number): void {
    const slot = this.slotOf(page);
    if (this.keys[slot] !== page) {
      this.keys[slot] = page;
      this.filled[this.count++] = slot;
    }
    this.frames[slot] = frame;
  }

  /** @returns whether the page was there */
  delete(page: number): boolean {
    const slot = this.slotOf(page);
    if (this.keys[slot] !== page) return false;
    this.keys[slot] = removed;
    return true;
  }

  clear(): void {
    for (let n = 0; n < this.count; n++) this.keys[this.filled[n] ?? 0] = free;
    this.count = 0;
  }

  /** Takes out `count` pages from `first`, and calls `onDeleted` for each. */
  deleteRange(first: number, count: number, onDeleted: (page: number) => void): void {
    for (let n = 0; n < this.count; n++) {
      const slot = this.filled[n] ?? 0;
      const page = this.keys[slot] ?? free;
      if (page < first || page >= first + count) continue;
      this.keys[slot] = removed;
      onDeleted(page);
    }
  }

  /** Slot of a page, or the free one where it would go: there is one, since half of them are never used. */
  private slotOf(page: number): number {
    let slot = (page ^ (page >>> 9)) & (slots - 1);
    for (;;) {
      const key = this.keys[slot];
      if (key === page || key === free) return slot;
      slot = (slot + 1) & (slots - 1);
    }
  }
}
