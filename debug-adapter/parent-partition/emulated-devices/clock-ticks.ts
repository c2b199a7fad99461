/** Ticks of a chip's oscillator as an exact function of virtual time: a count of the machine's start, never a sum. */

const nsPerSecond = 1_000_000_000;

/**
 * Ticks since the start. Seconds and the rest are multiplied apart, so that nothing leaves 53 bits.
 * @param hz below 9 MHz
 */
export function ticksAt(timeNs: number, hz: number): number {
  const seconds = Math.floor(timeNs / nsPerSecond);
  return seconds * hz + Math.floor(((timeNs - seconds * nsPerSecond) * hz) / nsPerSecond);
}

/** The first nanosecond at which {@link ticksAt} has reached `tick`. */
export function nsOfTick(tick: number, hz: number): number {
  const seconds = Math.floor(tick / hz);
  return seconds * nsPerSecond + Math.ceil(((tick - seconds * hz) * nsPerSecond) / hz);
}
