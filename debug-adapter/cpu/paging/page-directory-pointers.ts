/** The four page-directory pointers of PAE paging, which the processor loads into registers (SDM vol. 3, 4.4.1). */
import { generalProtection, type Fault, type ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import type { MemoryAccess } from './memory-access';
import { physicalAddressBits } from '../../spec/x86/address-widths';

const cr0Paging = 1 << 31;
const cr4PhysicalAddressExtension = 1 << 5;
const present = 1n;
/** Bits 2:1, 8:5 and those above the physical address width. */
const reserved = 0x1e6n | (((1n << 64n) - 1n) & ~((1n << BigInt(physicalAddressBits)) - 1n));

/** PAE paging: CR0.PG and CR4.PAE without IA-32e mode. */
export function isPaePaging(cr0: number, cr4: number, isLongMode: boolean): boolean {
  return (cr0 & cr0Paging) !== 0 && (cr4 & cr4PhysicalAddressExtension) !== 0 && !isLongMode;
}

/**
 * Loads the pointers from the table at CR3.
 * @returns a fault where a present entry has reserved bits: nothing is loaded then
 */
export function loadPageDirectoryPointers(
  context: ProcessorContext,
  access: MemoryAccess,
  cr3: bigint,
): Fault | 'left' | undefined {
  const data = access.readPhysical(Number(cr3 & 0xffffffe0n), 32);
  if (typeof data === 'string') return 'left';
  const view = new DataView(data.buffer);
  const entries = [0, 8, 16, 24].map((at) => view.getBigUint64(at, true));
  if (entries.some((entry) => (entry & present) !== 0n && (entry & reserved) !== 0n)) {
    return generalProtection();
  }
  entries.forEach((entry, index) => {
    const offset = vmcsOffsets.pageDirectoryPointers[index];
    if (offset !== undefined) context.state.writeU64(offset, entry);
  });
  return undefined;
}
