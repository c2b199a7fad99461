/**
 * Where the TLBs of writes may lead to a frame from. A frame that becomes the source of something derived has to go
 * from them, with every page table that a kernel takes; going over all entries would take longer than the rest.
 */

/** The frame was written at no address, or at several whose entries lie in different places. */
const none = 0;
const several = -1;

export class WritePlaces {
  /** By frame: `none`, `several`, or one more than the place of the only entries that may lead to it. */
  private readonly places: Int32Array;

  constructor(frameCount: number) {
    this.places = new Int32Array(frameCount);
  }

  /** An entry in a place leads to a frame from now on. */
  note(frame: number, place: number): void {
    const known = this.places[frame];
    if (known === place + 1) return;
    this.places[frame] = known === none ? place + 1 : several;
  }

  /**
   * Forgets a frame, whose entries the caller drops.
   * @returns the place where they are; undefined for anywhere, -1 for nowhere
   */
  take(frame: number): number | undefined {
    const known = this.places[frame] ?? none;
    this.places[frame] = none;
    return known === several ? undefined : known - 1;
  }
}
