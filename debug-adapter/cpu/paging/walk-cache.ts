/**
 * Where walks of linear addresses have ended: for a stretch of 2 MiB the structure whose entry gives the page, and what
 * the entries above it allow. Dropped by the rules of the TLBs, so that a walk which begins there sees what a whole one
 * would.
 */
import { linearHighBits, upperHalfStart } from './tlb-set';

const stretches = 256;
const pagesOfStretch = 512;
const stretchShift = 21;
/** By how much the upper half of an address counts in the number of its stretch. */
const stretchesOfHigh = 2 ** (32 - stretchShift);
const nothing = -1;
/** The last stretch of the addresses whose top bit is 0. */
const lastLowerStretch = stretchOf(upperHalfStart) - 1;

export class WalkCache {
  /** Number of the stretch in each place, or `nothing`. */
  private readonly keys = new Float64Array(stretches).fill(nothing);
  /** The structure: guest page, frame, and level as the walker numbers them. */
  readonly page = new Int32Array(stretches);
  readonly frame = new Int32Array(stretches);
  readonly level = new Uint8Array(stretches);
  /** What all entries above give together: their lower halves, and 1 where any forbids execution. */
  readonly allowed = new Int32Array(stretches);
  readonly isNoExecute = new Uint8Array(stretches);
  private isEmpty = true;
  /** Places filled for addresses whose top bit is 0 since those were dropped, as far as there is room. */
  private readonly lowerPlaces = new Uint8Array(stretches);
  private lowerCount = 0;

  /** Place of a linear address; -1 where no walk is known. */
  find(low: number, high: number): number {
    const place = (low >>> stretchShift) & (stretches - 1);
    const key = keyOf(low, high);
    return this.keys[place] === key ? place : -1;
  }

  /** Makes room for a linear address, whose place is to be filled. */
  add(low: number, high: number): number {
    const place = (low >>> stretchShift) & (stretches - 1);
    this.keys[place] = keyOf(low, high);
    this.isEmpty = false;
    if (high >= 0) this.noteLower(place);
    return place;
  }

  private noteLower(place: number): void {
    if (this.lowerCount < stretches) this.lowerPlaces[this.lowerCount] = place;
    this.lowerCount++;
  }

  flush(): void {
    if (this.isEmpty) return;
    this.keys.fill(nothing);
    this.isEmpty = true;
    this.lowerCount = 0;
  }

  /** Drops what entries gave that stand for `count` pages from `first`, as `linearPage` numbers them. */
  dropRange(first: number, count: number): void {
    if (this.isEmpty) return;
    const start = stretchOf(first);
    const end = stretchOf(first + count - 1);
    if (end === start) {
      const place = start & (stretches - 1);
      if (this.keys[place] === start) this.keys[place] = nothing;
    } else this.dropWhere(start, end);
  }

  /** Drops what is known of addresses whose top bit is 0. */
  dropLowerHalf(): void {
    const { keys, lowerCount } = this;
    this.lowerCount = 0;
    if (lowerCount > stretches) {
      this.dropWhere(0, lastLowerStretch);
      return;
    }
    for (let n = 0; n < lowerCount; n++) {
      const place = this.lowerPlaces[n] ?? 0;
      // An address of the other half may have taken the place.
      if ((keys[place] ?? nothing) <= lastLowerStretch) keys[place] = nothing;
    }
  }

  private dropWhere(start: number, end: number): void {
    const { keys } = this;
    for (let place = 0; place < stretches; place++) {
      const key = keys[place] ?? nothing;
      if (key >= start && key <= end) keys[place] = nothing;
    }
  }
}

function keyOf(low: number, high: number): number {
  return (high & linearHighBits) * stretchesOfHigh + (low >>> stretchShift);
}

function stretchOf(page: number): number {
  return Math.floor(page / pagesOfStretch);
}
