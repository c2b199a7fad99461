/** The contract of every part that has state: reset, save and restore in a versioned form of its own. */
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';

/** A part of the machine. Saving has no side effect, and restoring what was saved changes nothing. */
export interface SavedPart {
  /** What the part is like after power-on or a reset of the machine. */
  reset(): void;
  /** A record with a `version`. */
  save(): StateNode;
  /** @throws UserError where the record is not of this part */
  restore(record: StateRecord): void;
}
