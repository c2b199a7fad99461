/** The port to the passing of real time; used for pacing and slicing, never by the machine. */

/** A clock that only goes forward. */
export interface WallClock {
  /** Milliseconds since an arbitrary start, with fractions. */
  nowMs(): number;
}
