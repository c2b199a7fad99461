/** Fills the pages that say which MSRs and ports exit (SDM vol. 3, 25.6.4 and 25.6.9). */
import { pageSizeBytes } from '../machine/addresses';
import { hypervisorPages } from '../machine/hypervisor-pages';
import { processorMsrs } from '../machine/processor-msrs';

const allExit = 0xff;
/** Offsets of the quarters of an MSR bitmap. */
const msrQuarter = { high: 0x400, write: 0x800 } as const;
const firstHighMsr = 0xc0000000;

/**
 * Every port exits, and every MSR but those that are registers of the processor and nothing else.
 * @param space the partition's memory, whose first pages are the hypervisor's
 */
export function fillAccessBitmaps(space: Uint8Array): void {
  for (const page of Object.values(hypervisorPages)) {
    space.fill(allExit, page, page + pageSizeBytes);
  }
  for (const number of processorMsrs.keys()) {
    const isHigh = number >= firstHighMsr;
    const index = isHigh ? number - firstHighMsr : number;
    const read = hypervisorPages.msrBitmap + (isHigh ? msrQuarter.high : 0) + (index >>> 3);
    const mask = ~(1 << (index & 7));
    for (const at of [read, read + msrQuarter.write]) space[at] = (space[at] ?? allExit) & mask;
  }
}
