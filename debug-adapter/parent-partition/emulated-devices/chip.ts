/** The contract of every chip: its state resets, is saved and restored, and can be looked at. */
import type { Inspectable } from '../../machine/inspect';
import type { SavedPart } from '../../machine/saved-part';

/**
 * A chip. Its timers and the lines it drives are not in its record: the timer queue saves the ones, the controllers
 * at the other end the others. So restoring a chip neither sets a timer nor moves a line.
 */
export interface Chip extends SavedPart, Inspectable {}
