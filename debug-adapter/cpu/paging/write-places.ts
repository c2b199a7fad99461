/**
 * Where the TLBs of writes may lead to a frame from. A frame that becomes the source of something derived has to go
 * from them, with every page table that a kernel takes; going over all entries would take longer than the rest.
 */
import { dataTlbEntriesMax } from '../memory-map';
import { assert } from '../../support/assert';
import type { TlbSet } from './tlb-set';

/** The frame was written at no address, or at addresses whose entries lie in more than two places. */
const none = 0;
const many = -1;
/** One more than a place, for each of two: a kernel writes its text where it lies, and then where it maps it to be written. */
const placeBits = 15;
const placeMask = 2 ** placeBits - 1;

export class WritePlaces {
  /** By frame: `none`, `many`, or the places of entries that may lead to it. */
  private readonly places: Int32Array;

  constructor(frameCount: number) {
    assert(dataTlbEntriesMax <= placeMask, 'room for a place');
    this.places = new Int32Array(frameCount);
  }

  /** An entry in a place leads to a frame from now on. */
  note(frame: number, place: number): void {
    const known = this.places[frame] ?? none;
    const added = place + 1;
    if (known === many || (known & placeMask) === added || known >>> placeBits === added) return;
    if (known === none) this.places[frame] = added;
    else this.places[frame] = known <= placeMask ? known | (added << placeBits) : many;
  }

  /** Drops the entries that lead to a frame, which lies at `hostAddress`, and forgets where they were. */
  drop(frame: number, hostAddress: number, sets: readonly TlbSet[]): void {
    const known = this.places[frame] ?? none;
    if (known === none) return;
    this.places[frame] = none;
    for (const set of sets) {
      if (known === many) set.dropValue(hostAddress);
      else {
        set.dropValueAt((known & placeMask) - 1, hostAddress);
        if (known > placeMask) set.dropValueAt((known >>> placeBits) - 1, hostAddress);
      }
    }
  }
}
