/** The checkpoints of a timeline: dense near the present, sparser farther away, bounded in number and bytes. */
import { PageStore } from '../machine/page-store';
import { present } from '../support/assert';
import { releaseCheckpoint, type MachineCheckpoint } from '../system/machine-checkpoint';

/** What the store may hold. */
export interface CheckpointLimits {
  readonly checkpoints: number;
  readonly bytes: number;
}

/** Checkpoints in the order of their positions, one for each. */
export class CheckpointStore {
  /** The pages of all checkpoints. */
  readonly pages = new PageStore();
  private readonly kept: MachineCheckpoint[] = [];

  /** @param otherBytes tells what checkpoints hold besides these pages */
  constructor(
    private readonly limits: CheckpointLimits,
    private readonly otherBytes = (): number => 0,
  ) {}

  /** Bytes that only checkpoints hold. */
  get sizeBytes(): number {
    return this.pages.sizeBytes + this.otherBytes();
  }

  /** Positions of the checkpoints, ascending. */
  get positions(): readonly number[] {
    return this.kept.map(({ position }) => position);
  }

  /** The last checkpoint at or before `position`. */
  atOrBefore(position: number): MachineCheckpoint | undefined {
    return this.kept[this.firstBehind(position) - 1];
  }

  /** The first checkpoint behind `position`. */
  behind(position: number): MachineCheckpoint | undefined {
    return this.kept[this.firstBehind(position)];
  }

  /** Adds a checkpoint at a position that has none, and drops others where that is too much. */
  add(checkpoint: MachineCheckpoint): void {
    this.kept.splice(this.firstBehind(checkpoint.position), 0, checkpoint);
    while (this.isTooMuch) {
      const victim = this.leastMissed(checkpoint.position);
      if (victim === undefined) return;
      this.drop(victim, 1);
    }
  }

  /** Drops the checkpoints behind `position`: they are of a future that will not be. */
  dropBehind(position: number): void {
    const first = this.firstBehind(position);
    this.drop(first, this.kept.length - first);
  }

  private get isTooMuch(): boolean {
    return this.kept.length > this.limits.checkpoints || this.sizeBytes > this.limits.bytes;
  }

  /**
   * The checkpoint without which the way from the one before to the one behind is shortest, measured against its
   * distance from the present.
   */
  private leastMissed(now: number): number | undefined {
    let victim: number | undefined;
    let least = Infinity;
    for (let index = 1; index < this.kept.length - 1; index++) {
      const at = this.positionAt(index);
      if (at === now) continue;
      const way = this.positionAt(index + 1) - this.positionAt(index - 1);
      const missed = way / Math.abs(at - now);
      if (missed >= least) continue;
      least = missed;
      victim = index;
    }
    return victim;
  }

  private drop(first: number, count: number): void {
    for (const checkpoint of this.kept.splice(first, count)) releaseCheckpoint(checkpoint);
  }

  private positionAt(index: number): number {
    return present(this.kept[index], 'checkpoint').position;
  }

  private firstBehind(position: number): number {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.positionAt(middle) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
