/** The partition reference time, and the page from which guests compute it without an exit (TLFS 12.4 and 12.6). */
import { pageSizeBytes } from '../../machine/addresses';
import { timeStampCounterHz } from '../services';

const unitsPerSecond = 10_000_000n;
/** Nanoseconds of a unit of reference time. */
export const referenceUnitNs = 100;

/** Reference time in its units of 100 ns. */
export function referenceTime(timeNs: number): bigint {
  return BigInt(Math.floor(timeNs / referenceUnitNs));
}

/** Reference time is (TSC * scale) >> 64 plus an offset, which is 0 here: both counters begin with the machine. */
const scale = (unitsPerSecond << 64n) / timeStampCounterHz;
/** Neither 0, "use the MSR", nor ever changed: the frequency is constant. */
const sequence = 1;

/** HV_REFERENCE_TSC_PAGE: sequence, scale at 8, offset at 16. */
export function referenceTscPage(): Uint8Array {
  const page = new Uint8Array(pageSizeBytes);
  const view = new DataView(page.buffer);
  view.setUint32(0, sequence, true);
  view.setBigUint64(8, scale, true);
  return page;
}
