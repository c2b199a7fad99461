/**
 * The translated regions of a partition: which records lead to them, and what remains of them when their page changes.
 * A region belongs to the bytes of its page, which its content id stands for: a page that has earlier contents again,
 * as after a jump in time, gets its regions back.
 */
import type { CodeSpace } from '../../machine/code-space';
import type { GuestMemory } from '../../machine/guest-memory';
import type { CodeMode } from '../decode/code-mode';
import type { CodeCache } from '../interpreter/code-cache';

/** Regions alive at most, those of contents that no page has included; beyond that the oldest go. */
const regionsMax = 6000;
/** The part of the regions that goes at once. */
const evictedPart = 4;

/** A region that has been translated. */
export interface StoredRegion {
  readonly mode: CodeMode;
  readonly slot: number;
  /** The bytes of the module that it came in. */
  readonly module: Uint8Array;
  /** Blocks at which it may be entered: offset in the page, and id. */
  readonly entries: readonly { readonly offset: number; readonly id: number }[];
}

export class RegionStore {
  /** By frame, of pages as they are now. */
  private readonly live = new Map<number, Set<StoredRegion>>();
  /** By content id, of pages as they were. */
  private readonly stored = new Map<number, Set<StoredRegion>>();
  /** In order of age; where each is. */
  private readonly homes = new Map<StoredRegion, Set<StoredRegion>>();
  private readonly frameOf = new Map<StoredRegion, number>();
  /** Modules with regions here, and how many of them: the engine frees a module when none is left. */
  private readonly modules = new Map<Uint8Array, number>();
  private freeSlots: number[] = [];
  private nextSlot = 1;

  constructor(
    private readonly space: CodeSpace,
    private readonly memory: GuestMemory,
    private readonly code: CodeCache,
    private readonly modulesMax: number,
  ) {}

  takeSlot(): number {
    return this.freeSlots.pop() ?? this.nextSlot++;
  }

  /** Lets the records of a frame run a region. */
  add(frame: number, region: StoredRegion): void {
    const home = this.live.get(frame) ?? new Set();
    this.live.set(frame, home);
    home.add(region);
    if (!this.homes.has(region)) this.count(region, 1);
    this.homes.set(region, home);
    this.frameOf.set(region, frame);
    this.connect(frame, region);
  }

  /** Makes room. @returns whether regions went, so that ways to them must be closed */
  evict(): boolean {
    if (this.homes.size <= regionsMax && this.modules.size <= this.modulesMax) return false;
    let left = Math.ceil(this.homes.size / evictedPart);
    for (const region of this.homes.keys()) {
      if (left-- === 0) break;
      this.drop(region);
    }
    return true;
  }

  /**
   * The contents of a frame are about to change.
   * @returns how many regions it had, ways to which must be closed
   */
  frameWillChange(frame: number): number {
    const regions = this.live.get(frame);
    if (regions === undefined) return 0;
    this.live.delete(frame);
    const content = this.memory.contentOf(frame);
    const kept = this.stored.get(content) ?? new Set();
    this.stored.set(content, kept);
    for (const region of regions) {
      kept.add(region);
      this.homes.set(region, kept);
      this.frameOf.delete(region);
    }
    return regions.size;
  }

  /** Every frame is as if changed: its records are gone. */
  allFramesWillChange(): void {
    for (const frame of [...this.live.keys()]) this.frameWillChange(frame);
  }

  /**
   * Code of a frame is about to be decoded for the first time since its contents are what they are.
   * @returns whether such contents had regions
   */
  frameIsNew(frame: number): boolean {
    const content = this.memory.contentOf(frame);
    const regions = this.stored.get(content);
    if (regions === undefined) return false;
    this.stored.delete(content);
    for (const region of regions) this.add(frame, region);
    return true;
  }

  /** Every record is gone, and every offset at which code must be interpreted may be another: nothing can be kept. */
  clear(): void {
    for (const region of [...this.homes.keys()]) this.drop(region);
    this.live.clear();
    this.stored.clear();
  }

  private connect(frame: number, region: StoredRegion): void {
    const place = { frame, mode: region.mode };
    for (const { offset, id } of region.entries) {
      this.code.installRegion(place, offset, region.slot, id);
    }
  }

  private count({ module }: StoredRegion, change: 1 | -1): void {
    const regions = (this.modules.get(module) ?? 0) + change;
    if (regions === 0) this.modules.delete(module);
    else this.modules.set(module, regions);
  }

  private drop(region: StoredRegion): void {
    this.homes.get(region)?.delete(region);
    this.homes.delete(region);
    this.count(region, -1);
    const frame = this.frameOf.get(region);
    this.frameOf.delete(region);
    if (frame !== undefined) {
      const place = { frame, mode: region.mode };
      for (const { offset } of region.entries) {
        this.code.removeRegion(place, offset, region.slot);
      }
    }
    this.space.release([region.slot]);
    this.freeSlots.push(region.slot);
  }
}
